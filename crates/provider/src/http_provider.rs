use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tollbridge_core::{
    AuthStyle, ByteStream, CallContext, CallEvent, Error, ErrorKind, Fetch, ModelSettings, Operation, Provider,
    ProviderInfo, ProviderSettings, Reply, ReplyBody, Request, RequestBody, Rest, Secret, ThinkTags, Timeouts,
    Transport, VendorError,
};
use tollbridge_profiles::Profiles;
use tollbridge_protocol::media::Fetched;
use tollbridge_protocol::translate::{self, Encoded};
use tollbridge_protocol::{
    ChatCodec, CountCodec, Cure, EmbedCodec, ModelsCodec, Remedy, ReplyContext, RerankCodec, chat_request, embed_parts,
    errors, framing_of, gathered, models, moved,
};
use tollbridge_types::{ModelInfo, Protocol};
use url::Url;

use crate::body::{self, Shape};
use crate::field_map::FieldMap;
use crate::learned::Learned;
use crate::limits;
use crate::signer::Signer;
use crate::stream;

/// A vendor reached over HTTP: its codecs, its routes and its key.
///
/// A provider crate builds one in its registration's `build` function. The path of a call is the
/// same for all: encode, find the route, sign, send, tell success from failure, hand out bytes.
pub struct HttpProvider {
    info: ProviderInfo,
    chats: Vec<&'static dyn ChatCodec>,
    embed: Option<&'static dyn EmbedCodec>,
    count: Option<&'static dyn CountCodec>,
    rerank: Option<&'static dyn RerankCodec>,
    route: Box<FindRoute>,
    signer: Option<Arc<dyn Signer>>,
    /// What must not show in an error, beside the key.
    hidden: Vec<Secret>,
    rewrite: Option<Box<Rewrite>>,
    /// Where the server has the fields of a whole chat completion, and of a chunk of one.
    reply_fields: FieldMap,
    stream_fields: FieldMap,
    headers: HeaderMap,
    key: Option<Secret>,
    listed: Vec<ModelSettings>,
    profiles: Profiles,
    /// What fetches the addresses of media that the vendor takes only as bytes.
    fetch: Option<Arc<dyn Fetch>>,
    timeouts: Timeouts,
    transport: Arc<dyn Transport>,
    think_tags: ThinkTags,
    asks_usage: bool,
    /// Models that refuse to be asked for usage on streams.
    refused_usage: Refused,
    /// What refusals taught.
    learned: Learned,
}

type Rewrite = dyn Fn(&Route<'_>, Bytes) -> Result<Bytes, Error> + Send + Sync;
type FindRoute = dyn Fn(&Route<'_>) -> Result<Url, Error> + Send + Sync;

/// What a route is looked up for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Route<'a> {
    /// The operation.
    pub operation: Operation,
    /// The protocol that the provider was told to speak for it.
    pub protocol: Protocol,
    /// The model, by the vendor's own name; empty for the model list.
    pub model: &'a str,
    /// Whether the reply is to be a stream.
    pub stream: bool,
}

impl HttpProvider {
    /// Starts a provider that can do nothing yet; `route` finds the URL of each operation.
    pub fn new(
        settings: ProviderSettings,
        transport: Arc<dyn Transport>,
        route: impl Fn(&Route<'_>) -> Result<Url, Error> + Send + Sync + 'static,
    ) -> Self {
        let profiles = settings.own_profiles(settings.profiles.clone());
        let mut headers = settings.headers;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            info: ProviderInfo::new(settings.name, &[]),
            chats: Vec::new(),
            embed: None,
            count: None,
            rerank: None,
            route: Box::new(route),
            signer: None,
            hidden: Vec::new(),
            rewrite: None,
            reply_fields: FieldMap::default(),
            stream_fields: FieldMap::default(),
            headers,
            key: settings.api_key,
            listed: settings.models,
            profiles,
            fetch: settings.fetch,
            timeouts: settings.timeouts,
            think_tags: settings.think_tags,
            transport,
            asks_usage: false,
            refused_usage: Refused::default(),
            learned: Learned::default(),
        }
    }

    /// Adds chat in a protocol. Requests of a protocol that the provider speaks keep it; all others are
    /// translated into the one that was added first.
    #[must_use]
    pub fn chat(mut self, codec: &'static dyn ChatCodec) -> Self {
        self.info.operations.push((Operation::Chat, codec.protocol()));
        self.asks_usage |= codec.protocol() == Protocol::OPENAI_CHAT;
        self.chats.push(codec);
        self
    }

    /// Adds the counting of tokens in a protocol.
    #[must_use]
    pub fn count_tokens(mut self, codec: &'static dyn CountCodec) -> Self {
        self.info.operations.push((Operation::CountTokens, codec.protocol()));
        self.count = Some(codec);
        self
    }

    /// Adds the sorting of documents in a protocol.
    #[must_use]
    pub fn rerank(mut self, codec: &'static dyn RerankCodec) -> Self {
        self.info.operations.push((Operation::Rerank, codec.protocol()));
        self.rerank = Some(codec);
        self
    }

    /// Adds an operation whose requests and replies pass as they are, in one protocol.
    #[must_use]
    pub fn pass(mut self, operation: Operation, protocol: Protocol) -> Self {
        self.info.operations.push((operation, protocol));
        self
    }

    /// Adds embeddings in a protocol.
    #[must_use]
    pub fn embed(mut self, codec: &'static dyn EmbedCodec) -> Self {
        self.info.operations.push((Operation::Embed, codec.protocol()));
        self.embed = Some(codec);
        self
    }

    /// Adds the model list in a protocol. Models named in the settings take the vendor's list's place.
    #[must_use]
    pub fn models(mut self, codec: &'static dyn ModelsCodec) -> Self {
        self.info.operations.push((Operation::Models, codec.protocol()));
        self
    }

    /// Says that the server knows no `stream_options`, so that usage on streams cannot be asked for.
    #[must_use]
    pub fn without_stream_options(mut self) -> Self {
        self.asks_usage = false;
        self
    }

    /// Sends the key in this style, if there is a key.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the key has characters that a header cannot carry.
    pub fn auth(mut self, style: AuthStyle) -> Result<Self, Error> {
        if let Some(key) = &self.key {
            match style {
                AuthStyle::Bearer => self.headers.insert(header::AUTHORIZATION, key.header("Bearer")?),
                AuthStyle::Header(name) => self.headers.insert(HeaderName::from_static(name), key.header("")?),
                _ => None,
            };
        }
        Ok(self)
    }

    /// Signs every request, after everything else has been done to it.
    #[must_use]
    pub fn signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Masks a secret of the signer's in whatever a vendor says of a call that failed.
    #[must_use]
    pub fn hide(mut self, secret: Secret) -> Self {
        self.hidden.push(secret);
        self
    }

    /// Changes every body before it is sent, for vendors that wrap a protocol in something of their own.
    #[must_use]
    pub fn rewrite(
        mut self,
        rewrite: impl Fn(&Route<'_>, Bytes) -> Result<Bytes, Error> + Send + Sync + 'static,
    ) -> Self {
        self.rewrite = Some(Box::new(rewrite));
        self
    }

    /// Says where a server has the fields of chat completions, whole and streamed, that it names in its own way.
    #[must_use]
    pub fn reply_fields(mut self, whole: FieldMap, streamed: FieldMap) -> Self {
        (self.reply_fields, self.stream_fields) = (whole, streamed);
        self
    }

    /// Sends a header with every request, unless the settings name it.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.entry(name).or_insert(value);
        self
    }

    /// Makes the provider shareable.
    pub fn build(self) -> Arc<dyn Provider> {
        Arc::new(self)
    }

    async fn make(&self, request: &Request, cx: &CallContext) -> Result<Reply, Error> {
        if let Some(most) = self.most_texts(request)
            && let Some(parts) = embed_parts(request, most)?
        {
            return self.make_parts(parts, most, cx).await;
        }
        self.make_one(request, cx).await
    }

    async fn make_one(&self, request: &Request, cx: &CallContext) -> Result<Reply, Error> {
        let operation = request.operation;
        let protocol = self.protocol_for(request).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("this provider has no operation `{operation}`"))
                .with_hint("use a model of a provider that has it")
        })?;
        if operation == Operation::Models && !self.listed.is_empty() {
            return self.list_models();
        }
        let stream = request.stream && operation == Operation::Chat;
        let model = if operation == Operation::Models { "" } else { request.model.as_str() };
        if let Some(settings) =
            self.listed.iter().find(|settings| operation == Operation::Chat && settings.name == model)
        {
            limits::check(request, settings)?;
        }
        let mut route = Route { operation, protocol, model, stream };
        let lessons = if self.learns(request) { self.learned.of(model) } else { Vec::new() };
        let fetched = self.with_media(request, protocol, cx).await?;
        let request = fetched.as_ref().unwrap_or(request);
        let mut encoded = self.encode(request, &route, &lessons)?;
        let mut outcome = self.exchange(request, &route, &encoded, cx).await;
        if encoded.asked_usage && outcome.as_ref().is_err_and(refuses_stream_options) {
            self.refused_usage.insert(model);
            encoded = self.encode(request, &route, &lessons)?;
            outcome = self.exchange(request, &route, &encoded, cx).await;
        }
        if !lessons.is_empty() && outcome.as_ref().is_err_and(Remedy::is_refusal) {
            let plain = self.encode(request, &route, &[])?;
            if plain.body != encoded.body
                && let Ok(reply) = self.exchange(request, &route, &plain, cx).await
            {
                // What was learned is not so any more.
                self.learned.forget(model);
                (encoded, outcome) = (plain, Ok(reply));
            }
        }
        if let Err(refusal) = &outcome
            && let Some(remedy) = Remedy::of(refusal, &encoded.body).filter(|_| self.learns(request))
            && self.heal(request, &mut route, &mut encoded, &remedy)?
        {
            cx.observe(CallEvent::adapted(&self.info.name, model, &remedy.to_string()));
            outcome = self.exchange(request, &route, &encoded, cx).await;
            if outcome.is_ok() {
                self.learned.keep(model, remedy);
            }
        }
        let mut reply = outcome?;
        (reply.losses, reply.tool_names) = (encoded.losses, encoded.tool_names);
        let own_tags = self.listed.iter().find(|settings| settings.name == model).and_then(|model| model.think_tags);
        let tags = own_tags.unwrap_or(self.think_tags);
        if operation == Operation::Chat && tags != ThinkTags::Off {
            return translate::part_thinking(reply, tags, &reply_context(request, cx));
        }
        Ok(reply)
    }

    /// Returns the protocol for a request: its own if the provider speaks it, else the one that serves the model best.
    fn protocol_for(&self, request: &Request) -> Option<Protocol> {
        let usual = self.info.protocol_for(request)?;
        if request.operation != Operation::Chat {
            return Some(usual);
        }
        let speaks = |protocol| self.chats.iter().any(|codec| codec.protocol() == protocol);
        let learned = || self.learned.of(&request.model).iter().any(|lesson| lesson.cure == Cure::Responses);
        if usual == Protocol::OPENAI_CHAT && !request.strict && speaks(Protocol::OPENAI_RESPONSES) && learned() {
            return Some(Protocol::OPENAI_RESPONSES);
        }
        if request.wire().is_some_and(|wire| wire.protocol == usual) {
            return Some(usual);
        }
        let profile = self.profiles.of(&request.model, usual.as_str());
        let has_tools = || chat_request(request).is_ok_and(|typed| !typed.tools.is_empty());
        let rather = match (profile.operations.only.as_deref(), profile.tools.operation.as_deref()) {
            (Some(only), _) => Some(only),
            (None, Some(operation)) if has_tools() => Some(operation),
            _ => None,
        };
        let rather = match rather {
            Some("responses") => Protocol::OPENAI_RESPONSES,
            Some("chat") => Protocol::OPENAI_CHAT,
            _ => return Some(usual),
        };
        Some(if speaks(rather) { rather } else { usual })
    }

    /// Says whether a refusal of this request may be answered with a remedy, and taught by.
    fn learns(&self, request: &Request) -> bool {
        !request.strict && matches!(request.operation, Operation::Chat | Operation::Embed | Operation::CountTokens)
    }

    /// Makes a refused request into one that does without what was refused.
    fn heal<'r>(
        &self,
        request: &Request,
        route: &mut Route<'r>,
        encoded: &mut Encoded,
        remedy: &Remedy,
    ) -> Result<bool, Error> {
        if remedy.cure != Cure::Responses {
            return translate::remedied(request, encoded, remedy);
        }
        let other = Protocol::OPENAI_RESPONSES;
        if route.protocol == other || !self.chats.iter().any(|codec| codec.protocol() == other) {
            return Ok(false);
        }
        route.protocol = other;
        *encoded = self.encode(request, route, &[])?;
        Ok(true)
    }

    /// Fetches what the vendor takes only as bytes and the client named by its address, if that is allowed.
    async fn with_media(
        &self,
        request: &Request,
        protocol: Protocol,
        cx: &CallContext,
    ) -> Result<Option<Request>, Error> {
        let codec = self.chats.iter().find(|codec| codec.protocol() == protocol);
        let (Some(fetch), Some(codec)) = (&self.fetch, codec.filter(|_| request.operation == Operation::Chat)) else {
            return Ok(None);
        };
        let profile = self.profiles.of(&request.model, protocol.as_str());
        let found = translate::addresses(request, *codec, &profile)?;
        if found.is_empty() {
            return Ok(None);
        }
        let urls: Vec<String> = found.iter().map(|address| address.url.clone()).collect();
        let bytes = fetch.fetch(&urls, cx).await.map_err(|(place, error)| match found.get(place) {
            Some(address) => translate::told_at(request, &address.path, error),
            None => error,
        })?;
        let pairs = urls.into_iter().zip(bytes);
        let fetched: Vec<_> = pairs.map(|(url, found)| Fetched::new(url, found.bytes, found.content_type)).collect();
        translate::with_media(request, &fetched).map(Some)
    }

    /// Returns how many texts a call for vectors may have, if that is known.
    fn most_texts(&self, request: &Request) -> Option<usize> {
        let codec = self.embed.filter(|_| request.operation == Operation::Embed)?;
        let most = self.profiles.of(&request.model, codec.protocol().as_str()).limits.texts?;
        usize::try_from(most).ok()
    }

    /// Makes the calls for the parts of a request, several at a time, and one reply of all.
    async fn make_parts(&self, parts: Vec<Request>, most: usize, cx: &CallContext) -> Result<Reply, Error> {
        let in_whole = |place: usize, error: Error| match error.path().map(|path| moved(path, place * most)) {
            Some(path) => error.with_path(path),
            None => error,
        };
        // What is wrong with the last text is told before the first is sent.
        for (place, part) in parts.iter().enumerate() {
            if let Some(codec) = self.embed {
                translate::embed_body(part, codec).map_err(|error| in_whole(place, error))?;
            }
        }
        let calls = parts.into_iter().enumerate().map(|(place, part)| async move {
            let reply = self.make_one(&part, cx).await.map_err(|error| in_whole(place, error))?;
            Ok((part, reply))
        });
        // The first error ends the call, and drops what is still open.
        let replies: Vec<_> = futures_util::stream::iter(calls).buffered(AT_A_TIME).try_collect().await?;
        gathered(replies, most)
    }

    fn encode(&self, request: &Request, route: &Route<'_>, lessons: &[Remedy]) -> Result<Encoded, Error> {
        let ask_usage = self.asks_usage && !self.refused_usage.contains(route.model);
        let mut encoded = self.written(request, route.protocol, ask_usage)?;
        for remedy in lessons {
            translate::remedied(request, &mut encoded, remedy)?;
        }
        if let Some(rewrite) = &self.rewrite {
            encoded.body = rewrite(route, encoded.body)?;
        }
        Ok(encoded)
    }

    fn written(&self, request: &Request, protocol: Protocol, ask_usage: bool) -> Result<Encoded, Error> {
        let chat = self.chats.iter().find(|codec| codec.protocol() == protocol);
        match (request.operation, chat, self.embed, self.count, self.rerank) {
            (Operation::Chat, Some(codec), ..) => {
                translate::request_for(request, *codec, &self.profiles.of(&request.model, protocol.as_str()), ask_usage)
            }
            (Operation::Embed, _, Some(codec), ..) => translate::embed_body(request, codec),
            (Operation::CountTokens, .., Some(codec), _) => {
                translate::count_body(request, codec, &self.profiles.of(&request.model, protocol.as_str()))
            }
            (Operation::Rerank, .., Some(codec)) => translate::rerank_body(request, codec),
            (Operation::Models, ..) => Ok(Encoded::default()),
            _ => translate::pass_body(request, protocol),
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        route: &Route<'_>,
        encoded: &Encoded,
        cx: &CallContext,
    ) -> Result<Reply, Error> {
        let Route { protocol, stream, .. } = *route;
        let url = (self.route)(route)?;
        let mut outgoing = http::Request::new(encoded.body.clone());
        *outgoing.method_mut() = if request.operation == Operation::Models { Method::GET } else { Method::POST };
        *outgoing.uri_mut() = url
            .as_str()
            .parse()
            .map_err(|_| Error::new(ErrorKind::Config, "`base_url` and the model make no valid URL"))?;
        *outgoing.headers_mut() = self.headers.clone();
        for (name, value) in &encoded.headers {
            outgoing.headers_mut().append(name, value.clone());
        }
        if request.wire().is_some_and(|wire| wire.protocol == protocol) {
            for (name, value) in &request.headers {
                // A form's boundary stands in the header that names its type.
                if name == header::CONTENT_TYPE {
                    outgoing.headers_mut().insert(name, value.clone());
                } else {
                    outgoing.headers_mut().append(name, value.clone());
                }
            }
        }
        if let Some(signer) = &self.signer {
            signer.sign(&mut outgoing, cx).await?;
        }
        let proof = self.signer.as_ref().and_then(|_| proof(outgoing.headers()));
        cx.observe(CallEvent::sent(&self.info.name, &request.model));
        let timeouts = cx.timeouts.unwrap_or(self.timeouts);
        let (head, start) = outgoing.into_parts();
        let outgoing = http::Request::from_parts(head, with_rest(start, encoded.rest.as_ref())?);
        let (head, body) = self.transport.send(outgoing, timeouts, cx).await?.into_parts();
        cx.observe(CallEvent::answered(&self.info.name, head.status.as_u16()));
        if !head.status.is_success() {
            let refusal = self.refusal(protocol, head.status, &head.headers, body).await;
            return Err(proof.iter().fold(refusal, |refusal, proof| refusal.redacted(proof)));
        }
        let body = match is_media(request.operation, &head.headers) {
            true => ReplyBody::Stream(body),
            false => {
                let gather = |events: &[u8]| match request.operation {
                    Operation::Chat => Some(translate::gathered(protocol, events, &reply_context(request, cx))),
                    _ => None,
                };
                self.success(protocol, &head, body, stream, timeouts, gather).await?
            }
        };
        let mut reply = Reply::new(protocol, &self.info.name, &request.model, body);
        (reply.status, reply.headers, reply.sent) = (head.status, head.headers, encoded.body.clone());
        Ok(reply)
    }

    async fn refusal(&self, protocol: Protocol, status: StatusCode, headers: &HeaderMap, body: ByteStream) -> Error {
        if status.is_redirection() {
            let mut vendor = VendorError::default();
            vendor.status = Some(status.as_u16());
            return Error::new(ErrorKind::Config, format!("the server redirects elsewhere (status {status})"))
                .with_hint("set `base_url` to the final address: a key is never sent along a redirect")
                .with_vendor(vendor);
        }
        let body = body::read_start(body, body::ERROR_LIMIT).await;
        errors(protocol).decode_error(status, headers, &body)
    }

    async fn success(
        &self,
        protocol: Protocol,
        head: &Parts,
        mut body: ByteStream,
        stream: bool,
        timeouts: Timeouts,
        gather: impl Fn(&[u8]) -> Option<Result<Bytes, Error>>,
    ) -> Result<ReplyBody, Error> {
        let (framing, status) = (framing_of(protocol), head.status);
        let mapped = protocol == Protocol::OPENAI_CHAT;
        let fields = if mapped { self.stream_fields.clone() } else { FieldMap::default() };
        let mut first = Bytes::new();
        let mut open = true;
        if stream {
            // The first bytes tell a stream from an error page or a whole reply that came instead.
            while open && !body::is_telling(framing, &first) {
                match body.next().await {
                    Some(bytes) => first = [first, bytes?].concat().into(),
                    None if first.trim_ascii().is_empty() => {
                        return Err(body::garbage("the reply is empty", status, &first));
                    }
                    None => open = false,
                }
            }
            if open && body::begins_stream(framing, &first) {
                return Ok(ReplyBody::Frames(stream::frames(protocol, &first, body, timeouts.finish, fields)));
            }
        }
        let whole = if open { body::read_whole(body, first, body::WHOLE_LIMIT).await? } else { first };
        match body::inspect(status, &whole) {
            Ok(Shape::Failure(deserved)) => Err(errors(protocol).decode_error(deserved, &head.headers, &whole)),
            Ok(Shape::Answer) if mapped && !self.reply_fields.is_empty() => {
                Ok(ReplyBody::Whole(self.reply_fields.from_server(&whole)?))
            }
            Ok(Shape::Answer) => Ok(ReplyBody::Whole(whole)),
            // Some servers stream whatever they are asked: the events hold the answer and its usage.
            Err(garbage) if body::begins_stream(framing, &whole) && body::has_events(framing, &whole) => {
                match gather(&whole) {
                    Some(Ok(gathered)) => Ok(ReplyBody::Whole(gathered)),
                    Some(Err(error)) if error.kind() != ErrorKind::Unsupported => Err(error),
                    _ => Err(garbage),
                }
            }
            Err(garbage) => Err(garbage),
        }
    }

    fn list_models(&self) -> Result<Reply, Error> {
        let info = |settings: &ModelSettings| {
            let mut info = ModelInfo::new(&settings.name);
            info.display_name.clone_from(&settings.display_name);
            info.output_limit = settings.max_tokens;
            info
        };
        let list: Vec<ModelInfo> = self.listed.iter().map(info).collect();
        let protocol = Protocol::OPENAI_MODELS;
        let codec = models(protocol).ok_or_else(|| Error::new(ErrorKind::Unsupported, "no codec for model lists"))?;
        Ok(Reply::new(protocol, &self.info.name, "", codec.encode_reply(&list)?))
    }
}

/// How many parts of one call are open at a time.
const AT_A_TIME: usize = 8;

/// Models that were found to refuse something, so that they are not asked again.
#[derive(Default)]
struct Refused(Mutex<HashSet<String>>);

impl Refused {
    fn contains(&self, model: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(model)
    }

    fn insert(&self, model: &str) {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Names of models come from clients: a server that refuses them all must not fill the memory.
        if models.len() < 1024 {
            models.insert(model.to_owned());
        }
    }
}

impl fmt::Debug for HttpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProvider").field("info", &self.info).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for HttpProvider {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    async fn call(&self, request: Request, cx: &CallContext) -> Result<Reply, Error> {
        self.make(&request, cx).await.map_err(|error| {
            let error = error.with_provider(&self.info.name).with_model(&request.model);
            let error = self.key.iter().chain(&self.hidden).fold(error, |error, secret| error.redacted(secret));
            cx.observe(CallEvent::failed(&self.info.name, &error));
            error
        })
    }
}

/// Returns what a reply needs that is written here and that its vendor may not have said.
fn reply_context<'a>(request: &'a Request, cx: &'a CallContext) -> ReplyContext<'a> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    ReplyContext::new(&cx.request_id, &request.model, now)
}

/// Lets what is still on its way from the client follow the beginning of a body.
fn with_rest(start: Bytes, rest: Option<&Rest>) -> Result<RequestBody, Error> {
    let Some(rest) = rest else { return Ok(start.into()) };
    let spent = || Error::new(ErrorKind::Unsupported, "the form was passed on as it came and cannot be sent again");
    let length = rest.length().map(|length| length + start.len() as u64);
    let whole = futures_util::stream::once(async { Ok(start) }).chain(rest.take().ok_or_else(spent)?);
    Ok(RequestBody::Stream(whole.boxed(), length))
}

/// Returns what a signer put into a request, which must not show in an error.
fn proof(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    Some(Secret::new(value.strip_prefix("Bearer ").unwrap_or(value)))
}

/// Says whether a reply is something else than JSON that passes unread: sound, plain text, pictures in events.
fn is_media(operation: Operation, headers: &HeaderMap) -> bool {
    let passes = matches!(operation, Operation::Image | Operation::Speech | Operation::Transcribe);
    passes && !content_type(headers).contains("json")
}

/// Returns the type of a body, without its parameters.
fn content_type(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn refuses_stream_options(error: &Error) -> bool {
    let says = |vendor: &VendorError| {
        vendor.status == Some(400) && memchr::memmem::find(&vendor.body, b"stream_options").is_some()
    };
    error.vendor().is_some_and(says)
}
