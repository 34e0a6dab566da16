//! Decides what to say, whichever protocol it is said in.

use serde_json::Value;

use crate::{schema, tokens};

/// What a request asks, whichever protocol it came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) model: String,
    /// Speaker and text of each message, instructions first.
    pub(crate) messages: Vec<(String, String)>,
    /// Name and parameters of each tool.
    pub(crate) tools: Vec<(String, Value)>,
    pub(crate) choice: Choice,
    /// The results of tools since the model last spoke in words.
    pub(crate) results: Vec<String>,
    pub(crate) schema: Option<Value>,
    pub(crate) reasoning: bool,
    pub(crate) logprobs: bool,
    pub(crate) answers: u32,
    pub(crate) limit: Option<u64>,
    pub(crate) stop: Vec<String>,
    pub(crate) stream: bool,
    pub(crate) stream_usage: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    #[default]
    Auto,
    None,
    Required,
    Tool(String),
}

/// What is said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Say {
    pub(crate) reasoning: Option<String>,
    pub(crate) text: String,
    /// Id, name and arguments of each call.
    pub(crate) calls: Vec<(String, String, Value)>,
    pub(crate) end: End,
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) thinking: u64,
    /// What the id of the answer ends with.
    pub(crate) id_end: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    Done,
    Calls,
    Limit,
    Stop(String),
}

/// Answers a request; `usual` is the answer if it asks nothing special.
pub(crate) fn answer(ask: &Ask, usual: String, seed: u64, sequence: u64) -> Say {
    let mut say = Say::default();
    let last_user = ask.messages.iter().rev().find(|(role, _)| role == "user").map_or("", |(_, text)| text.as_str());
    if let Some(schema) = &ask.schema {
        say.text = schema::instance(schema, "answer").to_string();
    } else if wants_call(ask, last_user) {
        say.calls = calls(ask, last_user, seed, sequence);
        say.end = End::Calls;
    } else if ask.results.is_empty() {
        say.text = usual;
    } else {
        say.text = format!("tool said: {}", ask.results.join(" | "));
    }
    let stop = ask.stop.iter().filter(|stop| !stop.is_empty()).find_map(|stop| Some((say.text.find(stop)?, stop)));
    if let Some((at, stop)) = stop {
        say.text.truncate(at);
        say.end = End::Stop(stop.clone());
    }
    if let Some(cut) = ask.limit.and_then(|limit| tokens::cut(&say.text, limit)) {
        say.text = cut;
        say.end = End::Limit;
    }
    say.reasoning = ask.reasoning.then(|| format!("The user wrote {} characters.", last_user.chars().count()));
    let said: String =
        ask.messages.iter().map(|(_, text)| text.as_str()).chain(ask.results.iter().map(String::as_str)).collect();
    say.input = tokens::count(&said);
    let called: String = say.calls.iter().map(|(_, name, arguments)| format!("{name}{arguments}")).collect();
    say.output = tokens::count(&say.text) + tokens::count(&called);
    say.thinking = say.reasoning.as_deref().map_or(0, tokens::count);
    say
}

fn wants_call(ask: &Ask, last_user: &str) -> bool {
    if ask.tools.is_empty() || !ask.results.is_empty() {
        return false;
    }
    match ask.choice {
        Choice::None => false,
        Choice::Required | Choice::Tool(_) => true,
        Choice::Auto => {
            last_user.contains("weather") || ask.tools.iter().any(|(name, _)| last_user.contains(name.as_str()))
        }
    }
}

fn calls(ask: &Ask, last_user: &str, seed: u64, sequence: u64) -> Vec<(String, String, Value)> {
    let first = match &ask.choice {
        Choice::Tool(name) => ask.tools.iter().find(|(tool, _)| tool == name),
        _ => ask.tools.iter().find(|(name, _)| last_user.contains(name.as_str())).or(ask.tools.first()),
    };
    let Some(first) = first else { return Vec::new() };
    let mut chosen = vec![first];
    if last_user.contains("parallel") {
        chosen.push(ask.tools.iter().find(|tool| tool.0 != first.0).unwrap_or(first));
    }
    let call = |(place, (name, parameters)): (usize, &(String, Value))| {
        (format!("call_{seed}_{sequence}_{place}"), name.clone(), schema::instance(parameters, name))
    };
    chosen.into_iter().enumerate().map(call).collect()
}

/// Cuts a text into the pieces of a stream.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    text.split_inclusive([' ', '\n']).collect()
}
