//! OpenAI's retired form of tools: `functions`, `function_call` and messages of the role `function`.

use std::collections::HashMap;

use tollbridge_core::Error;
use tollbridge_types::{ChatRequest, Extras, Part, Tool, ToolCall, ToolCallKind, ToolChoice, ToolResult};

use super::CHAT_PROTOCOL as PROTOCOL;
use super::request_decode::list_of_tools;
use crate::ids;
use crate::object::{Object, json};

/// How extras mark a function that was offered in the retired form, so that its calls come back in it.
pub(crate) const MARK: &str = "functions";

/// Reads `functions` and `function_call` as tools and the choice among them.
pub(super) fn functions(body: &mut Object, request: &mut ChatRequest) -> Result<(), Error> {
    let Some(list) = body.take("functions") else { return Ok(()) };
    let mut mark = Extras::default();
    mark.insert(PROTOCOL, MARK, json(&true));
    let tools: Vec<Tool> = list_of_tools(&list, "functions")?;
    request.tools = tools.into_iter().map(|tool| tool.with_extras(mark.clone())).collect();
    let Some(choice) = body.take("function_call") else { return Ok(()) };
    let word = choice.parse::<String>().ok();
    request.tool_choice = match word.as_deref() {
        Some("none") => Some(ToolChoice::None),
        Some(_) => Some(ToolChoice::Auto),
        None => Some(ToolChoice::Function(Object::strict(&choice, "function_call")?.require("name")?)),
    };
    Ok(())
}

/// The calls of a conversation in the retired form, which have no ids: a result answers the last one of its name.
#[derive(Debug, Default)]
pub(super) struct Calls {
    made: u32,
    open: HashMap<String, String>,
}

impl Calls {
    /// Takes the call of the model's message.
    pub(super) fn call(&mut self, fields: &mut Object) -> Result<Option<ToolCall>, Error> {
        let Some(mut inner) = fields.take_object("function_call")? else { return Ok(None) };
        let mut call = ToolCall::default();
        call.extras = call.extras.at(inner.path());
        call.kind = ToolCallKind::LegacyFunction;
        call.name = inner.require("name")?;
        call.arguments = inner.take_as("arguments")?.unwrap_or_default();
        let id = ids::made_up("function", 0, self.made);
        self.made += 1;
        self.open.insert(call.name.clone(), id.clone());
        call.id = Some(id);
        Ok(Some(call))
    }

    /// Reads a message of the role `function`.
    pub(super) fn answer(&self, fields: &mut Object, content: Vec<Part>) -> Result<ToolResult, Error> {
        let path = fields.path_of("name");
        let name: String = fields.require("name")?;
        let mut result = ToolResult::default();
        result.id = Some(self.open.get(&name).cloned().ok_or_else(|| {
            Error::invalid(path.clone(), format!("`{path}` is `{name}`, which no earlier `function_call` has"))
                .with_hint("send the assistant message with the call before its result")
        })?);
        result.name = Some(name);
        result.extras = result.extras.at(fields.path());
        result.content = content;
        Ok(result)
    }
}
