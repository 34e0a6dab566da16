//! Money as a JSON number, digit by digit: no float stands between.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use tollbridge_core::Money;

pub(crate) fn serialize<S: Serializer>(money: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(money.to_decimal()).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(exact(raw.get().trim_matches('"')).unwrap_or(Money::ZERO))
}

/// Reads a number; of one that has the noise of a float behind its twelfth place, what stands before.
fn exact(text: &str) -> Option<Money> {
    let (mantissa, exponent) = text.find(['e', 'E']).map_or((text, ""), |place| text.split_at(place));
    let (whole, mut fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    loop {
        if let Ok(money) = format!("{whole}.{fraction}{exponent}").parse() {
            return Some(money);
        }
        fraction = fraction.get(..fraction.len().checked_sub(1)?)?;
    }
}
