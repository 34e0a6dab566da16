//! One binary for all fuzz targets: the environment names the one to run, as `request-openai.chat`.
//!
//! A target asserts more than that nothing panics; docs/fuzzing.md lists what.
#![no_main]

mod bytes;
mod chat;
mod mutate;
mod normal;
mod state;

use std::sync::OnceLock;

use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};
use tollbridge_protocol::{
    ChatCodec, CountCodec, EmbedCodec, ModelsCodec, RerankCodec, chat, count, embed, models, rerank,
};
use tollbridge_types::Protocol;

/// What is fuzzed.
enum Target {
    Request(&'static dyn ChatCodec),
    Reply(&'static dyn ChatCodec),
    Stream(&'static dyn ChatCodec),
    Embed(&'static dyn EmbedCodec),
    Models(&'static dyn ModelsCodec),
    Count(&'static dyn CountCodec),
    Rerank(&'static dyn RerankCodec),
    Multipart,
    State,
    Framing,
    Peek,
    Errors,
}

static TARGET: OnceLock<Target> = OnceLock::new();

impl Target {
    fn named(name: &str) -> Option<Self> {
        let (kind, protocol) = name.split_once('-').unwrap_or((name, ""));
        let protocol = Protocol::ALL.iter().copied().find(|known| known.as_str() == protocol);
        match kind {
            "request" => chat(protocol?).map(Self::Request),
            "reply" => chat(protocol?).map(Self::Reply),
            "stream" => chat(protocol?).map(Self::Stream),
            "embed" => embed(protocol?).map(Self::Embed),
            "models" => models(protocol?).map(Self::Models),
            "count" => count(protocol?).map(Self::Count),
            "rerank" => rerank(protocol?).map(Self::Rerank),
            "multipart" => Some(Self::Multipart),
            "state" => Some(Self::State),
            "framing" => Some(Self::Framing),
            "peek" => Some(Self::Peek),
            "errors" => Some(Self::Errors),
            _ => None,
        }
    }

    fn check(&self, data: &[u8]) {
        match self {
            Self::Request(codec) => chat::request(*codec, data),
            Self::Reply(codec) => chat::reply(*codec, data),
            Self::Stream(codec) => chat::stream(*codec, data),
            Self::Embed(codec) => bytes::embed(*codec, data),
            Self::Models(codec) => bytes::models(*codec, data),
            Self::Count(codec) => bytes::count(*codec, data),
            Self::Rerank(codec) => bytes::rerank(*codec, data),
            Self::Multipart => bytes::multipart(data),
            Self::State => state::state(data),
            Self::Framing => bytes::framing(data),
            Self::Peek => bytes::peek(data),
            Self::Errors => bytes::errors(data),
        }
    }
}

fuzz_target!(
    init: {
        let name = std::env::var("TOLLBRIDGE_FUZZ_TARGET").unwrap_or_default();
        let target = Target::named(&name).unwrap_or_else(|| panic!("`{name}` is no target"));
        let _ = TARGET.set(target);
    },
    |data: &[u8]| {
        if let Some(target) = TARGET.get() {
            target.check(data);
        }
    }
);

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = mutate::Dice::new(seed);
    // Bytes change too: half of the time, and where there is no JSON to change.
    match dice.one_in(2).then(|| mutate::change(&data[..size], &mut dice)).flatten() {
        Some(changed) if (1..=max_size).contains(&changed.len()) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
});

fuzz_crossover!(|first: &[u8], second: &[u8], out: &mut [u8], seed: u32| {
    let crossed = mutate::cross(first, second, &mut mutate::Dice::new(seed));
    let size = crossed.len().min(out.len());
    out[..size].copy_from_slice(&crossed[..size]);
    size
});
