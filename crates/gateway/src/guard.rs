use std::error::Error as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;
use http::{HeaderMap, header};
use tollbridge::{Error, ErrorKind, Protocol};
use tollbridge_usage::key::{KeyError, KeyStore, PREFIX, Scope};
use tollbridge_usage::now_ms;

use crate::caller::Caller;
use crate::server::State;
use crate::{cors, failure, peer, routes};

/// Routes, none of which can be mounted without saying who may come in.
pub(crate) struct Mounts {
    state: Arc<State>,
    router: Router<Arc<State>>,
}

impl Mounts {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self { state, router: Router::new() }
    }

    /// Mounts what everybody may ask.
    pub(crate) fn open(mut self, path: &str, handler: MethodRouter<Arc<State>>) -> Self {
        self.router = self.router.route(path, handler);
        self
    }

    /// Mounts what only the callers may ask whom a guard lets in.
    pub(crate) fn guarded(mut self, path: &str, guard: Guard, handler: MethodRouter<Arc<State>>) -> Self {
        let layer = from_fn_with_state((Arc::clone(&self.state), guard), admit);
        self.router = self.router.route(path, handler.route_layer(layer));
        self
    }

    /// Ends the list, with what is left to say about the whole.
    pub(crate) fn finish(self, rest: impl FnOnce(Router<Arc<State>>) -> Router<Arc<State>>) -> Router {
        let cors = from_fn_with_state(Arc::clone(&self.state), cors::layer);
        let routes = rest(self.router).with_state(self.state);
        // A router tells the methods of a route after its own layers.
        Router::new().fallback_service(routes).layer(from_fn(routes::wrong_method)).layer(cors)
    }
}

/// Who may come in at a route, and how the others are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    scope: Scope,
    form: Form,
    /// Whether callers on this machine need no key even when there are keys.
    local: bool,
}

/// In which form a route tells errors.
#[derive(Clone, Copy, Debug)]
enum Form {
    Of(Protocol),
    /// A list of models has the form that the client asks for.
    OfList,
}

impl Guard {
    /// Lets in who may make calls.
    pub(crate) fn calls(protocol: Protocol) -> Self {
        Self { scope: Scope::Call, form: Form::Of(protocol), local: false }
    }

    /// Lets in who may make calls, and know of what models.
    pub(crate) fn lists() -> Self {
        Self { scope: Scope::Call, form: Form::OfList, local: false }
    }

    /// Lets in who may read what others used.
    pub(crate) fn reads_usage() -> Self {
        Self { scope: Scope::UsageRead, form: Form::Of(Protocol::OPENAI_CHAT), local: false }
    }

    /// Lets in who may change what is kept.
    pub(crate) fn administers() -> Self {
        Self { scope: Scope::Admin, form: Form::Of(Protocol::OPENAI_CHAT), local: false }
    }

    /// Lets in all callers on this machine too.
    pub(crate) fn or_local(self) -> Self {
        Self { local: true, ..self }
    }

    fn protocol(self, request: &Request) -> Protocol {
        match self.form {
            Form::Of(protocol) => protocol,
            Form::OfList => routes::form(request.uri().path(), request.headers()),
        }
    }

    /// Gemini's own clients may send their key in the query; elsewhere it would only end up in other servers' logs.
    fn query(self, request: &Request) -> Option<&str> {
        let google = matches!(self.form, Form::Of(Protocol::GEMINI_GENERATE) | Form::OfList);
        let query = request.uri().query().filter(|_| google)?;
        query.split('&').find_map(|pair| pair.strip_prefix("key="))
    }

    /// Decides who the caller is.
    fn decide(self, state: &State, request: &Request) -> Result<Caller, Error> {
        let (local, text) =
            (peer::is_local(request, &state.options.cors_origins), presented(request.headers(), self.query(request)));
        // A key of ours is checked even where none is needed: who revokes the last one wants it refused.
        let ours = text.is_some_and(|text| text.starts_with(PREFIX));
        match state.options.keys.as_deref() {
            Some(keys) if ours || keys.required() => self.known(keys, local, text),
            _ if local || state.options.allow_open => Ok(Caller::nobody()),
            _ => Err(closed()),
        }
    }

    /// Lets in a key that is good, and good for this.
    fn known(self, keys: &KeyStore, local: bool, text: Option<&str>) -> Result<Caller, Error> {
        if self.local && local {
            return Ok(Caller::nobody());
        }
        let text = text.ok_or_else(|| {
            Error::new(ErrorKind::Auth, "the request has no key")
                .with_hint("send it as `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`")
        })?;
        let key = keys.check(text, now_ms()).map_err(refusal)?;
        if !key.may(self.scope) {
            let message = format!("the key has no scope `{}`", self.scope);
            return Err(Error::new(ErrorKind::Permission, message).with_hint("use a key that was made with it"));
        }
        Ok(Caller::key(key))
    }
}

/// Lets a request through to the route that matched, or refuses it before its body is read.
async fn admit(Shared((state, guard)): Shared<(Arc<State>, Guard)>, mut request: Request, next: Next) -> Response {
    match guard.decide(&state, &request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => {
            let (cx, protocol) = (state.client.context(), guard.protocol(&request));
            state.metrics.call(protocol, "none", error.kind().as_str());
            let fault = error.source().and_then(|source| source.downcast_ref::<KeyError>());
            let (reason, key) = (fault.map(KeyError::reason), fault.and_then(KeyError::id));
            tracing::warn!(request_id = cx.request_id, reason, key, "{error}");
            failure::response(&error, protocol, &cx.request_id)
        }
    }
}

/// Finds the key that a client sends. SDKs fill several headers, some with what was never meant for us.
fn presented<'a>(headers: &'a HeaderMap, query: Option<&'a str>) -> Option<&'a str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(text.trim())
    });
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let all = [bearer, header("x-api-key"), header("x-goog-api-key"), query];
    let mut sent = all.into_iter().flatten();
    let first = sent.clone().next();
    sent.find(|text| text.starts_with(PREFIX)).or(first)
}

/// Refuses a key. Why is in the source, for the log.
fn refusal(fault: KeyError) -> Error {
    Error::new(ErrorKind::Auth, fault.to_string()).with_hint("ask for a new one where you got it").with_source(fault)
}

fn closed() -> Error {
    let message = "the gateway has no key to know its callers by, and answers on its own machine only";
    Error::new(ErrorKind::Permission, message).with_hint("its owner makes one with `tollbridge key create`")
}
