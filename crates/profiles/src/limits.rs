//! The windows and longest answers of models that the price book lists.

/// Returns the window and the longest answer of a model, in tokens; 0 for what is not known.
pub(crate) fn of(vendor: &str, model: &str, bare_name: &str) -> Option<(u64, u64)> {
    let own = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    find(vendor, &own).or_else(|| find(vendor, bare_name))
}

fn find(vendor: &str, name: &str) -> Option<(u64, u64)> {
    let key = (vendor, name);
    let text = TABLE;
    let (mut from, mut to) = (0, text.len());
    while from < to {
        let middle = (from + to) / 2;
        let start = text.get(..middle)?.rfind('\n').map_or(0, |end| end + 1);
        let end = text.get(middle..)?.find('\n').map_or(text.len(), |end| middle + end);
        let line = text.get(start..end)?;
        let mut words = line.split('\t');
        let (place, name) = (words.next()?, words.next()?);
        match (place, name).cmp(&key) {
            std::cmp::Ordering::Equal => return Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?)),
            std::cmp::Ordering::Less => from = end + 1,
            std::cmp::Ordering::Greater => to = start,
        }
    }
    None
}

/// Lines of vendor, model, window and longest answer, in the order of the first two. Made by `cargo xtask profiles`.
const TABLE: &str = include_str!("limits.tsv");

#[cfg(test)]
mod tests {
    use super::{TABLE, find};

    #[test]
    fn every_line_is_found() {
        let keys: Vec<_> = TABLE
            .lines()
            .map(|line| {
                let mut words = line.split('\t');
                (words.next().unwrap(), words.next().unwrap())
            })
            .collect();
        assert!(keys.is_sorted());
        for (vendor, name) in keys {
            assert!(find(vendor, name).is_some(), "{vendor} {name}");
        }
        assert_eq!(find("openai", "no-such-model"), None);
        assert_eq!(find("", ""), None);
    }
}
