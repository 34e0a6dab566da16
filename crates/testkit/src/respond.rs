//! One request, from its bytes to its response, faults included.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Value, json};

use crate::answer::{self, Ask};
use crate::capture::Recorded;
use crate::kind::Kind;
use crate::refusal::{Refusal, refusal};
use crate::script::{Effect, Script, Step};
use crate::upstream::{Shared, UsageMode};
use crate::watch::Watch;
use crate::wire::Wire;
use crate::{anthropic, bedrock, cohere, forward, google, mistral, ollama, openai, others, responses};

pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// Answers a request. An error closes the connection without an answer.
pub(crate) async fn respond(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    if let Some(response) = control(&shared, &head.method, head.uri.path(), &body) {
        return Ok(response);
    }
    let recorded = Arc::new(Recorded::new(shared.next_sequence(), head.method, head.uri, head.headers, body));
    shared.record(Arc::clone(&recorded));
    // From here on, being dropped means that the client went away.
    let watch = Watch::new(Arc::clone(&shared), Arc::clone(&recorded));
    let step = match shared.script().next(recorded.header("x-mock-script")) {
        Ok(step) => step,
        Err(error) => return Ok(watch.over(whole(400, "text/plain", error.to_string()))),
    };
    let delay = step.delay() + shared.latency;
    if delay > Duration::ZERO {
        tokio::time::sleep(delay).await;
    }
    let response = answer(&shared, &recorded, &step).await?;
    Ok(watch.over(response))
}

/// Serves the routes for tests themselves.
fn control(shared: &Shared, method: &Method, path: &str, body: &Bytes) -> Option<Response<Body>> {
    Some(match (method, path) {
        (&Method::GET, "/__requests") => {
            let list: Vec<Value> = shared.recorded().iter().map(|recorded| recorded.to_json()).collect();
            json_body(200, &list.into())
        }
        (&Method::DELETE, "/__requests") => {
            shared.recorded().clear();
            json_body(200, &json!({"ok": true}))
        }
        (&Method::POST, "/__script") => {
            let steps = Script::read(&String::from_utf8_lossy(body)).map_err(|error| error.to_string());
            match steps {
                Ok(steps) => {
                    shared.script().push(steps);
                    json_body(200, &json!({"ok": true}))
                }
                Err(error) => json_body(400, &json!({"error": error})),
            }
        }
        (&Method::DELETE, "/__script") => {
            shared.script().clear();
            json_body(200, &json!({"ok": true}))
        }
        (&Method::GET, "/health") => json_body(200, &json!({"status": "ok"})),
        _ => return None,
    })
}

/// What a path asks for.
enum Route {
    OpenAiChat,
    OpenAiResponses,
    OpenAiEmbeddings,
    Ollama,
    OllamaEmbed,
    Cohere,
    CohereEmbed,
    Tokenize,
    Bedrock { model: String, stream: bool },
    BedrockEmbed,
    VertexPredict,
    Token,
    Count,
    Rerank,
    Moderation,
    Image,
    Speech,
    Transcription,
    Completions,
    Anthropic,
    Google { model: String, stream: bool, sse: bool },
    GoogleEmbed { batch: bool },
    Models,
    Unknown,
}

fn route(kind: Kind, recorded: &Recorded) -> Route {
    let path = recorded.uri.path();
    match kind {
        Kind::Ollama => {
            return match path {
                "/api/chat" => Route::Ollama,
                "/api/embed" => Route::OllamaEmbed,
                "/api/tags" => Route::Models,
                _ => Route::Unknown,
            };
        }
        Kind::Cohere => {
            return match path {
                "/v2/chat" => Route::Cohere,
                "/v2/embed" => Route::CohereEmbed,
                "/v2/rerank" => Route::Rerank,
                "/v1/tokenize" => Route::Tokenize,
                "/v1/models" => Route::Models,
                _ => Route::Unknown,
            };
        }
        Kind::Bedrock => {
            let target = path.strip_prefix("/model/").and_then(|rest| rest.rsplit_once('/'));
            return match target {
                Some((model, "converse")) => Route::Bedrock { model: decoded(model), stream: false },
                Some((model, "converse-stream")) => Route::Bedrock { model: decoded(model), stream: true },
                Some((_, "invoke")) => Route::BedrockEmbed,
                Some((_, "count-tokens")) => Route::Count,
                None if path == "/foundation-models" => Route::Models,
                _ => Route::Unknown,
            };
        }
        Kind::Vertex => {
            let sse = recorded.uri.query().is_some_and(|query| query.contains("alt=sse"));
            let Some((model, method)) = path.rsplit('/').next().and_then(|last| last.rsplit_once(':')) else {
                return if is_token_server(recorded) { Route::Token } else { Route::Unknown };
            };
            let model = model.to_owned();
            return match method {
                "rawPredict" if model == "count-tokens" => Route::Count,
                "rawPredict" | "streamRawPredict" => Route::Anthropic,
                "generateContent" => Route::Google { model, stream: false, sse },
                "streamGenerateContent" => Route::Google { model, stream: true, sse },
                "countTokens" => Route::Count,
                "predict" => Route::VertexPredict,
                _ => Route::Unknown,
            };
        }
        _ => {}
    }
    let google = path.starts_with("/v1beta/") || path.starts_with("/v1/models/");
    if recorded.method == Method::GET {
        return if path.ends_with("/models") { Route::Models } else { Route::Unknown };
    }
    if kind == Kind::Google && google {
        let target = path.trim_start_matches("/v1beta/").trim_start_matches("/v1/").trim_start_matches("models/");
        let Some((model, method)) = target.rsplit_once(':') else { return Route::Unknown };
        let model = model.replace("%2F", "/");
        let sse = recorded.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
        return match method {
            "generateContent" => Route::Google { model, stream: false, sse },
            "streamGenerateContent" => Route::Google { model, stream: true, sse },
            "countTokens" => Route::Count,
            "embedContent" => Route::GoogleEmbed { batch: false },
            "batchEmbedContents" => Route::GoogleEmbed { batch: true },
            _ => Route::Unknown,
        };
    }
    match kind {
        Kind::Anthropic if path.ends_with("/messages") => Route::Anthropic,
        Kind::Anthropic if path.ends_with("/messages/count_tokens") => Route::Count,
        Kind::Anthropic => Route::Unknown,
        _ if path.ends_with("/chat/completions") => Route::OpenAiChat,
        _ if path.ends_with("/completions") => Route::Completions,
        _ if path.ends_with("/embeddings") => Route::OpenAiEmbeddings,
        _ if path.ends_with("/responses") => Route::OpenAiResponses,
        _ if path.ends_with("/responses/input_tokens") => Route::Count,
        _ if path.ends_with("/rerank") => Route::Rerank,
        _ if path.ends_with("/moderations") => Route::Moderation,
        _ if path.contains("/images/") => Route::Image,
        _ if path.ends_with("/audio/speech") => Route::Speech,
        _ if path.contains("/audio/") => Route::Transcription,
        _ => Route::Unknown,
    }
}

/// Says whether a request is for Google's token server, or for the one of its machines.
fn is_token_server(recorded: &Recorded) -> bool {
    match (&recorded.method, recorded.uri.path()) {
        (&Method::POST, "/token") => true,
        (&Method::GET, "/computeMetadata/v1/instance/service-accounts/default/token") => {
            recorded.header("metadata-flavor") == Some("Google")
        }
        _ => false,
    }
}

fn decoded(segment: &str) -> String {
    segment.replace("%3A", ":").replace("%2F", "/")
}

async fn answer(shared: &Shared, recorded: &Recorded, step: &Step) -> Result<Response<Body>, io::Error> {
    let route = route(shared.kind, recorded);
    let is_responses = matches!(route, Route::OpenAiResponses);
    let googles = matches!(route, Route::Google { .. } | Route::GoogleEmbed { .. } | Route::VertexPredict);
    let refuse = |refused| {
        let (status, body) = refusal(shared.kind, googles, refused);
        json_body(status, &body)
    };
    if let Some(response) = instead(step, &refuse)? {
        return Ok(response);
    }
    if let Route::Token = route {
        return Ok(json_body(200, &google::token(recorded.sequence)));
    }
    if let Route::Transcription | Route::Image = route
        && recorded.header("content-type").is_some_and(|kind| kind.starts_with("multipart/"))
    {
        let body = match route {
            Route::Image => others::image(&Value::Null),
            _ => others::transcription(&recorded.body),
        };
        return Ok(json_body(200, &body));
    }
    let body = match serde_json::from_slice::<Value>(&recorded.body) {
        Ok(body) if body.is_object() => body,
        _ if recorded.method == Method::GET || !shared.strict => json!({}),
        _ => return Ok(refuse(Refusal::Status(400))),
    };
    if shared.strict && !has_credentials(shared.kind, recorded) {
        return Ok(refuse(Refusal::Status(401)));
    }
    let chats = matches!(route, Route::OpenAiChat);
    if let Some((status, body)) =
        mistral::fault(&body).filter(|_| chats && shared.strict && shared.kind == Kind::Mistral)
    {
        return Ok(json_body(status, &body));
    }
    if shared.strict && shared.kind == Kind::Vertex && matches!(route, Route::Anthropic) && !google::is_claudes(&body) {
        return Ok(refuse(Refusal::Status(400)));
    }
    let wire = match route {
        Route::Models => Wire::Whole(match shared.kind {
            Kind::Anthropic => anthropic::models(&shared.model),
            Kind::Ollama => ollama::models(&shared.model),
            Kind::Cohere => cohere::models(&shared.model),
            Kind::Bedrock => bedrock::models(&shared.model),
            Kind::Google if recorded.uri.path().starts_with("/v1beta/") => google::models(&shared.model),
            _ => openai::models(&shared.model),
        }),
        Route::Count => Wire::Whole(match shared.kind {
            Kind::Anthropic => json!({"input_tokens": others::count(&anthropic::ask(&body))}),
            Kind::Bedrock => {
                let ask = bedrock::ask(&body["input"]["converse"], "", false);
                json!({"inputTokens": others::count(&ask)})
            }
            Kind::Vertex if recorded.uri.path().ends_with("rawPredict") => {
                json!({"input_tokens": others::count(&anthropic::ask(&body))})
            }
            Kind::Vertex if body["contents"].is_null() => return Ok(refuse(Refusal::Status(400))),
            Kind::Google | Kind::Vertex => {
                let inner = body.get("generateContentRequest").unwrap_or(&body);
                json!({"totalTokens": others::count(&google::ask(inner, "", false))})
            }
            _ => json!({"object": "response.input_tokens", "input_tokens": others::count(&responses::ask(&body))}),
        }),
        Route::BedrockEmbed if body["inputText"].is_string() || body["texts"].is_array() => {
            Wire::Whole(bedrock::embeddings(&body, shared.seed))
        }
        Route::BedrockEmbed => return Ok(refuse(Refusal::Status(400))),
        Route::OllamaEmbed => Wire::Whole(ollama::embeddings(&body, shared.seed)),
        Route::CohereEmbed => Wire::Whole(cohere::embeddings(&body, shared.seed)),
        Route::Tokenize => Wire::Whole(cohere::tokenize(&body)),
        Route::VertexPredict => Wire::Whole(google::predict(&body, shared.seed)),
        Route::Rerank => Wire::Whole(others::rerank(&body)),
        Route::Moderation => Wire::Whole(others::moderation(&body)),
        Route::Completions => others::completion(&body),
        Route::Image => Wire::Whole(others::image(&body)),
        Route::Speech => {
            let bytes = Full::new(Bytes::from(others::speech(&body))).map_err(|never: Infallible| match never {});
            let mut response = Response::new(bytes.boxed());
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/mpeg"));
            return Ok(response);
        }
        Route::OpenAiEmbeddings => Wire::Whole(openai::embeddings(&body, shared.seed)),
        Route::GoogleEmbed { batch } => Wire::Whole(google::embeddings(&body, shared.seed, batch)),
        Route::Unknown | Route::Token => return Ok(refuse(Refusal::Status(404))),
        Route::OpenAiChat if shared.target.is_some() => return Ok(forward::relay(shared, recorded).await),
        chat => match speak(shared, recorded, &chat, &body, step).await {
            Ok(wire) => wire,
            Err(status) => return Ok(refuse(Refusal::Status(status))),
        },
    };
    let error_event = error_event(shared.kind, googles, is_responses);
    Ok(deliver(wire, step, &error_event))
}

/// Answers a chat in its protocol.
async fn speak(shared: &Shared, recorded: &Recorded, route: &Route, body: &Value, step: &Step) -> Result<Wire, u16> {
    let mode = if step.effects.contains(&Effect::NoUsage) { UsageMode::Omit } else { shared.usage };
    let (ask, usual) = match route {
        Route::Anthropic => {
            let ask = anthropic::ask(body);
            let usual = anthropic::usual(&ask);
            (ask, usual)
        }
        Route::Google { model, stream, .. } => {
            let ask = google::ask(body, model, *stream);
            let usual = google::usual(&ask);
            (ask, usual)
        }
        Route::Ollama => {
            let ask = ollama::ask(body);
            let usual = ollama::usual(&ask);
            (ask, usual)
        }
        Route::Cohere => {
            let ask = cohere::ask(body);
            let usual = cohere::usual(&ask);
            (ask, usual)
        }
        Route::Bedrock { model, stream } => {
            let ask = bedrock::ask(body, model, *stream);
            let usual = anthropic::usual(&ask);
            (ask, usual)
        }
        Route::OpenAiResponses => {
            let ask = responses::ask(body);
            let usual = responses::usual(shared.kind, &shared.model, &ask);
            (ask, usual)
        }
        _ => (openai::ask(body), openai::usual(shared.kind, &shared.model, body)),
    };
    let usual = match &shared.target {
        Some(_) => forward::ask(shared, &ask).await?,
        None => usual,
    };
    let mut say = answer::answer(&ask, usual, shared.seed, recorded.sequence);
    if shared.numbered {
        say.id_end = format!("-{}", recorded.sequence);
    }
    Ok(match route {
        Route::Anthropic => anthropic::chat(&ask, &say, mode),
        Route::Ollama => ollama::chat(&ask, &say, mode),
        Route::Cohere => cohere::chat(&ask, &say, mode),
        Route::Bedrock { .. } => bedrock::chat(&ask, &say, mode),
        Route::OpenAiResponses => responses::chat(&Ask { model: named(&ask, shared), ..ask }, &say, mode),
        Route::Google { sse, .. } => google::chat(&ask, &say, mode, *sse),
        _ => openai::chat(shared.kind, &Ask { model: named(&ask, shared), ..ask }, &say, mode),
    })
}

fn named(ask: &Ask, shared: &Shared) -> String {
    if ask.model.is_empty() { shared.model.clone() } else { ask.model.clone() }
}

fn has_credentials(kind: Kind, recorded: &Recorded) -> bool {
    let has = |name: &str| recorded.headers.contains_key(name);
    match kind {
        Kind::Anthropic => has("anthropic-version") && (has("x-api-key") || has("authorization")),
        Kind::Google | Kind::Vertex => has("x-goog-api-key") || has("authorization"),
        Kind::Ollama => true,
        _ => has("authorization") || has("api-key"),
    }
}

/// Makes the responses that take the place of an answer.
fn instead(step: &Step, refuse: &impl Fn(Refusal) -> Response<Body>) -> Result<Option<Response<Body>>, io::Error> {
    for effect in &step.effects {
        return Ok(Some(match effect {
            Effect::Reset => return Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            Effect::Refuse(refused, headers) => {
                let mut response = refuse(*refused);
                put(response.headers_mut(), headers);
                response
            }
            Effect::Html => whole(200, "text/html", "<html><body>Bad gateway</body></html>".into()),
            Effect::Empty => whole(200, "application/json", String::new()),
            Effect::Truncated => whole(200, "application/json", r#"{"id":"mock","choices":[{"mess"#.to_owned()),
            Effect::WrongContentType => whole(200, "text/plain", "this is not the API".to_owned()),
            Effect::Huge(size) => whole(200, "application/json", format!("{{\"padding\":\"{}\"}}", "x".repeat(*size))),
            Effect::Redirect(url) => {
                let mut response = whole(307, "text/plain", String::new());
                put(response.headers_mut(), &[("location".to_owned(), url.clone())]);
                response
            }
            Effect::Stall => streamed("application/json", stream::pending().boxed()),
            Effect::Canned(canned) => {
                let chunks = canned.bytes();
                let cut = canned.cut.then(broken);
                let tail = stream::iter(cut).flatten();
                let mut response =
                    streamed("application/json", stream::iter(chunks.into_iter().map(Ok)).chain(tail).boxed());
                *response.status_mut() = StatusCode::from_u16(canned.status).unwrap_or(StatusCode::OK);
                put(response.headers_mut(), &canned.headers);
                response
            }
            _ => continue,
        }));
    }
    Ok(None)
}

/// Sends an answer, with what the step does to its bytes.
fn deliver(wire: Wire, step: &Step, error_event: &Bytes) -> Response<Body> {
    let split =
        step.effects.iter().find_map(|effect| if let Effect::Split(size) = effect { Some(*size) } else { None });
    match wire {
        Wire::Whole(body) => match split {
            Some(size) => streamed("application/json", pieces(&[Bytes::from(body.to_string())], size)),
            None => json_body(200, &body),
        },
        Wire::Stream { mut events, answered, content_type } => {
            let mut tail: BoxStream<'static, io::Result<Bytes>> = stream::empty().boxed();
            for effect in &step.effects {
                match effect {
                    Effect::StallAfter(count) => {
                        events.truncate(*count);
                        tail = stream::pending().boxed();
                    }
                    Effect::CutAfter(count) => {
                        events.truncate(*count);
                        tail = broken();
                    }
                    Effect::NeverEnds => {
                        events.truncate(answered);
                        tail = stream::pending().boxed();
                    }
                    Effect::StreamError => {
                        events.truncate(2);
                        events.push(error_event.clone());
                    }
                    Effect::Malformed => {
                        events.truncate(2);
                        events.push(Bytes::from_static(b"data: {\"choices\": [{\"del\n\n"));
                    }
                    _ => {}
                }
            }
            let body = match split {
                Some(size) => pieces(&events, size),
                None => stream::iter(events.into_iter().map(Ok)).boxed(),
            };
            streamed(content_type, paced(body.chain(tail).boxed(), step))
        }
    }
}

/// Ends a body with a broken connection.
fn broken() -> BoxStream<'static, io::Result<Bytes>> {
    // A pause lets the server write what it has before it drops the connection.
    let cut = async {
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    };
    stream::once(cut).boxed()
}

fn error_event(kind: Kind, googles: bool, is_responses: bool) -> Bytes {
    let (_, body) = refusal(kind, googles, Refusal::Overloaded);
    match kind {
        Kind::Anthropic => anthropic::event(&body),
        Kind::Vertex if !googles => anthropic::event(&body),
        Kind::Ollama => ollama::event(&body),
        Kind::Cohere => cohere::event(&json!({"type": "error", "message": body["message"]})),
        Kind::Bedrock => bedrock::exception("ServiceUnavailableException", &body),
        Kind::Google | Kind::Vertex if googles => google::event(&body),
        _ if is_responses => responses::error_event(&body),
        _ => openai::event(&body),
    }
}

fn pieces(events: &[Bytes], size: usize) -> BoxStream<'static, io::Result<Bytes>> {
    let whole = events.concat();
    let pieces: Vec<Bytes> = whole.chunks(size).map(Bytes::copy_from_slice).collect();
    stream::iter(pieces.into_iter().map(Ok)).boxed()
}

/// Waits before each piece, if the step says so.
fn paced(body: BoxStream<'static, io::Result<Bytes>>, step: &Step) -> BoxStream<'static, io::Result<Bytes>> {
    let pace = step.effects.iter().find_map(|effect| if let Effect::Pace(pace) = effect { Some(*pace) } else { None });
    let Some(pace) = pace else { return body };
    body.then(move |piece| async move {
        tokio::time::sleep(pace).await;
        piece
    })
    .boxed()
}

pub(crate) fn json_body(status: u16, body: &Value) -> Response<Body> {
    whole(status, "application/json", body.to_string())
}

fn whole(status: u16, content_type: &'static str, body: String) -> Response<Body> {
    let body = Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn streamed(content_type: &'static str, body: BoxStream<'static, io::Result<Bytes>>) -> Response<Body> {
    let body =
        BodyExt::boxed(StreamBody::new(SyncStream(std::sync::Mutex::new(body)).map(|bytes| bytes.map(Frame::data))));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn put(headers: &mut HeaderMap, more: &[(String, String)]) {
    for (name, value) in more {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
}

/// Makes a stream shareable, as hyper's boxed bodies must be; nobody polls it from two threads.
struct SyncStream(std::sync::Mutex<BoxStream<'static, io::Result<Bytes>>>);

impl Stream for SyncStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.get_mut() {
            Ok(stream) => stream.poll_next_unpin(cx),
            Err(_) => Poll::Ready(None),
        }
    }
}
