use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tollbridge::Registry;
use tollbridge::usage::budget::{Budget, BudgetStatus, Budgets, Scope, Subject, SystemClock};
use tollbridge::usage::key::KeyStore;
use tollbridge::usage::ledger::{Filter, GroupBy, Reader};
use tollbridge::usage::meter::LedgerSpending;

use crate::arguments::Sources;
use crate::failure::Failure;
use crate::load;
use crate::table::table;

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// List what each budget allows and what is spent of it, by the ledger
    #[command(
        after_help = "Examples:\n  tollbridge budget list\n  tollbridge budget list --json\n\nWhat calls that run now have reserved is known to the gateway alone: GET /v1/usage/budgets."
    )]
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(sources: &Sources, command: &BudgetCommand) -> Result<ExitCode, Failure> {
    let BudgetCommand::List { json } = command;
    let config = load::config(sources, &Registry::linked()?)?;
    let directory = &config.usage.dir;
    let mut specs = tollbridge::budgets(&config)?;
    specs.extend(KeyStore::open(directory)?.limits());
    let spending = Arc::new(LedgerSpending::reading(directory).with_rates(config.usage.rates.clone()));
    let budgets = Budgets::new(specs.clone(), spending, Arc::new(SystemClock::new()))?;
    let mut status = budgets.status();
    for budget in specs.iter().filter(|budget| budget.covers_many()) {
        for value in values(directory, budget)? {
            let wanted = |status: &BudgetStatus| status.name == budget.name();
            status.extend(
                with_subject(budget.scope(), &value, |subject| budgets.status_of(subject)).into_iter().filter(wanted),
            );
        }
    }
    status.sort_by(|one, other| (&one.name, &one.value).cmp(&(&other.name, &other.value)));
    status.dedup_by(|one, other| (&one.name, &one.value) == (&other.name, &other.value));
    if *json {
        println!("{}", serde_json::to_string_pretty(&status).unwrap_or_default());
    } else {
        let rows: Vec<_> = status.iter().map(row).collect();
        print!("{}", table(&["BUDGET", "SCOPE", "VALUE", "UNTIL", "LIMIT", "SPENT", "USED"], &rows, 4));
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds the values that a budget has counted apart.
fn values(directory: &Path, budget: &Budget) -> Result<Vec<String>, Failure> {
    let by = match budget.scope() {
        Scope::Key => GroupBy::Key,
        Scope::Alias => GroupBy::Alias,
        Scope::Provider => GroupBy::Provider,
        Scope::User => GroupBy::Tag("user".to_owned()),
        Scope::Team => GroupBy::Tag("team".to_owned()),
        Scope::Task => GroupBy::Tag("task".to_owned()),
        Scope::Tag(name) => GroupBy::Tag(name.clone()),
        _ => return Ok(Vec::new()),
    };
    let Ok(reader) = Reader::open(directory) else { return Ok(Vec::new()) };
    let summary = reader.summary(&Filter::default(), std::slice::from_ref(&by), &TimeZone::UTC)?;
    let values = summary.rows.into_iter().filter_map(|mut row| row.group.remove(by.name().as_ref()));
    Ok(values.filter(|value| !value.is_empty()).collect())
}

fn with_subject<T>(scope: &Scope, value: &str, ask: impl FnOnce(&Subject<'_>) -> T) -> T {
    let mut subject = Subject::default();
    let tags;
    match scope {
        Scope::Key => subject.key = Some(value),
        Scope::User => subject.user = Some(value),
        Scope::Team => subject.team = Some(value),
        Scope::Task => subject.task = Some(value),
        Scope::Alias => subject.alias = Some(value),
        Scope::Provider => subject.provider = Some(value),
        Scope::Tag(name) => {
            tags = [(name.clone(), value.to_owned())];
            subject.tags = &tags;
        }
        _ => {}
    }
    ask(&subject)
}

fn row(status: &BudgetStatus) -> Vec<String> {
    let until = status.window_end_ms.and_then(|end| Timestamp::from_millisecond(i64::try_from(end).ok()?).ok());
    vec![
        status.name.clone(),
        status.scope.to_string(),
        status.value.clone().unwrap_or_else(|| "-".to_owned()),
        until.map_or_else(|| "-".to_owned(), |until| format!("{until:.0}")),
        status.limit.to_string(),
        status.spent.to_string(),
        format!("{} %", status.percent),
    ]
}
