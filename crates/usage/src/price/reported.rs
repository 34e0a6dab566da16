use serde::Deserialize;
use serde_json::value::RawValue;
use tollbridge_core::{Currency, Money, half_even};
use tollbridge_types::Json;

use super::Rate;

/// Returns the cost that a vendor or a gateway upstream states in its usage object.
///
/// It is `cost` (OpenRouter, xAI) or `cost.total_cost` (Perplexity), in US dollars, read from its digits and rounded
/// once to pico-dollars. What is negative or no number is no statement.
///
/// ```
/// use tollbridge_types::Json;
/// use tollbridge_usage::price::reported_cost;
/// let usage = Json::from_text(r#"{"prompt_tokens": 5, "cost": {"total_cost": 0.0012}}"#).unwrap();
/// assert_eq!(reported_cost(&usage).unwrap().to_string(), "0.0012 USD");
/// ```
pub fn reported_cost(usage: &Json) -> Option<Money> {
    #[derive(Deserialize)]
    struct Stated<'a> {
        #[serde(borrow)]
        cost: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Total<'a> {
        #[serde(borrow)]
        total_cost: &'a RawValue,
    }
    let stated: Stated<'_> = serde_json::from_str(usage.as_str()).ok()?;
    let total = serde_json::from_str(stated.cost.get()).map(|Total { total_cost }| total_cost.get());
    parse_reported_cost(total.unwrap_or(stated.cost.get()))
}

/// Reads a cost in US dollars, such as the value of the header `x-litellm-response-cost`.
pub fn parse_reported_cost(text: &str) -> Option<Money> {
    let rate: Rate = text.trim().parse().ok().filter(|rate| *rate >= Rate::ZERO)?;
    Some(Money::from_pico(half_even(rate.yocto(), YOCTO_OF_PICO), Currency::USD))
}

/// Tells whether two costs differ by more than 1 % of what was reported, which is worth a look.
///
/// Costs in different currencies cannot be compared, which is worth a look too.
pub fn is_discrepancy(ours: Money, reported: Money) -> bool {
    let difference = ours.pico().abs_diff(reported.pico());
    ours.currency() != reported.currency() || difference.saturating_mul(100) > reported.pico().unsigned_abs()
}

const YOCTO_OF_PICO: i128 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(json: &str) -> Option<String> {
        reported_cost(&Json::from_text(json).unwrap()).map(|cost| cost.to_string())
    }

    #[test]
    fn each_form_is_read_exactly() {
        assert_eq!(stated(r#"{"cost": 0.091939}"#).as_deref(), Some("0.091939 USD"));
        assert_eq!(stated(r#"{"cost": 1.5e-7}"#).as_deref(), Some("0.00000015 USD"));
        assert_eq!(stated(r#"{"cost": {"total_cost": 0.006, "currency": "USD"}}"#).as_deref(), Some("0.006 USD"));
        assert_eq!(parse_reported_cost(" 0.1 ").unwrap().to_string(), "0.1 USD");
    }

    #[test]
    fn what_is_no_cost_is_ignored() {
        for json in
            [r#"{}"#, r#"{"cost": null}"#, r#"{"cost": -1}"#, r#"{"cost": "NaN"}"#, r#"{"cost": {"total_cost": -0.1}}"#]
        {
            assert_eq!(stated(json), None, "{json}");
        }
        for text in ["", "NaN", "inf", "-0.5", "free"] {
            assert_eq!(parse_reported_cost(text), None, "{text}");
        }
    }

    #[test]
    fn one_percent_is_the_limit() {
        let dollars = |text: &str| text.parse::<Money>().unwrap();
        assert!(!is_discrepancy(dollars("1.01"), dollars("1")));
        assert!(is_discrepancy(dollars("1.010000000001"), dollars("1")));
        assert!(is_discrepancy(dollars("0.1"), dollars("0")));
        assert!(!is_discrepancy(Money::ZERO, Money::ZERO));
    }
}
