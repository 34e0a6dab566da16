use tollbridge_usage::event::{Completed, Event, Payload, TokenUsage, Totals, Trace};

use crate::examples;

fn call(task: &str, cost: Option<&str>, prompt: u64, completion: u64) -> Event {
    let mut completed = Completed::new("planner", "main");
    completed.cost = cost.map(|cost| cost.parse().unwrap());
    completed.token_usage = TokenUsage::new(prompt, completion);
    Event::new("id", examples::AT_MS, Trace::of_call("call", Some(task)), 1, Payload::Completed(completed))
}

#[test]
fn a_task_costs_what_its_calls_do_and_says_what_is_not_known() {
    let mut events = vec![
        call("one", Some("0.01"), 10, 5),
        call("two", Some("9"), 100, 100),
        call("one", Some("0.02"), 10, 5),
        call("one", None, 7, 3),
    ];
    events.extend(examples::all());
    let totals = Totals::of_task(&events, "one");
    assert_eq!(
        serde_json::to_string(&totals).unwrap(),
        r#"{"total":0.03,"calls":3,"unavailable_count":1,"prompt_tokens":27,"completion_tokens":13}"#
    );
    assert_eq!(Totals::of_task(&events, "three"), Totals::default());
    assert_eq!(events.iter().collect::<Totals>().calls, 5);
}
