//! The tools that OpenAI describes and the client runs: their calls and outputs are items of their own.

use tollbridge_types::{Json, Part, ToolCall, ToolCallKind, ToolResult};

use super::RESPONSES_PROTOCOL as PROTOCOL;
use crate::object::{Fields, Object, json};

/// How the items of a tool are called.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    /// The type of the tool, by which its calls are named here.
    pub(crate) tool: &'static str,
    call: &'static str,
    /// The field of a call that holds what a function has as arguments.
    arguments: &'static str,
    output: &'static str,
    /// What ids of its calls begin with.
    prefix: &'static str,
}

const ALL: &[BuiltIn] = &[
    BuiltIn {
        tool: "local_shell",
        call: "local_shell_call",
        arguments: "action",
        output: "local_shell_call_output",
        prefix: "lsh",
    },
    BuiltIn { tool: "shell", call: "shell_call", arguments: "action", output: "shell_call_output", prefix: "sh" },
    BuiltIn {
        tool: "apply_patch",
        call: "apply_patch_call",
        arguments: "operation",
        output: "apply_patch_call_output",
        prefix: "apc",
    },
    BuiltIn {
        tool: "tool_search",
        call: "tool_search_call",
        arguments: "arguments",
        output: "tool_search_output",
        prefix: "tsc",
    },
];

/// Finds a tool that the client runs by its type.
pub(crate) fn of_tool(kind: &str) -> Option<&'static BuiltIn> {
    ALL.iter().find(|one| one.tool == kind)
}

/// Reads the item of a call; `None` if it is none, or one that the vendor has run itself.
pub(crate) fn call(item: &Json) -> Option<ToolCall> {
    let mut fields = Object::lenient(item);
    let kind = fields.peek_text("type")?;
    let tool = ALL.iter().find(|one| one.call == kind)?;
    if is_the_vendors(&fields) {
        return None;
    }
    let mut call = ToolCall::default();
    call.kind = ToolCallKind::BuiltIn;
    tool.tool.clone_into(&mut call.name);
    call.id = Some(fields.find_text("call_id").or_else(|| fields.peek_text("id"))?);
    call.arguments = fields.take(tool.arguments)?.compact();
    fields.take("type");
    fields.take("status");
    call.extras = fields.into_extras(PROTOCOL);
    Some(call)
}

/// Says whether a call or its output is of a tool that the vendor runs: a search or a container of its own.
fn is_the_vendors(fields: &Object) -> bool {
    let place = fields.peek("environment").and_then(|place| Object::lenient(place).find_text("type"));
    let searched = fields.peek_text("type").is_some_and(|kind| kind.starts_with("tool_search"));
    place.is_some_and(|place| place != "local")
        || searched && fields.peek_text("execution").as_deref() != Some("client")
}

/// Reads the item of an output; `None` if it is none, or one that the vendor wrote itself.
pub(crate) fn output(item: &Json) -> Option<ToolResult> {
    let mut fields = Object::lenient(item);
    let kind = fields.peek_text("type").filter(|kind| ALL.iter().any(|one| one.output == kind))?;
    if is_the_vendors(&fields) {
        return None;
    }
    let mut result = ToolResult::default();
    result.id = Some(fields.peek_text("call_id").or_else(|| fields.peek_text("id"))?);
    let status = fields.peek_text("status");
    result.is_error = (status.as_deref() == Some("failed")).then_some(true);
    let said = fields.peek("output").map(|said| said.parse().unwrap_or_else(|_| said.compact()));
    result.content = said.or(status).map(Part::text).into_iter().collect();
    fields.take("type");
    result.extras.insert(PROTOCOL, "type", json(&kind));
    for (name, value) in fields.into_fields() {
        result.extras.insert(PROTOCOL, format!("item.{name}"), value);
    }
    Some(result)
}

/// Writes the item of an output as it came.
pub(crate) fn output_item(result: &ToolResult) -> Option<Json> {
    let kind: String = result.extras.get(PROTOCOL, "type")?.parse().ok()?;
    if !ALL.iter().any(|one| one.output == kind) {
        return None;
    }
    let mut fields = Fields::new();
    fields.put("type", &kind);
    fields
        .put_missing(result.extras.of(PROTOCOL).filter_map(|(name, value)| Some((name.strip_prefix("item.")?, value))));
    Some(fields.to_json())
}

/// Writes the item of a call; `None` for a tool that is not among those here.
pub(crate) fn call_item(call: &ToolCall, call_id: &str, id: Option<&str>, status: Option<&str>) -> Option<Fields> {
    let tool = of_tool(&call.name).filter(|_| call.kind == ToolCallKind::BuiltIn)?;
    let arguments = Json::from_text(call.arguments.clone()).ok()?;
    let mut fields = Fields::new();
    fields.put_some("id", id.filter(|_| call.extras.get(PROTOCOL, "id").is_none()));
    fields.put("type", tool.call).put_some("status", status);
    fields.put("call_id", call_id).put(tool.arguments, &arguments).put_extras(&call.extras, PROTOCOL);
    if tool.tool == "tool_search" && !fields.has("execution") {
        fields.put("execution", "client");
    }
    Some(fields)
}

/// Returns what the ids of a call's items begin with.
pub(crate) fn prefix(name: &str) -> &'static str {
    of_tool(name).map_or("fc", |tool| tool.prefix)
}
