use tollbridge_types::Usage;

use crate::object::{Object, sum};

/// A total that is parted among buckets, each of which gets at most what those before it left.
///
/// Where the vendor told no total, the parts are taken at their word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share(Option<u64>);

impl Share {
    pub(crate) fn of(total: Option<u64>) -> Self {
        Self(total)
    }

    /// Takes a part out.
    pub(crate) fn take(&mut self, part: Option<u64>) -> Option<u64> {
        let part = part?.min(self.0.unwrap_or(u64::MAX));
        self.0 = self.0.map(|left| left.saturating_sub(part));
        Some(part)
    }

    /// Returns what is left.
    pub(crate) fn rest(self) -> Option<u64> {
        self.0
    }
}

/// Parts what was written to a cache by its lifetimes; what they leave unexplained has the default one.
pub(crate) fn put_writes(usage: &mut Usage, stored: Option<u64>, mut lifetimes: Object) {
    let default = lifetimes.find_count("ephemeral_5m_input_tokens");
    let mut of = |name| lifetimes.find_count(name);
    let longer = ["ephemeral_30m_input_tokens", "ephemeral_1h_input_tokens", "ephemeral_12h_input_tokens"].map(&mut of);
    let any = default.or(longer.into_iter().flatten().next());
    let mut writes = Share::of(stored.or_else(|| any.map(|_| sum([default].into_iter().chain(longer)))));
    let [half_hour, hour, half_day] = longer;
    usage.cache_write_12h = writes.take(half_day);
    usage.cache_write_1h = writes.take(hour);
    usage.cache_write_30m = writes.take(half_hour);
    usage.cache_write = writes.rest();
}

/// Adds the calls of tools that are counted by name, such as `web_search_requests`.
pub(crate) fn put_tools(usage: &mut Usage, counts: Object) {
    for (name, count) in counts.into_fields() {
        let name = ["_requests", "_calls"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        let count = crate::object::count(count.as_str()).unwrap_or_default();
        put_tool(usage, name, count);
    }
}

/// Adds the calls of one tool, by the name that all vendors' share. One that was not called is not listed.
pub(crate) fn put_tool(usage: &mut Usage, name: &str, count: u64) {
    let name = if name == "code_interpreter" { "code_execution" } else { name };
    if count > 0 {
        usage.tools.insert(name.to_owned(), count);
    }
}
