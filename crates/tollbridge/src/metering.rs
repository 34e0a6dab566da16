//! Makes a metering of a configuration.

use std::sync::Arc;

use tollbridge_config::{BudgetConfig, Config};
use tollbridge_core::{Error, ErrorKind};
use tollbridge_usage::budget::{Budget, BudgetSpec, Budgets, SystemClock};
use tollbridge_usage::ledger::{Durability, Ledger, LedgerOptions};
use tollbridge_usage::meter::{LedgerSpending, Metering, MeteringOptions, OnLeave};

/// Makes what a configuration says of records, prices and budgets; `None` if recording is off.
///
/// # Errors
/// [`ErrorKind::Config`] for a budget or a price file that cannot be.
pub fn metering(config: &Config) -> Result<Option<Metering>, Error> {
    let usage = &config.usage;
    if !usage.enabled {
        if let Some(budget) = config.budgets.first() {
            let message = format!("the budget `{}` needs the records that `usage.enabled` switches off", budget.name);
            return Err(Error::new(ErrorKind::Config, message).with_path("usage.enabled"));
        }
        return Ok(None);
    }
    let budgets: Vec<_> = config.budgets.iter().map(budget).collect::<Result<_, _>>()?;
    let mut ledger = LedgerOptions::new(&usage.dir);
    ledger.durability = if usage.strict { Durability::Strict } else { Durability::Fast };
    ledger.spool_limit = usage.spool_limit as u64;
    let ledger = Ledger::open(&ledger);
    let mut options = MeteringOptions::default();
    let spending = Arc::new(LedgerSpending::new(&ledger));
    options.ledger = Some(ledger);
    options.cost = usage.cost;
    options.content = usage.content;
    options.on_leave = usage.drain.map_or(OnLeave::Cancel, OnLeave::Drain);
    if !budgets.is_empty() {
        options.budgets = Some(Budgets::new(budgets, spending, Arc::new(SystemClock::new()))?);
    }
    #[cfg(feature = "tokens")]
    {
        options.count = Some(crate::count::input_tokens);
    }
    Ok(Some(Metering::new(options)))
}

/// Reads one budget, and says where it stands if it cannot be.
fn budget(config: &BudgetConfig) -> Result<Budget, Error> {
    let mut fields = config.fields.clone();
    fields.insert("name".to_owned(), config.name.clone().into());
    let path = format!("budgets.{}", config.name);
    let wrong = |message: String| {
        Error::new(ErrorKind::Config, format!("{}: `{path}`: {message}", config.source)).with_path(path.clone())
    };
    let spec: BudgetSpec = serde_json::from_value(fields.into()).map_err(|error| wrong(error.to_string()))?;
    Budget::try_from(spec).map_err(|error| {
        let told = wrong(error.message().to_owned());
        error.hint().map(str::to_owned).into_iter().fold(told, Error::with_hint)
    })
}
