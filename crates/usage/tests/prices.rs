//! Prices by hand: what a person works out from a vendor's page.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use proptest::prelude::*;
use tollbridge_core::{Currency, Money};
use tollbridge_types::Usage;
use tollbridge_usage::price::{Component, PriceBook, Rate, Row, Terms, Tier, Totals};

fn cost(provider: &str, model: &str, input: u64, output: u64) -> Option<String> {
    let mut usage = Usage::default();
    (usage.input, usage.output) = (Some(input), Some(output));
    cost_of(provider, model, &usage)
}

fn cost_of(provider: &str, model: &str, usage: &Usage) -> Option<String> {
    let mut terms = Terms::default();
    terms.at = Some(1_795_190_400_000);
    PriceBook::embedded().bill(provider, model, usage, &terms).cost.map(|cost| cost.to_string())
}

#[test]
fn no_model_is_priced_as_another_whose_name_it_contains() {
    let table = [
        ("openai", "gpt-4", "0.06 USD"),
        ("openai", "gpt-4o", "0.0075 USD"),
        ("openai", "gpt-4o-mini", "0.00045 USD"),
        ("openai", "gpt-4-turbo", "0.025 USD"),
        ("openai", "gpt-4.1", "0.006 USD"),
        ("openai", "gpt-3.5-turbo", "0.00125 USD"),
        ("anthropic", "claude-sonnet-4-5", "0.0105 USD"),
        ("gemini", "gemini-2.5-flash", "0.00155 USD"),
    ];
    for (provider, model, expected) in table {
        assert_eq!(cost(provider, model, 1_000, 500).as_deref(), Some(expected), "{provider}/{model}");
    }
}

#[test]
fn cached_input_long_prompts_and_dated_names_are_priced() {
    assert_eq!(cost("openai", "gpt-4o-mini-2024-07-18", 1_000, 500), cost("openai", "gpt-4o-mini", 1_000, 500));
    let cached = Totals { prompt_tokens: 1_000, cached_tokens: 800, completion_tokens: 100, ..Totals::default() };
    // 200 × 2.50 + 800 × 1.25 + 100 × 10 dollars for a million.
    assert_eq!(cost_of("openai", "gpt-4o", &cached.to_usage()).unwrap(), "0.0025 USD");
    // A prompt of 200,000 costs 1.25 a million, one of a token more 2.50, and its answer 15 instead of 10.
    assert_eq!(cost("gemini", "gemini-2.5-pro", 200_000, 100).unwrap(), "0.251 USD");
    assert_eq!(cost("gemini", "gemini-2.5-pro", 200_001, 100).unwrap(), "0.5015025 USD");
}

#[test]
fn names_resolve_by_rules() {
    let book = PriceBook::embedded();
    let table = [
        ("openai", "gpt-4o-2031-01-01", Some("gpt-4o")),
        ("openai", "ft:gpt-4o-2024-08-06:org::id", Some("ft:gpt-4o-2024-08-06")),
        ("gemini", "models/gemini-2.5-flash", Some("gemini/gemini-2.5-flash")),
        ("vertex", "claude-sonnet-4-5@20250929", Some("vertex_ai/claude-sonnet-4-5@20250929")),
        (
            "bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            Some("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:123456789012:foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
            Some("anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        ("azure", "gpt-4o", Some("azure/gpt-4o")),
        ("groq", "openai/gpt-oss-20b", Some("groq/openai/gpt-oss-20b")),
        ("perplexity", "sonar", Some("perplexity/sonar")),
        ("echo", "anything", Some("echo/*")),
        ("openai", "gpt-4o-super", None),
        ("openai", "my-gpt-4", None),
        ("deepseek", "gpt-4o", None),
        ("nobody", "gpt-4o", None),
    ];
    for (provider, model, row) in table {
        assert_eq!(book.key(provider, model), row, "{provider}/{model}");
    }
}

#[test]
fn free_is_a_price_and_unknown_is_not() {
    assert_eq!(cost("echo", "any", 1_000, 500).unwrap(), "0 USD");
    assert_eq!(cost("openai", "no-such-model", 1_000, 500), None);
}

#[test]
fn tools_are_lines_and_those_without_a_price_are_not_in_the_sum() {
    let mut usage = Usage::default();
    usage.input = Some(1_000_000);
    usage.tools = [("web_search".to_owned(), 2), ("juggling".to_owned(), 1)].into();
    let bill = PriceBook::embedded().bill("anthropic", "claude-sonnet-4-5", &usage, &Terms::default());
    let lines: Vec<_> =
        bill.lines.iter().map(|line| (line.item.as_str(), line.amount.map(|amount| amount.to_string()))).collect();
    assert_eq!(lines, [("input", Some("3".to_owned())), ("juggling", None), ("web_search", Some("0.02".to_owned()))]);
    assert_eq!(bill.cost.unwrap().to_string(), "3.02 USD");
}

#[test]
fn the_tier_that_served_goes_before_the_one_that_was_asked_for() {
    let mut usage = one_token();
    usage.input = Some(100_000);
    let mut terms = Terms::default();
    terms.service_tier = Some("priority".to_owned());
    let cost = |usage: &Usage, terms: &Terms| {
        PriceBook::embedded().bill("openai", "gpt-5", usage, terms).cost.unwrap().to_string()
    };
    assert_eq!(cost(&usage, &terms), "0.25 USD");
    let table = [("default", "0.125 USD"), ("flex", "0.0625 USD"), ("batch", "0.0625 USD"), ("new", "0.125 USD")];
    for (served, expected) in table {
        usage.service_tier = Some(served.to_owned());
        assert_eq!(cost(&usage, &terms), expected, "{served}");
    }
}

#[test]
fn the_price_of_the_day_holds() {
    let mut row = row("x/model", "2");
    row.since = 20_000;
    let mut before = row.clone();
    (before.since, before.figures) = (0, Vec::new());
    before.put(Component::Input, Tier::Base, 0, "1".parse().unwrap(), "test");
    let book = PriceBook::embedded().overlaid("test", &[row, before]).unwrap();
    let at = |day: u64| {
        let mut terms = Terms::default();
        terms.at = Some(day * 86_400_000);
        book.bill("x", "model", &one_token(), &terms).cost.unwrap().to_string()
    };
    assert_eq!((at(19_999), at(20_000)), ("1 USD".to_owned(), "2 USD".to_owned()));
}

#[test]
fn chat_token_limits_leave_room_for_the_answer() {
    let limit = |provider, model| PriceBook::embedded().chat_token_limit(provider, model, 100_000);
    assert_eq!(limit("openai", "gpt-4-turbo"), 123_904);
    assert_eq!(limit("openai", "gpt-4o"), 111_616);
    assert_eq!(limit("openai", "gpt-4"), 4_096);
    assert!(limit("moonshot", "moonshot-v1-8k") > 0);
    assert_eq!(limit("openai", "unknown"), 100_000);
}

#[test]
fn halves_of_a_pico_dollar_round_to_even_once() {
    let book = PriceBook::embedded().overlaid("test", &[row("x/half", "5e-13")]).unwrap();
    let pico = |tokens: u64| {
        let mut usage = Usage::default();
        usage.input = Some(tokens);
        book.bill("x", "half", &usage, &Terms::default()).cost.map(Money::pico)
    };
    assert_eq!([1, 2, 3, 4, 5].map(|tokens| pico(tokens).unwrap()), [0, 1, 2, 2, 2]);
}

fn row(key: &str, input: &str) -> Row {
    let mut row = Row { key: key.to_owned(), vendor: "x".to_owned(), currency: "USD".to_owned(), ..Row::default() };
    row.put(Component::Input, Tier::Base, 0, input.parse().unwrap(), "test");
    row
}

fn one_token() -> Usage {
    let mut usage = Usage::default();
    usage.input = Some(1);
    usage
}

fn any_usage() -> impl Strategy<Value = Usage> {
    let count = || prop_oneof![4 => 0..2_000_000_u64, 1 => Just(u64::MAX)];
    proptest::array::uniform8(count()).prop_map(|[input, read, write, hour, audio, output, reasoning, searches]| {
        let mut usage = Usage::default();
        (usage.input, usage.cache_read, usage.cache_write) = (Some(input), Some(read), Some(write));
        (usage.cache_write_1h, usage.input_audio, usage.output) = (Some(hour), Some(audio), Some(output));
        usage.reasoning = Some(reasoning);
        usage.tools = [("web_search".to_owned(), searches)].into();
        usage
    })
}

const MODELS: &[(&str, &str)] = &[
    ("openai", "gpt-5"),
    ("anthropic", "claude-sonnet-4-5"),
    ("gemini", "gemini-2.5-pro"),
    ("dashscope", "qwen3-coder-plus"),
];

proptest! {
    #[test]
    fn the_sum_of_the_lines_rounds_once(usage in any_usage(), model in proptest::sample::select(MODELS), batch: bool) {
        let mut terms = Terms::default();
        terms.batch = batch;
        let bill = PriceBook::embedded().bill(model.0, model.1, &usage, &terms);
        let sum = bill.lines.iter().filter_map(|line| line.amount).fold(0_i128, |sum, amount| sum.saturating_add(amount.yocto()));
        let cost = bill.cost.unwrap();
        prop_assert_eq!(cost.currency(), Currency::USD);
        prop_assert!(cost.pico().saturating_mul(1_000_000_000_000).abs_diff(sum) <= 500_000_000_000);
    }

    #[test]
    fn a_longer_prompt_never_costs_less(tokens in 0..1_000_000_u64, more in 1..1_000_000_u64, model in proptest::sample::select(MODELS)) {
        let pico = |tokens| {
            let usage = Totals { prompt_tokens: tokens, completion_tokens: 100, ..Totals::default() }.to_usage();
            PriceBook::embedded().bill(model.0, model.1, &usage, &Terms::default()).cost.unwrap().pico()
        };
        prop_assert!(pico(tokens) < pico(tokens + more));
    }

    #[test]
    fn any_bytes_are_a_book_or_none(cut in 0..4_000_usize, flip in 0..3_000_usize, to: u8) {
        let rows: Vec<Row> = ["x/a", "x/b", "y/c"].iter().map(|key| row(key, "1e-6")).collect();
        let mut bytes = tollbridge_usage::price::write("test", &rows).unwrap();
        if let Some(byte) = bytes.get_mut(flip) {
            *byte = to;
        }
        bytes.truncate(bytes.len().saturating_sub(cut / 20));
        if let Some(book) = PriceBook::from_bytes(bytes) {
            let _ = book.bill("x", "a", &one_token(), &Terms::default());
            prop_assert!(book.rows().take(10).count() <= 10);
        }
    }

    #[test]
    fn rates_print_as_they_are_read(yocto in 0..i128::from(u64::MAX)) {
        let rate = Rate::from_yocto(yocto);
        prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
    }
}
