//! Times as RFC 3339 writes them, and as seconds since 1970 UTC.

/// Reads a time, with any offset; fractions of a second are cut off. `None` if it is none, or before 1970.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(number);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let offset_at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, offset) = rest.split_at_checked(offset_at)?;
    let mut clock = clock.split('.').next()?.splitn(3, ':').map(number);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let in_range = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    u64::try_from(seconds - offset_seconds(offset)?).ok()
}

/// Writes a time in UTC.
pub(crate) fn format(seconds: u64) -> String {
    // The year 9999 is the last that RFC 3339 can write.
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX).min(253_402_300_799);
    let (day, clock) = (seconds / 86_400, seconds % 86_400);
    // The year is the last one that does not begin after the day, the month likewise.
    let mut year = 1970 + day / 366;
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| days(year, *month, 1) <= day).unwrap_or(1);
    let day = day - days(year, month, 1) + 1;
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Counts the days from 1970 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // With March as its first month a year ends with the leap day, and months follow one line.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
}

fn offset_seconds(text: &str) -> Option<i64> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return (text.len() == 1).then_some(0),
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    Some(sign * (number(hours)? * 3600 + number(minutes)? * 60))
}

fn number(digits: &str) -> Option<i64> {
    (digits.len() <= 4 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn times_read_back_as_they_were_written() {
        for seconds in (0..253_402_300_799).step_by(86_399 * 97) {
            assert_eq!(parse(&format(seconds)), Some(seconds));
        }
        assert_eq!(format(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(format(u64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn every_offset_and_fraction_is_read() {
        assert_eq!(parse("2026-03-08T21:07:29.026636471-07:00"), parse("2026-03-09T04:07:29Z"));
        assert_eq!(parse("1970-01-01T01:00:00+01:00"), Some(0));
        for text in [
            "",
            "T",
            "2026-03-08",
            "2026-13-01T00:00:00Z",
            "2026-03-08T21:07:29",
            "1969-12-31T00:00:00Z",
            "é-é-éTé:é:éZ",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
