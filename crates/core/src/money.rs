use std::fmt;
use std::str::FromStr;

/// An exact amount: an integer of pico-units (10⁻¹²) of a currency.
///
/// ```
/// use tollbridge_core::Money;
/// let price: Money = "0.00003".parse().unwrap();
/// assert_eq!(price.pico(), 30_000_000);
/// assert_eq!(price.checked_mul(2).unwrap().to_string(), "0.00006 USD");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    pico: i128,
    currency: Currency,
}

impl Money {
    /// No money at all, in US dollars.
    pub const ZERO: Self = Self::from_pico(0, Currency::USD);

    /// Makes an amount from pico-units: 10¹² are one dollar.
    pub const fn from_pico(pico: i128, currency: Currency) -> Self {
        Self { pico, currency }
    }

    /// Returns the amount in pico-units.
    pub const fn pico(self) -> i128 {
        self.pico
    }

    /// Returns the currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Adds an amount of the same currency; `None` if the currencies differ or the sum overflows.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self { pico: self.pico.checked_add(other.pico)?, ..self })
    }

    /// Multiplies by a number of tokens or calls; `None` if the product overflows.
    pub fn checked_mul(self, count: u64) -> Option<Self> {
        Some(Self { pico: self.pico.checked_mul(i128::from(count))?, ..self })
    }

    /// Writes the amount without its currency, to the last digit; that is a number in JSON too.
    ///
    /// ```
    /// # use tollbridge_core::Money;
    /// assert_eq!("1.850e-4".parse::<Money>().unwrap().to_decimal(), "0.000185");
    /// ```
    pub fn to_decimal(self) -> String {
        let sign = if self.pico < 0 { "-" } else { "" };
        let whole = self.pico.unsigned_abs() / PICO;
        let fraction = format!("{:012}", self.pico.unsigned_abs() % PICO);
        match fraction.trim_end_matches('0') {
            "" => format!("{sign}{whole}"),
            fraction => format!("{sign}{whole}.{fraction}"),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

/// Reads a decimal number of US dollars, such as `0.00003`, `3e-5` or `-1.5`.
impl FromStr for Money {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        let error = || ParseMoneyError(text.chars().take(40).collect());
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| error())?),
            None => (text, 0),
        };
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error());
        }
        let places = i32::try_from(fraction.len()).map_err(|_| error())?;
        // An amount finer than a pico-dollar has no exact form here, so it is an error, not a rounding.
        let scale = 12_i32.checked_add(exponent).and_then(|scale| scale.checked_sub(places)).ok_or_else(error)?;
        let value: i128 = digits.parse().map_err(|_| error())?;
        let pico = match u32::try_from(scale) {
            Ok(scale) => 10_i128.checked_pow(scale).and_then(|factor| value.checked_mul(factor)),
            Err(_) => {
                let divisor = 10_i128.checked_pow(scale.unsigned_abs());
                divisor.filter(|divisor| value % divisor == 0).map(|divisor| value / divisor)
            }
        };
        let pico = pico.ok_or_else(error)?;
        Ok(Self::from_pico(if negative { -pico } else { pico }, Currency::USD))
    }
}

const PICO: u128 = 1_000_000_000_000;

/// A text that is not an exact amount of at most twelve decimal places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseMoneyError(String);

impl fmt::Display for ParseMoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an amount of money with at most 12 decimal places", self.0)
    }
}

impl std::error::Error for ParseMoneyError {}

/// A currency by its three-letter ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The US dollar.
    pub const USD: Self = Self(*b"USD");

    /// Reads a code of three upper-case letters.
    pub fn from_code(code: &str) -> Option<Self> {
        let code: [u8; 3] = code.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}
