use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use tollbridge::Error;
use tollbridge::usage::ledger::{ExportFormat, Filter, GroupBy, moment, zone};
use tollbridge::usage::now_ms;

/// What the query of a URL asks of the ledger.
pub(super) struct Query {
    pub(super) filter: Filter,
    pub(super) zone: TimeZone,
    now: u64,
    /// What is no filter.
    others: Vec<(String, String)>,
}

impl Query {
    /// Reads the filter that all questions share, and keeps the rest.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Error> {
        let pairs: Vec<_> = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(decoded).collect();
        let zone = match pairs.iter().find(|(name, _)| name == "zone") {
            Some((_, name)) => zone(name)?,
            None => TimeZone::UTC,
        };
        let now = now_ms();
        let (mut filter, mut others) = (Filter::default(), Vec::new());
        for (name, value) in pairs {
            let time = |value: &str| {
                moment(value, now, &zone).map_err(|error| {
                    let told = Error::invalid(name.clone(), error.message());
                    error.hint().map(str::to_owned).into_iter().fold(told, Error::with_hint)
                })
            };
            match name.as_str() {
                "zone" => {}
                "since" => filter.since = Some(time(&value)?),
                "until" => filter.until = Some(time(&value)?),
                "provider" => filter.provider = Some(value),
                "model" => filter.model = Some(value),
                "alias" => filter.alias = Some(value),
                "category" => filter.category = Some(value),
                "key" => filter.key = Some(value),
                "outcome" => filter.outcome = Some(value),
                "tag" => match value.split_once('=') {
                    Some((name, value)) => filter.tags.push((name.to_owned(), value.to_owned())),
                    None => {
                        let error = Error::invalid("tag", format!("`{value}` is no tag"));
                        return Err(error.with_hint("write it as tag=NAME=VALUE"));
                    }
                },
                _ => others.push((name, value)),
            }
        }
        if filter.since.zip(filter.until).is_some_and(|(since, until)| since >= until) {
            return Err(Error::invalid("until", "`until` is not after `since`"));
        }
        Ok(Self { filter, zone, now, others })
    }

    /// Refuses what the question does not know.
    pub(super) fn allow(&self, names: &[&str]) -> Result<(), Error> {
        match self.others.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, _)) => {
                let known = [FILTER, names].concat().join(", ");
                Err(Error::invalid(name, format!("unknown parameter `{name}`"))
                    .with_hint(format!("parameters: {known}")))
            }
            None => Ok(()),
        }
    }

    pub(super) fn by(&self) -> Result<Vec<GroupBy>, Error> {
        let by = self.get("by").unwrap_or("provider,model");
        by.split(',')
            .filter(|name| !name.is_empty())
            .map(|name| name.parse().map_err(|message: String| Error::invalid("by", message)))
            .collect()
    }

    pub(super) fn limit(&self) -> Result<u64, Error> {
        let Some(text) = self.get("limit") else { return Ok(100) };
        let limit = text.parse().ok().filter(|limit| (1..=10_000).contains(limit));
        limit.ok_or_else(|| Error::invalid("limit", format!("`{text}` is not a number from 1 to 10000")))
    }

    pub(super) fn format(&self) -> Result<ExportFormat, Error> {
        match self.get("format").unwrap_or("csv") {
            "csv" => Ok(ExportFormat::Csv),
            "jsonl" => Ok(ExportFormat::JsonLines),
            other => Err(Error::invalid("format", format!("`{other}` is no format")).with_hint("use csv or jsonl")),
        }
    }

    /// Returns the time before which records go, in milliseconds since 1970 UTC.
    pub(super) fn before(&self) -> Result<u64, Error> {
        let text = self.get("keep").unwrap_or_default();
        let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()).filter(|days| *days > 0);
        let days = days.ok_or_else(|| {
            Error::invalid("keep", format!("`{text}` is no number of days above zero")).with_hint("write it as 90d")
        })?;
        Ok(self.now.saturating_sub(days.saturating_mul(86_400_000)))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(other) => Err(Error::invalid(name, format!("`{other}` is not true or false"))),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn decoded(pair: &str) -> (String, String) {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (decode(name), decode(value))
}

const FILTER: &[&str] = &["since", "until", "zone", "provider", "model", "alias", "category", "key", "outcome", "tag"];
