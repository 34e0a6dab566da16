use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use tollbridge_core::Error;

/// Reads a moment as people write it, in milliseconds since 1970 UTC.
///
/// `90d`, `24h`, `30m` and `2w` are so long before `now`; `2026-11-01` is that day's beginning in the
/// zone, `2026-11-01T08:30` that minute; `2026-11-01T08:30:00Z` says its zone itself; `today`, `month`
/// and `year` are their beginnings.
///
/// ```
/// use jiff::tz::TimeZone;
/// let now = tollbridge_usage::ledger::moment("2026-11-21T08:00:00Z", 0, &TimeZone::UTC).unwrap();
/// let day = tollbridge_usage::ledger::moment("today", now, &TimeZone::UTC).unwrap();
/// assert_eq!(tollbridge_usage::ledger::moment("8h", now, &TimeZone::UTC).unwrap(), day);
/// ```
///
/// # Errors
/// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) with the forms that there are.
pub fn moment(text: &str, now: u64, zone: &TimeZone) -> Result<u64, Error> {
    let found = ago(text, now).or_else(|| named(text, now, zone)).or_else(|| stated(text, zone));
    found.ok_or_else(|| {
        Error::invalid("time", format!("`{text}` is not a time"))
            .with_hint("write it as 24h, 90d, today, 2026-11-01 or 2026-11-01T08:30:00Z")
    })
}

/// Reads a time zone by its IANA name; `local` is the machine's.
///
/// # Errors
/// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) if nobody knows it.
pub fn zone(name: &str) -> Result<TimeZone, Error> {
    if name.eq_ignore_ascii_case("local") {
        return Ok(TimeZone::system());
    }
    TimeZone::get(name).map_err(|_| {
        Error::invalid("zone", format!("`{name}` is not a time zone")).with_hint("write it as Europe/Berlin or UTC")
    })
}

fn ago(text: &str, now: u64) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let minutes: u64 = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        "w" => 7 * 24 * 60,
        _ => return None,
    };
    let length = number.parse::<u64>().ok()?.checked_mul(minutes)?.checked_mul(60_000)?;
    Some(now.saturating_sub(length))
}

fn named(text: &str, now: u64, zone: &TimeZone) -> Option<u64> {
    let now = Timestamp::from_millisecond(i64::try_from(now).ok()?).ok()?.to_zoned(zone.clone());
    let day = match text {
        "now" => return millis(now.timestamp()),
        "today" => now.date(),
        "yesterday" => now.date().checked_sub(Span::new().days(1)).ok()?,
        "month" => now.date().first_of_month(),
        "year" => now.date().first_of_year(),
        _ => return None,
    };
    millis(day.to_zoned(zone.clone()).ok()?.timestamp())
}

fn stated(text: &str, zone: &TimeZone) -> Option<u64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return millis(time);
    }
    let local = match text.parse::<Date>() {
        Ok(day) if !text.contains(['T', ' ']) => day.to_zoned(zone.clone()),
        _ => text.parse::<DateTime>().ok()?.to_zoned(zone.clone()),
    };
    millis(local.ok()?.timestamp())
}

fn millis(time: Timestamp) -> Option<u64> {
    u64::try_from(time.as_millisecond()).ok()
}
