//! One event of each type, with nothing in it that differs from run to run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tollbridge_core::{Error, ErrorKind, TimeoutPhase};
use tollbridge_usage::budget::{Amount, Budget, BudgetSpec, Budgets, Scope, Spending, Subject};
use tollbridge_usage::event::{
    Artifact, Attempt, BudgetAlert, Completed, CostDiscrepancy, Event, Failed, Payload, Started, Summaries, TokenUsage,
    Trace,
};

pub(crate) const AT_MS: u64 = 1_749_643_200_000;

pub(crate) fn started() -> Payload {
    let mut started = Started::new("planner", "main");
    started.message_count = 2;
    started.request_summary = Summaries::on().request("Why is the sky blue?");
    Payload::Started(started)
}

pub(crate) fn completed() -> Payload {
    let mut completed = Completed::new("planner", "main");
    completed.model_name = "claude-sonnet-5".to_owned();
    completed.provider = "anthropic".to_owned();
    completed.response = Summaries::on().response("Because of Rayleigh scattering.");
    completed.duration_ms = 1840;
    completed.token_usage = TokenUsage::new(21, 180);
    completed.cost = Some("0.002763".parse().unwrap());
    completed.cost_source = "anthropic/claude-sonnet-5".to_owned();
    completed.fallback_reason = Some("openai: overloaded".to_owned());
    Payload::Completed(completed)
}

fn artifact() -> Payload {
    let mut artifact = Artifact::response("Because of Rayleigh scattering.");
    artifact.id = "01975f0f-2000-7000-8000-00000000000a".to_owned();
    Payload::ArtifactCreated(artifact.created())
}

/// A budget of 12.50 dollars for each team.
pub(crate) fn research() -> Budgets {
    struct Nothing;
    impl Spending for Nothing {
        fn spent(&self, _: &Scope, _: &str, _: u64, _: u64) -> Amount {
            Amount::default()
        }
    }
    let spec: BudgetSpec =
        toml::from_str("name = 'research'\nscope = 'team'\nusd = '12.50'\nwindow = 'month'\nzone = 'Europe/Berlin'")
            .unwrap();
    let budget = Budget::try_from(spec).unwrap();
    Budgets::new(vec![budget], Arc::new(Nothing), Arc::new(|| AT_MS)).unwrap()
}

/// Spends so many dollars of the team `physics`.
pub(crate) fn spend(budgets: &Budgets, dollars: i128) {
    let mut subject = Subject::default();
    subject.team = Some("physics");
    let amount = Amount::new(Some(dollars * 1_000_000_000_000), 0);
    budgets.reserve(&subject, amount, Duration::from_secs(60)).unwrap().settle(amount);
}

fn alert() -> Payload {
    let budgets = research();
    let alerts = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&alerts);
    budgets.on_alert(move |alert| heard.lock().unwrap().push(BudgetAlert::from(alert)));
    spend(&budgets, 10);
    let alert = alerts.lock().unwrap().remove(0);
    Payload::BudgetAlert(alert)
}

fn discrepancy() -> Payload {
    let mut discrepancy = CostDiscrepancy::new("0.002763".parse().unwrap(), "0.0031".parse().unwrap());
    (discrepancy.attempt, discrepancy.price_row) = (1, "anthropic/claude-sonnet-5".to_owned());
    discrepancy.provider = "openrouter".to_owned();
    discrepancy.model_name = "anthropic/claude-sonnet-5".to_owned();
    Payload::CostDiscrepancy(discrepancy)
}

pub(crate) fn all() -> Vec<Event> {
    let overloaded = Error::new(ErrorKind::Overloaded, "the vendor has no capacity").with_provider("openai");
    let timeout = Error::new(ErrorKind::Timeout(TimeoutPhase::FirstByte), "no answer within 30 s").with_attempts(1);
    let mut attempt = Attempt::new(1, "openai", "gpt-5").failed(&overloaded);
    attempt.model_alias = "planner".to_owned();
    attempt.duration_ms = 320;
    let mut failed = Failed::new("extractor", "cheap", &timeout);
    (failed.provider, failed.model_name) = ("mistral".to_owned(), "mistral-small".to_owned());
    (failed.duration_ms, failed.limit_s) = (30_004, Some(30.0));
    let (attempt, failed) = (Payload::Attempt(attempt), Payload::Failed(failed));
    let payloads = [started(), attempt, artifact(), completed(), failed, alert(), discrepancy()];
    let event = |(number, payload): (u64, Payload)| {
        let trace = match payload {
            Payload::BudgetAlert(_) => Trace::of_gateway(),
            _ => Trace::of_call("call-7", Some("task-1")),
        };
        Event::new(format!("01975f0f-2000-7000-8000-00000000000{number}"), AT_MS, trace, number, payload)
    };
    (1..).zip(payloads).map(event).collect()
}
