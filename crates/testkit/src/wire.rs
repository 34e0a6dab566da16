//! What a protocol's module makes of a request, and the response in the making.

use bytes::Bytes;
use serde_json::Value;

/// A response before faults are done to it.
#[derive(Clone, Debug)]
pub(crate) enum Wire {
    /// A whole body.
    Whole(Value),
    /// The events of a stream, each with its own bytes.
    Stream {
        events: Vec<Bytes>,
        /// How many of them come before usage and end.
        answered: usize,
        content_type: &'static str,
    },
}

/// Joins the texts of content, with a word in the place of everything else.
pub(crate) fn texts(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let part = |part: &Value| {
                let kind = part["type"].as_str().unwrap_or_default();
                match part {
                    Value::String(text) => Some(text.clone()),
                    _ if part["text"].is_string() => part["text"].as_str().map(str::to_owned),
                    _ if kind.contains("image") => Some("[image]".to_owned()),
                    _ if kind.contains("audio") => Some("[audio]".to_owned()),
                    _ if matches!(kind, "file" | "document") => Some("[document]".to_owned()),
                    _ => None,
                }
            };
            parts.iter().filter_map(part).collect::<Vec<_>>().join(" ")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Makes a vector that depends on nothing but the seed and the text.
pub(crate) fn vector(seed: u64, text: &str, dimensions: u64) -> Vec<f64> {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let start = text.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, step);
    let numbers = (0..dimensions).map(|place| {
        let hash = place.to_le_bytes().into_iter().fold(start, step);
        let thousandths = u32::try_from((hash >> 32) % 2001).unwrap_or_default();
        (f64::from(thousandths) - 1000.0) / 1000.0
    });
    numbers.collect()
}
