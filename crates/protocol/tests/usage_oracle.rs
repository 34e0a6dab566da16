//! Usage objects of vendors against what an independent reader made of them.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "what a test needs and cannot have fails it")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use tollbridge_protocol::read_usage;
use tollbridge_types::{Protocol, Usage};

#[test]
fn usage_reads_as_the_oracle_read_it() {
    let (mut compared, mut bounded) = (0, 0);
    for row in rows() {
        let protocol = match row["shape"].as_str().unwrap() {
            "anthropic_messages" => Protocol::ANTHROPIC_MESSAGES,
            "openai_responses" => Protocol::OPENAI_RESPONSES,
            _ => Protocol::OPENAI_CHAT,
        };
        let usage = read_usage(protocol, &row["raw_usage"].to_string()).unwrap();
        let (id, normalized) = (&row["id"], &row["normalized_usage"]);
        if normalized.is_null() {
            let total = row["raw_usage"]["total_tokens"].as_u64().unwrap();
            assert_eq!(usage.total(), total, "{id}");
            bounded += 1;
            continue;
        }
        for (name, read) in named(&usage) {
            assert_eq!(normalized[name].as_u64(), Some(read), "{name} of {id}");
        }
        let written = ["cache_write_5m", "cache_write_untimed"].map(|name| normalized[name].as_u64().unwrap());
        assert_eq!(usage.cache_write.unwrap_or_default(), written.iter().sum::<u64>(), "{id}");
        assert_eq!(normalized["inference_geo"].as_str(), usage.inference_geo.as_deref(), "{id}");
        assert_eq!(normalized["speed"].as_str(), usage.speed.as_deref(), "{id}");
        compared += 1;
    }
    eprintln!("{compared} usage objects are read as by the oracle, {bounded} keep to their totals");
}

fn named(usage: &Usage) -> [(&'static str, u64); 13] {
    let count = Option::unwrap_or_default;
    [
        ("prompt_tokens", usage.total_input()),
        ("completion_tokens", usage.total_output()),
        ("cached_tokens", usage.cache_reads()),
        ("cached_audio_tokens", count(usage.cache_read_audio)),
        ("cache_write_30m", count(usage.cache_write_30m)),
        ("cache_write_1h", count(usage.cache_write_1h)),
        ("cache_write_12h", count(usage.cache_write_12h)),
        ("reasoning_tokens", count(usage.reasoning)),
        ("audio_input_tokens", count(usage.input_audio)),
        ("audio_output_tokens", count(usage.output_audio)),
        ("image_input_tokens", count(usage.input_image)),
        ("image_output_tokens", count(usage.output_image)),
        ("web_search_requests", count(usage.tools.get("web_search").copied())),
    ]
}

/// Reads the rows in the folder that `TOLLBRIDGE_ORACLES` names, or in the one that stands beside the repository.
fn rows() -> Vec<Value> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/oracles");
    let folder = std::env::var_os("TOLLBRIDGE_ORACLES").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("wire_usage_vectors.jsonl")) else {
        eprintln!("skipped: TOLLBRIDGE_ORACLES names no folder with wire_usage_vectors.jsonl");
        return Vec::new();
    };
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
