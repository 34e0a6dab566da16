//! Money, secrets and errors.

use proptest::prelude::*;
use tollbridge_core::{Cancellation, Currency, Error, ErrorKind, Money, Secret, VendorError};

#[test]
fn prices_of_both_units_cost_the_same() {
    let per_million: Money = "30".parse().unwrap();
    let per_token: Money = "0.00003".parse().unwrap();
    assert_eq!(per_million.pico(), per_token.pico() * 1_000_000);
    let output: Money = "0.00006".parse().unwrap();
    let cost = per_token.checked_mul(1000).unwrap().checked_add(output.checked_mul(500).unwrap()).unwrap();
    assert_eq!(cost.to_string(), "0.06 USD");
}

#[test]
fn what_is_no_exact_amount_is_refused() {
    for text in ["", "-", ".", "1,5", "0.0000000000001", "1e999", "NaN", "0x1", "1.2.3"] {
        let error = text.parse::<Money>().unwrap_err().to_string();
        assert_eq!(error, format!("`{text}` is not an amount of money with at most 12 decimal places"));
    }
    assert_eq!("2.5e-06".parse::<Money>().unwrap().pico(), 2_500_000);
    let euro = Money::from_pico(1, Currency::from_code("EUR").unwrap());
    assert_eq!(euro.checked_add(Money::ZERO), None);
}

#[test]
fn secrets_have_no_printable_form() {
    let key = Secret::new(" sk-1 ");
    assert_eq!(format!("{key:?}"), "***");
    let header = key.header("Bearer").unwrap();
    assert!(header.is_sensitive() && header == "Bearer sk-1");
    assert!(Secret::new("a\nb").header("").is_err());
    let mut vendor = VendorError::default();
    vendor.message = Some("wrong key sk-1".to_owned());
    let error = Error::new(ErrorKind::Auth, "wrong key sk-1").with_vendor(vendor).redacted(&key);
    assert_eq!(error.to_string(), "wrong key ***");
    assert!(!format!("{error:?}").contains("sk-1"));
}

#[tokio::test]
async fn a_thrown_switch_wakes_everyone() {
    let switch = Cancellation::new();
    let other = switch.clone();
    let waiting = tokio::spawn(async move { other.cancelled().await });
    switch.cancel();
    waiting.await.unwrap();
    assert!(switch.is_cancelled());
}

proptest! {
    #[test]
    fn amounts_read_back_as_they_are_written(pico in -1_000_000_000_000_000_000_i128..1_000_000_000_000_000_000) {
        let money = Money::from_pico(pico, Currency::USD);
        let text = money.to_string();
        prop_assert_eq!(text.trim_end_matches(" USD").parse::<Money>().unwrap(), money);
    }
}
