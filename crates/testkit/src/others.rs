//! What vendors do beside answering conversations: counting, sorting, judging, pictures and sound.

use serde_json::{Value, json};

use bytes::Bytes;

use crate::answer::{Ask, pieces};
use crate::wire::{Wire, texts};
use crate::{openai, tokens};

/// Counts the tokens of what was asked.
pub(crate) fn count(ask: &Ask) -> u64 {
    ask.messages.iter().map(|(_, text)| tokens::count(text)).sum::<u64>()
        + ask.results.iter().map(|text| tokens::count(text)).sum::<u64>()
}

/// Sorts documents by how many words of the query they hold.
pub(crate) fn rerank(body: &Value) -> Value {
    let query = body["query"].as_str().unwrap_or_default().to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    let score = |document: &Value| {
        let text = texts(document).to_lowercase() + &texts(&document["text"]).to_lowercase();
        let held = words.iter().filter(|word| text.contains(**word)).count();
        #[expect(clippy::cast_precision_loss, reason = "queries are short")]
        let share = held as f64 / words.len().max(1) as f64;
        share
    };
    let documents = body["documents"].as_array().cloned().unwrap_or_default();
    let mut ranked: Vec<(usize, f64)> = documents.iter().map(score).enumerate().collect();
    ranked.sort_by(|left, right| right.1.total_cmp(&left.1));
    let most = body["top_n"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(ranked.len());
    let entry = |(index, score): &(usize, f64)| {
        let mut entry = json!({"index": index, "relevance_score": score});
        if body["return_documents"] == true {
            entry["document"] = json!({"text": documents.get(*index).map(texts)});
        }
        entry
    };
    json!({
        "id": "mock-rerank",
        "results": ranked.iter().take(most).map(entry).collect::<Vec<_>>(),
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    })
}

/// Goes on with a text by saying it again.
pub(crate) fn completion(body: &Value) -> Wire {
    let prompt = texts(&body["prompt"]);
    let (text, asked) = (format!("mock: {prompt}"), tokens::count(&prompt));
    let written = tokens::count(&text);
    let usage = json!({"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written});
    let head = json!({"id": "cmpl-mock", "object": "text_completion", "created": 1, "model": body["model"]});
    let with = |text: &str, finish: Option<&str>| {
        let mut chunk = head.clone();
        chunk["choices"] = json!([{"index": 0, "text": text, "logprobs": null, "finish_reason": finish}]);
        chunk
    };
    if body["stream"] != true {
        let mut whole = with(&text, Some("stop"));
        whole["usage"] = usage;
        return Wire::Whole(whole);
    }
    let mut chunks: Vec<Value> = pieces(&text).into_iter().map(|piece| with(piece, None)).collect();
    chunks.push(with("", Some("stop")));
    let answered = chunks.len();
    if body["stream_options"]["include_usage"] == true {
        let mut last = head.clone();
        (last["choices"], last["usage"]) = (json!([]), usage);
        chunks.push(last);
    }
    let mut events: Vec<Bytes> = chunks.iter().map(openai::event).collect();
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Wire::Stream { events, answered, content_type: "text/event-stream" }
}

/// Judges a text: it is bad if it says so.
pub(crate) fn moderation(body: &Value) -> Value {
    let inputs = match &body["input"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let result = |input: &Value| {
        let bad = texts(input).contains("attack");
        json!({"flagged": bad, "categories": {"violence": bad}, "category_scores": {"violence": if bad { 0.9 } else { 0.1 }}})
    };
    let results: Vec<_> = inputs.iter().map(result).collect();
    json!({"id": "modr-mock", "model": body["model"], "results": results})
}

/// Makes a picture of one pixel.
pub(crate) fn image(_: &Value) -> Value {
    let pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";
    json!({"created": 1_700_000_000, "data": [{"b64_json": pixel}]})
}

/// Speaks: the bytes are the text behind a header.
pub(crate) fn speech(body: &Value) -> Vec<u8> {
    [b"ID3mock:".as_slice(), body["input"].as_str().unwrap_or_default().as_bytes()].concat()
}

/// Writes down what was sent, which it only measures.
pub(crate) fn transcription(body: &[u8]) -> Value {
    json!({"text": format!("heard {} bytes", body.len())})
}
