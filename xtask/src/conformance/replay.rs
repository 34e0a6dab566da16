use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tollbridge_core::Error;
use tollbridge_protocol::bedrock::Invoke;
use tollbridge_protocol::{ChatCodec, ChatStreamDecoder, FrameDecoder, Framing, chat, embed, errors, models};
use tollbridge_types::{ChatAssembler, ChatReply, Protocol};

use super::{Exchange, Verdict, compare, request};

/// What an API is spoken in.
enum Api {
    Chat(&'static dyn ChatCodec),
    /// Replies only.
    Invoke,
    Embed(Protocol),
    Models(Protocol),
}

/// Replays one exchange.
pub(crate) fn replay(exchange: &Exchange) -> Verdict {
    let Some(api) = api_of(exchange) else { return Verdict::NotSupported };
    let Some(body) = usable(exchange) else { return Verdict::Unusable };
    let kind = exchange.expected["kind"].as_str().unwrap_or_default();
    let mut faults = match (&api, kind) {
        (Api::Chat(codec), "error") => error(exchange, codec.protocol(), &body),
        (Api::Embed(protocol) | Api::Models(protocol), "error") => error(exchange, *protocol, &body),
        (Api::Invoke, "error") => error(exchange, Protocol::BEDROCK_INVOKE, &body),
        (Api::Chat(codec), "chat") => {
            answer(exchange, &|body| codec.decode_reply(body), &|| codec.stream_decoder(), &body)
        }
        (Api::Invoke, "chat") => answer(exchange, &Invoke::decode_reply, &Invoke::stream_decoder, &body),
        (Api::Embed(protocol), "embeddings") => match embed(*protocol).map(|codec| codec.decode_reply(&body)) {
            Some(Ok(reply)) => compare::embeddings(&exchange.expected, &reply),
            Some(Err(error)) => vec![format!("reply: {error}")],
            None => return Verdict::NotSupported,
        },
        (Api::Models(protocol), "models") => match models(*protocol).map(|codec| codec.decode_reply(&body)) {
            Some(Ok(list)) => compare::models(&exchange.expected, &list),
            Some(Err(error)) => vec![format!("reply: {error}")],
            None => return Verdict::NotSupported,
        },
        _ => return Verdict::NotSupported,
    };
    if let Api::Chat(codec) = api {
        // What a vendor refused may well be no request.
        if kind != "error" {
            faults.extend(request::check(exchange, codec));
        }
    }
    if faults.is_empty() { Verdict::Passed } else { Verdict::Failed(faults) }
}

fn api_of(exchange: &Exchange) -> Option<Api> {
    match exchange.api.as_str() {
        "chat_completions" => chat(Protocol::OPENAI_CHAT).map(Api::Chat),
        "messages" => chat(Protocol::ANTHROPIC_MESSAGES).map(Api::Chat),
        "generateContent" | "streamGenerateContent" => chat(Protocol::GEMINI_GENERATE).map(Api::Chat),
        "converse" | "converse-stream" => chat(Protocol::BEDROCK_CONVERSE).map(Api::Chat),
        "invoke" | "invoke-with-response-stream" => Some(Api::Invoke),
        "embeddings" => {
            by_shape(exchange, "data", "embedding", Protocol::OPENAI_EMBEDDINGS, Protocol::GEMINI_EMBED).map(Api::Embed)
        }
        "models" if exchange.provider == "anthropic" => Some(Api::Models(Protocol::ANTHROPIC_MODELS)),
        "models" => {
            by_shape(exchange, "data", "models", Protocol::OPENAI_MODELS, Protocol::GEMINI_MODELS).map(Api::Models)
        }
        _ => None,
    }
}

/// Tells OpenAI's form from Google's by the reply.
fn by_shape(exchange: &Exchange, openai: &str, google: &str, first: Protocol, second: Protocol) -> Option<Protocol> {
    let body: Value = serde_json::from_str(exchange.response_body.as_deref()?).ok()?;
    let listed = body.get(openai).is_some_and(|list| {
        list.as_array()
            .is_some_and(|list| list.iter().all(|entry| entry.get("embedding").or(entry.get("id")).is_some()))
    });
    let googles = |entry: &Value| {
        entry.get("values").is_some() || entry["name"].as_str().is_some_and(|name| name.starts_with("models/"))
    };
    let is_google = body.get(google).or(body.get("embeddings")).is_some_and(|found| match found {
        Value::Array(list) => list.iter().all(googles),
        other => googles(other),
    });
    match (listed, is_google) {
        (true, _) => Some(first),
        (false, true) => Some(second),
        (false, false) => None,
    }
}

/// Returns the body of an exchange that can be compared.
fn usable(exchange: &Exchange) -> Option<Bytes> {
    let ambiguous = exchange.notes.to_string().contains("oracle_ambiguous")
        || exchange.expected["oracle_ambiguous"] == Value::Bool(true)
        || exchange.expected["oracle_notes"].to_string().contains("oracle_ambiguous");
    if ambiguous || exchange.expected.is_null() {
        return None;
    }
    let body = exchange.response_body.clone()?;
    match exchange.response_body_encoding.as_deref().unwrap_or("utf8") {
        "utf8" => Some(Bytes::from(body)),
        _ => STANDARD.decode(body).ok().map(Bytes::from),
    }
}

fn error(exchange: &Exchange, protocol: Protocol, body: &Bytes) -> Vec<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &exchange.response_headers {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(text)) {
            headers.insert(name, value);
        }
    }
    let status =
        exchange.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_REQUEST);
    compare::error(&exchange.expected, &errors(protocol).decode_error(status, &headers, body))
}

type ReadWhole<'a> = &'a dyn Fn(&[u8]) -> Result<ChatReply, Error>;
type ReadStream<'a> = &'a dyn Fn() -> Box<dyn ChatStreamDecoder>;

fn answer(exchange: &Exchange, whole: ReadWhole<'_>, stream: ReadStream<'_>, body: &Bytes) -> Vec<String> {
    if exchange.expected["stream"].is_null() {
        return match whole(body) {
            Ok(reply) => compare::chat(&exchange.expected, &reply),
            Err(error) if error.vendor().is_some() && !exchange.expected["error"].is_null() => {
                compare::error(&exchange.expected, &error)
            }
            Err(error) => vec![format!("reply: {error}")],
        };
    }
    let mut faults = Vec::new();
    let framing = framing_of(body);
    let sizes = exchange.chunk_lens.clone().unwrap_or_default();
    let (reply, outcome) = assemble(stream, framing, body, &sizes);
    faults.extend(compare::chat(&exchange.expected, &reply));
    faults.extend(compare::ending(&exchange.expected, outcome.as_ref().err()));
    for size in [1, 7] {
        let (other, _) = assemble(stream, framing, body, &vec![size; body.len() / size + 1]);
        if other != reply {
            faults.push(format!("cut into pieces of {size} bytes the stream reads differently"));
        }
    }
    faults
}

fn framing_of(body: &Bytes) -> Framing {
    match body.trim_ascii_start().first() {
        Some(b'[') => Framing::JsonArray,
        // A binary message begins with its length, and none is as long as 16 MiB.
        Some(0) => Framing::AwsEventStream,
        _ => Framing::Sse,
    }
}

/// Reads a stream that arrives in chunks of these sizes; what is left over is the last chunk.
fn assemble(stream: ReadStream<'_>, framing: Framing, body: &Bytes, sizes: &[usize]) -> (ChatReply, Result<(), Error>) {
    let mut splitter = FrameDecoder::new(framing);
    let mut decoder = stream();
    let mut assembler = ChatAssembler::default();
    let mut rest = body.clone();
    let mut raw = 0;
    let mut chunks: Vec<Bytes> = sizes.iter().map(|size| rest.split_to((*size).min(rest.len()))).collect();
    chunks.push(rest);
    let mut read = || -> Result<(), Error> {
        for (place, chunk) in chunks.iter().enumerate() {
            let mut frames = Vec::new();
            splitter.push(chunk, &mut frames)?;
            if place + 1 == chunks.len() {
                splitter.finish(&mut frames)?;
            }
            for frame in frames {
                raw += frame.raw.len();
                let mut events = Vec::new();
                let outcome = decoder.decode(&frame, &mut events);
                events.into_iter().for_each(|event| assembler.push(event));
                outcome?;
            }
        }
        let mut events = Vec::new();
        let outcome = decoder.finish(&mut events);
        events.into_iter().for_each(|event| assembler.push(event));
        outcome
    };
    let outcome = read();
    (assembler.into_reply(), outcome)
}
