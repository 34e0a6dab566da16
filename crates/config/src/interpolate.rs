use std::collections::BTreeMap;

use serde_json::Value;

/// Fills in `${NAME}` and `${NAME:-default}` in every string below a value, and reports each
/// variable that is not set with the path of its string.
pub(crate) fn fill(
    value: &mut Value,
    path: &mut Vec<String>,
    environment: &BTreeMap<String, String>,
    missing: &mut Vec<(Vec<String>, String)>,
) {
    match value {
        Value::String(text) if text.contains('$') => match filled(text, environment) {
            Ok(filled) => *text = filled,
            Err(fault) => missing.push((path.clone(), fault)),
        },
        Value::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                path.push(place.to_string());
                fill(item, path, environment, missing);
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                path.push(name.clone());
                fill(field, path, environment, missing);
                path.pop();
            }
        }
        _ => {}
    }
}

fn filled(text: &str, environment: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        filled.push_str(before);
        if let Some(literal) = after.strip_prefix("$$") {
            filled.push('$');
            rest = literal;
        } else if let Some(inside) = after.strip_prefix("${") {
            let (name, behind) = inside.split_once('}').ok_or("has a `${` without its `}`")?;
            let (name, default) = match name.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (name, None),
            };
            let set = environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
            let value = set.or(default).ok_or_else(|| {
                format!(
                    "names the environment variable {name}, which is not set; set it, or write ${{{name}:-default}}"
                )
            })?;
            filled.push_str(value);
            rest = behind;
        } else {
            filled.push('$');
            rest = after.get(1..).unwrap_or_default();
        }
    }
    filled.push_str(rest);
    Ok(filled)
}
