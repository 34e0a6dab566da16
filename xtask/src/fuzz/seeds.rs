//! Writes what the fuzzer begins with: each protocol's own form of the samples, what the mocks answer to them,
//! and recorded traffic where there is some. No protocol is named here: a codec keeps what it can read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_protocol::{
    ChatCodec, FrameDecoder, Framing, ReplyContext, Target, chat, count as count_codec, embed, errors, framing_of,
    models, peek, rerank,
};
use tollbridge_testkit::{Kind, Upstream};
use tollbridge_types::Protocol;

use super::{engine, samples, seals};
use crate::conformance::Exchange;

/// How many seeds of a target may come from recordings.
const RECORDED: usize = 400;

/// Writes the seeds and the words of these targets.
pub(super) fn write(folder: &Path, targets: &[String], corpus: Option<&Path>) -> Result<(), String> {
    let mut seeds = Seeds::default();
    seeds.add_samples();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(seeds.add_mocked())?;
    if let Some(corpus) = corpus {
        seeds.add_recorded(corpus, targets)?;
    }
    let folder = folder.join("seeds");
    for target in targets {
        let own = seeds.by_target.remove(target).unwrap_or_default();
        let there = folder.join(target);
        // Seeds of an earlier run may be those of another corpus.
        let _ = fs::remove_dir_all(&there);
        let problem = |error: std::io::Error| format!("{}: {error}", there.display());
        fs::create_dir_all(&there).map_err(problem)?;
        for (number, bytes) in own.iter().enumerate() {
            fs::write(there.join(format!("{number:05}")), bytes).map_err(problem)?;
        }
        fs::write(folder.join(format!("{target}.dict")), words(&own)).map_err(problem)?;
    }
    Ok(())
}

#[derive(Default)]
struct Seeds {
    by_target: BTreeMap<String, BTreeSet<Vec<u8>>>,
    recorded: BTreeMap<String, usize>,
}

/// Cuts for the targets that take them: the places as pairs of bytes, and how many there are.
const CUTS: &[u8] = &[0, 1, 0, 40, 1, 0, 3];

impl Seeds {
    fn add(&mut self, target: &str, bytes: &[u8]) {
        let cuts = if target.starts_with("stream") || target == "framing" { CUTS } else { &[] };
        let bytes = if target == "errors" { [b"\x01\x2c", bytes].concat() } else { [bytes, cuts].concat() };
        if bytes.len() <= engine::LONGEST {
            self.by_target.entry(target.to_owned()).or_default().insert(bytes);
        }
    }

    /// Adds bytes to every target whose codec can read them.
    fn offer(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut takers = Vec::new();
        for protocol in Protocol::ALL {
            if let Some(codec) = chat(*protocol) {
                takers.extend(codec.decode_request(bytes).is_ok().then(|| format!("request-{protocol}")));
                takers.extend(codec.decode_reply(bytes).is_ok().then(|| format!("reply-{protocol}")));
                takers.extend(is_stream(codec, bytes).then(|| format!("stream-{protocol}")));
            }
            let embeds = embed(*protocol).is_some_and(|codec| {
                codec.decode_request(bytes).is_ok()
                    || codec.decode_reply(bytes).is_ok_and(|reply| !reply.embeddings.is_empty())
            });
            takers.extend(embeds.then(|| format!("embed-{protocol}")));
            let counts = count_codec(*protocol)
                .is_some_and(|codec| codec.decode_request(bytes).is_ok() || codec.decode_reply(bytes).is_ok());
            takers.extend(counts.then(|| format!("count-{protocol}")));
            let sorts = rerank(*protocol)
                .is_some_and(|codec| codec.decode_request(bytes).is_ok() || codec.decode_reply(bytes).is_ok());
            takers.extend(sorts.then(|| format!("rerank-{protocol}")));
            let lists =
                models(*protocol).is_some_and(|codec| codec.decode_reply(bytes).is_ok_and(|models| !models.is_empty()));
            takers.extend(lists.then(|| format!("models-{protocol}")));
        }
        if takers.iter().any(|name| name.starts_with("stream")) {
            takers.push("framing".to_owned());
        }
        if peek(bytes).is_ok_and(|peek| peek.model.is_some()) {
            takers.push("peek".to_owned());
        }
        takers
    }

    fn add_offered(&mut self, bytes: &[u8]) {
        if let Some(events) = as_events(bytes) {
            self.add("framing", bytes);
            return self.add_offered(&events);
        }
        for target in self.offer(bytes) {
            self.add(&target, bytes);
        }
    }

    fn add_samples(&mut self) {
        let field =
            |name: &str, value: &str| format!("--edge\r\ncontent-disposition: form-data; {name}\r\n\r\n{value}\r\n");
        for fields in [
            field("name=\"model\"", "a") + &field("name=file; filename=\"b\"", "sound"),
            field("name=\"file\"; filename=model", "sound") + &field("name=model", "a"),
        ] {
            self.add("multipart", format!("edge\n{fields}--edge--\r\n").as_bytes());
        }
        for count in [r#"{"input_tokens":5}"#, r#"{"totalTokens":5}"#, r#"{"inputTokens":5}"#, r#"{"tokens":[1,2]}"#] {
            self.add_offered(count.as_bytes());
        }
        self.add_offered(
            br#"{"model":"m","query":"q","documents":["a",{"text":"b"}],"top_n":1,"return_documents":true}"#,
        );
        self.add_offered(br#"{"id":"i","results":[{"index":1,"relevance_score":0.5,"document":{"text":"b"}}],"meta":{"billed_units":{"search_units":1}}}"#);
        let context = ReplyContext::new("id", "model", 1_700_000_000);
        for protocol in Protocol::ALL {
            if let Some(codec) = chat(*protocol) {
                for (_, body) in bodies(codec) {
                    self.add_offered(&body);
                }
                for reply in samples::replies() {
                    if let Ok(body) = codec.encode_reply(&reply, &context) {
                        self.add_offered(&body);
                        let turn = seals::next_turn(codec, &body).unwrap_or_default();
                        seals::opened(&turn).iter().for_each(|seed| self.add("state", seed));
                        self.add_offered(&turn);
                    }
                    let mut encoder = codec.stream_encoder(&context);
                    let mut frames = Vec::new();
                    reply.into_events().into_iter().for_each(|event| encoder.encode(event, &mut frames));
                    encoder.finish(&mut frames);
                    self.add_offered(&frames.iter().flat_map(|frame| frame.raw.to_vec()).collect::<Vec<_>>());
                    let elements: Vec<_> = frames.iter().map(|frame| String::from_utf8_lossy(&frame.data)).collect();
                    self.add_offered(format!("[{}]", elements.join(",\n")).as_bytes());
                }
            }
            if let Some(codec) = embed(*protocol) {
                let (request, reply) = samples::embeddings();
                let request = codec.encode_request(&request, &Target::new("model", false), &mut Vec::new());
                for body in request.into_iter().chain(codec.encode_reply(&reply, false, &context)) {
                    self.add_offered(&body);
                }
            }
            if let Some(codec) = count_codec(*protocol) {
                for request in samples::requests() {
                    let body = codec.encode_request(&request, &Target::new("model", false), &mut Vec::new());
                    body.iter().for_each(|body| self.add_offered(body));
                }
            }
            if let Some(body) = models(*protocol).and_then(|codec| codec.encode_reply(&samples::models()).ok()) {
                self.add_offered(&body);
            }
            for kind in [ErrorKind::InvalidRequest, ErrorKind::RateLimit, ErrorKind::ContextLength, ErrorKind::Server] {
                let error = Error::new(kind, "something is wrong").with_path("messages[0]");
                let (_, body) = errors(*protocol).encode_error(&error, "req_1");
                self.add("errors", &body);
            }
        }
    }

    /// Asks every mock in every protocol: a question that it does not speak is as good as one that it does.
    async fn add_mocked(&mut self) -> Result<(), String> {
        for kind in Kind::ALL {
            let upstream = Upstream::new(kind).start().await.map_err(|error| error.to_string())?;
            for codec in Protocol::ALL.iter().filter_map(|protocol| chat(*protocol)) {
                for (stream, body) in bodies(codec) {
                    for step in ["ok", "stream-error", "cut-after:3", "malformed", "no-usage", "429", "context-length"]
                    {
                        upstream.script([step]).map_err(|error| error.to_string())?;
                        let own = kind.chat_paths()[usize::from(stream)];
                        let responses = codec.protocol() == Protocol::OPENAI_RESPONSES && kind == Kind::OpenAi;
                        let path = if responses { "/v1/responses" } else { own };
                        // A connection that the script breaks has no answer.
                        let Ok((status, reply)) = upstream.post(path, body.clone()).await else { continue };
                        if status == 200 {
                            self.add_offered(&reply);
                        } else {
                            self.add("errors", &reply);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn add_recorded(&mut self, corpus: &Path, targets: &[String]) -> Result<(), String> {
        let entries = fs::read_dir(corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
        for path in files {
            let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            for line in BufReader::new(file).lines() {
                let line = line.map_err(|error| format!("{}: {error}", path.display()))?;
                let exchange: Exchange =
                    serde_json::from_str(&line).map_err(|error| format!("{}: {error}", path.display()))?;
                self.record(&exchange, targets);
            }
        }
        Ok(())
    }

    fn record(&mut self, exchange: &Exchange, targets: &[String]) {
        let request = exchange.request_body.is_object().then(|| exchange.request_body.to_string().into_bytes());
        let reply = exchange.bytes();
        let refused = exchange.status.is_some_and(|status| status >= 400);
        for (body, refused) in request.map(|body| (body, false)).into_iter().chain(reply.map(|body| (body, refused))) {
            if body.len() > engine::LONGEST - CUTS.len() {
                continue;
            }
            if refused {
                self.keep("errors", &body, targets);
                continue;
            }
            let events = as_events(&body);
            if events.is_some() {
                self.keep("framing", &body, targets);
            }
            let body = events.unwrap_or(body);
            for target in self.offer(&body) {
                self.keep(&target, &body, targets);
            }
        }
    }

    /// Adds a recording, if there are not yet many.
    fn keep(&mut self, target: &str, bytes: &[u8], targets: &[String]) {
        if !targets.iter().any(|name| name == target) {
            return;
        }
        let count = self.recorded.entry(target.to_owned()).or_default();
        *count += 1;
        if *count <= RECORDED {
            self.add(target, bytes);
        }
    }
}

/// Writes the samples as request bodies, for whole replies and for streams.
fn bodies(codec: &dyn ChatCodec) -> Vec<(bool, Vec<u8>)> {
    let mut bodies = Vec::new();
    for request in samples::requests() {
        for stream in [false, true] {
            let body = codec.encode_request(&request, &Target::new("model", stream), &mut Vec::new());
            bodies.extend(body.map(|body| (stream, body.to_vec())));
        }
    }
    bodies
}

fn is_stream(codec: &dyn ChatCodec, bytes: &[u8]) -> bool {
    // An object alone is a whole reply, which some streams' readers would take too.
    if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() && bytes.trim_ascii_start().starts_with(b"{") {
        return false;
    }
    let framing = match framing_of(codec.protocol()) {
        Framing::AwsEventStream => Framing::Sse,
        Framing::Sse if bytes.trim_ascii_start().starts_with(b"[") => Framing::JsonArray,
        framing => framing,
    };
    let (mut splitter, mut decoder) = (FrameDecoder::new(framing), codec.stream_decoder());
    let (mut frames, mut events) = (Vec::new(), Vec::new());
    let whole = splitter.push(bytes, &mut frames).and_then(|()| splitter.finish(&mut frames)).is_ok();
    for frame in &mut frames {
        // As `fuzz/src/chat.rs` does: the base64 of these events is put around them when they are read.
        if codec.protocol() == Protocol::BEDROCK_INVOKE && frame.event.as_deref() == Some("chunk") {
            frame.data = format!("{{\"bytes\":\"{}\"}}", STANDARD.encode(&frame.data)).into();
        }
        if decoder.decode(frame, &mut events).is_err() {
            break;
        }
    }
    whole && events.len() > 1
}

/// Writes binary frames as events, which the fuzzer can change without their checksums, and opens what is in base64.
fn as_events(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.first() != Some(&0) {
        return None;
    }
    let (mut splitter, mut frames) = (FrameDecoder::new(Framing::AwsEventStream), Vec::new());
    splitter.push(bytes, &mut frames).ok()?;
    let event = |frame: &Frame| {
        let name = frame.event.as_deref().unwrap_or_default();
        let inside: Option<Value> = serde_json::from_slice(&frame.data).ok();
        let inside = inside.and_then(|value| STANDARD.decode(value.get("bytes")?.as_str()?).ok());
        let data = inside.unwrap_or_else(|| frame.data.to_vec());
        [b"event: ", name.as_bytes(), b"\ndata: ", &data, b"\n\n"].concat()
    };
    Some(frames.iter().flat_map(event).collect())
}

/// Lists the names and short words that stand in the seeds, as libFuzzer's dictionary.
fn words(seeds: &BTreeSet<Vec<u8>>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for seed in seeds {
        let text = String::from_utf8_lossy(seed);
        for line in text.lines() {
            let line = line.trim_start_matches("data:").trim_matches([',', ' ']);
            let end = line.rfind(['}', ']']).map_or(0, |end| end + 1);
            if let Some(Ok(value)) = line.get(..end).map(serde_json::from_str::<Value>) {
                count(&value, &mut counts);
            }
        }
    }
    let mut words: Vec<_> = counts.into_iter().collect();
    words.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    // A long dictionary tells the fuzzer less than a short one.
    let entry = |(word, _): (String, usize)| format!("\"\\\"{word}\\\"\"\n");
    words.into_iter().take(400).map(entry).collect()
}

fn count(value: &Value, counts: &mut BTreeMap<String, usize>) {
    let plain = |word: &str| {
        let letters = word.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"_-. :/".contains(&letter));
        (1..=32).contains(&word.len()) && letters
    };
    let mut add = |word: &str| {
        if plain(word) {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    };
    match value {
        Value::String(word) => add(word),
        Value::Object(fields) => {
            fields.keys().for_each(|name| add(name));
            fields.values().for_each(|value| count(value, counts));
        }
        Value::Array(items) => items.iter().for_each(|value| count(value, counts)),
        _ => {}
    }
}
