//! Gives the calls of an answer the names and kinds that the caller gave its tools.

use std::collections::BTreeMap;

use serde_json::Value;
use tollbridge_types::{ChatEvent, ChatReply, Part, ToolCall, ToolCallKind, ToolName, ToolNames};

use super::{INPUT, known};

/// Restores the calls of a whole answer.
pub(crate) fn restore(reply: &mut ChatReply, names: &ToolNames) {
    for part in reply.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        if let Part::ToolCall(call) = part
            && let Some(own) = names.get(&call.name)
        {
            rename(call, own);
            (call.kind, call.arguments) = arguments(own, std::mem::take(&mut call.arguments));
        }
    }
}

/// Restores the calls of a streamed answer. The arguments of one that is no function come once they are whole.
#[derive(Debug)]
pub(crate) struct Restorer {
    names: ToolNames,
    open: BTreeMap<(u32, u32), Held>,
}

/// A call whose arguments are held back, and its start if what it is depends on them.
#[derive(Debug)]
struct Held {
    own: ToolName,
    start: Option<ChatEvent>,
    arguments: String,
}

impl Restorer {
    pub(crate) fn new(names: ToolNames) -> Self {
        Self { names, open: BTreeMap::new() }
    }

    pub(crate) fn restore(&mut self, events: Vec<ChatEvent>, over: bool) -> Vec<ChatEvent> {
        let mut restored = Vec::with_capacity(events.len());
        for event in events {
            self.one(event, &mut restored);
        }
        while let Some(key) = self.open.keys().next().copied().filter(|_| over) {
            self.release(key, &mut restored);
        }
        restored
    }

    fn one(&mut self, event: ChatEvent, restored: &mut Vec<ChatEvent>) {
        match event {
            ChatEvent::ToolCallStart { choice, call: number, id, name, signature, extras, kind } => {
                let Some(own) = self.names.get(&name).cloned() else {
                    restored.push(ChatEvent::ToolCallStart { choice, call: number, id, name, signature, extras, kind });
                    return;
                };
                let mut call = ToolCall::default();
                (call.name, call.extras) = (name, extras);
                rename(&mut call, &own);
                let (name, extras, kind) = (call.name, call.extras, own.kind);
                let start = ChatEvent::ToolCallStart { choice, call: number, id, name, signature, extras, kind };
                let start = match kind {
                    ToolCallKind::BuiltIn => Some(start),
                    _ => {
                        restored.push(start);
                        None
                    }
                };
                if matches!(kind, ToolCallKind::BuiltIn | ToolCallKind::Custom) {
                    self.open.insert((choice, number), Held { own, start, arguments: String::new() });
                }
            }
            ChatEvent::ToolCallArguments { choice, call, fragment } => match self.open.get_mut(&(choice, call)) {
                Some(held) => held.arguments.push_str(&fragment),
                None => restored.push(ChatEvent::ToolCallArguments { choice, call, fragment }),
            },
            ChatEvent::ToolCallEnd { choice, call } => {
                self.release((choice, call), restored);
                restored.push(ChatEvent::ToolCallEnd { choice, call });
            }
            ChatEvent::Finish { choice, finish } => {
                let of_choice = (choice, 0)..=(choice, u32::MAX);
                let held: Vec<_> = self.open.range(of_choice).map(|(key, _)| *key).collect();
                held.into_iter().for_each(|key| self.release(key, restored));
                restored.push(ChatEvent::Finish { choice, finish });
            }
            other => restored.push(other),
        }
    }

    fn release(&mut self, key: (u32, u32), restored: &mut Vec<ChatEvent>) {
        let Some(held) = self.open.remove(&key) else { return };
        let (is, fragment) = arguments(&held.own, held.arguments);
        if let Some(ChatEvent::ToolCallStart { choice, call, id, name, signature, extras, .. }) = held.start {
            restored.push(ChatEvent::ToolCallStart { choice, call, id, name, signature, extras, kind: is });
        }
        if !fragment.is_empty() {
            restored.push(ChatEvent::ToolCallArguments { choice: key.0, call: key.1, fragment });
        }
    }
}

fn rename(call: &mut ToolCall, own: &ToolName) {
    call.name.clone_from(&own.name);
    if let Some(namespace) = &own.namespace {
        call.set_namespace(namespace);
    }
}

/// Returns what a call is, and its arguments in the form of that kind.
fn arguments(own: &ToolName, written: String) -> (ToolCallKind, String) {
    match own.kind {
        ToolCallKind::Custom => (own.kind, text(written)),
        ToolCallKind::BuiltIn => match known::from_function(&own.name, &written) {
            Some(arguments) => (own.kind, arguments),
            // Such an item needs an object: what is none stays a call of a function, for the caller to refuse.
            None => (ToolCallKind::Function, written),
        },
        other => (other, written),
    }
}

/// Takes the text out of the one argument that a custom tool has as a function.
///
/// What a model wrote otherwise, or was cut short in, stays as it is: nothing is made up.
fn text(written: String) -> String {
    match serde_json::from_str::<Value>(&written) {
        Ok(Value::Object(mut fields)) => match (fields.remove(INPUT), fields.len()) {
            (Some(Value::String(text)), _) => text,
            (None, 1) => match fields.into_iter().next() {
                Some((_, Value::String(text))) => text,
                _ => written,
            },
            _ => written,
        },
        Ok(Value::String(text)) => text,
        _ => written,
    }
}
