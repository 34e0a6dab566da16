//! Answers as values of Rust types, before real upstreams.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use tollbridge::schemars::{self, JsonSchema};
use tollbridge::{AnswerSchema, ErrorKind};
use tollbridge_testkit::{Step, Upstream};
use tollbridge_tests::Bench;

/// Somebody.
#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Person {
    /// As it is written.
    name: String,
    age: u8,
    skills: Vec<Skill>,
    nick: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Skill {
    /// Adds and subtracts.
    Sums,
    Other {
        name: String,
    },
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Votes {
    by_name: BTreeMap<String, u32>,
}

fn says(upstream: &Upstream, texts: &[&str]) {
    let answer = |text: &&str| {
        let message = json!({"role": "assistant", "content": text});
        let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
        let json = ("content-type".to_owned(), "application/json".to_owned());
        Step::canned(200, vec![json], vec![body.to_string()])
    };
    upstream.play(texts.iter().map(answer).collect());
}

#[tokio::test]
async fn the_schema_is_sent_closed_and_every_provider_answers_with_the_type() {
    let bench = Bench::start().await.unwrap();
    for model in ["openai/m", "anthropic/m", "gemini/m"] {
        let person = bench.client.chat(model, "Who?").typed::<Person>(1).await.unwrap();
        assert_eq!(person.answers.len(), 1, "{model}: {person:?}");
        assert!(person.age < 255, "{model}");
    }
    insta::assert_json_snapshot!(bench.openai.requests()[0].json()["response_format"]);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again_with_what_is_wrong() {
    let bench = Bench::start().await.unwrap();
    says(
        &bench.openai,
        &[r#"{"name":"Ada","skills":[]}"#, "```json\n{\"name\":\"Ada\",\"age\":36,\"skills\":[\"sums\"]}\n```"],
    );
    let ada = bench.client.chat("openai/m", "Who?").typed::<Person>(2).await.unwrap();
    assert_eq!(ada.value, Person { name: "Ada".into(), age: 36, skills: vec![Skill::Sums], nick: None });
    assert_eq!(ada.answers.len(), 2, "both were paid for");
    let again = &bench.openai.requests()[1].json()["messages"];
    assert_eq!(again[1]["content"], r#"{"name":"Ada","skills":[]}"#);
    assert!(again[2]["content"].as_str().unwrap().contains("missing field `age`"), "{again}");
}

#[tokio::test]
async fn when_no_answer_fits_the_error_names_the_field_and_keeps_the_last() {
    let bench = Bench::start().await.unwrap();
    let bad = r#"{"name":"Ada","age":"old","skills":[]}"#;
    says(&bench.openai, &["no JSON", bad]);
    let error = bench.client.chat("openai/m", "Who?").typed::<Person>(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.message().contains("`age`: invalid type"), "{error}");
    assert_eq!(error.partial().unwrap().text(), bad);
    assert_eq!(bench.openai.requests().len(), 2);
}

#[tokio::test]
async fn what_vendors_cannot_be_strict_about_is_not_asked_strictly() {
    let bench = Bench::start().await.unwrap();
    says(&bench.openai, &[r#"{"by_name":{"a":1}}"#]);
    let votes = bench.client.chat("openai/m", "Count.").typed::<Votes>(1).await.unwrap();
    assert_eq!(votes.by_name["a"], 1);
    assert_eq!(bench.openai.requests()[0].json()["response_format"]["json_schema"]["strict"], false);
}

#[tokio::test]
async fn json_mode_is_asked_for_unless_a_form_was_set() {
    let bench = Bench::start().await.unwrap();
    bench.client.chat("openai/m", "JSON?").json_mode().await.unwrap();
    assert_eq!(bench.openai.requests()[0].json()["response_format"], json!({"type": "json_object"}));
    let schema = tollbridge::types::Json::from_text("{}").unwrap();
    let format = tollbridge::types::ResponseFormat::json_schema(Some("mine".into()), None, schema, None);
    bench.client.chat("openai/m", "JSON?").response_format(format).json_mode().await.unwrap();
    assert_eq!(bench.openai.requests()[1].json()["response_format"]["json_schema"]["name"], "mine");
}

#[tokio::test]
async fn a_type_that_is_known_at_run_time_is_checked_and_asked_for_again() {
    let bench = Bench::start().await.unwrap();
    let schema = AnswerSchema::of_type("Dict[str, Union[str,int,List[str]]]").unwrap();
    says(&bench.openai, &["{\"a\": 1.5}", "```json\n{\"a\": [\"b\"]}\n```"]);
    let typed = bench.client.chat("openai/m", "What?").fitting(&schema, 3).await.unwrap();
    assert_eq!((typed.value.clone(), typed.answers.len()), (json!({"a": ["b"]}), 2));
    let asked = bench.openai.requests().pop().unwrap().json();
    let remedy = asked["messages"][2]["content"].as_str().unwrap();
    assert!(remedy.contains("`$.a`: 1.5 is none of"), "{remedy}");
    assert_eq!(asked["response_format"]["json_schema"]["schema"], *schema.as_value());

    says(&bench.openai, &["{\"a\": 1.5}", "no JSON"]);
    let error = bench.client.chat("openai/m", "What?").fitting(&schema, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.partial().unwrap().text(), "no JSON");
    assert_eq!(bench.openai.requests().len(), 4);
}
