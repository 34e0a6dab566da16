//! Google's `Schema` is OpenAPI's; JSON Schema writes its types in small letters.

use serde_json::Value;
use tollbridge_types::Json;

/// Turns a `Schema` into a JSON Schema.
pub(crate) fn to_json_schema(schema: &Json) -> Json {
    match schema.parse::<Value>() {
        Ok(value) => Json::from(lowered(value)),
        Err(_) => schema.clone(),
    }
}

fn lowered(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let nullable = fields.get("nullable") == Some(&Value::Bool(true));
            let lower = |(name, value): (String, Value)| match (name.as_str(), value) {
                ("type", Value::String(word)) if nullable => {
                    Some((name, Value::from(vec![word.to_ascii_lowercase(), "null".to_owned()])))
                }
                ("type", Value::String(word)) => Some((name, Value::from(word.to_ascii_lowercase()))),
                ("nullable", Value::Bool(_)) => None,
                ("properties", Value::Object(properties)) => {
                    let properties = properties.into_iter().map(|(name, value)| (name, lowered(value)));
                    Some((name, Value::Object(properties.collect())))
                }
                // Values are data, not schemas.
                ("enum" | "default" | "example" | "const", value) => Some((name, value)),
                (_, value) => Some((name, lowered(value))),
            };
            Value::Object(fields.into_iter().filter_map(lower).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(lowered).collect()),
        other => other,
    }
}
