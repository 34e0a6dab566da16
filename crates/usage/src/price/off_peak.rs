use std::fmt;
use std::str::FromStr;

/// When a vendor's quiet hours are: windows of UTC time, each on some days of a calendar.
///
/// Written as `+8 12345 00:00-01:00,10:00-00:00; +8 67 00:00-00:00`: the calendar's offset from UTC in hours, days from
/// Monday (1) to Sunday (7), windows. A window may wrap past midnight; one that ends where it starts is the whole day.
///
/// ```
/// use tollbridge_usage::price::Schedule;
/// let quiet: Schedule = "+0 1234567 16:30-00:30".parse().unwrap();
/// assert!(quiet.is_open(1_763_684_100_000)); // 2025-11-21 00:15 UTC
/// assert!(!quiet.is_open(1_763_712_000_000)); // 08:00
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<Windows>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Windows {
    offset_hours: i64,
    days: Vec<u8>,
    minutes: Vec<(u64, u64)>,
}

impl Schedule {
    /// Tells whether a time, in milliseconds since 1970 UTC, falls into a window.
    pub fn is_open(&self, at: u64) -> bool {
        let minute = at / 60_000;
        self.0.iter().any(|windows| {
            let local = i64::try_from(minute).unwrap_or_default() + windows.offset_hours * 60;
            // The first of January 1970 was a Thursday.
            let day = (local.div_euclid(DAY) + 3).rem_euclid(7) + 1;
            windows.days.iter().any(|listed| i64::from(*listed) == day)
                && windows.minutes.iter().any(|window| is_within(*window, minute % DAY.unsigned_abs()))
        })
    }
}

fn is_within((start, end): (u64, u64), minute: u64) -> bool {
    if start < end { (start..end).contains(&minute) } else { minute >= start || minute < end }
}

impl FromStr for Schedule {
    type Err = ParseScheduleError;

    fn from_str(text: &str) -> Result<Self, ParseScheduleError> {
        let rules = text.split(';').map(|rule| windows(rule.trim()));
        rules.collect::<Option<_>>().map(Self).ok_or_else(|| ParseScheduleError(text.chars().take(80).collect()))
    }
}

fn windows(rule: &str) -> Option<Windows> {
    let mut words = rule.split_whitespace();
    let offset_hours = words.next()?.parse().ok().filter(|hours| (-12..=14).contains(hours))?;
    let days =
        words.next()?.bytes().map(|day| (b'1'..=b'7').contains(&day).then(|| day - b'0')).collect::<Option<_>>()?;
    let minutes = words.next()?.split(',').map(|window| {
        let (start, end) = window.split_once('-')?;
        Some((minute_of(start)?, minute_of(end)?))
    });
    let minutes = minutes.collect::<Option<_>>()?;
    words.next().is_none().then_some(Windows { offset_hours, days, minutes })
}

fn minute_of(time: &str) -> Option<u64> {
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// A text that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseScheduleError(String);

impl fmt::Display for ParseScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no schedule such as `+8 12345 00:00-01:00,10:00-00:00`", self.0)
    }
}

impl std::error::Error for ParseScheduleError {}

const DAY: i64 = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_on_the_calendar() {
        let weekend: Schedule = "+8 67 00:00-00:00".parse().unwrap();
        // Friday 2026-11-20, 15:59 and 16:00 UTC, which is Saturday in Shanghai.
        assert!(!weekend.is_open(1_795_190_340_000));
        assert!(weekend.is_open(1_795_190_400_000));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in ["", "+8", "+8 12345", "+8 08 00:00-01:00", "+99 1 00:00-01:00", "+0 1 24:00-01:00", "+0 1 1-2 x"] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }
}
