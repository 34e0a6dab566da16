//! Tools that a vendor describes and the client runs, described as functions for the other vendors.

use serde_json::{Value, json};
use tollbridge_types::{Extras, Json, Protocol, Tool};

use crate::object::Object;

/// What a function needs that stands for such a tool.
pub(super) struct Known {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parameters: Json,
    /// What else its vendor takes there.
    pub(super) extras: Extras,
}

/// Describes a tool; `None` if it is none of these, or the vendor runs it itself.
pub(super) fn describe(protocol: Protocol, tool: &Json) -> Option<Known> {
    match protocol {
        Protocol::OPENAI_RESPONSES => of_openai(tool),
        Protocol::ANTHROPIC_MESSAGES => of_anthropic(tool),
        _ => None,
    }
}

fn of_openai(tool: &Json) -> Option<Known> {
    let mut fields = Object::lenient(tool);
    let kind = fields.find_text("type")?;
    let (description, parameters): (_, Json) = match kind.as_str() {
        "local_shell" => (LOCAL_SHELL.to_owned(), local_shell().into()),
        "shell" if fields.find_object("environment").find_text("type").is_none_or(|place| place == "local") => {
            (SHELL.to_owned(), shell().into())
        }
        "apply_patch" => (APPLY_PATCH.to_owned(), apply_patch().into()),
        "tool_search" if fields.peek_text("execution").as_deref() == Some("client") => {
            fields.take("execution");
            let own = fields.take("parameters").filter(|own| own.as_str().starts_with('{'));
            let description = fields.find_text("description").unwrap_or_else(|| TOOL_SEARCH.to_owned());
            (description, own.unwrap_or_else(|| tool_search().into()))
        }
        _ => return None,
    };
    Some(Known { name: kind, description, parameters, extras: fields.into_extras(Protocol::OPENAI_RESPONSES) })
}

/// The calls of these are like those of a function anyway.
fn of_anthropic(tool: &Json) -> Option<Known> {
    let mut fields = Object::lenient(tool);
    let kind = fields.find_text("type")?;
    let name = fields.find_text("name")?;
    let (description, parameters) = match kind.rsplit_once('_')?.0 {
        "bash" => (BASH, bash()),
        "text_editor" => (TEXT_EDITOR, text_editor()),
        "memory" => (MEMORY, memory()),
        _ => return None,
    };
    let extras = fields.into_extras(Protocol::ANTHROPIC_MESSAGES);
    Some(Known { name, description: description.to_owned(), parameters: parameters.into(), extras })
}

impl Known {
    pub(super) fn into_function(self, name: String) -> Tool {
        Tool::function(name, self.description, self.parameters).with_extras(self.extras)
    }
}

/// Turns the arguments of a call that OpenAI has an item for into those of the function.
pub(super) fn to_function(tool: &str, arguments: &str) -> String {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(mut fields)) if tool == "local_shell" => {
            fields.remove("type");
            Value::Object(fields).to_string()
        }
        _ => arguments.to_owned(),
    }
}

/// Turns the arguments of the function into those that OpenAI's item has; `None` if they are no object.
pub(super) fn from_function(tool: &str, arguments: &str) -> Option<String> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(arguments) else { return None };
    if tool != "local_shell" {
        return Some(arguments.to_owned());
    }
    fields.insert("type".to_owned(), json!("exec"));
    fields.entry("env").or_insert_with(|| json!({}));
    Some(Value::Object(fields).to_string())
}

const LOCAL_SHELL: &str = "Runs a command on the user's machine and returns what it printed.";
const SHELL: &str = "Runs shell commands on the user's machine and returns what each printed and how it ended.";
const APPLY_PATCH: &str = "Creates, updates or deletes one file by a diff in the V4A format.";
const TOOL_SEARCH: &str = "Searches for tools that are not offered yet; those that it finds can be called afterwards.";
const BASH: &str = "Runs a command in a bash session that stays open between calls.";
const TEXT_EDITOR: &str = "Views, creates and edits text files.";
const MEMORY: &str = "Views and edits the files of a directory that outlives the conversation.";

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn local_shell() -> Value {
    let properties = json!({
        "command": texts(),
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
        "timeout_ms": {"type": "integer"},
        "user": {"type": "string"},
        "working_directory": {"type": "string"},
    });
    object(&properties, &["command"])
}

fn shell() -> Value {
    let count = json!({"type": "integer"});
    object(&json!({"commands": texts(), "timeout_ms": count, "max_output_length": count}), &["commands"])
}

fn apply_patch() -> Value {
    let properties = json!({
        "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
        "path": {"type": "string"},
        "diff": {"type": "string", "description": "The diff; left out to delete the file."},
    });
    object(&properties, &["type", "path"])
}

fn tool_search() -> Value {
    object(&json!({"query": {"type": "string"}}), &["query"])
}

fn bash() -> Value {
    let restart = json!({"type": "boolean", "description": "Restarts the session instead of running a command."});
    object(&json!({"command": {"type": "string"}, "restart": restart}), &[])
}

fn text_editor() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let properties = json!({
        "command": {"type": "string", "enum": ["view", "create", "str_replace", "insert"]},
        "path": text,
        "view_range": {"type": "array", "items": number},
        "file_text": text,
        "old_str": text,
        "new_str": text,
        "insert_line": number,
        "insert_text": text,
    });
    object(&properties, &["command", "path"])
}

fn memory() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let properties = json!({
        "command": {"type": "string", "enum": ["view", "create", "str_replace", "insert", "delete", "rename"]},
        "path": text,
        "view_range": {"type": "array", "items": number},
        "file_text": text,
        "old_str": text,
        "new_str": text,
        "insert_line": number,
        "insert_text": text,
        "old_path": text,
        "new_path": text,
    });
    object(&properties, &["command"])
}
