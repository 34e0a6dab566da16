use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::response::Response;
use futures_util::FutureExt;
use tollbridge::protocol::{self, ReplyContext, translate};
use tollbridge::{CallContext, Error, ErrorKind, Operation, Protocol};
use tollbridge_usage::meter::chat_by_length;

use crate::caller::Caller;
use crate::cost;
use crate::failure;
use crate::input::{self, Input};
use crate::output::{self, Form};
use crate::server::State;
use crate::tags;

/// What a route asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) operation: Operation,
    pub(crate) protocol: Protocol,
    /// The model, where it stands in the path.
    pub(crate) model: Option<String>,
    /// Whether the path asks for a stream.
    pub(crate) stream: bool,
    pub(crate) form: Form,
}

impl Asked {
    pub(crate) fn new(operation: Operation, protocol: Protocol) -> Self {
        Self { operation, protocol, model: None, stream: false, form: Form::Sse }
    }

    pub(crate) fn model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// Asks for a stream: events, or the elements of one JSON array.
    pub(crate) fn stream(mut self, sse: bool) -> Self {
        self.stream = true;
        self.form = if sse { Form::Sse } else { Form::JsonArray };
        self
    }
}

/// Serves one call, from the client's bytes to the client's bytes.
///
/// When the client goes away, the server drops this future or the body that it returned, and with
/// it the connection to the vendor.
pub(crate) async fn answer(state: Arc<State>, asked: Asked, request: Request) -> Response {
    let mut cx = state.client.context();
    let began = Instant::now();
    let served = AssertUnwindSafe(serve(&state, &asked, request, &mut cx)).catch_unwind().await;
    let outcome =
        served.unwrap_or_else(|_| Err(Error::new(ErrorKind::Unknown, "an internal error; see the server's log")));
    let elapsed = began.elapsed();
    match outcome {
        Ok(response) => {
            tracing::info!(request_id = cx.request_id, key = cx.key.as_deref(), protocol = %asked.protocol, ?elapsed, "answered");
            response
        }
        Err(error) => {
            state.metrics.call(asked.protocol, error.provider().unwrap_or("none"), error.kind().as_str());
            failure::log(&error, &cx.request_id);
            failure::response(&error, asked.protocol, &cx.request_id)
        }
    }
}

async fn serve(state: &State, asked: &Asked, request: Request, cx: &mut CallContext) -> Result<Response, Error> {
    let (head, body) = request.into_parts();
    let caller = Caller::of(&head.extensions)?;
    caller.sign(cx);
    tags::add(&head.headers, cx)?;
    let states = state.kept.as_ref().map(|kept| kept.of(cx.key.as_deref()));
    let Input { request, stream_usage, stream_cost, base64, keep, session } =
        input::read(asked, &head.headers, body, &state.options, states.clone()).await?;
    caller.check(&state.client, &request.model).await?;
    let stream = request.stream;
    let asked_for = request.model.clone();
    // Anthropic's clients read the input at a stream's start, where others' vendors tell it at the end.
    let counted = (stream && asked.protocol == Protocol::ANTHROPIC_MESSAGES).then(|| request.clone());
    let mut reply = state.client.call(request, cx).await?;
    // After a fallback it is the name of the model that answered.
    let model = if reply.asked.is_empty() { asked_for } else { reply.asked.clone() };
    state.metrics.losses(asked.protocol, reply.protocol, reply.losses());
    if let Some(session) = session {
        state.told.keep_new(cx.key.as_deref(), &session, &mut reply.losses, tokio::time::Instant::now());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let context = ReplyContext::new(&cx.request_id, &model, now).with_stream_usage(stream_usage);
    let context = context.with_reply_model(state.options.reply_model);
    let counted = counted.filter(|_| reply.protocol != asked.protocol);
    let context = match counted.and_then(|request| protocol::chat_request(&request).ok()) {
        Some(chat) => context.with_input_estimate(chat_by_length(&chat)),
        None => context,
    };
    let context = context.with_states(states.as_ref().filter(|_| keep));
    let reply = match asked.operation {
        Operation::CountTokens => translate::count_to(reply, asked.protocol)?,
        Operation::Rerank => translate::rerank_to(reply, asked.protocol, &context)?,
        Operation::Moderate | Operation::Image | Operation::Speech | Operation::Transcribe => {
            translate::renamed(reply, &context)
        }
        Operation::Embed => translate::embed_to(reply, asked.protocol, base64, &context)?,
        _ => translate::reply(reply, asked.protocol, stream, &context)?,
    };
    let reply = if stream_cost { cost::told(reply, cx) } else { reply };
    let answering = state.metrics.answering(asked.protocol, &reply);
    Ok(output::response(reply, asked.form, cx, answering))
}

/// Serves one model of the list in one of its forms.
pub(crate) async fn model(state: &State, caller: &Caller, form: Protocol, name: &str) -> Response {
    let cx = state.client.context();
    let list = state.client.models().await;
    let found = list.models.iter().find(|model| model.id == name && caller.may_call(&state.client, name));
    match found.zip(protocol::models(form)) {
        Some((model, codec)) => output::json(http::StatusCode::OK, codec.encode_one(model), &cx.request_id),
        None => {
            let error = Error::new(ErrorKind::ModelNotFound, format!("no provider lists the model `{name}`"))
                .with_hint("see GET /v1/models for those that are listed");
            failure::response(&error, form, &cx.request_id)
        }
    }
}

/// Serves the list of models that the caller may call, in one of its forms.
pub(crate) async fn models(state: &State, caller: &Caller, form: Protocol) -> Response {
    let cx = state.client.context();
    let mut list = state.client.models().await;
    list.models.retain(|model| caller.may_call(&state.client, &model.id));
    for error in &list.failures {
        failure::log(error, &cx.request_id);
    }
    let body = match protocol::models(form) {
        Some(codec) => codec.encode_reply(&list.models),
        None => Err(Error::new(ErrorKind::Unsupported, "there is no such form of model list")),
    };
    match body {
        Ok(body) => output::json(http::StatusCode::OK, body, &cx.request_id),
        Err(error) => failure::response(&error, form, &cx.request_id),
    }
}
