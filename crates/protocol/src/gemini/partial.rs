//! Calls whose arguments come in pieces (`streamFunctionCallArguments`).

use serde_json::{Map, Value};
use tollbridge_types::{Json, Signature, ToolCall};

use super::GENERATE_PROTOCOL as PROTOCOL;
use crate::object::Object;

/// A call that is still coming in.
#[derive(Debug, Default)]
pub(crate) struct PartialCall {
    call: ToolCall,
    args: Value,
}

/// What a part is to the calls that come in pieces.
pub(crate) enum Piece {
    /// It has nothing to do with them.
    Other,
    /// It belongs to the open call, or begins one.
    More,
    /// It ends the open call.
    Whole(ToolCall),
}

/// Reads a part as a piece of a call; `open` is the call that is coming in.
pub(crate) fn piece(json: &Json, open: &mut Option<PartialCall>) -> Piece {
    let mut part = Object::lenient(json);
    let Some(call) = part.take("functionCall") else { return Piece::Other };
    let mut call = Object::lenient(&call);
    let continues = call.find("willContinue").unwrap_or(false);
    let pieces = call.find_list("partialArgs");
    let name = call.find_text("name");
    if !continues && pieces.is_empty() && (name.is_some() || open.is_none()) {
        return Piece::Other;
    }
    let partial = open.get_or_insert_default();
    if let Some(name) = name {
        partial.call.name = name;
        partial.call.id = call.find_text("id").filter(|id| !id.is_empty());
    }
    if let Some(signature) = part.find_text("thoughtSignature") {
        partial.call.signature = Some(Signature::new(PROTOCOL, signature));
    }
    for json in pieces {
        partial.add(&mut Object::lenient(&json));
    }
    if continues {
        return Piece::More;
    }
    open.take().map_or(Piece::More, |partial| Piece::Whole(partial.into_call()))
}

impl PartialCall {
    fn add(&mut self, piece: &mut Object) {
        let Some(path) = piece.find_text("jsonPath") else { return };
        let Some(place) = place(&mut self.args, &path) else { return };
        if let Some(text) = piece.find::<String>("stringValue") {
            match place {
                Value::String(so_far) => so_far.push_str(&text),
                other => *other = Value::String(text),
            }
        } else if let Some(value) = piece.find::<Value>("numberValue").or_else(|| piece.find("boolValue")) {
            *place = value;
        }
    }

    fn into_call(self) -> ToolCall {
        let args = if self.args.is_null() { Value::Object(Map::new()) } else { self.args };
        let mut call = self.call;
        call.arguments = args.to_string();
        call
    }
}

/// Finds the place of a path such as `$.days[0].name`, making what is missing on the way; `None` for a path
/// that leads nowhere.
fn place<'a>(root: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    let path = path.trim_start_matches('$').replace('[', ".").replace(']', "");
    let mut here = root;
    // Arguments nest a little; a path that nests without end is no path.
    for step in path.split('.').filter(|step| !step.is_empty()).take(64) {
        let step = step.trim_matches(['\'', '"']);
        here = match step.parse::<usize>() {
            Ok(index) => {
                if !here.is_array() {
                    *here = Value::Array(Vec::new());
                }
                grown(here.as_array_mut()?, index)?
            }
            Err(_) => {
                if !here.is_object() {
                    *here = Value::Object(Map::new());
                }
                here.as_object_mut()?.entry(step).or_insert(Value::Null)
            }
        };
    }
    Some(here)
}

/// Elements come one after another; what leaves out more than these is no list that is being written.
const GAP: usize = 8;

fn grown(list: &mut Vec<Value>, index: usize) -> Option<&mut Value> {
    if index >= list.len() {
        if index - list.len() > GAP {
            return None;
        }
        list.resize(index + 1, Value::Null);
    }
    list.get_mut(index)
}
