//! Types of answers as Python writes them, such as `Dict[str, Union[str, int, List[str]]]`.

use serde_json::{Value, json};

/// Makes a JSON Schema of a type: `str`, `int`, `float`, `bool`, `None`, `Any`, `List[…]`, `Dict[str, …]`, `Tuple[…]`,
/// `Union[…]`, `Optional[…]`, `Literal[…]`, and `… | …`.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn schema_of(text: &str) -> Result<Value, String> {
    let mut reader = Reader { rest: text.trim(), depth: 0 };
    let schema = reader.union()?;
    if reader.rest.is_empty() { Ok(schema) } else { Err(format!("`{}` is too much", reader.rest)) }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn union(&mut self) -> Result<Value, String> {
        let mut options = vec![self.one()?];
        while self.eat('|') {
            options.push(self.one()?);
        }
        Ok(any_of(options))
    }

    fn one(&mut self) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("the type is nested too deep".to_owned());
        }
        let name = self.word()?;
        let schema = match name {
            "str" | "string" => json!({"type": "string"}),
            "int" | "integer" => json!({"type": "integer"}),
            "float" | "number" => json!({"type": "number"}),
            "bool" | "boolean" => json!({"type": "boolean"}),
            "None" | "null" => json!({"type": "null"}),
            "Any" | "any" => json!({}),
            "list" | "List" | "Sequence" => match self.arguments()?.as_slice() {
                [] => json!({"type": "array"}),
                [item] => json!({"type": "array", "items": item}),
                _ => return Err(format!("`{name}` takes one type")),
            },
            "dict" | "Dict" | "Mapping" => match self.arguments()?.as_slice() {
                [] => json!({"type": "object"}),
                [key, value] if key["type"] == "string" => json!({"type": "object", "additionalProperties": value}),
                _ => return Err(format!("`{name}` takes `str` and the type of its values")),
            },
            "tuple" | "Tuple" => {
                let items = self.arguments()?;
                json!({"type": "array", "prefixItems": items, "minItems": items.len(), "maxItems": items.len()})
            }
            "Union" => any_of(self.arguments()?),
            "Optional" => any_of(self.arguments()?.into_iter().chain([json!({"type": "null"})]).collect()),
            "Literal" => json!({"enum": self.literals()?}),
            other => return Err(format!("`{other}` is no type")),
        };
        self.depth -= 1;
        Ok(schema)
    }

    fn arguments(&mut self) -> Result<Vec<Value>, String> {
        let mut arguments = Vec::new();
        if !self.eat('[') {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.union()?);
            if self.eat(']') {
                return Ok(arguments);
            }
            if !self.eat(',') {
                return Err(format!("a comma or `]` is missing before `{}`", self.rest));
            }
        }
    }

    fn literals(&mut self) -> Result<Vec<Value>, String> {
        let missing = || "`Literal` takes its values in brackets".to_owned();
        let inner = self.rest.trim_start().strip_prefix('[').ok_or_else(missing)?;
        let (inner, rest) = inner.split_once(']').ok_or_else(missing)?;
        self.rest = rest;
        let value = |text: &str| {
            let text = text.trim().replace('\'', "\"");
            serde_json::from_str(&text).map_err(|_| format!("`{text}` is no value"))
        };
        inner.split(',').map(value).collect()
    }

    fn word(&mut self) -> Result<&'a str, String> {
        let text = self.rest.trim_start();
        let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.rest = rest;
        if word.is_empty() { Err("a type is missing".to_owned()) } else { Ok(word) }
    }

    fn eat(&mut self, letter: char) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(letter);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }
}

fn any_of(mut options: Vec<Value>) -> Value {
    match options.len() {
        1 => options.remove(0),
        _ => json!({"anyOf": options}),
    }
}

const DEPTH: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_become_schemas() {
        let union =
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "string"}}]});
        let map = json!({"type": "object", "additionalProperties": union});
        assert_eq!(schema_of("Dict[str, Union[str,int,List[str]]]").unwrap(), map);
        assert_eq!(schema_of(" dict[str, str | int | list[str]] ").unwrap(), map);
        assert_eq!(schema_of("Optional[int]").unwrap(), json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}));
        assert_eq!(schema_of("Literal['a', 1]").unwrap(), json!({"enum": ["a", 1]}));
        for (text, told) in [
            ("", "missing"),
            ("Dict[int, str]", "takes `str`"),
            ("List[str", "missing"),
            ("str str", "too much"),
            ("Foo", "no type"),
        ] {
            assert!(schema_of(text).unwrap_err().contains(told), "{text}");
        }
        assert!(schema_of(&"List[".repeat(1000)).unwrap_err().contains("too deep"));
    }
}
