//! What each protocol can carry of each other one: the table in `docs/losses.md` is made here.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use tollbridge_core::{LossKind, Operation, Request};
use tollbridge_protocol::{ChatCodec, codec, translate};
use tollbridge_types::Protocol;

const CODECS: [&dyn ChatCodec; 5] = [
    codec::OPENAI_CHAT,
    codec::OPENAI_COMPLETIONS,
    codec::OPENAI_RESPONSES,
    codec::ANTHROPIC_MESSAGES,
    codec::GEMINI_GENERATE,
];

/// What is spoken to vendors.
const TARGETS: [&dyn ChatCodec; 7] = [
    codec::OPENAI_CHAT,
    codec::OPENAI_RESPONSES,
    codec::ANTHROPIC_MESSAGES,
    codec::GEMINI_GENERATE,
    codec::BEDROCK_CONVERSE,
    codec::COHERE_CHAT,
    codec::OLLAMA_CHAT,
];

/// What a vendor's reference says that a client may send: a request that asks for nothing special, and fields of it.
#[derive(serde::Deserialize)]
struct Reference {
    source: String,
    base: Value,
    fields: Vec<Row>,
}

/// A field: its name for people, its own place in a client's body, and the fields to set for it.
#[derive(serde::Deserialize)]
struct Row {
    field: String,
    path: String,
    body: Value,
    /// Whether it says what other vendors do anyway.
    #[serde(default)]
    default: bool,
}

impl Reference {
    fn of(protocol: Protocol) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fields/{protocol}.json"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Returns the body with a field, and the same without it.
    fn bodies(&self, row: &Row) -> (Value, Value) {
        let with = merged(self.base.clone(), row.body.clone());
        let mut without = with.clone();
        assert!(remove(&mut without, &row.path), "the row `{}` has no `{}`", row.field, row.path);
        (with, without)
    }
}

/// Splits `a.b[0].c` into names and numbers.
fn steps(path: &str) -> Vec<&str> {
    path.split(['.', '[', ']']).filter(|step| !step.is_empty()).collect()
}

/// Returns what stands at a path of a body.
fn at<'v>(value: &'v mut Value, steps: &[&str]) -> Option<&'v mut Value> {
    steps.iter().try_fold(value, |here, step| match here {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        other => other.get_mut(*step),
    })
}

/// Leaves a field out, and says whether it was there.
fn remove(body: &mut Value, path: &str) -> bool {
    let steps = steps(path);
    let (last, before) = steps.split_last().unwrap();
    match at(body, before) {
        Some(Value::Array(items)) => {
            let place: usize = last.parse().unwrap();
            place < items.len() && !items.remove(place).is_null()
        }
        Some(Value::Object(fields)) => fields.remove(*last).is_some(),
        _ => false,
    }
}

fn merged(mut value: Value, more: Value) -> Value {
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    value
}

/// Returns what goes to the vendor, and what is told of it.
fn sent(from: &dyn ChatCodec, to: &dyn ChatCodec, body: &Value) -> (Option<Value>, Vec<(LossKind, String, String)>) {
    let body = bytes::Bytes::from(body.to_string());
    let request = Request::from_wire(Operation::Chat, from.protocol(), "m", body);
    match translate::request(&request, to, false) {
        Ok(encoded) => {
            let told = encoded.losses.into_iter().map(|loss| (loss.kind, loss.path, loss.reason)).collect();
            (serde_json::from_slice(&encoded.body).ok(), told)
        }
        Err(error) => {
            let path = error.path().unwrap_or_default().to_owned();
            (None, vec![(LossKind::Dropped, path, error.message().to_owned())])
        }
    }
}

#[test]
fn nothing_is_lost_in_silence_and_the_table_says_so() {
    let mut page = String::from(HEAD);
    let mut wrong = Vec::new();
    for from in CODECS {
        let name = from.protocol().as_str();
        let reference = Reference::of(from.protocol());
        let others: Vec<_> = TARGETS.into_iter().filter(|to| to.protocol() != from.protocol()).collect();
        write!(page, "\n## From `{name}`\n\nFields: {}.\n\n| What a client sends |", reference.source).unwrap();
        others.iter().for_each(|to| write!(page, " to `{}` |", to.protocol()).unwrap());
        write!(page, "\n|{}\n", "---|".repeat(others.len() + 1)).unwrap();
        for row in &reference.fields {
            write!(page, "| {} |", row.field).unwrap();
            for to in &others {
                write!(page, " {} |", fate(from, *to, &reference, row, &mut wrong)).unwrap();
            }
            page.push('\n');
        }
    }
    assert!(wrong.is_empty(), "told wrongly:\n{}", wrong.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/losses.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/losses.md is not what the codecs do; run this test with UPDATE_DOCS=1");
}

/// Says what becomes of a field that a client sends, alone, and notes if that is told wrongly or not at all.
fn fate(from: &dyn ChatCodec, to: &dyn ChatCodec, reference: &Reference, row: &Row, wrong: &mut Vec<String>) -> String {
    let (body, less) = reference.bodies(row);
    let (with, told) = sent(from, to, &body);
    let (mut without, mut usual) = sent(from, to, &less);
    if without.is_none() {
        (without, usual) = sent(from, to, &reference.base);
    }
    let around = told.iter().find(|(_, path, _)| steps(&row.path).starts_with(&steps(path))).cloned();
    let told: Vec<_> = told.into_iter().filter(|loss| !usual.contains(loss)).collect();
    let mut note = |problem: String| {
        wrong.push(format!("{} → {}: {} (`{}`): {problem}", from.protocol(), to.protocol(), row.field, row.path));
    };
    for (_, path, reason) in &told {
        if !is_related(&steps(path), &steps(&row.path)) {
            note(format!("told at `{path}`: {reason}"));
        } else if at(&mut body.clone(), &steps(path)).is_none() && with.is_some() {
            note(format!("told at `{path}`, which the body does not have"));
        }
    }
    // What stands around it may be lost with and without it.
    match (&with, told.first().or(around.as_ref())) {
        (None, Some((.., reason))) => format!("refused: {reason}"),
        (Some(_), Some((LossKind::Dropped, _, reason))) => format!("dropped: {reason}"),
        (Some(_), Some((_, _, reason))) => format!("adapted: {reason}"),
        _ if with == without && !row.default && !is_implied(&row.path) => {
            note("lost without a word".to_owned());
            "lost".to_owned()
        }
        _ => "carried".to_owned(),
    }
}

/// Says whether one place is within the other.
fn is_related(one: &[&str], other: &[&str]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}

/// Lists every way to leave one field out of a body.
fn without_one(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    let mut inner = |variants: Vec<(String, Value)>, put: &dyn Fn(Value) -> Value| {
        found.extend(variants.into_iter().map(|(path, value)| (path, put(value))));
    };
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(_, field)| !field.is_null()) {
                let path = format!("{path}.{name}");
                let mut less = fields.clone();
                less.remove(name);
                inner(vec![(path.clone(), Value::Object(less))], &|less| less);
                let mut deeper = Vec::new();
                without_one(field, &path, &mut deeper);
                inner(deeper, &|changed| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), changed);
                    Value::Object(fields)
                });
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                let mut deeper = Vec::new();
                without_one(item, &format!("{path}[{place}]"), &mut deeper);
                inner(deeper, &|changed| {
                    let mut items = items.clone();
                    *items.get_mut(place).unwrap() = changed;
                    Value::Array(items)
                });
            }
        }
        _ => {}
    }
}

/// Returns what of a body with one more field goes to a vendor at a place, and the paths of what is told.
fn with_field(from: &dyn ChatCodec, to: &dyn ChatCodec, more: Value, place: &str) -> (Option<Value>, Vec<String>) {
    let body = merged(Reference::of(from.protocol()).base, more);
    let (mut sent, told) = sent(from, to, &body);
    let value = sent.as_mut().and_then(|sent| at(sent, &steps(place)).cloned());
    (value, told.into_iter().map(|(_, path, _)| path).collect())
}

#[test]
fn a_tier_goes_only_to_a_vendor_that_has_the_word() {
    let [chat, responses, anthropic, bedrock] =
        [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES, codec::ANTHROPIC_MESSAGES, codec::BEDROCK_CONVERSE];
    let cases: [(&dyn ChatCodec, &dyn ChatCodec, &str, bool); 13] = [
        (chat, anthropic, "flex", false),
        (chat, anthropic, "default", false),
        (responses, anthropic, "priority", false),
        (responses, anthropic, "scale", false),
        (chat, anthropic, "auto", true),
        (chat, responses, "flex", true),
        (responses, chat, "scale", true),
        // Many vendors speak OpenAI's protocols.
        (responses, chat, "on_demand", true),
        (anthropic, chat, "standard_only", false),
        (anthropic, responses, "standard_only", false),
        (anthropic, bedrock, "standard_only", false),
        (chat, bedrock, "auto", false),
        (chat, bedrock, "flex", true),
    ];
    for (from, to, word, carried) in cases {
        let place = if to.protocol() == Protocol::BEDROCK_CONVERSE { "serviceTier.type" } else { "service_tier" };
        let (sent, told) = with_field(from, to, serde_json::json!({"service_tier": word}), place);
        let dropped = told.iter().any(|path| path == "service_tier");
        let case = format!("{} → {}: {word}: {told:?}", from.protocol(), to.protocol());
        assert_eq!((sent, dropped), (carried.then(|| word.into()), !carried), "{case}");
    }
}

#[test]
fn a_role_that_the_vendor_lacks_is_told_where_it_stands() {
    let messages = serde_json::json!({"messages": [{"role": "alien", "content": "x"}]});
    for to in [codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE, codec::BEDROCK_CONVERSE, codec::COHERE_CHAT] {
        let (_, told) = with_field(codec::OPENAI_CHAT, to, messages.clone(), "");
        assert!(told.iter().any(|path| path == "messages[0].role"), "{}: {told:?}", to.protocol());
    }
    let input = serde_json::json!({"input": [{"role": "alien", "content": "x"}]});
    let (_, told) = with_field(codec::OPENAI_RESPONSES, codec::ANTHROPIC_MESSAGES, input, "");
    assert!(told.iter().any(|path| path == "input[0].role"), "{told:?}");
}

#[test]
fn what_goes_with_another_field_is_told_at_its_own_path() {
    let [chat, responses, anthropic, gemini] =
        [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES, codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE];
    let history = serde_json::json!([{"role": "user", "content": "a"}, {"role": "assistant", "refusal": "no"},
        {"role": "user", "content": "b"}]);
    let cases: [(&dyn ChatCodec, &dyn ChatCodec, Value, &str); 8] = [
        (chat, anthropic, serde_json::json!({"tool_choice": "required"}), "tool_choice"),
        (anthropic, chat, serde_json::json!({"tool_choice": {"type": "any"}}), "tool_choice"),
        (anthropic, responses, serde_json::json!({"tool_choice": {"type": "tool", "name": "f"}}), "tool_choice"),
        (anthropic, chat, serde_json::json!({"metadata": {"user_id": "u", "x": 1}}), "metadata.x"),
        (anthropic, gemini, serde_json::json!({"metadata": {"x": 1}}), "metadata.x"),
        (
            chat,
            anthropic,
            serde_json::json!({"stream_options": {"include_usage": true}}),
            "stream_options.include_usage",
        ),
        (chat, anthropic, serde_json::json!({"messages": history}), "messages[1].refusal"),
        (chat, gemini, serde_json::json!({"messages": history}), "messages[1].refusal"),
    ];
    for (from, to, more, path) in cases {
        let (_, told) = with_field(from, to, more, "");
        let case = format!("{} → {}", from.protocol(), to.protocol());
        assert_eq!(told.iter().filter(|told| *told == path).count(), 1, "{case}: {path}: {told:?}");
    }
    // What no tools mean anyway is no loss.
    for choice in ["auto", "none"] {
        let (_, told) = with_field(chat, anthropic, serde_json::json!({"tool_choice": choice}), "");
        assert!(!told.iter().any(|path| path == "tool_choice"), "{choice}: {told:?}");
    }
}

#[test]
fn every_single_field_is_carried_or_told() {
    let mut silent = Vec::new();
    for from in CODECS {
        let name = from.protocol().as_str();
        let reference = Reference::of(from.protocol());
        for Row { field: feature, body, .. } in reference.fields.iter().filter(|row| !row.default) {
            let body = merged(reference.base.clone(), body.clone());
            let mut variants = Vec::new();
            without_one(&body, "", &mut variants);
            for to in TARGETS.into_iter().filter(|to| to.protocol() != from.protocol()) {
                let (Some(whole), told) = sent(from, to, &body) else { continue };
                for (path, less) in &variants {
                    let (Some(without), told_without) = sent(from, to, less) else { continue };
                    let path = path.trim_start_matches('.');
                    let within = told.iter().any(|(_, lost, _)| path.starts_with(lost.as_str()));
                    // Without calls, some vendors are sent no tools at all, which the choice tells.
                    let unused = feature.contains("tool_choice: none") && path.starts_with("tools");
                    if whole == without && told == told_without && !within && !unused && !is_implied(path) {
                        silent.push(format!("{name} → {}: {feature}: {path}", to.protocol()));
                    }
                }
            }
        }
    }
    assert!(silent.is_empty(), "lost without a word:\n{}", silent.join("\n"));
}

/// Says whether leaving a field out means the same as what it says.
fn is_implied(path: &str) -> bool {
    let ends = [
        // The router sets the model.
        "model",
        // What it says is the default, or the place says it.
        "tool_call_id",
        ".role",
        ".type",
        "messages[1].content",
        "inlineData.mimeType",
        "fileData.mimeType",
        "inline_data.mime_type",
        "input_audio.format",
        "source.media_type",
        // A response without an id answers the first open call of its function.
        "functionResponse.id",
        // Every protocol but OpenAI's holds models to the schema, and needs no name of it.
        "json_schema.name",
        "json_schema.strict",
        "text.format.name",
        "responseMimeType",
        // The type of a tool that a vendor runs says its name.
        "tools[0].name",
        // Whoever thinks for Anthropic and Gemini shows it.
        "reasoning.summary",
    ];
    ends.iter().any(|end| path.ends_with(end))
}

#[test]
fn strict_requests_are_refused_before_they_are_sent_and_name_every_field() {
    for from in CODECS {
        let name = from.protocol().as_str();
        let reference = Reference::of(from.protocol());
        for Row { field: feature, body, .. } in &reference.fields {
            for to in TARGETS.into_iter().filter(|to| to.protocol() != from.protocol()) {
                let body = bytes::Bytes::from(merged(reference.base.clone(), body.clone()).to_string());
                let request = Request::from_wire(Operation::Chat, from.protocol(), "m", body);
                let Ok(loose) = translate::request(&request, to, false) else { continue };
                let strict = translate::request(&request.clone().with_strict(true), to, false);
                assert_eq!(strict.is_err(), !loose.losses.is_empty(), "{name} → {}: {feature}", to.protocol());
                if let Err(error) = strict {
                    for loss in &loose.losses {
                        assert!(error.message().contains(&format!("`{}`", loss.path)), "{error} lacks {}", loss.path);
                    }
                }
            }
        }
    }
}

const HEAD: &str = "# What crosses between protocols

A call whose client and vendor speak one protocol passes byte for byte. Between two protocols a
field is *carried* (the vendor gets it in its own form), *adapted* (it gets something near, and the
reason says what), *dropped* (the vendor has no such thing) or *refused* (the call would mean
something else without it, so it is an error). Whatever is adapted or dropped is told: in
`reply.losses()` of a program, in the header `x-tollbridge-loss` of the gateway, and in the counter
`tollbridge_losses_total`. With `strict` the call is refused before it is sent, and the error names each field.

A path is the one in the client's own body, and so is `param` of an error. An agent that does not want to hear the same on each call
of a session asks for what is [new](gateway.md#losses-of-a-session).

These tables are made from the codecs by a test, so they cannot be out of date. The fields
are those of the vendors' references, in `crates/protocol/tests/fields`.
";
