use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Currency, Error, ErrorKind, Money};

/// Fixed rates by which amounts of other currencies count in US dollars. Without them none does.
///
/// ```
/// use tollbridge_core::{Currency, ExchangeRates, Money};
/// let yuan = Currency::from_code("CNY").unwrap();
/// let mut rates = ExchangeRates::default();
/// rates.set(yuan, "0.14")?;
/// let cost = Money::from_pico(2_500_000_000_000, yuan);
/// assert_eq!(rates.usd(cost).unwrap().to_string(), "0.35 USD");
/// assert_eq!(ExchangeRates::default().usd(cost), None);
/// # Ok::<(), tollbridge_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeRates(BTreeMap<Currency, Money>);

impl ExchangeRates {
    /// Sets how many US dollars one unit of a currency is, as a decimal number of at most twelve places.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no such number, is not between 10⁻⁹ and 10⁶, or is about US dollars.
    pub fn set(&mut self, currency: Currency, dollars: &str) -> Result<(), Error> {
        let wrong = |message: String, hint: &str| Err(Error::new(ErrorKind::Config, message).with_hint(hint));
        if currency == Currency::USD {
            return wrong("a dollar is a dollar".to_owned(), "leave it out");
        }
        match dollars.trim().parse::<Money>() {
            Ok(rate) if (LEAST..=MOST).contains(&rate.pico()) => {
                self.0.insert(currency, rate);
                Ok(())
            }
            _ => wrong(format!("`{dollars}` is no exchange rate"), HINT),
        }
    }

    /// Tells whether nothing is converted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts an amount in US dollars, rounded half to even; `None` if its currency has no rate.
    pub fn usd(&self, amount: Money) -> Option<Money> {
        self.exact(amount).map(rounded)
    }

    /// Sums amounts of several currencies in US dollars; `None` if nothing has to be converted, or nothing can be.
    ///
    /// ```
    /// # use tollbridge_core::{Currency, ExchangeRates, Money};
    /// # let yuan = Currency::from_code("CNY").unwrap();
    /// # let mut rates = ExchangeRates::default();
    /// # rates.set(yuan, "0.14").unwrap();
    /// let total = rates.total(&["1.5".parse().unwrap(), Money::from_pico(10_000_000_000_000, yuan)]).unwrap();
    /// assert_eq!(total.to_string(), "2.9 USD, converted by 1 CNY = 0.14 USD");
    /// ```
    pub fn total(&self, amounts: &[Money]) -> Option<Converted> {
        let (mut sum, mut rates, mut left_out) = (0_i128, BTreeMap::new(), Vec::new());
        for amount in amounts {
            let currency = amount.currency();
            match self.exact(*amount) {
                Some(exact) => sum = sum.saturating_add(exact),
                None => left_out.push(currency),
            }
            rates.extend(self.0.get(&currency).map(|rate| (currency, *rate)));
        }
        (!rates.is_empty()).then(|| Converted { usd: rounded(sum), rates, left_out })
    }

    /// Returns an amount in US dollars of 10⁻²⁴.
    fn exact(&self, amount: Money) -> Option<i128> {
        let rate = match amount.currency() {
            Currency::USD => ONE,
            currency => self.0.get(&currency)?.pico(),
        };
        Some(amount.pico().saturating_mul(rate))
    }
}

/// A sum of several currencies, by fixed [`ExchangeRates`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Converted {
    /// The sum, in US dollars.
    #[serde(serialize_with = "text")]
    pub usd: Money,
    /// How many US dollars one unit of each currency was counted as.
    #[serde(serialize_with = "texts")]
    pub rates: BTreeMap<Currency, Money>,
    /// The currencies without a rate; what was spent in them is not in the sum.
    #[serde(serialize_with = "codes", skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Currency>,
}

impl fmt::Display for Converted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates: Vec<_> = self.rates.iter().map(|(currency, rate)| format!("1 {currency} = {rate}")).collect();
        write!(f, "{}, converted by {}", self.usd, rates.join(", "))?;
        let left_out: Vec<_> = self.left_out.iter().map(ToString::to_string).collect();
        if left_out.is_empty() { Ok(()) } else { write!(f, ", without {}", left_out.join(", ")) }
    }
}

fn text<S: Serializer>(money: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&money.to_decimal())
}

fn texts<S: Serializer>(rates: &BTreeMap<Currency, Money>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(rates.iter().map(|(currency, rate)| (currency.to_string(), rate.to_decimal())))
}

fn codes<S: Serializer>(currencies: &[Currency], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(currencies.iter().map(ToString::to_string))
}

fn rounded(exact: i128) -> Money {
    Money::from_pico(half_even(exact, ONE), Currency::USD)
}

/// Divides by a number above zero, and rounds half to even.
pub fn half_even(value: i128, by: i128) -> i128 {
    let (quotient, rest) = (value.div_euclid(by), value.rem_euclid(by));
    let up = match (rest.saturating_mul(2)).cmp(&by) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Less => false,
    };
    quotient.saturating_add(i128::from(up))
}

const ONE: i128 = 1_000_000_000_000;
const LEAST: i128 = 1_000;
const MOST: i128 = 1_000_000 * ONE;
const HINT: &str = "write how many US dollars one unit is, from 0.000000001 to 1000000, in quotes: \"0.14\"";

#[cfg(test)]
mod tests {
    use super::*;

    fn yuan(pico: i128) -> Money {
        Money::from_pico(pico, Currency::from_code("CNY").unwrap())
    }

    fn rates(dollars: &str) -> ExchangeRates {
        let mut rates = ExchangeRates::default();
        rates.set(yuan(0).currency(), dollars).unwrap();
        rates
    }

    #[test]
    fn halves_go_to_even_and_sums_are_rounded_once() {
        let rates = rates("0.5");
        let usd = |pico| rates.usd(yuan(pico)).unwrap().pico();
        assert_eq!([1, 3, 5, -1, -3].map(usd), [0, 2, 2, 0, -2]);
        // Each half alone would be nothing.
        assert_eq!(rates.total(&[yuan(1), yuan(1)]).unwrap().usd.pico(), 1);
    }

    #[test]
    fn a_currency_without_a_rate_is_named_and_in_no_sum() {
        let euro = Money::from_pico(7 * ONE, Currency::from_code("EUR").unwrap());
        let dollars = Money::from_pico(ONE, Currency::USD);
        let total = rates("0.14").total(&[yuan(ONE), euro, dollars]).unwrap();
        assert_eq!(total.to_string(), "1.14 USD, converted by 1 CNY = 0.14 USD, without EUR");
        assert_eq!(rates("0.14").total(&[euro, dollars]), None);
        assert_eq!(rates("0.14").usd(euro), None);
    }

    #[test]
    fn what_cannot_be_a_rate_is_refused() {
        let mut rates = ExchangeRates::default();
        for text in ["0", "-0.14", "0.0000000001", "1000000.1", "1e30", "NaN", "", "0.14 USD", "0,14"] {
            let error = rates.set(yuan(0).currency(), text).unwrap_err();
            assert_eq!(error.message(), format!("`{text}` is no exchange rate"));
        }
        assert_eq!(rates.set(Currency::USD, "1").unwrap_err().message(), "a dollar is a dollar");
        assert!(rates.is_empty());
    }
}
