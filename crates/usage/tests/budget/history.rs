use proptest::prelude::*;
use tollbridge_usage::budget::OutputHistory;

#[test]
fn pairs_are_kept_apart_and_only_the_last_ones() {
    let history = OutputHistory::new(1);
    (0..8).for_each(|_| history.record("ada", "m", 10));
    assert_eq!(history.likely_output("ada", "m", None), 15);
    assert_eq!(history.likely_output("bob", "m", None), 4096);
    for other in 0..1000 {
        history.record("ada", &format!("m{other}"), 1);
    }
    assert_eq!(history.likely_output("ada", "m", Some(9000)), 9000, "forgotten, so what was asked for");
}

proptest! {
    #[test]
    fn never_less_than_was_seen_and_never_more_than_was_asked(
        seen in prop::collection::vec(0_u64..100_000, 0..100),
        asked in prop::option::of(0_u64..100_000),
    ) {
        let history = OutputHistory::new(10);
        seen.iter().for_each(|tokens| history.record("k", "m", *tokens));
        let likely = history.likely_output("k", "m", asked);
        let longest = seen.iter().rev().take(32).max().copied().unwrap_or(0);
        prop_assert!(likely >= longest.min(asked.unwrap_or(u64::MAX)));
        prop_assert!(likely <= asked.unwrap_or(u64::MAX));
    }
}
