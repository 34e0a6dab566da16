use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use tollbridge_core::Frame;
use tollbridge_types::Protocol;

use crate::peek::{Field, edited, edited_frame, head};

/// Returns a whole reply in which another name of the model stands where the protocol has one; every other byte stays.
pub(crate) fn named(body: Bytes, protocol: Protocol, model: &str) -> Bytes {
    match place(&body, protocol) {
        Some(span) => edited(&body, vec![(span, text(model))]),
        None => body,
    }
}

/// Returns an event in which another name of the model stands where the protocol has one; every other byte stays.
pub(crate) fn named_frame(frame: Frame, protocol: Protocol, model: &str) -> Frame {
    let renamed = place(&frame.data, protocol).and_then(|span| edited_frame(&frame, span, text(model)));
    renamed.unwrap_or(frame)
}

fn text(model: &str) -> String {
    serde_json::Value::from(model).to_string()
}

/// Finds the name of the model, if it is there and a text.
fn place(body: &[u8], protocol: Protocol) -> Option<std::ops::Range<usize>> {
    let field: &[u8] = if protocol == Protocol::GEMINI_GENERATE { b"\"modelVersion\"" } else { b"\"model\"" };
    memmem::find(body, field)?;
    let (text, names) = head::<Names<'_>>(body).ok()?;
    let span = match protocol {
        Protocol::GEMINI_GENERATE => names.version.span(text),
        Protocol::OPENAI_RESPONSES => {
            names.model.span(text).or_else(|| names.response.as_ref().and_then(|inner| inner.model.span(text)))
        }
        Protocol::ANTHROPIC_MESSAGES => {
            names.model.span(text).or_else(|| names.message.as_ref().and_then(|inner| inner.model.span(text)))
        }
        _ => names.model.span(text),
    }?;
    text.get(span.clone())?.starts_with('"').then_some(span)
}

/// Where the protocols that clients speak name the model.
#[derive(Deserialize)]
struct Names<'a> {
    #[serde(borrow, default)]
    model: Field<'a>,
    #[serde(borrow, default, rename = "modelVersion")]
    version: Field<'a>,
    #[serde(borrow, default, deserialize_with = "inner")]
    response: Option<Inner<'a>>,
    #[serde(borrow, default, deserialize_with = "inner")]
    message: Option<Inner<'a>>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(borrow, default)]
    model: Field<'a>,
}

/// Reads an object in which a name may stand; whatever else is there has none.
fn inner<'de: 'a, 'a, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Inner<'a>>, D::Error> {
    let raw = <&'a serde_json::value::RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}
