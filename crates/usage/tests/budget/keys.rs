use std::sync::Arc;

use tollbridge_usage::budget::Budget;

use crate::setup::{Caller, MINUTE, NOON, Watch, budget, budgets, tokens};

fn of(key: &str, tokens: u64) -> Budget {
    budget(&format!(r#"name = "of {key}"; scope = "key"; of = "{key}"; tokens = {tokens}; window = "day""#))
}

#[test]
fn budgets_of_keys_stand_behind_the_others_and_hold_their_own_key_alone() {
    let each = r#"name = "each"; scope = "key"; tokens = 100; window = "day""#;
    let budgets = budgets(&[each], &Arc::default(), &Watch::at(NOON));
    budgets.set_key_budgets(vec![of("bob", 60), of("ada", 50)]);
    let (ada, bob) = (Caller::key("ada"), Caller::key("bob"));
    let refusing = |caller: &Caller, count| {
        let refused = budgets.reserve(&caller.subject(), tokens(count), MINUTE).err();
        refused.map(|exceeded| exceeded.status.name)
    };
    assert_eq!(refusing(&ada, 101).unwrap(), "each", "the first of two without room");
    assert_eq!(refusing(&ada, 51).unwrap(), "of ada");
    assert_eq!(refusing(&bob, 60), None);
    assert_eq!(refusing(&Caller::key("eve"), 100), None);
    let names: Vec<_> = budgets.status().into_iter().map(|status| status.name).collect();
    assert_eq!(names, ["each", "each", "each", "of bob", "of ada"]);
}

#[test]
fn the_budget_of_a_key_keeps_its_counter_until_it_changes_or_goes() {
    let budgets = budgets(&[], &Arc::default(), &Watch::at(NOON));
    let ada = Caller::key("ada");
    let left = || {
        let status = budgets.status_of(&ada.subject());
        status.first().map(|status| status.limit.count() - status.spent.count())
    };
    budgets.set_key_budgets(vec![of("ada", 50)]);
    budgets.reserve(&ada.subject(), tokens(40), MINUTE).unwrap().settle(tokens(40));
    assert_eq!(left(), Some(10));
    budgets.set_key_budgets(vec![of("bob", 60), of("ada", 50)]);
    assert_eq!(left(), Some(10));
    budgets.set_key_budgets(vec![of("ada", 70)]);
    assert_eq!(left(), Some(70), "another budget, which asks the ledger");
    budgets.set_key_budgets(Vec::new());
    assert_eq!(left(), None);
}
