//! Replies of the text APIs that came before chat, each maker's with its own names for the same few
//! things: Titan, Llama, Jurassic and Command on Bedrock, Cohere's generate and first chat, Claude's completions.

use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{
    ChatEvent, ChatReply, Choice, Extras, Finish, FinishReason, Json, Part, Protocol, Start, ToolCall, Usage,
    UsageBasis,
};

use crate::object::{Fields, Object};
use crate::{ChatCodec, ChatStreamDecoder, Target, endings, vendor_error};

const PROTOCOL: Protocol = Protocol::TEXT_GENERATION;

/// Reads replies of the text APIs that came before chat; nothing is sent to them any more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TextGeneration;

impl ChatCodec for TextGeneration {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn encode_request(
        &self,
        _: &tollbridge_types::ChatRequest,
        _: &Target<'_>,
        _: &mut Vec<tollbridge_core::Loss>,
    ) -> Result<bytes::Bytes, Error> {
        Err(Error::new(ErrorKind::Unsupported, "nothing is sent to the text APIs that came before chat"))
    }

    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error> {
        decode(body)
    }

    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder> {
        Box::new(Decoder::default())
    }
}

/// Reads a whole reply.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let mut body = Object::from_vendor(body, "the reply")?;
    if let Some(error) = body.take("error") {
        return Err(vendor_error::from_event(&crate::openai::whole_error(&error)));
    }
    let mut said = Said::read(&mut body);
    let text = said.text.take().ok_or_else(|| {
        Error::new(ErrorKind::Decode, "the reply holds no text under any name that is known here")
            .with_hint("check that `base_url` is the vendor's API")
    })?;
    let mut reply = ChatReply::default();
    (reply.id, reply.model) = (said.id.take(), said.model.take());
    reply.usage = said.usage(&mut body);
    let mut choice = Choice::default();
    choice.parts.extend((!text.is_empty()).then(|| Part::text(text)));
    choice.parts.extend(said.calls.drain(..).map(Part::ToolCall));
    choice.finish = said.finish;
    reply.choices = vec![choice];
    for (index, json) in (1..).zip(&said.others) {
        let mut other = Said::read(&mut Object::lenient(json));
        let mut choice = Choice::default();
        choice.index = index;
        choice.parts.extend(other.text.take().filter(|text| !text.is_empty()).map(Part::text));
        choice.finish = other.finish;
        reply.choices.push(choice);
    }
    reply.extras = rest(body);
    Ok(reply)
}

/// What one object says, whatever its maker calls it.
struct Said {
    id: Option<String>,
    model: Option<String>,
    text: Option<String>,
    finish: Option<Finish>,
    calls: Vec<ToolCall>,
    tokens: Option<u64>,
    /// Further answers to the same prompt.
    others: Vec<Json>,
}

impl Said {
    fn read(body: &mut Object) -> Self {
        // Most put the answer into a list of one; its fields then stand in for those at the top.
        let lists = ["results", "generations", "outputs", "completions"];
        let list = lists.iter().find_map(|name| body.find::<Vec<Json>>(name)).unwrap_or_default();
        let mut list = list.into_iter();
        let mut inner = list.next().as_ref().map(Object::lenient).unwrap_or_default();
        let mut data = inner.find_object("data");
        let texts = ["completion", "generation", "outputText", "text", "generated_text"];
        let text = |object: &mut Object| texts.iter().find_map(|name| object.find::<String>(name));
        let text = text(&mut inner).or_else(|| text(&mut data)).or_else(|| text(body));
        let reasons = ["stop_reason", "finish_reason", "completionReason", "finishReason"];
        let reason = |object: &mut Object| {
            reasons.iter().find_map(|name| {
                let json = object.take(name)?;
                json.parse::<String>().ok().or_else(|| Object::lenient(&json).find_text("reason"))
            })
        };
        let mut finish = reason(&mut inner).or_else(|| reason(body)).map(finish);
        if let Some(finish) = finish.as_mut().filter(|finish| finish.reason == FinishReason::StopSequence) {
            finish.stop_sequence = body.find_text("stop");
        }
        let calls = body.find_list("tool_calls").iter().map(call).collect();
        let id = body.find_text("response_id").or_else(|| body.find_text("id"));
        let (model, tokens) = (body.find_text("model"), inner.find_count("tokenCount"));
        Self { id, model, text, finish, calls, tokens, others: list.collect() }
    }

    fn usage(&self, body: &mut Object) -> Option<Usage> {
        if let Some(meta) = body.take("meta") {
            return Some(crate::cohere::usage::decode(&meta));
        }
        let mut raw = Fields::new();
        for name in ["inputTextTokenCount", "prompt_token_count", "generation_token_count"] {
            raw.put_some(name, body.find_count(name));
        }
        raw.put_some("tokenCount", self.tokens);
        if raw.is_empty() {
            return None;
        }
        Some(usage(&raw.to_json()))
    }
}

/// Reads counts by the names that these APIs have for them.
pub(crate) fn usage(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    if fields.peek("billed_units").is_some() || fields.peek("tokens").is_some() {
        return crate::cohere::usage::decode(json);
    }
    let mut usage = Usage::default();
    usage.input =
        fields.find_count_of(&["inputTextTokenCount", "prompt_token_count", "inputTokenCount", "token_count"]);
    usage.output = fields.find_count_of(&["tokenCount", "generation_token_count", "outputTokenCount"]);
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

fn call(json: &Json) -> ToolCall {
    let mut fields = Object::lenient(json);
    let mut call = ToolCall::default();
    call.name = fields.find_text("name").unwrap_or_default();
    call.arguments = fields.take("parameters").map_or_else(|| "{}".to_owned(), |json| json.compact());
    call
}

fn finish(raw: String) -> Finish {
    Finish::new(endings::read(PROTOCOL, &raw), Some(raw))
}

fn rest(body: Object) -> Extras {
    let mut extras = Extras::default();
    let echoes = ["type", "stop", "log_id", "prompt", "generation_id", "chat_history", "is_finished", "event_type"];
    let echo = |name: &str| echoes.contains(&name) || name.ends_with("TokenCount");
    for (name, value) in body.into_fields().filter(|(name, value)| !echo(name) && value.as_str() != "null") {
        extras.insert(PROTOCOL, name, value);
    }
    extras
}

/// Reads the objects of a stream, on lines, in events or in binary chunks.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    frames: u64,
    started: bool,
    finished: bool,
    calls: u32,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if frame.is_comment() || frame.data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        self.frames += 1;
        let mut body = Object::from_vendor(&frame.data, &format!("event {} of the stream", self.frames))?;
        if let Some(error) = body.take("error") {
            return Err(vendor_error::from_event(&crate::openai::whole_error(&error)));
        }
        let kind = body.find_text("event_type");
        if matches!(kind.as_deref(), Some("tool-calls-chunk" | "citation-generation" | "search-results")) {
            return Ok(());
        }
        // Cohere's last event repeats the whole answer.
        if let Some(whole) = body.take("response").filter(|json| json.as_str().starts_with('{')) {
            let mut whole = Object::lenient(&whole);
            let mut said = Said::read(&mut whole);
            self.start(&mut said, true, events);
            if let Some(usage) = said.usage(&mut whole) {
                events.push(ChatEvent::Usage(usage));
            }
            self.calls(std::mem::take(&mut said.calls), events);
            let own = Said::read(&mut body);
            self.end(own.finish.or(said.finish), events);
            return Ok(());
        }
        let mut said = Said::read(&mut body);
        self.start(&mut said, false, events);
        if let Some(text) = said.text.take().filter(|text| !text.is_empty() && kind.as_deref() != Some("stream-end")) {
            events.push(ChatEvent::Text { choice: 0, text });
        }
        self.calls(std::mem::take(&mut said.calls), events);
        if let Some(metrics) = body.take("amazon-bedrock-invocationMetrics") {
            // What Bedrock counted is not in the maker's own words: it is kept among the extras.
            let mut counted = usage(&metrics);
            counted.raw = None;
            events.push(ChatEvent::Usage(counted));
        }
        // A guardrail's own words come whole, without a reason.
        let action = body.find_text("amazon-bedrock-guardrailAction");
        self.finished |= action.as_deref() == Some("INTERVENED");
        self.end(said.finish, events);
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.finished {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before the answer was complete"))
    }
}

impl Decoder {
    fn start(&mut self, said: &mut Said, again: bool, events: &mut Vec<ChatEvent>) {
        if !std::mem::replace(&mut self.started, true) || again {
            let mut start = Start::default();
            (start.id, start.model) = (said.id.take(), said.model.take());
            events.push(ChatEvent::Start(start));
        }
    }

    fn calls(&mut self, calls: Vec<ToolCall>, events: &mut Vec<ChatEvent>) {
        if self.calls > 0 {
            return;
        }
        for ToolCall { id, name, arguments, kind, extras, .. } in calls {
            let (choice, call) = (0, self.calls);
            self.calls += 1;
            events.push(ChatEvent::ToolCallStart { choice, call, id, name, kind, signature: None, extras });
            events.push(ChatEvent::ToolCallArguments { choice, call, fragment: arguments });
            events.push(ChatEvent::ToolCallEnd { choice, call });
        }
    }

    fn end(&mut self, finish: Option<Finish>, events: &mut Vec<ChatEvent>) {
        self.finished |= finish.is_some();
        events.extend(finish.map(|finish| ChatEvent::Finish { choice: 0, finish }));
    }
}
