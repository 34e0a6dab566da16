//! Settings of sampling, which OpenAI's reasoning models refuse ("Reasoning models", OpenAI's guides).

use std::borrow::Cow;

use tollbridge_core::Loss;
use tollbridge_types::ChatRequest;

/// Returns the request without the settings that the model would refuse it for, and reports them.
///
/// Their defaults are taken, and stay.
pub(crate) fn settled<'a>(request: &'a ChatRequest, model: &str, losses: &mut Vec<Loss>) -> Cow<'a, ChatRequest> {
    let mut request = Cow::Borrowed(request);
    if !is_fixed(model) {
        return request;
    }
    let other = |value: Option<f64>, usual: f64| value.is_some_and(|value| value != usual);
    let refused = [
        ("temperature", other(request.temperature, 1.0)),
        ("top_p", other(request.top_p, 1.0)),
        ("presence_penalty", other(request.presence_penalty, 0.0)),
        ("frequency_penalty", other(request.frequency_penalty, 0.0)),
        ("logprobs", request.logprobs == Some(true)),
        ("top_logprobs", request.top_logprobs.is_some()),
    ];
    for (name, _) in refused.iter().filter(|(_, refused)| *refused) {
        losses.push(Loss::dropped(*name, "OpenAI's reasoning models have no such setting"));
        let request = request.to_mut();
        match *name {
            "temperature" => request.temperature = None,
            "top_p" => request.top_p = None,
            "presence_penalty" => request.presence_penalty = None,
            "frequency_penalty" => request.frequency_penalty = None,
            "logprobs" => request.logprobs = None,
            _ => request.top_logprobs = None,
        }
    }
    request
}

/// Says whether a name is of a model whose sampling is fixed. Since GPT-5.1 it is only while the model reasons.
fn is_fixed(model: &str) -> bool {
    let mut letters = model.bytes();
    let o_series = letters.next() == Some(b'o') && letters.next().is_some_and(|letter| letter.is_ascii_digit());
    let five = model.strip_prefix("gpt-5").is_some_and(|rest| !rest.starts_with('.') && !rest.starts_with("-chat"));
    o_series || five
}
