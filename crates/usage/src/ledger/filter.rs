use rusqlite::types::Value;

use crate::record::Attempt;

/// Which records are meant; a field that is not set lets all pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// From this time on, in milliseconds since 1970 UTC.
    pub since: Option<u64>,
    /// Before this time; a record exactly at it is out.
    pub until: Option<u64>,
    /// Of this provider.
    pub provider: Option<String>,
    /// Of this model, as the vendor was asked for it.
    pub model: Option<String>,
    /// Under this alias.
    pub alias: Option<String>,
    /// With this value of the tag `category`.
    pub category: Option<String>,
    /// Charged to this virtual key, by its id.
    pub key: Option<String>,
    /// With this outcome: `ok`, `failed` for all others, or the kind of a failure.
    pub outcome: Option<String>,
    /// With all of these tags.
    pub tags: Vec<(String, String)>,
    /// Of this logical call.
    pub call: Option<String>,
}

impl Filter {
    /// Says whether a record is meant.
    pub fn matches(&self, attempt: &Attempt) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        self.since.is_none_or(|since| attempt.started >= since)
            && self.until.is_none_or(|until| attempt.started < until)
            && is(&self.provider, &attempt.provider)
            && is(&self.model, &attempt.model)
            && is(&self.alias, attempt.alias.as_deref().unwrap_or_default())
            && is(&self.category, attempt.tag("category"))
            && is(&self.key, attempt.key.as_deref().unwrap_or_default())
            && is(&self.call, &attempt.call)
            && self.outcome.as_deref().is_none_or(|wanted| outcome_is(wanted, attempt.outcome()))
            && self.tags.iter().all(|(name, value)| attempt.tags.get(name) == Some(value))
    }

    /// Writes the conditions that the table `attempts` can check, with their parameters.
    pub(crate) fn condition(&self) -> (String, Vec<Value>) {
        let mut terms = vec!["1".to_owned()];
        let mut values = Vec::new();
        let time = |time: u64| Value::Integer(i64::try_from(time).unwrap_or(i64::MAX));
        let mut add = |term: &str, value: Value| {
            terms.push(term.to_owned());
            values.push(value);
        };
        if let Some(since) = self.since {
            add("started >= ?", time(since));
        }
        if let Some(until) = self.until {
            add("started < ?", time(until));
        }
        let columns = [
            ("provider = ?", &self.provider),
            ("model = ?", &self.model),
            ("ifnull(alias, '') = ?", &self.alias),
            ("ifnull(virtual_key, '') = ?", &self.key),
            ("call = ?", &self.call),
        ];
        for (term, value) in columns {
            if let Some(value) = value {
                add(term, Value::Text(value.clone()));
            }
        }
        match self.outcome.as_deref() {
            Some("ok") => add("status = ?", Value::Text("ok".to_owned())),
            Some("failed") => add("status <> ?", Value::Text("ok".to_owned())),
            Some(kind) => add("status <> 'ok' AND ifnull(error, status) = ?", Value::Text(kind.to_owned())),
            None => {}
        }
        let category = self.category.iter().map(|value| ("category", value));
        for (name, value) in self.tags.iter().map(|(name, value)| (name.as_str(), value)).chain(category) {
            terms.push("ifnull((SELECT value FROM json_each(tags) WHERE key = ?), '') = ?".to_owned());
            values.extend([Value::Text(name.to_owned()), Value::Text(value.clone())]);
        }
        (terms.join(" AND "), values)
    }
}

/// Says whether an outcome is the wanted one; `failed` is every one but `ok`.
pub(crate) fn outcome_is(wanted: &str, outcome: &str) -> bool {
    if wanted == "failed" { outcome != "ok" } else { wanted == outcome }
}
