use bytes::Bytes;
use serde::Deserialize;
use tollbridge_core::Error;

use crate::peek::{Field, edited, head, whole_field, with_comma};

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    model: Field<'a>,
    #[serde(borrow, default)]
    anthropic_version: Field<'a>,
}

/// Returns a body for clouds that name the model in the URL and the version in the body.
///
/// The version takes the model's place, or that of another version; every other byte stays.
///
/// ```
/// use tollbridge_protocol::anthropic::without_model;
///
/// let body = br#"{ "max_tokens": 1.0, "model" : "claude", "x":[1e400] }"#;
/// let sent = without_model(body, "vertex-2023-10-16").unwrap();
/// assert_eq!(sent, r#"{ "max_tokens": 1.0, "anthropic_version":"vertex-2023-10-16", "x":[1e400] }"#);
/// ```
///
/// # Errors
/// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) if the body is not a JSON object.
pub fn without_model(body: &[u8], version: &str) -> Result<Bytes, Error> {
    let (text, head) = head::<Head<'_>>(body)?;
    let version = serde_json::Value::from(version).to_string();
    let field = format!("\"anthropic_version\":{version}");
    let model = head.model.span(text).map(|value| whole_field(text, value));
    let edits = match (model, head.anthropic_version.span(text)) {
        (Some(model), None) => vec![(model, field)],
        (Some(model), Some(given)) => vec![(given, version), (with_comma(text, model), String::new())],
        (None, Some(given)) => vec![(given, version)],
        (None, None) => {
            let inside = text.find('{').map_or(0, |brace| brace + 1);
            let empty = text.get(inside..).is_some_and(|rest| rest.trim_start().starts_with('}'));
            vec![(inside..inside, if empty { field } else { format!("{field},") })]
        }
    };
    Ok(edited(body, edits))
}
