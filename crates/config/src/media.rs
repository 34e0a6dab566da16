use std::net::IpAddr;

use serde_json::Value;

use crate::config::MediaConfig;
use crate::reader::{Reader, Table};
use crate::units;

/// Reads how addresses of media are fetched.
pub(crate) fn resolve(reader: &mut Reader<'_>, table: &Table) -> MediaConfig {
    reader.known(table, &["fetch", "hosts", "networks", "max_bytes", "timeout", "redirects", "parallel"]);
    let mut media = MediaConfig::default();
    media.fetch = reader.flag(table, "fetch").unwrap_or(media.fetch);
    media.hosts = texts(reader, table, "hosts");
    media.networks = texts(reader, table, "networks");
    if let Some(wrong) = media.networks.iter().find(|network| !is_network(network)) {
        let problem = reader.problem(table, "networks", format!("`{wrong}` is no network"));
        problem.hint = Some("write it as an address and a prefix, such as 10.1.0.0/16".to_owned());
    }
    media.max_bytes = reader.unit(table, "max_bytes", units::bytes).map_or(media.max_bytes, |bytes| bytes as u64);
    media.timeout = reader.unit(table, "timeout", units::duration).unwrap_or(media.timeout);
    media.redirects = reader.unit(table, "redirects", count).unwrap_or(media.redirects);
    media.parallel = reader.unit(table, "parallel", count).unwrap_or(media.parallel).max(1);
    let rows = [
        ("fetch", media.fetch.to_string()),
        ("hosts", media.hosts.join(", ")),
        ("networks", media.networks.join(", ")),
        ("max_bytes", media.max_bytes.to_string()),
        ("timeout", format!("{:?}", media.timeout)),
        ("redirects", media.redirects.to_string()),
        ("parallel", media.parallel.to_string()),
    ];
    for (name, value) in rows {
        reader.show(table, name, value);
    }
    media
}

/// Reads a list of texts, or one that separates them by commas.
fn texts(reader: &mut Reader<'_>, table: &Table, name: &str) -> Vec<String> {
    let list = |value: &Value| match value {
        Value::Array(list) => list.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>(),
        Value::String(text) => Some(text.split(',').map(|text| text.trim().to_owned()).collect()),
        _ => None,
    };
    let texts = reader.unit(table, name, |value| list(value).ok_or("is not a list of texts")).unwrap_or_default();
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

fn count(value: &Value) -> Result<usize, &'static str> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    number
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| *number <= 1000)
        .ok_or("is not a number up to 1000")
}

fn is_network(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "0"));
    match (address.trim().parse::<IpAddr>(), prefix.trim().parse::<u8>()) {
        (Ok(address), Ok(prefix)) => prefix <= if address.is_ipv4() { 32 } else { 128 },
        _ => false,
    }
}
