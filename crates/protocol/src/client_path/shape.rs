use std::collections::HashMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::head;

/// The names in a body, without what stands under them.
#[derive(Debug)]
pub(super) enum Shape {
    Object(HashMap<String, Shape>),
    List(Vec<Shape>),
    Leaf,
    /// `null`, which counts as absent.
    Nothing,
}

/// Where a whole request stands in a count of Gemini's tokens.
const NESTED: [&str; 2] = ["generateContentRequest", "generate_content_request"];

impl Shape {
    /// Reads a body; `None` if it has a number or a depth that cannot be read.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Says whether something stands at a path.
    pub(super) fn has(&self, mut path: &str) -> bool {
        let mut here = self;
        while !path.is_empty() {
            let (name, index, rest) = head(path);
            let Some((_, inner)) = here.named(name) else { return false };
            let inner = index.map_or(Some(inner), |index| inner.at(index));
            let Some(inner) = inner else { return false };
            (here, path) = (inner, rest.strip_prefix('.').unwrap_or(rest));
        }
        true
    }

    /// Writes a path as the body does: its spelling of names, and no place in a list where one stands in the place of
    /// a list of one. From where the body has nothing on, the path stays.
    pub(super) fn spelled(&self, mut path: &str) -> String {
        let mut spelled = String::with_capacity(path.len());
        let mut here = Some(self);
        if let Some((name, inner)) = NESTED.iter().find_map(|name| self.named(name)) {
            spelled.push_str(name);
            here = Some(inner);
        }
        while !path.is_empty() {
            let (name, index, rest) = head(path);
            let found = here.and_then(|shape| shape.named(name));
            if !spelled.is_empty() && !name.is_empty() {
                spelled.push('.');
            }
            spelled.push_str(found.map_or(name, |(name, _)| name));
            here = found.map(|(_, inner)| inner);
            if let Some(index) = index {
                match here {
                    Some(Self::Object(_) | Self::Leaf) if index == 0 => {}
                    _ => {
                        spelled.push_str(&format!("[{index}]"));
                        here = here.and_then(|shape| shape.at(index));
                    }
                }
            }
            path = rest.strip_prefix('.').unwrap_or(rest);
        }
        spelled
    }

    /// Returns a field by either spelling of its name, and the spelling.
    fn named(&self, name: &str) -> Option<(&str, &Self)> {
        let Self::Object(fields) = self else { return None };
        let said = |shape: &&Self| !matches!(shape, Self::Nothing);
        let entry = |name: &str| {
            fields.get_key_value(name).map(|(name, shape)| (name.as_str(), shape)).filter(|(_, shape)| said(shape))
        };
        entry(name).or_else(|| entry(&snake_case(name)))
    }

    fn at(&self, index: usize) -> Option<&Self> {
        match self {
            Self::List(items) => items.get(index),
            _ => None,
        }
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut fields = HashMap::new();
        while let Some((name, shape)) = map.next_entry()? {
            fields.insert(name, shape);
        }
        Ok(Shape::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Leaf)
    }
}
