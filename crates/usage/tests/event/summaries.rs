use tollbridge_usage::event::{Artifact, Summaries};

const MARK: &str = "... [truncated, see artifact]";

#[test]
fn answers_are_cut_at_a_character_and_stay_within_the_limit() {
    let whole = Summaries::on().response(&"a".repeat(8192));
    assert_eq!((whole.text.len(), whole.truncated, whole.original_bytes), (8192, false, 8192));
    for letter in ["a", "ä", "あ", "🙂"] {
        let answer = letter.repeat(8193);
        let cut = Summaries::on().response(&answer);
        assert!(cut.truncated && cut.text.len() <= 8192 && cut.text.len() > 8192 - 4, "{letter}");
        assert!(cut.text.ends_with(MARK) && answer.starts_with(cut.text.trim_end_matches(MARK)));
        assert_eq!(cut.original_bytes, answer.len() as u64);
    }
    assert_eq!(Summaries::on().limit(4).response("ああ").text, "あ", "no room for the mark");
}

#[test]
fn prompts_are_cut_after_a_hundred_characters() {
    let told = Summaries::on().request(&"あ".repeat(150));
    assert_eq!(told, format!("User asks: {}", "あ".repeat(100)));
}

#[test]
fn content_stays_out_unless_it_is_on() {
    let answer = Summaries::off().response("secret");
    assert_eq!((answer.text.as_str(), answer.original_bytes, answer.truncated), ("", 6, false));
    assert_eq!(Summaries::off().request("secret"), "");
    let artifact = Artifact::response("secret".repeat(200_000));
    assert!(!format!("{artifact:?}").contains("secret"));
    let told = serde_json::to_string(&artifact.created()).unwrap();
    assert!(!told.contains("secret") && told.contains(r#""size":1200000,"part_count":1"#));
}
