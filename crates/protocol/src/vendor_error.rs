//! Reads the error bodies of all vendors: they differ less than their protocols, and proxies mix them.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollbridge_core::{Error, ErrorKind, Retry, VendorError};
use tollbridge_types::Json;

use crate::object::Object;
use crate::status::{Facts, classify};

/// Reads a reply that is not a success.
pub(crate) fn from_reply(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Error {
    let mut vendor = serde_json::from_slice::<Json>(body).map(|json| read(&json)).unwrap_or_default();
    vendor.status = Some(status.as_u16());
    vendor.headers = headers.clone();
    vendor.body = body.clone();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let ids = ["x-request-id", "request-id", "apim-request-id", "x-goog-request-id", "x-amzn-requestid", "cf-ray"];
    vendor.request_id = ids.iter().find_map(|name| header(name)).map(str::to_owned).or(vendor.request_id);
    // Amazon names the error in a header: `ThrottlingException:http://…`.
    let named = header("x-amzn-errortype").and_then(|name| name.split(':').next());
    vendor.error_type = vendor.error_type.or_else(|| named.map(str::to_owned));
    let millis = header("retry-after-ms").and_then(|text| text.parse().ok()).filter(|millis| *millis > 0);
    let millis = millis.map(Duration::from_millis);
    let seconds = header("retry-after").and_then(seconds);
    vendor.retry_after = millis.or(seconds).or(vendor.retry_after);
    let reason = status.canonical_reason().unwrap_or("an unknown status");
    error(vendor, &format!("the provider answered {} ({reason})", status.as_u16()))
}

/// Reads an error that stands in a stream, or in a reply whose status claims success.
pub(crate) fn from_event(json: &Json) -> Error {
    let mut vendor = read(json);
    vendor.body = Bytes::from(json.as_str().to_owned());
    error(vendor, "the provider reported an error in its answer")
}

/// Reads an exception that AWS throws in the middle of a stream.
pub(crate) fn from_exception(name: &str, data: &Bytes) -> Error {
    let mut vendor = serde_json::from_slice::<Json>(data).map(|json| read(&json)).unwrap_or_default();
    vendor.error_type = Some(name.to_owned());
    vendor.body = data.clone();
    error(vendor, "the provider threw an exception in the middle of its answer")
}

fn error(vendor: VendorError, nothing_said: &str) -> Error {
    let said = |text: &'_ Option<String>| text.clone().unwrap_or_default();
    let (error_type, code, message) = (said(&vendor.error_type), said(&vendor.code), said(&vendor.message));
    let kind = classify(&Facts::new(vendor.status.unwrap_or_default(), &error_type, &code, &message));
    let message = if message.is_empty() { nothing_said.to_owned() } else { message };
    let mut error = Error::new(kind, message);
    if let Some(param) = vendor.param.as_deref().filter(|_| kind == ErrorKind::InvalidRequest) {
        error = error.with_path(param);
    }
    if let (Some(after), Retry::SameTarget { .. }) = (vendor.retry_after, error.retry()) {
        error = error.with_retry(Retry::SameTarget { after: Some(after) });
    }
    error.with_vendor(vendor)
}

fn read(json: &Json) -> VendorError {
    let mut vendor = VendorError::default();
    // Google wraps errors of streams into an array.
    let unwrapped = json.parse::<Vec<Json>>().ok().and_then(|list| list.into_iter().next());
    let mut body = Object::lenient(unwrapped.as_ref().unwrap_or(json));
    vendor.request_id = body.find_text("request_id");
    let inner = body.take("error");
    let mut told = match &inner {
        Some(inner) if inner.as_str().starts_with('{') => Object::lenient(inner),
        Some(inner) if body.peek("message").is_some() => {
            // Where both are texts, the error is a code.
            vendor.code = inner.parse().ok();
            body
        }
        Some(inner) => {
            vendor.message = inner.parse().ok();
            body
        }
        None => body,
    };
    let message = told.take("message").or_else(|| told.take("detail"));
    // Some of AWS's front doors write it with a capital.
    let (message, field) = message.or_else(|| told.take("Message")).map(|json| said(&json)).unzip();
    vendor.message = vendor.message.or(message);
    let status = told.find_text("status").filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
    // AWS's own spelling, with a name space in front of a hash.
    let exception = told.find_text("__type").and_then(|name| name.rsplit('#').next().map(str::to_owned));
    vendor.error_type =
        exception.or_else(|| told.find_text("type")).or_else(|| told.find_text("error_type")).or(status);
    vendor.code = told.find_text("code").or(vendor.code);
    vendor.param = told.find_text("param").or(field.flatten());
    for detail in told.find_list("details") {
        let mut detail = Object::lenient(&detail);
        let delay = detail.find_text("retryDelay").and_then(|delay| seconds(delay.trim_end_matches('s')));
        vendor.retry_after = vendor.retry_after.or(delay);
        let field = detail.find_list("fieldViolations").first().and_then(|first| Object::lenient(first).find("field"));
        vendor.param = vendor.param.take().or(field);
    }
    vendor
}

/// Reads a message, and the field that it is about: a text, or a list of what is wrong with the
/// request, as FastAPI servers make it and Mistral wraps it.
fn said(json: &Json) -> (String, Option<String>) {
    let inner = Object::lenient(json).take("detail");
    let list: Vec<Json> = inner.as_ref().unwrap_or(json).parse().unwrap_or_default();
    let faults: Vec<_> = list.iter().filter_map(fault).collect();
    match faults.as_slice() {
        [] => {
            let text = inner.as_ref().unwrap_or(json);
            (text.parse().unwrap_or_else(|_| text.compact()), None)
        }
        [(message, field)] => (message.clone(), field.clone()),
        [(_, first), ..] => {
            let told = faults.iter().map(|(message, field)| match field {
                Some(field) => format!("{message} (`{field}`)"),
                None => message.clone(),
            });
            (told.collect::<Vec<_>>().join("; "), first.clone())
        }
    }
}

/// Reads one fault: `{"loc": ["body", "messages", 0], "msg": "…"}`.
fn fault(json: &Json) -> Option<(String, Option<String>)> {
    let mut fields = Object::lenient(json);
    let message = fields.find_text("msg")?;
    let mut path = String::new();
    for (place, step) in fields.find_list("loc").iter().enumerate() {
        match (step.parse::<String>(), step.parse::<u64>()) {
            (Ok(word), _) if place == 0 && word == "body" => {}
            (Ok(word), _) if path.is_empty() => path = word,
            (Ok(word), _) => path = format!("{path}.{word}"),
            (_, Ok(number)) => path = format!("{path}[{number}]"),
            _ => {}
        }
    }
    Some((message, Some(path).filter(|path| !path.is_empty())))
}

fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    Some(Duration::new(whole.parse().ok()?, nanos.parse().ok()?))
}
