//! More texts than a vendor takes in one call are sent in several, and come back as one reply.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use http::Method;
use serde_json::{Value, json};
use tollbridge::EmbedRequest;
use tollbridge_gateway::Options;
use tollbridge_testkit::{Step, Upstream};
use tollbridge_tests::{Answered, Bench};

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|place| format!("text {place}")).collect()
}

async fn post(bench: &Bench, path: &str, body: &Value) -> Answered {
    bench.send(Method::POST, path, body.to_string()).await.unwrap()
}

fn upstream<'a>(bench: &'a Bench, name: &str) -> &'a Upstream {
    bench.upstreams().find(|(known, _)| *known == name).unwrap().1
}

/// How many texts each call to a mock had, the largest first.
fn sizes(upstream: &Upstream) -> Vec<usize> {
    let fields = ["input", "texts", "requests", "instances"];
    let size = |body: Value| fields.iter().find_map(|field| body.get(*field)?.as_array().map(Vec::len)).unwrap_or(1);
    let mut sizes: Vec<_> = upstream.requests().iter().map(|sent| size(sent.json())).collect();
    sizes.sort_unstable_by_key(|size| std::cmp::Reverse(*size));
    sizes
}

#[tokio::test]
async fn texts_are_split_at_each_vendors_limit_in_their_order_and_usage_is_added_up() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    for (provider, model, count, wanted) in [
        ("gemini", "gemini-embedding-001", 101, vec![100, 1]),
        ("cohere", "embed-v4.0", 200, vec![96, 96, 8]),
        ("openai", "text-embedding-3-small", 2049, vec![2048, 1]),
        ("mistral", "mistral-embed", 257, vec![256, 1]),
        ("vertex", "text-embedding-005", 6, vec![5, 1]),
        ("bedrock", "cohere.embed-english-v3", 97, vec![96, 1]),
        ("bedrock", "amazon.titan-embed-text-v2:0", 3, vec![1, 1, 1]),
        ("gemini", "gemini-embedding-001", 100, vec![100]),
    ] {
        let upstream = upstream(&bench, provider);
        let before = sizes(upstream).len();
        let model = format!("{provider}/{model}");
        let answer = post(&bench, "/v1/embeddings", &json!({"model": model, "input": texts(count)})).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        assert_eq!(sizes(upstream).len() - before, wanted.len(), "{model}");
        assert!(wanted.iter().all(|size| sizes(upstream).contains(size)), "{model}: {:?}", sizes(upstream));
        let answer = answer.json();
        let data = answer["data"].as_array().unwrap();
        assert_eq!(data.len(), count, "{model}");
        for place in [0, count / 2, count - 2, count - 1] {
            let alone = post(&bench, "/v1/embeddings", &json!({"model": model, "input": texts(count)[place]})).await;
            assert_eq!(data[place]["embedding"], alone.json()["data"][0]["embedding"], "{model} {place}");
            assert_eq!(data[place]["index"], place, "{model}");
        }
        let told = post(&bench, "/v1/embeddings", &json!({"model": model, "input": texts(1)})).await.json();
        if told["usage"]["prompt_tokens"].as_u64().unwrap() > 0 {
            let used = answer["usage"]["prompt_tokens"].as_u64().unwrap();
            assert!(used >= count as u64, "{model}: {used} tokens for {count} texts");
        }
    }
}

#[tokio::test]
async fn a_clients_own_fields_go_with_every_part() {
    let bench = Bench::start().await.unwrap();
    let body = json!({"model": "openai/m", "input": texts(2050), "new_field": [1.10], "encoding_format": "base64"});
    let answer = post(&bench, "/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let data = answer.json()["data"].clone();
    assert!(data.as_array().unwrap().iter().enumerate().all(|(place, one)| one["index"] == place));
    assert!(data[2049]["embedding"].is_string());
    for sent in bench.openai.requests() {
        assert_eq!(sent.json()["new_field"], json!([1.10]));
        assert_eq!(sent.json()["model"], "m");
    }
    // Each entry of Gemini's own form keeps what stands beside its text.
    let entry =
        |place| json!({"content": {"parts": [{"text": format!("text {place}")}]}, "title": format!("t{place}")});
    let entries: Vec<_> = (0..150).map(entry).collect();
    let answer = post(&bench, "/v1beta/models/gemini/m:batchEmbedContents", &json!({"requests": entries})).await;
    assert_eq!(answer.json()["embeddings"].as_array().map(Vec::len), Some(150), "{}", answer.text());
    assert!(answer.json()["usageMetadata"]["promptTokenCount"].as_u64().unwrap() >= 2 * 150);
    let mut titles: Vec<_> = bench
        .google
        .requests()
        .iter()
        .flat_map(|sent| sent.json()["requests"].as_array().unwrap().clone())
        .map(|entry| entry["title"].as_str().unwrap()[1..].parse::<usize>().unwrap())
        .collect();
    titles.sort_unstable();
    assert_eq!(titles, (0..150).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_fault_in_the_last_text_is_told_at_its_place_before_anything_is_sent() {
    let bench = Bench::start().await.unwrap();
    let mut input: Vec<Value> = texts(150).into_iter().map(|_| json!([1, 2])).collect();
    let answer = post(&bench, "/v1/embeddings", &json!({"model": "gemini/m", "input": input})).await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"]["param"].as_str()), (400, Some("input[0]")));
    input = texts(150).into_iter().map(Value::from).collect();
    input[149] = json!("");
    let answer = post(&bench, "/v1/embeddings", &json!({"model": "gemini/m", "input": input})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn losses_are_told_once_and_one_failed_part_fails_the_call() {
    let bench = Bench::start().await.unwrap();
    let body = json!({"model": "gemini/m", "input": texts(250), "user": "u"});
    let answer = post(&bench, "/v1/embeddings", &body).await;
    assert_eq!(answer.headers["x-tollbridge-loss"], "dropped user", "{}", answer.text());
    let before = bench.google.requests().len();
    bench.google.play(vec![Step::parse("ok").unwrap(), Step::parse("overloaded").unwrap()]);
    let answer = post(&bench, "/v1/embeddings", &json!({"model": "gemini/m", "input": texts(250)})).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(bench.google.requests().len() > before);
}

#[tokio::test]
async fn a_part_with_too_few_vectors_is_an_error_and_never_a_shift() {
    let bench = Bench::start().await.unwrap();
    let kind = vec![("content-type".to_owned(), "application/json".to_owned())];
    let one = json!({"embeddings": [{"values": [0.1, 0.2]}]}).to_string();
    bench.google.play(vec![Step::canned(200, kind.clone(), vec![one.clone()]), Step::canned(200, kind, vec![one])]);
    let answer = post(&bench, "/v1/embeddings", &json!({"model": "gemini/m", "input": texts(101)})).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("1 vectors for 100 texts"), "{}", answer.text());
}

#[tokio::test]
async fn a_program_has_the_same() {
    let bench = Bench::start().await.unwrap();
    let mut request = EmbedRequest::new("gemini/m", texts(230));
    request.dimensions = Some(4);
    let answer = bench.client.embed_request(request).await.unwrap();
    let vectors = answer.floats().unwrap();
    assert_eq!(vectors.len(), 230);
    let alone = bench.client.embed_request({
        let mut request = EmbedRequest::new("gemini/m", ["text 229"]);
        request.dimensions = Some(4);
        request
    });
    assert_eq!(vectors[229], alone.await.unwrap().floats().unwrap()[0]);
    assert!(answer.usage.as_ref().unwrap().total_input() >= 2 * 230);
}
