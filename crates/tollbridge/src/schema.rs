//! Whether a JSON value fits a JSON Schema that is known at run time.

use serde_json::{Map, Value};

/// Says where a value does not fit a schema, as `$.a[0]`, and why; `None` if it fits.
///
/// It knows what is said of types, values, properties, items and sizes, references within the schema, and combinations of
/// schemas. `pattern` and `format` are not checked.
pub(crate) fn misfit(value: &Value, schema: &Value) -> Option<String> {
    Check { root: schema }.value(value, schema, "$", 0).err()
}

struct Check<'a> {
    root: &'a Value,
}

type Fit = Result<(), String>;

impl Check<'_> {
    fn value(&self, value: &Value, schema: &Value, path: &str, depth: usize) -> Fit {
        let schema = match schema {
            Value::Bool(false) => return Err(format!("`{path}`: nothing may be there")),
            Value::Object(schema) => schema,
            _ => return Ok(()),
        };
        if depth > DEPTH {
            return Err(format!("`{path}`: the schema leads too deep"));
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let found = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let found = found.ok_or_else(|| format!("`{path}`: the schema has no `{target}`"))?;
            self.value(value, found, path, depth + 1)?;
        }
        self.kind(value, schema, path)?;
        self.combined(value, schema, path, depth)?;
        match value {
            Value::Object(fields) => self.object(fields, schema, path, depth),
            Value::Array(items) => self.array(items, schema, path, depth),
            Value::String(text) => sized(text.chars().count(), schema, ["minLength", "maxLength"], "letters", path),
            Value::Number(number) => bounded(number.as_f64().unwrap_or_default(), schema, path),
            _ => Ok(()),
        }
    }

    fn kind(&self, value: &Value, schema: &Map<String, Value>, path: &str) -> Fit {
        if let Some(kinds) = schema.get("type") {
            let named = |kind: &Value| kind.as_str().is_some_and(|kind| is_a(value, kind));
            let fits = match kinds {
                Value::Array(kinds) => kinds.iter().any(named),
                kind => named(kind),
            };
            if !fits {
                return Err(format!("`{path}`: {} is not of the type {kinds}", short(value)));
            }
        }
        if let Some(allowed) = schema.get("enum")
            && allowed.as_array().is_some_and(|allowed| !allowed.contains(value))
        {
            return Err(format!("`{path}`: {} is none of {}", short(value), short(allowed)));
        }
        match schema.get("const").filter(|wanted| *wanted != value) {
            Some(wanted) => Err(format!("`{path}`: {} is not {}", short(value), short(wanted))),
            None => Ok(()),
        }
    }

    fn combined(&self, value: &Value, schema: &Map<String, Value>, path: &str, depth: usize) -> Fit {
        let list = |name: &str| schema.get(name).and_then(Value::as_array);
        for inner in list("allOf").into_iter().flatten() {
            self.value(value, inner, path, depth + 1)?;
        }
        for name in ["anyOf", "oneOf"] {
            let Some(options) = list(name) else { continue };
            let fits: Vec<Fit> = options.iter().map(|option| self.value(value, option, path, depth + 1)).collect();
            let count = fits.iter().filter(|fit| fit.is_ok()).count();
            if count == 0 {
                // The option that the value got furthest into tells the most.
                let told = fits.into_iter().filter_map(Fit::err).max_by_key(|fault| fault.matches(['.', '[']).count());
                let options: Vec<_> = options.iter().filter_map(|option| option.get("type")).map(short).collect();
                let none = format!("`{path}`: {} is none of {}", short(value), options.join(", "));
                return Err(told.filter(|fault| !fault.starts_with(&format!("`{path}`"))).unwrap_or(none));
            }
            if name == "oneOf" && count > 1 {
                return Err(format!("`{path}`: {} fits more than one of `oneOf`", short(value)));
            }
        }
        let excluded = schema.get("not").is_some_and(|not| self.value(value, not, path, depth + 1).is_ok());
        if excluded { Err(format!("`{path}`: {} is what `not` excludes", short(value))) } else { Ok(()) }
    }

    fn object(&self, fields: &Map<String, Value>, schema: &Map<String, Value>, path: &str, depth: usize) -> Fit {
        let known = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for name in required {
            if !fields.contains_key(name) {
                return Err(format!("`{path}`: the field `{name}` is missing"));
            }
        }
        for (name, field) in fields {
            let path = format!("{path}.{name}");
            match (known.and_then(|known| known.get(name)), schema.get("additionalProperties")) {
                (Some(inner), _) | (None, Some(inner)) => self.value(field, inner, &path, depth + 1)?,
                (None, None) => {}
            }
        }
        sized(fields.len(), schema, ["minProperties", "maxProperties"], "fields", path)
    }

    fn array(&self, items: &[Value], schema: &Map<String, Value>, path: &str, depth: usize) -> Fit {
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (place, item) in items.iter().enumerate() {
            if let Some(inner) = first.get(place).or_else(|| schema.get("items")) {
                self.value(item, inner, &format!("{path}[{place}]"), depth + 1)?;
            }
        }
        sized(items.len(), schema, ["minItems", "maxItems"], "items", path)
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    }
}

fn sized(size: usize, schema: &Map<String, Value>, [least, most]: [&str; 2], what: &str, path: &str) -> Fit {
    let limit = |name: &str| schema.get(name).and_then(Value::as_u64);
    match (limit(least), limit(most)) {
        (Some(least), _) if (size as u64) < least => Err(format!("`{path}`: fewer than {least} {what}")),
        (_, Some(most)) if size as u64 > most => Err(format!("`{path}`: more than {most} {what}")),
        _ => Ok(()),
    }
}

fn bounded(number: f64, schema: &Map<String, Value>, path: &str) -> Fit {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let low = limit("minimum").is_some_and(|least| number < least)
        || limit("exclusiveMinimum").is_some_and(|least| number <= least);
    let high = limit("maximum").is_some_and(|most| number > most)
        || limit("exclusiveMaximum").is_some_and(|most| number >= most);
    match (low, high) {
        (true, _) => Err(format!("`{path}`: {number} is too small")),
        (_, true) => Err(format!("`{path}`: {number} is too large")),
        _ => Ok(()),
    }
}

/// Writes a value for an error, cut where it is long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// How deep a schema is followed; one that refers to itself has no end of its own.
const DEPTH: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_place_of_a_misfit_is_named() {
        let person = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1},
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
                "boss": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
                "age": {"type": "integer", "minimum": 0},
            },
            "required": ["name"],
            "additionalProperties": false,
        });
        for (value, told) in [
            (json!({"name": "x", "age": 5, "tags": ["a"], "boss": null}), None),
            (json!({"name": "x", "boss": {"name": "y"}}), None),
            (json!([]), Some("`$`: [] is not of the type \"object\"")),
            (json!({}), Some("`$`: the field `name` is missing")),
            (json!({"name": ""}), Some("`$.name`: fewer than 1 letters")),
            (json!({"name": "x", "age": 1.5}), Some("`$.age`: 1.5 is not of the type \"integer\"")),
            (json!({"name": "x", "age": -1}), Some("`$.age`: -1 is too small")),
            (json!({"name": "x", "tags": ["a", "c"]}), Some("`$.tags[1]`: \"c\" is none of [\"a\",\"b\"]")),
            (json!({"name": "x", "boss": {"name": 5}}), Some("`$.boss.name`: 5 is not of the type \"string\"")),
            (json!({"name": "x", "more": 1}), Some("`$.more`: nothing may be there")),
        ] {
            assert_eq!(misfit(&value, &person).as_deref(), told, "{value}");
        }
    }

    #[test]
    fn a_schema_without_end_is_told() {
        assert!(misfit(&json!(1), &json!({"$ref": "#"})).unwrap().contains("too deep"));
        assert!(misfit(&json!(1), &json!({"$ref": "#/$defs/none"})).unwrap().contains("has no"));
        assert_eq!(misfit(&json!(1), &json!(true)), None);
    }
}
