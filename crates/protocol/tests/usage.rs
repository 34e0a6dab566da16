//! Buckets never overlap: their sums are the vendor's totals, in each vendor's own convention.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use proptest::prelude::*;
use serde_json::{Value, json};
use tollbridge_core::ErrorKind;
use tollbridge_protocol::{ReplyContext, chat, read_usage};
use tollbridge_types::{ChatReply, Choice, Protocol, Usage};

const OPENAI: Protocol = Protocol::OPENAI_CHAT;

fn read(protocol: Protocol, raw: &Value) -> Usage {
    read_usage(protocol, &raw.to_string()).unwrap()
}

#[test]
fn xai_counts_reasoning_beside_the_completion_and_the_total_tells() {
    let beside = json!({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 140,
        "completion_tokens_details": {"reasoning_tokens": 30}});
    let usage = read(OPENAI, &beside);
    assert_eq!((usage.output, usage.reasoning, usage.total()), (Some(10), Some(30), 140));

    let inside = json!({"prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140,
        "completion_tokens_details": {"reasoning_tokens": 30}});
    let usage = read(OPENAI, &inside);
    assert_eq!((usage.output, usage.reasoning, usage.total()), (Some(10), Some(30), 140));
}

#[test]
fn gemini_in_openais_form_does_not_name_its_thoughts() {
    let usage = read(OPENAI, &json!({"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100}));
    assert_eq!((usage.output, usage.reasoning), (Some(6), Some(28)));
}

#[test]
fn mistral_counts_audio_beside_the_prompt() {
    let raw = json!({"prompt_tokens": 11, "completion_tokens": 15, "total_tokens": 401,
        "prompt_tokens_details": {"audio_tokens": 375, "cached_tokens": 9}});
    let usage = read(OPENAI, &raw);
    assert_eq!((usage.input, usage.cache_read, usage.input_audio), (Some(2), Some(9), Some(375)));
    assert_eq!(usage.total(), 401);
}

#[test]
fn caches_beside_the_prompt_are_told_by_the_total() {
    let raw = json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 5330,
        "cache_read_input_tokens": 5000, "cache_creation_input_tokens": 300});
    let usage = read(OPENAI, &raw);
    assert_eq!((usage.input, usage.cache_read, usage.cache_write), (Some(10), Some(5000), Some(300)));
    assert_eq!((usage.reasoning, usage.total()), (None, 5330));
}

#[test]
fn deepseeks_hits_and_misses_are_its_prompt() {
    let raw = json!({"prompt_cache_hit_tokens": 320, "prompt_cache_miss_tokens": 13, "completion_tokens": 5});
    let usage = read(OPENAI, &raw);
    assert_eq!((usage.input, usage.cache_read), (Some(13), Some(320)));
}

#[test]
fn cached_audio_is_no_other_audio() {
    let raw = json!({"input_tokens": 100, "output_tokens": 20, "total_tokens": 120,
        "input_token_details": {"text_tokens": 40, "audio_tokens": 60, "cached_tokens": 50,
            "cached_tokens_details": {"text_tokens": 20, "audio_tokens": 30}},
        "output_token_details": {"text_tokens": 5, "audio_tokens": 15}});
    let usage = read(Protocol::OPENAI_RESPONSES, &raw);
    assert_eq!((usage.cache_read, usage.cache_read_audio), (Some(20), Some(30)));
    assert_eq!((usage.input, usage.input_audio), (Some(20), Some(30)));
    assert_eq!((usage.output, usage.output_audio), (Some(5), Some(15)));
}

#[test]
fn writes_are_parted_by_lifetime() {
    let raw = json!({"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": {
        "cache_write_tokens": 60,
        "cache_creation_token_details": {"ephemeral_30m_input_tokens": 10, "ephemeral_12h_input_tokens": 20}}});
    let usage = read(OPENAI, &raw);
    assert_eq!((usage.cache_write, usage.cache_write_30m, usage.cache_write_12h), (Some(30), Some(10), Some(20)));

    let raw = json!({"input_tokens": 5, "output_tokens": 1, "cache_creation_input_tokens": 30, "cache_creation": {
        "ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}});
    let usage = read(Protocol::ANTHROPIC_MESSAGES, &raw);
    assert_eq!((usage.cache_write, usage.cache_write_1h, usage.total_input()), (Some(10), Some(20), 35));

    let raw = json!({"inputTokens": 5, "outputTokens": 1, "totalTokens": 36, "cacheWriteInputTokens": 30,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}]});
    let usage = read(Protocol::BEDROCK_CONVERSE, &raw);
    assert_eq!((usage.cache_write, usage.cache_write_1h, usage.total()), (Some(10), Some(20), 36));
}

#[test]
fn what_claude_is_charged_by_is_told() {
    let raw = json!({"input_tokens": 5, "output_tokens": 1, "service_tier": "standard", "inference_geo": "us",
        "speed": "fast", "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0}});
    let usage = read(Protocol::ANTHROPIC_MESSAGES, &raw);
    assert_eq!(usage.tools.into_iter().collect::<Vec<_>>(), [("web_search".to_owned(), 2)]);
    assert_eq!(usage.service_tier.as_deref(), Some("standard"));
    assert_eq!((usage.inference_geo.as_deref(), usage.speed.as_deref()), (Some("us"), Some("fast")));
    assert_eq!((usage.cache_read, usage.cache_write), (None, None));
}

#[test]
fn shortening_a_conversation_counts_too() {
    let raw = json!({"input_tokens": 612, "output_tokens": 2819, "iterations": [
        {"type": "compaction", "input_tokens": 60385, "output_tokens": 522},
        {"type": "message", "input_tokens": 612, "output_tokens": 2819}]});
    let usage = read(Protocol::ANTHROPIC_MESSAGES, &raw);
    assert_eq!((usage.total_input(), usage.total_output()), (60997, 3341));
}

#[test]
fn gemini_counts_thoughts_and_its_tools_prompts_beside() {
    let raw = json!({"promptTokenCount": 424, "candidatesTokenCount": 70, "thoughtsTokenCount": 287,
        "toolUsePromptTokenCount": 61, "totalTokenCount": 842, "cachedContentTokenCount": 287, "serviceTier": "flex",
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 166}, {"modality": "IMAGE", "tokenCount": 258}],
        "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 175}, {"modality": "TEXT", "tokenCount": 112}]});
    let usage = read(Protocol::GEMINI_GENERATE, &raw);
    assert_eq!((usage.input, usage.cache_read, usage.input_image), (Some(115), Some(287), Some(83)));
    assert_eq!((usage.output, usage.reasoning, usage.total()), (Some(70), Some(287), 842));
    assert_eq!(usage.service_tier.as_deref(), Some("flex"));
}

#[test]
fn cohere_counts_pictures_beside_and_reasoning_inside() {
    let raw = json!({"tokens": {"input_tokens": 34, "output_tokens": 56, "reasoning_tokens": 40, "image_tokens": 259},
        "billed_units": {"input_tokens": 267, "output_tokens": 52}, "cached_tokens": 4});
    let usage = read(Protocol::COHERE_CHAT, &raw);
    assert_eq!((usage.input, usage.cache_read, usage.input_image), (Some(30), Some(4), Some(259)));
    assert_eq!((usage.output, usage.reasoning), (Some(16), Some(40)));
    let usage = read(Protocol::COHERE_RERANK, &json!({"billed_units": {"search_units": 3}}));
    assert_eq!(usage.tools.get("search_units"), Some(&3));
}

#[test]
fn what_perplexity_read_and_searched_is_listed_apart() {
    let raw = json!({"prompt_tokens": 234, "completion_tokens": 227, "total_tokens": 461, "citation_tokens": 2621,
        "reasoning_tokens": 100, "num_search_queries": 17});
    let usage = read(OPENAI, &raw);
    assert_eq!((usage.total(), usage.reasoning, usage.output), (461, Some(100), Some(127)));
    assert_eq!((usage.tools["search_queries"], usage.tools["citation_tokens"]), (17, 2621));
}

#[test]
fn tools_that_a_response_called_are_counted() {
    let body = json!({"id": "r", "model": "gpt-5", "service_tier": "priority", "status": "completed", "output": [
        {"type": "web_search_call", "action": {"type": "search", "query": "a"}},
        {"type": "web_search_call", "action": {"type": "open_page", "url": "b"}},
        {"type": "code_interpreter_call", "container_id": "c1"},
        {"type": "code_interpreter_call", "container_id": "c1"},
        {"type": "file_search_call"}, {"type": "file_search_call"}],
        "usage": {"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}});
    let reply = chat(Protocol::OPENAI_RESPONSES).unwrap().decode_reply(body.to_string().as_bytes()).unwrap();
    let usage = reply.usage.unwrap();
    let tools: Vec<_> = usage.tools.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(tools, [("code_execution", 1), ("file_search", 2), ("web_search", 1)]);
    assert_eq!(usage.service_tier.as_deref(), Some("priority"));
}

#[test]
fn searches_that_gemini_made_are_counted() {
    let body = json!({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP",
        "groundingMetadata": {"webSearchQueries": ["", "a", "b"], "groundingChunks": [{"maps": {"uri": "u"}}]}}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 6, "totalTokenCount": 11}});
    let reply = chat(Protocol::GEMINI_GENERATE).unwrap().decode_reply(body.to_string().as_bytes()).unwrap();
    let tools = reply.usage.unwrap().tools;
    assert_eq!((tools["web_search"], tools["maps_grounding"]), (2, 1));
}

#[test]
fn what_cannot_be_read_is_told() {
    let error = read_usage(OPENAI, "[]").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().starts_with("the usage is not a valid JSON object"), "{error}");
    let error = read_usage(Protocol::new("example.own"), "{}").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(read(OPENAI, &json!({})).total(), 0);
}

/// A count that a vendor may leave out, get wrong, or send as something else.
fn count() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (0_u64..2000).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!(u64::MAX)),
        1 => Just(json!(-5)),
        1 => Just(json!("many")),
    ]
}

proptest! {
    #[test]
    fn openais_buckets_sum_up_to_its_totals(
        prompt in 0_u64..2000, completion in 0_u64..2000, beside in prop_oneof![3 => Just(0), 1 => 1_u64..500],
        read_details in prop::collection::vec(count(), 6), written in prop::collection::vec(count(), 3),
    ) {
        let raw = json!({"prompt_tokens": prompt, "completion_tokens": completion,
            "total_tokens": prompt + completion + beside,
            "prompt_tokens_details": {"cached_tokens": read_details[0], "cache_write_tokens": read_details[1],
                "audio_tokens": read_details[2], "image_tokens": read_details[3], "video_tokens": read_details[4],
                "cached_tokens_details": {"audio_tokens": read_details[5]}},
            "completion_tokens_details": {"reasoning_tokens": written[0], "audio_tokens": written[1],
                "image_tokens": written[2]}});
        for protocol in [OPENAI, Protocol::OPENAI_RESPONSES] {
            let usage = read(protocol, &raw);
            let sums = [prompt + completion, prompt + completion + beside];
            prop_assert!(sums.contains(&usage.total()), "{usage:?}");
            prop_assert!(usage.total_input() >= prompt && usage.total_output() >= completion, "{usage:?}");
        }
    }

    #[test]
    fn googles_buckets_sum_up_to_its_totals(
        prompt in 0_u64..2000, tools in 0_u64..100, output in 0_u64..2000, thoughts in 0_u64..2000,
        cached in count(), details in prop::collection::vec(count(), 6),
    ) {
        let list = |counts: &[Value]| {
            let names = ["TEXT", "AUDIO", "IMAGE"].iter().zip(counts);
            names.map(|(name, count)| json!({"modality": name, "tokenCount": count})).collect::<Vec<_>>()
        };
        let raw = json!({"promptTokenCount": prompt, "toolUsePromptTokenCount": tools, "candidatesTokenCount": output,
            "thoughtsTokenCount": thoughts, "cachedContentTokenCount": cached, "promptTokensDetails": list(&details[..3]),
            "cacheTokensDetails": list(&details[3..]), "candidatesTokensDetails": list(&details[..3])});
        let usage = read(Protocol::GEMINI_GENERATE, &raw);
        prop_assert_eq!((usage.total_input(), usage.total_output()), (prompt + tools, output + thoughts));
    }

    #[test]
    fn claudes_writes_sum_up_to_what_was_stored(
        counts in prop::collection::vec(0_u64..2000, 4), thinking in count(), lifetimes in prop::collection::vec(count(), 2),
    ) {
        let raw = json!({"input_tokens": counts[0], "cache_read_input_tokens": counts[1],
            "cache_creation_input_tokens": counts[2], "output_tokens": counts[3],
            "output_tokens_details": {"thinking_tokens": thinking},
            "cache_creation": {"ephemeral_5m_input_tokens": lifetimes[0], "ephemeral_1h_input_tokens": lifetimes[1]}});
        let usage = read(Protocol::ANTHROPIC_MESSAGES, &raw);
        prop_assert_eq!(usage.total_input(), counts[0] + counts[1] + counts[2]);
        prop_assert_eq!(usage.total_output(), counts[3]);
    }

    #[test]
    fn totals_survive_every_clients_protocol(counts in prop::collection::vec(prop::option::of(0_u64..2000), 14)) {
        let mut usage = Usage::default();
        let [input, audio, image, video, read, read_audio, write, half, hour, day, output, reasoning, spoken, drawn] =
            counts.try_into().unwrap();
        (usage.input, usage.input_audio, usage.input_image, usage.input_video) = (input, audio, image, video);
        (usage.cache_read, usage.cache_read_audio) = (read, read_audio);
        (usage.cache_write, usage.cache_write_30m, usage.cache_write_1h, usage.cache_write_12h) = (write, half, hour, day);
        (usage.output, usage.reasoning, usage.output_audio, usage.output_image) = (output, reasoning, spoken, drawn);
        let mut reply = ChatReply::default();
        reply.choices.push(Choice::default());
        reply.usage = Some(usage.clone());
        let context = ReplyContext::new("id", "model", 1);
        for protocol in [
            OPENAI, Protocol::OPENAI_RESPONSES, Protocol::ANTHROPIC_MESSAGES, Protocol::GEMINI_GENERATE,
            Protocol::BEDROCK_CONVERSE, Protocol::OLLAMA_CHAT,
        ] {
            let codec = chat(protocol).unwrap();
            let written = codec.decode_reply(&codec.encode_reply(&reply, &context).unwrap()).unwrap().usage.unwrap();
            prop_assert_eq!(written.total_input(), usage.total_input(), "{}", protocol);
            prop_assert_eq!(written.total_output(), usage.total_output(), "{}", protocol);
            if protocol != Protocol::OLLAMA_CHAT {
                prop_assert_eq!(written.cache_reads(), usage.cache_reads(), "{}", protocol);
            }
        }
    }
}
