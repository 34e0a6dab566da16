//! Makes values of JSON schemas, the same each time.

use serde_json::{Map, Value, json};

/// Makes an instance of a schema; `name` colours its texts.
pub(crate) fn instance(schema: &Value, name: &str) -> Value {
    make(schema, schema, name, 0)
}

fn make(root: &Value, schema: &Value, name: &str, depth: u32) -> Value {
    // A schema that refers to itself would never end.
    if depth > 16 {
        return Value::Null;
    }
    if let Some(place) = schema["$ref"].as_str().and_then(|place| root.pointer(place.strip_prefix('#')?)) {
        return make(root, place, name, depth + 1);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if !schema["const"].is_null() {
        return schema["const"].clone();
    }
    if let Some(first) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()).and_then(|list| list.first()) {
        return make(root, first, name, depth + 1);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str).unwrap_or_default().to_owned(),
        kind => kind.as_str().unwrap_or(if schema["properties"].is_object() { "object" } else { "" }).to_owned(),
    };
    match kind.to_ascii_lowercase().as_str() {
        "object" => {
            let mut object = Map::new();
            let required = schema["required"].as_array();
            for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
                if required.is_none_or(|required| required.iter().any(|wanted| wanted == property)) {
                    object.insert(property.clone(), make(root, schema, property, depth + 1));
                }
            }
            Value::Object(object)
        }
        "array" => json!([make(root, &schema["items"], name, depth + 1)]),
        "integer" => json!(1),
        "number" => json!(1.5),
        "boolean" => json!(true),
        "null" => Value::Null,
        _ => json!(format!("value-of-{name}")),
    }
}
