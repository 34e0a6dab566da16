//! Operations beside chat, from every client protocol to every vendor that the test kit plays.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test needs and cannot have fails it")]

use base64::Engine;
use http::Method;
use serde_json::{Value, json};
use tollbridge_gateway::Options;
use tollbridge_testkit::Step;
use tollbridge_tests::{Answered, Bench};

async fn post(bench: &Bench, path: &str, body: &Value) -> Answered {
    bench.send(Method::POST, path, body.to_string()).await.unwrap()
}

#[tokio::test]
async fn each_vendor_counts_or_the_count_says_that_it_was_made_here() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let words = "How many tokens are these?";
    let mut told = String::new();
    let names: Vec<_> = bench.upstreams().map(|(name, _)| name).chain(["echo"]).collect();
    for name in names {
        let model = format!("{name}/m");
        let message = json!([{"role": "user", "content": words}]);
        let answers = [
            (
                "input_tokens",
                post(&bench, "/v1/messages/count_tokens", &json!({"model": model, "messages": message})).await,
            ),
            (
                "input_tokens",
                post(&bench, "/v1/responses/input_tokens", &json!({"model": model, "input": words})).await,
            ),
            (
                "totalTokens",
                post(
                    &bench,
                    &format!("/v1beta/models/{model}:countTokens"),
                    &json!({"contents": [{"parts": [{"text": words}]}]}),
                )
                .await,
            ),
        ];
        let counted: Vec<String> = answers
            .iter()
            .map(|(field, answer)| {
                assert_eq!(answer.status, 200, "{name}: {}", answer.text());
                let body = answer.json();
                assert!(body[*field].as_u64().is_some_and(|count| count > 4), "{name}: {body}");
                let sent = bench.upstreams().find(|(other, _)| *other == name);
                let asked = sent.and_then(|(_, upstream)| Some(upstream.requests().last()?.uri.path().to_owned()));
                format!(
                    "{}{}",
                    body["basis"].as_str().unwrap_or("vendor"),
                    asked.map(|path| format!(" {path}")).unwrap_or_default()
                )
            })
            .collect();
        told.push_str(&format!("{name}: {}\n", counted.join(", ")));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn vectors_come_in_the_clients_form_and_order_from_every_vendor_that_has_them() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let mut without = Vec::new();
    for (name, upstream) in bench.upstreams() {
        let has = bench.client.provider(name).unwrap().info().protocol(tollbridge::Operation::Embed).is_some();
        // Bedrock's models differ: this one takes several texts.
        let model = if name == "bedrock" { "bedrock/cohere.embed-v4:0".to_owned() } else { format!("{name}/m") };
        let body = json!({"model": model, "input": ["one", "two", "three"], "dimensions": 4});
        if !has {
            let answer = post(&bench, "/v1/embeddings", &body).await;
            assert_eq!(answer.status, 400, "{name}: {}", answer.text());
            assert!(upstream.requests().is_empty(), "{name}");
            without.push(name);
            continue;
        }
        let answer = post(&bench, "/v1/embeddings", &body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let floats = vectors(&answer.json());
        let lengths: Vec<_> = floats.iter().map(Vec::len).collect();
        assert!(lengths == [4, 4, 4] || name == "bedrock" && lengths.len() == 3, "{name}: {lengths:?}");
        // The same in 32 bits.
        let mut coded = body.clone();
        coded["encoding_format"] = json!("base64");
        let coded = vectors(&post(&bench, "/v1/embeddings", &coded).await.json());
        for (float, coded) in floats.iter().flatten().zip(coded.iter().flatten()) {
            assert!((float - coded).abs() < 1e-6, "{name}: {float} {coded}");
        }
        // Each text has the vector that it has alone, and in Google's form too.
        for (place, text) in ["one", "two", "three"].into_iter().enumerate() {
            let alone = json!({"model": model, "input": text, "dimensions": 4});
            assert_eq!(
                vectors(&post(&bench, "/v1/embeddings", &alone).await.json()),
                [floats[place].clone()],
                "{name}"
            );
        }
        let request = |text: &str| json!({"content": {"parts": [{"text": text}]}, "outputDimensionality": 4});
        let google = json!({"requests": [request("one"), request("two"), request("three")]});
        let answer = post(&bench, &format!("/v1beta/models/{model}:batchEmbedContents"), &google).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let list = answer.json()["embeddings"].as_array().unwrap().clone();
        let values: Vec<Vec<f64>> =
            list.iter().map(|entry| serde_json::from_value(entry["values"].clone()).unwrap()).collect();
        assert_eq!(values, floats, "{name}");
    }
    assert_eq!(without, ["anthropic"]);
}

/// Reads the vectors of an answer in OpenAI's form, whichever form they are in.
fn vectors(answer: &Value) -> Vec<Vec<f64>> {
    let mut list = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    list.sort_by_key(|entry| entry["index"].as_u64());
    let reply = |entry: &Value| match &entry["embedding"] {
        Value::String(text) => decoded(text),
        floats => serde_json::from_value(floats.clone()).unwrap(),
    };
    list.iter().map(reply).collect()
}

/// Decodes base64 of little-endian 32-bit floats.
fn decoded(text: &str) -> Vec<f64> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    bytes.chunks_exact(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap()))).collect()
}

#[tokio::test]
async fn googles_bodies_name_the_model_as_google_knows_it() {
    let bench = Bench::start().await.unwrap();
    let sent = || String::from_utf8(bench.google.requests().pop().unwrap().body.to_vec()).unwrap();
    let body = "{ \"requests\":[ {\"model\" : \"models/gemini/m\",\"content\":{\"parts\":[{\"text\":\"a\"}]}},\
        {\"content\":{\"parts\":[{\"text\":\"b\"}]},\"model\":\"models\\/gemini\\/m\"} ,{\"content\":{\"parts\":[{\"text\":\"c\"}]},\"model\":null}]}";
    let answer = bench.send(Method::POST, "/v1beta/models/gemini/m:batchEmbedContents", body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        sent(),
        body.replace("\"models/gemini/m\"", "\"models/m\"").replace("\"models\\/gemini\\/m\"", "\"models/m\"")
    );
    let body = "{\"generateContentRequest\": {\"contents\":[{\"parts\":[{\"text\":\"a\"}]}] , \"model\":\"models/gemini/m\"} }";
    let answer = bench.send(Method::POST, "/v1beta/models/gemini/m:countTokens", body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(sent(), body.replace("gemini/m", "m"));
}

#[tokio::test]
async fn documents_are_sorted_by_whoever_can_on_every_route() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let documents = json!(["a cat", "a dog and a bird", "a bird"]);
    let mut able = Vec::new();
    for (name, upstream) in bench.upstreams() {
        for path in ["/v1/rerank", "/v2/rerank", "/rerank"] {
            let body = json!({"model": format!("{name}/m"), "query": "dog bird", "documents": documents, "top_n": 2});
            let answer = post(&bench, path, &body).await;
            if answer.status != 200 {
                assert_eq!(answer.status, 400, "{name}: {}", answer.text());
                assert!(answer.json()["error"]["message"].as_str().unwrap().contains("rerank"), "{}", answer.text());
                assert!(upstream.requests().is_empty(), "{name}");
                continue;
            }
            let places: Vec<_> =
                answer.json()["results"].as_array().unwrap().iter().map(|one| one["index"].as_u64()).collect();
            assert_eq!(places, [Some(1), Some(2)], "{name}");
            let mut sent = body.clone();
            sent["model"] = json!("m");
            assert_eq!(upstream.requests().pop().unwrap().json(), sent, "{name}");
            able.push(format!("{name} {path}"));
        }
    }
    insta::assert_snapshot!(able.join("\n"));
}

#[tokio::test]
async fn sound_and_pictures_pass_with_their_own_types() {
    let bench = Bench::start().await.unwrap();
    let kinds = [
        ("/v1/audio/speech", "audio/opus", json!({"model": "openai/m", "input": "hi", "voice": "v"})),
        ("/v1/audio/speech", "text/event-stream", json!({"model": "openai/m", "input": "hi", "stream_format": "sse"})),
        (
            "/v1/images/generations",
            "text/event-stream",
            json!({"model": "openai/m", "prompt": "a cat", "stream": true}),
        ),
        ("/v1/images/generations", "application/json", json!({"model": "openai/m", "prompt": "a cat", "n": 2})),
    ];
    for (path, kind, body) in kinds {
        let chunks = vec!["\u{0}one\r\n\n".to_owned(), "data: {\"b64_json\" : 1}\n\n".to_owned()];
        let chunks = if kind == "application/json" { vec!["{\"data\": [ ] , \"x\":1.0}".to_owned()] } else { chunks };
        let headers = vec![("content-type".to_owned(), kind.to_owned()), ("x-secret".to_owned(), "s".to_owned())];
        bench.openai.play(vec![Step::canned(200, headers, chunks.clone())]);
        let answer = post(&bench, path, &body).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, chunks.concat()), "{path}");
        assert_eq!(answer.headers["content-type"], kind, "{path}");
        assert!(!answer.headers.contains_key("x-secret"), "{path}");
        assert_eq!(answer.headers["x-tollbridge-model"], "m");
        let mut sent = body.clone();
        sent["model"] = json!("m");
        let received = bench.openai.requests().pop().unwrap();
        assert_eq!((received.uri.path(), received.json()), (path, sent));
    }
    // A vendor's refusal is still one.
    bench.openai.script(["429;retry-after=7"]).unwrap();
    let answer = post(&bench, "/v1/audio/speech", &json!({"model": "openai/m", "input": "hi"})).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(answer.json()["error"]["type"], "rate_limit_error", "{}", answer.text());
}

#[tokio::test]
async fn sound_that_breaks_off_is_never_a_whole_answer() {
    let bench = Bench::start().await.unwrap();
    bench.openai.script(["reset"]).unwrap();
    let answer = post(&bench, "/v1/audio/speech", &json!({"model": "openai/m", "input": "hi"})).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    // After the head only the connection can tell, and does, with a length and without.
    for length in [None, Some("100")] {
        let mut headers = vec![("content-type".to_owned(), "audio/mpeg".to_owned())];
        headers.extend(length.map(|length| ("content-length".to_owned(), length.to_owned())));
        bench.openai.play(vec![Step::canned(200, headers, vec!["ID3".to_owned()]).cut()]);
        let body = json!({"model": "openai/m", "input": "hi"}).to_string();
        let broken = bench.send(Method::POST, "/v1/audio/speech", body).await;
        assert!(broken.is_err(), "{length:?}: {broken:?}");
    }
}

#[tokio::test]
async fn text_completions_reach_every_vendor() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    for (name, upstream) in bench.upstreams() {
        for stream in [false, true] {
            let body = json!({"model": format!("{name}/m"), "prompt": "one two", "max_tokens": 100, "stream": stream});
            let answer = post(&bench, "/v1/completions", &body).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            let text: String = match stream {
                false => answer.json()["choices"][0]["text"].as_str().unwrap().to_owned(),
                true => {
                    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{name}: {}", answer.text());
                    let events = answer.text();
                    let events = events.lines().filter_map(|line| line.strip_prefix("data: "));
                    events
                        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
                        .filter_map(|chunk| chunk["choices"][0]["text"].as_str().map(str::to_owned))
                        .collect()
                }
            };
            assert!(text.contains("one two"), "{name}: {text}");
            if upstream.requests().pop().unwrap().uri.path().ends_with("/v1/completions") {
                let mut sent = body.clone();
                sent["model"] = json!("m");
                if stream {
                    // Asked for the ledger's sake; the client does not see it.
                    sent["stream_options"] = json!({"include_usage": true});
                }
                assert_eq!(upstream.requests().pop().unwrap().json(), sent, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn the_list_survives_a_vendor_that_fails_and_tells_what_models_can_do() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let list = bench.send(Method::GET, "/v1/models", "").await.unwrap().json();
    insta::assert_snapshot!(serde_json::to_string_pretty(&list).unwrap());
    bench.openai.script(["500"]).unwrap();
    bench.anthropic.script(["html"]).unwrap();
    let fewer = bench.send(Method::GET, "/v1/models", "").await.unwrap();
    assert_eq!(fewer.status, 200);
    let names: Vec<_> = fewer.json()["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert_eq!(names.len() + 2, list["data"].as_array().unwrap().len(), "{names:?}");
    // Every name of the list is one that calls take.
    for model in list["data"].as_array().unwrap() {
        let id = model["id"].as_str().unwrap();
        for path in ["/v1/models", "/v1beta/models"] {
            let one = bench.send(Method::GET, &format!("{path}/{id}"), "").await.unwrap();
            assert_eq!(one.status, 200, "{path}/{id}: {}", one.text());
        }
    }
}
