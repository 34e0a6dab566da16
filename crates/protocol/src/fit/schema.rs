//! Brings a JSON schema into the part of JSON Schema that a model takes.

use std::collections::{HashMap, HashSet};

use tollbridge_profiles::{Rest, Subset};
use tollbridge_types::Json;

use crate::object::{Fields, Object, json};

/// Returns the schema in the words of a subset, and what was changed in words; `None` if it is within it already.
pub(crate) fn shrink(schema: &Json, subset: &Subset) -> Option<(Json, String)> {
    let mut shrinking = Shrinking {
        subset,
        root: schema,
        told: Vec::new(),
        open: Vec::new(),
        definitions: None,
        recursive: None,
        nodes: 0,
        bytes: 0,
    };
    let small = shrinking.schema(schema, 0);
    if shrinking.told.is_empty() {
        return None;
    }
    let told = shrinking.told;
    let moved = match subset.rest {
        Rest::Description => "moved into descriptions",
        _ => "left out",
    };
    let words = told.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    Some((small, format!("the model takes a part of JSON Schema: changed {words}; what it has not is {moved}")))
}

struct Shrinking<'a> {
    subset: &'a Subset,
    root: &'a Json,
    /// Keywords that were changed, each once.
    told: Vec<String>,
    /// The references that are being resolved.
    open: Vec<String>,
    /// What stands under the names of definitions, once one was looked for.
    definitions: Option<HashMap<String, Json>>,
    /// The references that lead back to themselves, once one was looked for.
    recursive: Option<HashSet<String>>,
    nodes: usize,
    bytes: usize,
}

/// The most nodes, and the most bytes of all of them, that are walked of a schema: references make many of few.
const MOST_NODES: usize = 50_000;
const MOST_BYTES: usize = 16 << 20;

impl Shrinking<'_> {
    fn tell(&mut self, keyword: &str) {
        if !self.told.iter().any(|known| known == keyword) {
            self.told.push(keyword.to_owned());
        }
    }

    fn takes(&self, keyword: &str) -> bool {
        self.subset.keywords.is_empty() || self.subset.keywords.iter().any(|known| known == keyword)
    }

    fn schema(&mut self, schema: &Json, depth: usize) -> Json {
        self.nodes += 1;
        self.bytes = self.bytes.saturating_add(schema.as_str().len());
        if !schema.as_str().starts_with('{') {
            return schema.clone();
        }
        if self.nodes > MOST_NODES
            || self.bytes > MOST_BYTES
            || depth > MOST_DEPTH
            || self.subset.depth.is_some_and(|most| depth > most)
        {
            self.tell("nesting");
            return json(&Fields::new());
        }
        let mut fields: Vec<(String, Json)> = Object::lenient(schema).into_fields().collect();
        if !self.subset.refs
            && let Some(resolved) = self.resolved(&fields, depth)
        {
            return resolved;
        }
        if self.subset.refs && !self.subset.recursion && self.refers_to_itself(&fields) {
            self.tell("$ref");
            return json(&Fields::one("type", "object"));
        }
        let has = |fields: &[(String, Json)], name: &str| fields.iter().any(|(field, _)| field == name);
        let is_object = has(&fields, "properties")
            || fields.iter().any(|(name, value)| name == "type" && value.as_str().contains("\"object\""));
        let mut out: Vec<(String, Json)> = Vec::new();
        let mut notes: Vec<String> = Vec::new();
        for (name, value) in fields.drain(..) {
            match self.keyword(&name, &value, is_object, depth == 0) {
                Fate::Keep => {
                    let inner = self.inner(&name, &value, depth);
                    out.push((name, inner));
                }
                Fate::Become(other) => {
                    self.tell(&name);
                    let value = if name == "const" { json(&[value]) } else { self.inner(other, &value, depth) };
                    out.push((other.to_owned(), value));
                }
                Fate::Closed => {
                    if value.as_str() != "false" {
                        self.tell(&name);
                        if value.as_str() != "true" {
                            notes.push(format!("{name}: {}", value.compact()));
                        }
                    }
                }
                Fate::Leave { note } => {
                    self.tell(&name);
                    if note {
                        notes.push(format!("{name}: {}", value.compact()));
                    }
                }
            }
        }
        if depth == 0 && self.subset.root_object && !has(&out, "type") {
            self.tell("type");
            out.push(("type".to_owned(), json("object")));
        }
        if is_object && self.subset.closed {
            if !has(&out, "additionalProperties") {
                out.push(("additionalProperties".to_owned(), json(&false)));
            }
            // Told only where it was not said; a client that said so itself loses nothing.
            if Object::lenient(schema).peek("additionalProperties").is_none_or(|said| said.as_str() != "false") {
                self.tell("additionalProperties");
            }
        }
        if is_object && self.subset.required_all {
            self.require_all(&mut out);
        }
        if self.subset.rest == Rest::Description && !notes.is_empty() {
            describe(&mut out, &notes);
        }
        let mut written = Fields::new();
        for (name, value) in &out {
            written.put(name, value);
        }
        written.to_json()
    }

    fn keyword(&self, name: &str, value: &Json, is_object: bool, is_root: bool) -> Fate {
        match name {
            "anyOf" | "oneOf" | "allOf" if is_root && self.subset.root_object => Fate::Leave { note: true },
            "additionalProperties" if self.subset.closed && is_object => Fate::Closed,
            "minItems" => match &self.subset.min_items {
                Some(taken) if value.parse::<u64>().is_ok_and(|least| taken.contains(&least)) => Fate::Keep,
                Some(_) => Fate::Leave { note: true },
                None if self.takes(name) => Fate::Keep,
                None => Fate::Leave { note: true },
            },
            "format" if self.takes(name) => match &self.subset.formats {
                Some(taken) if !value.parse::<String>().is_ok_and(|format| taken.contains(&format)) => {
                    Fate::Leave { note: true }
                }
                _ => Fate::Keep,
            },
            _ if self.takes(name) => Fate::Keep,
            "oneOf" if self.takes("anyOf") => Fate::Become("anyOf"),
            "const" if self.takes("enum") => Fate::Become("enum"),
            "definitions" if self.takes("$defs") => Fate::Keep,
            // What says nothing of the value is not worth a word to the model.
            "$schema" | "$id" | "$comment" | "$anchor" | "$defs" | "definitions" | "examples" | "readOnly"
            | "writeOnly" | "deprecated" => Fate::Leave { note: name == "examples" },
            _ => Fate::Leave { note: true },
        }
    }

    /// Shrinks the schemas within a keyword's value.
    fn inner(&mut self, name: &str, value: &Json, depth: usize) -> Json {
        match name {
            "properties" | "$defs" | "definitions" | "patternProperties" | "dependentSchemas" => {
                let mut inner = Fields::new();
                for (name, schema) in Object::lenient(value).into_fields() {
                    let small = self.schema(&schema, depth + 1);
                    inner.put(&name, &small);
                }
                inner.to_json()
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" | "items" if value.as_str().starts_with('[') => {
                let list: Vec<Json> = value.parse().unwrap_or_default();
                json(&list.iter().map(|schema| self.schema(schema, depth + 1)).collect::<Vec<_>>())
            }
            "items" | "additionalProperties" | "not" | "if" | "then" | "else" | "contains" | "propertyNames" => {
                self.schema(value, depth + 1)
            }
            _ => value.clone(),
        }
    }

    /// Puts what a reference names in its place; one that leads back to itself is cut.
    fn resolved(&mut self, fields: &[(String, Json)], depth: usize) -> Option<Json> {
        let (_, reference) = fields.iter().find(|(name, _)| name == "$ref")?;
        let reference: String = reference.parse().ok()?;
        self.tell("$ref");
        if self.open.contains(&reference) {
            return Some(json(&Fields::one("type", "object")));
        }
        let target = self.definition(&reference)?;
        self.open.push(reference);
        let small = self.schema(&target, depth);
        self.open.pop();
        let mut merged = Fields::new();
        for (name, value) in fields.iter().filter(|(name, _)| matches!(name.as_str(), "description" | "title")) {
            merged.put(name, value);
        }
        let inner: Vec<_> = Object::lenient(&small).into_fields().collect();
        merged.put_missing(inner.iter().map(|(name, value)| (name.as_str(), value)));
        Some(merged.to_json())
    }

    /// Finds what a reference names; definitions are read once.
    fn definition(&mut self, reference: &str) -> Option<Json> {
        let root = self.root;
        let known = self.definitions.get_or_insert_with(|| {
            let mut fields = Object::lenient(root);
            let lists = ["$defs", "definitions"].map(|list| (list, fields.find_object(list)));
            let named = lists.into_iter().flat_map(|(list, inner)| {
                inner.into_fields().map(move |(name, schema)| (format!("#/{list}/{name}"), schema))
            });
            named.collect()
        });
        known.get(reference).cloned().or_else(|| at(root, reference))
    }

    /// Says whether a reference leads back to itself.
    fn refers_to_itself(&mut self, fields: &[(String, Json)]) -> bool {
        let reference =
            fields.iter().find(|(name, _)| name == "$ref").and_then(|(_, value)| value.parse::<String>().ok());
        let Some(reference) = reference else { return false };
        let root = self.root;
        self.recursive.get_or_insert_with(|| recursive(&root.parse().unwrap_or_default())).contains(&reference)
    }

    /// Makes every property required; those that were not may be null instead.
    fn require_all(&mut self, out: &mut Vec<(String, Json)>) {
        let Some((_, properties)) = out.iter().find(|(name, _)| name == "properties") else { return };
        let required: Vec<String> =
            out.iter().find(|(name, _)| name == "required").and_then(|(_, list)| list.parse().ok()).unwrap_or_default();
        let properties: Vec<(String, Json)> = Object::lenient(properties).into_fields().collect();
        if properties.iter().all(|(name, _)| required.contains(name)) {
            return;
        }
        self.tell("required");
        let mut nullable = Fields::new();
        for (name, schema) in &properties {
            match required.contains(name) {
                true => nullable.put(name, schema),
                false => nullable.put(name, &or_null(schema)),
            };
        }
        let names: Vec<&String> = properties.iter().map(|(name, _)| name).collect();
        out.retain(|(name, _)| name != "properties" && name != "required");
        out.push(("properties".to_owned(), nullable.to_json()));
        out.push(("required".to_owned(), json(&names)));
    }
}

/// The deepest nesting that is walked.
const MOST_DEPTH: usize = 64;

/// What becomes of a keyword.
enum Fate {
    Keep,
    Become(&'static str),
    /// The object is closed, whatever it said.
    Closed,
    Leave {
        note: bool,
    },
}

/// Returns the references of a schema that lead back to themselves. It is linear.
fn recursive(root: &serde_json::Value) -> HashSet<String> {
    // Which references stand behind each.
    let mut behind: HashMap<String, Vec<String>> = HashMap::new();
    let mut open = Vec::new();
    references(root, &mut open);
    while let Some(reference) = open.pop() {
        if behind.contains_key(&reference) {
            continue;
        }
        let mut found = Vec::new();
        // The root is read above, and holds all that it holds.
        if let Some(target) =
            reference.strip_prefix('#').filter(|path| !path.is_empty()).and_then(|path| root.pointer(path))
        {
            references(target, &mut found);
        } else if reference == "#" {
            found.push(reference.clone());
        }
        open.extend(found.iter().cloned());
        behind.insert(reference, found);
    }
    // Those that lead nowhere go, again and again, and then those that nothing leads to: what is left goes in circles.
    let mut before: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, targets) in &behind {
        targets.iter().for_each(|target| before.entry(target).or_default().push(name));
    }
    let forward: HashMap<&str, Vec<&str>> =
        behind.iter().map(|(name, targets)| (name.as_str(), targets.iter().map(String::as_str).collect())).collect();
    let mut left: HashSet<&str> = forward.keys().copied().collect();
    for (edges, back) in [(&forward, &before), (&before, &forward)] {
        let count = |name: &str| edges.get(name).into_iter().flatten().filter(|other| left.contains(*other)).count();
        let mut counts: HashMap<&str, usize> = left.iter().map(|name| (*name, count(name))).collect();
        let mut ends: Vec<&str> = counts.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
        while let Some(end) = ends.pop() {
            left.remove(end);
            for other in back.get(end).into_iter().flatten() {
                if let Some(count) = counts.get_mut(other).filter(|count| **count > 0) {
                    *count -= 1;
                    if *count == 0 {
                        ends.push(other);
                    }
                }
            }
        }
    }
    left.into_iter().map(str::to_owned).collect()
}

/// Gathers the references within a schema.
fn references(schema: &serde_json::Value, found: &mut Vec<String>) {
    match schema {
        serde_json::Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(serde_json::Value::as_str) {
                found.push(reference.to_owned());
            }
            fields.values().for_each(|value| references(value, found));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Finds what a reference within a schema names.
fn at(root: &Json, reference: &str) -> Option<Json> {
    let path = reference.strip_prefix('#')?;
    let mut found = root.clone();
    for step in path.split('/').filter(|step| !step.is_empty()) {
        let step = step.replace("~1", "/").replace("~0", "~");
        found = match step.parse::<usize>() {
            Ok(place) if found.as_str().starts_with('[') => found.parse::<Vec<Json>>().ok()?.into_iter().nth(place)?,
            _ => Object::lenient(&found).take(&step)?,
        };
    }
    Some(found)
}

/// Lets a value be null as well.
fn or_null(schema: &Json) -> Json {
    let mut fields: Vec<(String, Json)> = Object::lenient(schema).into_fields().collect();
    if let Some((_, kind)) = fields.iter_mut().find(|(name, _)| name == "type") {
        let mut kinds: Vec<String> =
            kind.parse().or_else(|_| kind.parse().map(|one: String| vec![one])).unwrap_or_default();
        if !kinds.is_empty() {
            if !kinds.iter().any(|kind| kind == "null") {
                kinds.push("null".to_owned());
            }
            *kind = json(&kinds);
            if let Some((_, values)) = fields.iter_mut().find(|(name, _)| name == "enum") {
                let mut list: Vec<Json> = values.parse().unwrap_or_default();
                if !list.iter().any(|value| value.as_str() == "null") {
                    list.push(json(&()));
                }
                *values = json(&list);
            }
            let mut written = Fields::new();
            fields.iter().for_each(|(name, value)| {
                written.put(name, value);
            });
            return written.to_json();
        }
    }
    let mut null = Fields::new();
    null.put("type", "null");
    json(&Fields::one("anyOf", &[schema.clone(), null.to_json()]))
}

/// Tells the model in words what its schema cannot say.
fn describe(out: &mut Vec<(String, Json)>, notes: &[String]) {
    let notes = format!("({})", notes.join(", "));
    match out.iter_mut().find(|(name, _)| name == "description") {
        Some((_, value)) => {
            let said: String = value.parse().unwrap_or_default();
            *value = json(&format!("{said} {notes}").trim());
        }
        None => out.push(("description".to_owned(), json(&notes))),
    }
}
