//! What must hold of any text.

use proptest::prelude::*;
use tollbridge_tokens::{Encoding, Tokenizer};

/// Texts of all that the patterns tell apart, and of what happens to be written.
fn text() -> impl Strategy<Value = String> {
    let tricky = prop::sample::select(vec![
        "a",
        "B",
        "zebra",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "'s",
        "'LL",
        "'\u{17f}",
        "中",
        "文字",
        "\u{301}",
        "é",
        "7",
        "1234",
        "٣",
        "/",
        "!?",
        "🙂",
        "👩\u{200d}👩\u{200d}👧",
        "\u{a0}",
        "\u{2003}",
        "<|endoftext|>",
        "\0",
        "ﬁ",
        "ǅ",
        "ʰ",
        "한국",
    ]);
    prop_oneof![
        prop::collection::vec(tricky, 0..40).prop_map(|parts| parts.concat()),
        any::<String>(),
        ("[a-c ]{1,3}", 0..200_usize).prop_map(|(text, times)| text.repeat(times)),
    ]
}

proptest! {
    #[test]
    fn ids_stand_for_the_text_and_are_what_is_counted(text in text()) {
        for encoding in Encoding::ALL {
            let ids = encoding.encode(&text);
            prop_assert_eq!(encoding.decode(&ids), text.as_bytes());
            prop_assert_eq!(encoding.count(&text), ids.len() as u64);
            prop_assert!(ids.len() <= text.len());
        }
    }

    #[test]
    fn long_pieces_are_cut_as_short_ones(text in "[ab]{65,200}") {
        // A piece of up to 64 bytes is merged step by step, a longer one is searched; both must agree where they meet.
        for encoding in Encoding::ALL {
            let ids = encoding.encode(&text);
            let first = encoding.decode(&ids[..1]).len();
            prop_assert_eq!(&encoding.encode(&text[first..])[..], &ids[1..]);
        }
    }

    #[test]
    fn a_limit_is_kept_to_the_token(text in text(), limit in 0..50_u64) {
        for encoding in Encoding::ALL {
            let count = encoding.count(&text);
            prop_assert_eq!(encoding.count_up_to(&text, limit), (count <= limit).then_some(count));
        }
    }

    #[test]
    fn a_line_end_between_letters_parts_texts(one in "[a-z ]{0,30}[a-z]", other in "[a-z][a-z ]{0,30}") {
        for encoding in Encoding::ALL {
            let apart = encoding.count(&format!("{one}\n")) + encoding.count(&other);
            prop_assert_eq!(encoding.count(&format!("{one}\n{other}")), apart);
        }
    }

    #[test]
    fn special_tokens_are_whole_only_where_they_are_asked_for(text in text()) {
        for encoding in Encoding::ALL {
            prop_assert_eq!(encoding.decode(&encoding.encode_with_special(&text)), text.as_bytes());
        }
    }

    #[test]
    fn an_estimate_is_zero_for_no_text_only(text in text()) {
        for model in ["claude-opus-5", "gemini-3-pro", "mistral-large", "qwen3", "somebody/something"] {
            let count = Tokenizer::for_model(model).count(&text);
            prop_assert!(count <= 6 * text.len() as u64 && (count == 0) == text.is_empty(), "{}: {}", model, count);
        }
    }
}
