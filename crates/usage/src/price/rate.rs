use std::fmt;
use std::str::FromStr;

use tollbridge_core::half_even;

/// An exact price of one unit: a decimal number of its row's currency.
///
/// ```
/// use tollbridge_usage::price::Rate;
/// let rate: Rate = "2.5e-06".parse().unwrap();
/// assert_eq!(rate.to_string(), "0.0000025");
/// assert_eq!(rate.yocto(), 2_500_000_000_000_000_000);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    yocto: i128,
}

impl Rate {
    /// Nothing at all, which is a price.
    pub const ZERO: Self = Self { yocto: 0 };
    /// One whole, as a multiplier.
    pub const ONE: Self = Self { yocto: ONE };

    /// Makes a rate from units of 10⁻²⁴.
    pub const fn from_yocto(yocto: i128) -> Self {
        Self { yocto }
    }

    /// Returns the rate in units of 10⁻²⁴.
    pub const fn yocto(self) -> i128 {
        self.yocto
    }

    /// Multiplies by another rate, such as a multiplier of 1.1, rounding half to even at 10⁻²⁴.
    #[must_use]
    pub fn scaled(self, by: Self) -> Self {
        if by == Self::ONE {
            return self;
        }
        // Both halves of the multiplier stay below 10²⁴, so that the product of a sane rate fits.
        let (whole, part) = (by.yocto / ONE, by.yocto % ONE);
        let (high, low) = (self.yocto / MILLIONTH, self.yocto % MILLIONTH);
        let part = part / MILLIONTH;
        let low = half_even(low.saturating_mul(part), MILLIONTH);
        Self { yocto: self.yocto.saturating_mul(whole).saturating_add(high.saturating_mul(part)).saturating_add(low) }
    }

    /// Divides by a whole number, rounding half to even at 10⁻²⁴.
    #[must_use]
    pub fn divided(self, by: u32) -> Self {
        Self { yocto: half_even(self.yocto, i128::from(by.max(1))) }
    }

    /// Drops what a binary float left at the end of a decimal, such as 3.0000000000000004e-07.
    ///
    /// A number of many digits that is not within a few 10⁻¹⁴ of one of twelve stays as it is.
    #[must_use]
    pub fn denoised(self) -> Self {
        let digits = self.yocto.unsigned_abs().checked_ilog10().map_or(0, |log| log + 1);
        let Some(step) = digits.checked_sub(12).and_then(|drop| 10_i128.checked_pow(drop)) else {
            return self;
        };
        let near = half_even(self.yocto, step).saturating_mul(step);
        let error = (near - self.yocto).saturating_mul(100_000_000_000_000) / self.yocto.max(1);
        if error.abs() < 10 { Self { yocto: near } } else { self }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.yocto < 0 { "-" } else { "" };
        let (whole, part) =
            (self.yocto.unsigned_abs() / ONE.unsigned_abs(), self.yocto.unsigned_abs() % ONE.unsigned_abs());
        let part = format!("{part:024}");
        match part.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            part => write!(f, "{sign}{whole}.{part}"),
        }
    }
}

impl FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, ParseRateError> {
        let error = || ParseRateError(text.chars().take(40).collect());
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().map_err(|_| error())?;
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error());
        }
        let value: i128 = digits.parse().map_err(|_| error())?;
        if value == 0 {
            return Ok(Self::ZERO);
        }
        let places = i32::try_from(fraction.len()).map_err(|_| error())?;
        let scale = 24_i32.checked_add(exponent).and_then(|scale| scale.checked_sub(places)).ok_or_else(error)?;
        let factor = 10_i128.checked_pow(scale.unsigned_abs());
        let yocto = match factor {
            Some(factor) if scale >= 0 => value.checked_mul(factor).ok_or_else(error)?,
            // A price finer than 10⁻²⁴ has no exact form here; it is refused, not rounded.
            Some(factor) if value % factor == 0 => value / factor,
            _ => return Err(error()),
        };
        Ok(Self { yocto: if negative { -yocto } else { yocto } })
    }
}

/// A text that is not a decimal number of at most 24 places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseRateError(String);

impl fmt::Display for ParseRateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a decimal number of at most 24 places", self.0)
    }
}

impl std::error::Error for ParseRateError {}

const ONE: i128 = 1_000_000_000_000_000_000_000_000;
const MILLIONTH: i128 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn noise_goes_and_long_decimals_stay() {
        assert_eq!(rate("3.0000000000000004e-07").denoised(), rate("3e-07"));
        assert_eq!(rate("8.999999999999999e-07").denoised(), rate("9e-07"));
        assert_eq!(rate("2.857142857142857e-07").denoised(), rate("2.857142857142857e-07"));
        assert_eq!(Rate::ZERO.denoised(), Rate::ZERO);
    }

    #[test]
    fn multipliers_are_exact() {
        assert_eq!(rate("0.0000033").scaled(rate("1.1")), rate("0.00000363"));
        assert_eq!(rate("5").scaled(rate("6")), rate("30"));
        assert_eq!(rate("2.857142857142857e-07").scaled(rate("1.1")), rate("3.1428571428571427e-07"));
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", "1.2.3", "NaN", "inf", "1e", "1e-30", "9e40", "1e99999999999"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
