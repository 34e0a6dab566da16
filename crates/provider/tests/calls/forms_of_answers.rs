//! Models that know no form of answers are found out once, and told.

use bytes::Bytes;
use tollbridge_core::{
    CallContext, Error, ErrorKind, Loss, LossKind, ModelSettings, Operation, Protocol, Provider, Reply, Request,
};
use tollbridge_types::{ChatRequest, Json, ResponseFormat};

use crate::wire::{Canned, Fake, provider};

const REFUSED: &str =
    r#"{"error":{"message":"This response_format type is unavailable now","type":"invalid_request_error"}}"#;

fn whole() -> Canned {
    Canned::new(
        200,
        r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"{}"},"finish_reason":"stop"}]}"#,
    )
}

async fn ask(provider: &dyn Provider, model: &str, strict: bool) -> Result<Reply, Error> {
    let body = format!(
        r#"{{"model":"{model}", "response_format" : {{"type":"json_object"}} ,"messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    let request = Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, model, Bytes::from(body));
    provider.call(request.with_strict(strict), &CallContext::new("1")).await
}

fn asked(fake: &Fake) -> Vec<bool> {
    fake.sent().iter().map(|sent| sent.body.contains("response_format")).collect()
}

#[tokio::test]
async fn a_model_that_refuses_is_asked_again_once_and_then_never() {
    let fake = Fake::new([Canned::new(400, REFUSED), whole(), whole(), whole()]);
    let server = provider("deepseek", &fake, |_| {}).unwrap();
    let reply = ask(&*server, "m", false).await.unwrap();
    let told = [Loss::dropped("response_format", "the vendor refused it for this model")];
    assert_eq!((asked(&fake), reply.losses.as_slice()), (vec![true, false], told.as_slice()));
    assert_eq!(fake.last().body, r#"{"model":"m" ,"messages":[{"role":"user","content":"hi"}]}"#);
    let reply = ask(&*server, "m", false).await.unwrap();
    assert_eq!((asked(&fake), reply.losses.as_slice()), (vec![true, false, false], told.as_slice()));
    ask(&*server, "other", false).await.unwrap();
    assert_eq!(asked(&fake), [true, false, false, true], "another model is asked on its own");
}

#[tokio::test]
async fn a_strict_call_is_refused_instead() {
    let fake = Fake::new([Canned::new(400, REFUSED), Canned::new(400, REFUSED), whole(), Canned::new(400, REFUSED)]);
    let server = provider("deepseek", &fake, |_| {}).unwrap();
    let error = ask(&*server, "m", true).await.unwrap_err();
    assert!(error.message().contains("unavailable"), "{error}");
    ask(&*server, "m", false).await.unwrap();
    // A strict call does not use what others learned either.
    let error = ask(&*server, "m", true).await.unwrap_err();
    assert!(error.message().contains("unavailable"), "{error}");
    assert_eq!(asked(&fake), [true, true, false, true]);
}

#[tokio::test]
async fn a_bad_schema_is_the_callers_to_mend() {
    let refused = r#"{"error":{"message":"Invalid schema for response_format 'x': 'oneOf' is not permitted."}}"#;
    let fake = Fake::new([Canned::new(400, refused), whole()]);
    let error = ask(&*provider("deepseek", &fake, |_| {}).unwrap(), "m", false).await.unwrap_err();
    assert_eq!((error.kind(), fake.sent().len()), (ErrorKind::InvalidRequest, 1));
}

#[tokio::test]
async fn what_the_settings_say_is_not_tried() {
    let fake = Fake::new([whole(), whole()]);
    let server = provider("deepseek", &fake, |settings| {
        let mut model = ModelSettings::new("m");
        model.supports_response_format = false;
        settings.models.push(model);
    })
    .unwrap();
    let schema = Json::from_text("{}").unwrap();
    let mut request = ChatRequest::new("m").user("hi");
    request.response_format = Some(ResponseFormat::json_schema(None, None, schema, None));
    let reply = server.call(Request::chat(request), &CallContext::new("1")).await.unwrap();
    assert_eq!((reply.losses[0].kind, reply.losses[0].path.as_str()), (LossKind::Adapted, "response_format"));
    ask(&*server, "other", false).await.unwrap();
    assert_eq!(asked(&fake), [false, true]);
}
