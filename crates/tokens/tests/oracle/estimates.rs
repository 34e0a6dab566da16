use std::collections::HashMap;

use tollbridge_tokens::Tokenizer;
use tollbridge_types::UsageBasis;

use crate::rows;

/// The most that the sum of the estimates of a kind of text may be off, in percent; docs/tokens.md has what is measured.
const LIMITS: [(&str, u64); 3] = [("english", 5), ("code", 5), ("cjk", 8)];

#[test]
fn estimates_stay_within_what_the_documentation_says() {
    let kinds: HashMap<String, String> = rows::read("token_vectors.jsonl")
        .iter()
        .map(|row| (row["text"].as_str().unwrap().to_owned(), row["kind"].as_str().unwrap().to_owned()))
        .collect();
    let rows = rows::read("token_vectors_deepseek_anthropic_legacy.jsonl");
    for (model, column) in [("deepseek-chat", "deepseek_v3"), ("claude-opus-4-1", "anthropic_legacy")] {
        let tokenizer = Tokenizer::for_model(model);
        assert_eq!(tokenizer.basis(), UsageBasis::Estimated);
        for (kind, limit) in LIMITS {
            let (mut estimated, mut exact, mut texts, mut near) = (0, 0, 0, 0);
            for row in &rows {
                let text = row["text"].as_str().unwrap();
                if kinds.get(text).is_none_or(|known| known != kind) {
                    continue;
                }
                let (one, other) = (tokenizer.count(text), row[column].as_u64().unwrap());
                (estimated, exact, texts) = (estimated + one, exact + other, texts + 1);
                near += u64::from(one.abs_diff(other) * 100 <= 15 * other);
            }
            eprintln!("{model} {kind}: {estimated} for {exact}; {near} of {texts} texts within 15 %");
            assert!(estimated.abs_diff(exact) * 100 <= limit * exact, "{model} {kind}: {estimated} for {exact}");
            assert!(near * 100 >= texts * 90, "{model} {kind}: {near} of {texts} are within 15 %");
        }
    }
}
