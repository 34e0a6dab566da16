use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tollbridge_core::{Error, ErrorKind};
use tollbridge_protocol::{
    ChatCodec, FrameDecoder, Framing, ModelsCodec, chat, codec, count, embed, errors, framing_of, models,
};
use tollbridge_types::{ChatAssembler, ChatReply, ModelInfo, Protocol};

use super::{Exchange, Verdict, compare, request};

/// What an API is spoken in.
enum Api {
    Chat(&'static dyn ChatCodec),
    Embed(Protocol),
    Models(Protocol),
    Count(Protocol),
    Rerank,
    /// Replies pass as they are; only errors are read.
    Passed,
}

/// Replays one exchange.
pub(crate) fn replay(exchange: &Exchange) -> Verdict {
    let Some(api) = api_of(exchange) else { return Verdict::NotSupported };
    let Some(body) = usable(exchange) else { return Verdict::Unusable };
    let kind = exchange.expected["kind"].as_str().unwrap_or_default();
    let mut faults = match (&api, kind) {
        (Api::Chat(codec), "error") => error(exchange, codec.protocol(), &body),
        (Api::Embed(protocol) | Api::Models(protocol) | Api::Count(protocol), "error") => {
            error(exchange, *protocol, &body)
        }
        (Api::Rerank | Api::Passed, "error") => error(exchange, Protocol::OPENAI_CHAT, &body),
        // Sound and pictures pass unread.
        (_, "empty_body") => Vec::new(),
        (Api::Chat(codec), "chat" | "completion") => answer(exchange, *codec, &body),
        (Api::Count(protocol), "count_tokens") => match count(*protocol).map(|codec| codec.decode_reply(&body)) {
            Some(Ok(counted)) => compare::count(&exchange.expected, &counted),
            Some(Err(error)) => vec![format!("reply: {error}")],
            None => return Verdict::NotSupported,
        },
        (Api::Rerank, "rerank") => match codec::COHERE_RERANK.decode_reply(&body) {
            Ok(reply) => compare::rerank(&exchange.expected, &reply),
            Err(error) => vec![format!("reply: {error}")],
        },
        (Api::Models(protocol), "model") => match models(*protocol).map(|codec| one_model(codec, &body)) {
            Some(Ok(list)) => compare::model(&exchange.expected, &list),
            Some(Err(error)) => vec![format!("reply: {error}")],
            None => return Verdict::NotSupported,
        },
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
        // Of Ollama's older API only the replies are read.
        let speaks = exchange.api != "ollama_generate";
        if kind != "error"
            && speaks
            && codec.decode_request(b"{}").is_err_and(|error| error.kind() != ErrorKind::Unsupported)
        {
            faults.extend(request::check(exchange, codec));
        }
    }
    if faults.is_empty() { Verdict::Passed } else { Verdict::Failed(faults) }
}

/// Reads one model as the list that holds nothing else.
fn one_model(codec: &dyn ModelsCodec, body: &[u8]) -> Result<Vec<ModelInfo>, Error> {
    let one = String::from_utf8_lossy(body);
    codec.decode_reply(format!(r#"{{"data":[{one}],"models":[{one}],"modelSummaries":[{one}]}}"#).as_bytes())
}

fn api_of(exchange: &Exchange) -> Option<Api> {
    let known = |protocol| chat(protocol).map(Api::Chat);
    match exchange.api.as_str() {
        "completions" => match (exchange.provider.as_str(), exchange.expected["kind"].as_str()) {
            ("anthropic", _) => known(Protocol::TEXT_GENERATION),
            (_, Some("chat")) => known(Protocol::OPENAI_CHAT),
            _ => known(Protocol::OPENAI_COMPLETIONS),
        },
        "cohere_chat_v1" | "cohere_generate" => known(Protocol::TEXT_GENERATION),
        "cohere_chat_v2" => known(Protocol::COHERE_CHAT),
        "ollama_chat" | "ollama_generate" => known(Protocol::OLLAMA_CHAT),
        "converse" | "converse-stream" => known(Protocol::BEDROCK_CONVERSE),
        "invoke" if exchange.expected["kind"] == "embeddings" => Some(Api::Embed(Protocol::BEDROCK_EMBED)),
        "invoke" | "invoke-with-response-stream" => known(Protocol::BEDROCK_INVOKE),
        "predict" => Some(Api::Embed(Protocol::VERTEX_PREDICT)),
        "rerank" => Some(Api::Rerank),
        "count_tokens" => Some(Api::Count(match exchange.provider.as_str() {
            "anthropic" => Protocol::ANTHROPIC_COUNT_TOKENS,
            "bedrock" => Protocol::BEDROCK_COUNT_TOKENS,
            "cohere" => Protocol::COHERE_TOKENIZE,
            _ => Protocol::GEMINI_COUNT_TOKENS,
        })),
        "chat_completions" => chat(Protocol::OPENAI_CHAT).map(Api::Chat),
        "responses" => chat(Protocol::OPENAI_RESPONSES).map(Api::Chat),
        "messages" => chat(Protocol::ANTHROPIC_MESSAGES).map(Api::Chat),
        "generateContent" | "streamGenerateContent" => chat(Protocol::GEMINI_GENERATE).map(Api::Chat),
        "embeddings" if exchange.expected["kind"] == "error" => Some(Api::Embed(Protocol::OPENAI_EMBEDDINGS)),
        "embeddings" if exchange.provider == "cohere" => Some(Api::Embed(Protocol::COHERE_EMBED)),
        "embeddings" if is_ollamas(exchange) => Some(Api::Embed(Protocol::OLLAMA_EMBED)),
        "models" if exchange.expected["kind"] == "error" => Some(Api::Models(Protocol::OPENAI_MODELS)),
        "models" if exchange.provider == "cohere" => Some(Api::Models(Protocol::COHERE_MODELS)),
        "models" if exchange.provider == "bedrock" && !has_data(exchange) => {
            Some(Api::Models(Protocol::BEDROCK_MODELS))
        }
        "models" if exchange.provider == "ollama" => Some(Api::Models(Protocol::OLLAMA_MODELS)),
        "models" if exchange.expected["kind"] == "model" && exchange.provider == "gemini" => {
            Some(Api::Models(Protocol::GEMINI_MODELS))
        }
        "models" if exchange.expected["kind"] == "model" && exchange.provider != "anthropic" => {
            Some(Api::Models(Protocol::OPENAI_MODELS))
        }
        "embeddings" => {
            by_shape(exchange, "data", "embedding", Protocol::OPENAI_EMBEDDINGS, Protocol::GEMINI_EMBED).map(Api::Embed)
        }
        "models" if exchange.provider == "anthropic" => Some(Api::Models(Protocol::ANTHROPIC_MODELS)),
        "models" => {
            by_shape(exchange, "data", "models", Protocol::OPENAI_MODELS, Protocol::GEMINI_MODELS).map(Api::Models)
        }
        _ => Some(Api::Passed),
    }
}

fn has_data(exchange: &Exchange) -> bool {
    exchange.response_body.as_deref().is_some_and(|body| body.trim_start().starts_with("{\"data\""))
}

fn is_ollamas(exchange: &Exchange) -> bool {
    let body: Option<Value> = exchange.response_body.as_deref().and_then(|body| serde_json::from_str(body).ok());
    let numbers = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_number));
    body.is_some_and(|body| {
        numbers(&body["embedding"]) || body["embeddings"].as_array().is_some_and(|list| list.iter().all(numbers))
    })
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
    if is_foreign(exchange) {
        return None;
    }
    if ambiguous || exchange.expected.is_null() {
        return None;
    }
    exchange.bytes().map(Bytes::from)
}

/// Says whether a recording of chat holds a success that is none: an echo, or another API's reply.
fn is_foreign(exchange: &Exchange) -> bool {
    let success = exchange.status.is_none_or(|status| status < 300);
    let whole = exchange.api == "chat_completions" && success && exchange.expected["stream"].is_null();
    let body: Option<Value> = exchange.response_body.as_deref().and_then(|body| serde_json::from_str(body).ok());
    let ollamas = exchange.api == "ollama_chat" && exchange.expected["stream"].is_null();
    body.is_some_and(|body| match body.get("choices") {
        Some(_) => ollamas,
        None => whole && body.get("error").is_none(),
    })
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

fn answer(exchange: &Exchange, codec: &dyn ChatCodec, body: &Bytes) -> Vec<String> {
    if exchange.expected["stream"].is_null() {
        return match codec.decode_reply(body) {
            Ok(reply) => compare::chat(&exchange.expected, &reply),
            Err(error) if error.vendor().is_some() && !exchange.expected["error"].is_null() => {
                compare::error(&exchange.expected, &error)
            }
            Err(error) => vec![format!("reply: {error}")],
        };
    }
    let mut faults = Vec::new();
    let framing = framing_for(codec, body);
    let sizes = exchange.chunk_lens.clone().unwrap_or_default();
    let (reply, outcome) = assemble(codec, framing, body, &sizes);
    let mut expected = exchange.expected.clone();
    if holds_several(body) {
        // The oracle gathers the reasoning of all of them.
        expected["reasoning"] = reply.reasoning().into();
    }
    faults.extend(compare::chat(&expected, &reply));
    faults.extend(compare::ending(&exchange.expected, outcome.as_ref().err()));
    for size in [1, 7] {
        let (other, _) = assemble(codec, framing, body, &vec![size; body.len() / size + 1]);
        if other != reply {
            faults.push(format!("cut into pieces of {size} bytes the stream reads differently"));
        }
    }
    faults
}

/// Says whether a recording holds several streams, one behind the other.
fn holds_several(body: &Bytes) -> bool {
    let text = String::from_utf8_lossy(body);
    ["event: response.created", "event: message_start"].iter().any(|start| text.matches(start).count() > 1)
}

fn framing_for(codec: &dyn ChatCodec, body: &Bytes) -> Framing {
    match (framing_of(codec.protocol()), body.trim_ascii_start().first()) {
        (Framing::Sse, Some(b'[')) => Framing::JsonArray,
        (Framing::Sse, Some(b'{')) => Framing::JsonLines,
        (framing, _) => framing,
    }
}

/// Reads a stream that arrives in chunks of these sizes; what is left over is the last chunk.
fn assemble(codec: &dyn ChatCodec, framing: Framing, body: &Bytes, sizes: &[usize]) -> (ChatReply, Result<(), Error>) {
    let mut splitter = FrameDecoder::new(framing);
    let mut decoder = codec.stream_decoder();
    let mut assembler = ChatAssembler::default();
    let mut rest = body.clone();
    let mut begun = false;
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
                // A recording may hold several streams, one behind the other: the last one counts.
                let starts = matches!(frame.event.as_deref(), Some("message_start" | "response.created"));
                if starts && std::mem::replace(&mut begun, true) {
                    decoder = codec.stream_decoder();
                    assembler = ChatAssembler::default();
                }
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
