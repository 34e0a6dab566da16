use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tollbridge_core::{Currency, ExchangeRates, Money, Usage};

use crate::record::Attempt;

/// What the attempts of a metering used and cost together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MeterTotals {
    /// Attempts that were settled.
    pub attempts: u64,
    /// Those without a price in US dollars, known or converted; they are in no sum of costs.
    pub unpriced: u64,
    /// Tokens of prompts, cached ones included.
    pub input: u64,
    /// Tokens of answers, reasoning included.
    pub output: u64,
    /// What the others cost, in pico-USD: 10¹² are one dollar.
    pub pico_usd: i128,
}

#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<MeterTotals>);

impl Running {
    /// Adds an attempt, and tells the log under the target `token_cost`.
    pub(crate) fn add(&self, attempt: &Attempt, rates: &ExchangeRates) {
        let usage = attempt.usage.as_ref();
        let (input, output) = (usage.map_or(0, Usage::total_input), usage.map_or(0, Usage::total_output));
        let cost = attempt.charge.cost.and_then(|cost| rates.usd(cost));
        let totals = {
            let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            totals.attempts += 1;
            totals.unpriced += u64::from(cost.is_none());
            totals.input = totals.input.saturating_add(input);
            totals.output = totals.output.saturating_add(output);
            totals.pico_usd = totals.pico_usd.saturating_add(cost.map_or(0, Money::pico));
            *totals
        };
        tracing::info!(
            target: "token_cost",
            model = attempt.model,
            prompt_tokens = input,
            completion_tokens = output,
            cost = attempt.charge.cost.map(tracing::field::display),
            accumulated_cost = %Money::from_pico(totals.pico_usd, Currency::USD),
            call = attempt.call,
        );
    }

    pub(crate) fn now(&self) -> MeterTotals {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
