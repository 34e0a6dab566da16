//! Days and times as numbers since 1970, and back.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Returns the number of a day such as `2026-10-14`, from 0 for the first of 1970.
pub fn parse_day(date: &str) -> Option<u32> {
    let begin = date.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?;
    u32::try_from(begin.timestamp().as_second() / DAY).ok()
}

/// Returns a time such as `2026-11-18T08:00:00Z` in milliseconds since 1970.
pub fn parse_time(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok()
}

/// Returns the date of a day.
pub fn format_day(day: u32) -> String {
    let begin = Timestamp::from_second(i64::from(day) * DAY).unwrap_or(Timestamp::MAX);
    begin.to_zoned(TimeZone::UTC).date().to_string()
}

const DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_come_back() {
        assert_eq!(parse_day("1970-01-01"), Some(0));
        assert_eq!(parse_day("2026-11-20"), Some(20_777));
        for day in ["soon", "2026-02-31", "1969-12-31", "9223372036854775807-01-01"] {
            assert_eq!(parse_day(day), None, "{day}");
        }
        assert_eq!(parse_time("2026-11-20T16:00:00Z"), Some(1_795_190_400_000));
        assert_eq!(parse_time("2026-11-20T16:00:00.5Z"), Some(1_795_190_400_500));
        assert_eq!(parse_time("2026-11-20T16:00:00+08:00"), Some(1_795_161_600_000));
        for time in ["2026-11-20", "2026-11-20T25:00:00Z", "1969-12-31T00:00:00Z", ""] {
            assert_eq!(parse_time(time), None, "{time}");
        }
        for number in [0, 59, 60, 11_016, 20_777, 40_000] {
            assert_eq!(parse_day(&format_day(number)), Some(number));
        }
    }
}
