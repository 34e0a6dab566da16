use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{
    ChatEvent, ChatReply, Choice, Extras, Finish, FinishReason, Json, Part, Protocol, Start, Usage,
};

use super::Converse;
use crate::object::{Fields, Object};
use crate::{ChatCodec, ChatStreamDecoder, anthropic, eventstream, openai, vendor_error};

const PROTOCOL: Protocol = Protocol::BEDROCK_INVOKE;

/// Reads the replies of InvokeModel and InvokeModelWithResponseStream.
///
/// Their bodies are those of the model's own family. Models of Anthropic, Nova and those that speak
/// OpenAI's protocol are read by the codecs of these; Titan, Llama, Mistral, Cohere's Command, AI21's
/// Jurassic and Claude 2 only write text. The family is told by the body's own fields.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Invoke;

impl Invoke {
    /// Reads a whole reply.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for a body of no known family.
    pub fn decode_reply(body: &[u8]) -> Result<ChatReply, Error> {
        let mut fields = Object::from_vendor(body, "the reply")?;
        match Family::of(&fields) {
            Family::Anthropic => anthropic::Messages.decode_reply(body),
            Family::Converse => Converse.decode_reply(body),
            Family::OpenAi => openai::CHAT.decode_reply(body),
            Family::Text => text_reply(&mut fields),
        }
    }

    /// Starts reading a stream of `chunk` events.
    pub fn stream_decoder() -> Box<dyn ChatStreamDecoder> {
        Box::new(Decoder { chunks: 0, inner: None })
    }
}

/// Whose form a body or chunk has.
#[derive(Clone, Copy, Debug)]
enum Family {
    Anthropic,
    Converse,
    OpenAi,
    Text,
}

impl Family {
    fn of(fields: &Object) -> Self {
        let has = |name: &str| fields.peek(name).is_some();
        if has("choices") {
            Self::OpenAi
        } else if has("output") || has("messageStart") {
            Self::Converse
        } else if has("type") && !has("completion") {
            Self::Anthropic
        } else {
            Self::Text
        }
    }
}

/// What a model says that only writes text: a whole answer, or a piece of one.
#[derive(Debug, Default)]
struct Piece {
    text: String,
    finish: Option<Finish>,
    output: Option<Json>,
}

impl Piece {
    fn read(json: &mut Object) -> Option<Self> {
        // Jurassic has its text and its reason in objects of their own.
        let text = ["outputText", "generation", "completion", "text"].iter().find_map(|name| json.find_text(name));
        let text = text.or_else(|| json.find_object("data").find_text("text"));
        let reasons = ["completionReason", "stop_reason", "finish_reason"];
        let reason = reasons.iter().find_map(|name| json.find_text(name));
        let reason = reason.or_else(|| json.find_object("finishReason").find_text("reason"));
        if text.is_none() && reason.is_none() {
            return None;
        }
        let finish = reason.map(|raw| {
            let mut finish = Finish::new(reason_of(&raw), Some(raw));
            finish.stop_sequence = json.find_text("stop");
            finish
        });
        Some(Self { text: text.unwrap_or_default(), finish, output: json.take("tokenCount") })
    }
}

fn reason_of(word: &str) -> FinishReason {
    match word.to_ascii_lowercase().as_str() {
        "finish" | "complete" | "stop" | "end_turn" | "endoftext" => FinishReason::Stop,
        "length" | "max_tokens" => FinishReason::Length,
        "stop_sequence" | "stop_criteria_met" => FinishReason::StopSequence,
        "content_filtered" | "error_toxic" => FinishReason::ContentFilter,
        "error" => FinishReason::Error,
        _ => FinishReason::Unknown(word.to_owned()),
    }
}

fn text_reply(body: &mut Object) -> Result<ChatReply, Error> {
    let answers = ["results", "generations", "outputs", "completions"].iter().find_map(|name| {
        let list = body.find_list(name);
        (!list.is_empty()).then_some(list)
    });
    let mut pieces: Vec<Piece> = match answers {
        Some(list) => list.iter().filter_map(|json| Piece::read(&mut Object::lenient(json))).collect(),
        None => Piece::read(body).into_iter().collect(),
    };
    if pieces.is_empty() {
        return Err(Error::new(ErrorKind::Decode, "the reply is of no family of models that is known")
            .with_hint("use Converse, which has one form for all models"));
    }
    let mut reply = ChatReply::default();
    reply.id = body.find_text("id");
    reply.usage = counted(body, pieces.first_mut().and_then(|piece| piece.output.take()));
    for (index, piece) in (0..).zip(pieces) {
        let mut choice = Choice::default();
        choice.index = index;
        choice.parts.push(Part::text(piece.text));
        choice.finish = piece.finish;
        reply.choices.push(choice);
    }
    body.take("type");
    reply.extras = std::mem::take(body).into_extras(PROTOCOL);
    Ok(reply)
}

/// Gathers the counts that stand beside an answer.
fn counted(body: &mut Object, output: Option<Json>) -> Option<Usage> {
    let mut raw = Fields::new();
    for name in ["inputTextTokenCount", "prompt_token_count", "generation_token_count"] {
        raw.put_some(name, body.take(name));
    }
    raw.put_some("tokenCount", output);
    if raw.is_empty() {
        return None;
    }
    let json = raw.to_json();
    let mut counts = Object::lenient(&json);
    let mut usage = Usage::default();
    usage.input = counts.find_count("inputTextTokenCount").or_else(|| counts.find_count("prompt_token_count"));
    usage.output = counts.find_count("tokenCount").or_else(|| counts.find_count("generation_token_count"));
    usage.raw = Some(json);
    Some(usage)
}

/// Unwraps `chunk` events and reads what they hold.
struct Decoder {
    chunks: u64,
    inner: Option<Inner>,
}

enum Inner {
    Codec(Family, Box<dyn ChatStreamDecoder>),
    Text { finished: bool },
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if let Some(name) = eventstream::exception(frame) {
            return Err(vendor_error::from_exception(name, &frame.data));
        }
        if frame.event.as_deref() != Some("chunk") {
            return Ok(());
        }
        self.chunks += 1;
        let what = format!("chunk {} of the stream", self.chunks);
        let bytes: String = Object::from_vendor(&frame.data, &what)?.find_text("bytes").unwrap_or_default();
        let bytes = STANDARD
            .decode(bytes)
            .map(Bytes::from)
            .map_err(|_| Error::new(ErrorKind::Decode, format!("{what} is not base64")))?;
        let mut chunk = Object::from_vendor(&bytes, &what)?;
        let metrics = chunk.take(METRICS);
        let inner = self.inner.get_or_insert_with(|| Inner::of(Family::of(&chunk), events));
        match inner {
            Inner::Codec(Family::Converse, codec) => {
                for (name, value) in chunk.into_fields() {
                    let data = Bytes::from(value.as_str().to_owned());
                    codec.decode(&Frame::new(frame.raw.clone(), Some(name), data), events)?;
                }
            }
            Inner::Codec(_, codec) => codec.decode(&Frame::new(frame.raw.clone(), None, bytes), events)?,
            Inner::Text { finished } => {
                *finished |= text_chunk(&mut chunk, metrics.as_ref(), events);
            }
        }
        if let Some(metrics) = metrics {
            let mut extras = Extras::default();
            extras.insert(PROTOCOL, METRICS, metrics);
            events.push(ChatEvent::Extras { choice: None, extras });
        }
        Ok(())
    }

    fn finish(&mut self, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        match &mut self.inner {
            Some(Inner::Codec(_, codec)) => codec.finish(events),
            Some(Inner::Text { finished: true }) => Ok(()),
            _ => Err(Error::new(ErrorKind::Network, "the stream ended before the answer was complete")),
        }
    }
}

impl Inner {
    fn of(family: Family, events: &mut Vec<ChatEvent>) -> Self {
        let codec = match family {
            Family::Anthropic => anthropic::Messages.stream_decoder(),
            Family::Converse => Converse.stream_decoder(),
            Family::OpenAi => openai::CHAT.stream_decoder(),
            Family::Text => {
                events.push(ChatEvent::Start(Start::default()));
                return Self::Text { finished: false };
            }
        };
        Self::Codec(family, codec)
    }
}

/// Reads a piece of text, and says whether it is the last.
fn text_chunk(chunk: &mut Object, metrics: Option<&Json>, events: &mut Vec<ChatEvent>) -> bool {
    let listed = chunk.find_list("outputs").into_iter().next();
    let piece = match listed {
        Some(json) => Piece::read(&mut Object::lenient(&json)),
        None => Piece::read(chunk),
    };
    let Piece { text, finish, .. } = piece.unwrap_or_default();
    if !text.is_empty() {
        events.push(ChatEvent::Text { choice: 0, text });
    }
    if let Some(metrics) = metrics {
        let mut counts = Object::lenient(metrics);
        let mut usage = Usage::default();
        usage.input = counts.find_count("inputTokenCount");
        usage.output = counts.find_count("outputTokenCount");
        usage.cache_read = counts.find_count("cacheReadInputTokenCount");
        usage.cache_write = counts.find_count("cacheWriteInputTokenCount");
        events.push(ChatEvent::Usage(usage));
    }
    let finished = finish.is_some();
    events.extend(finish.map(|finish| ChatEvent::Finish { choice: 0, finish }));
    finished
}

/// What Bedrock itself counted, on the last chunk.
const METRICS: &str = "amazon-bedrock-invocationMetrics";
