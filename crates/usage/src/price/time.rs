//! Days and times as numbers since 1970, and back.

/// Returns the number of a day such as `2026-10-14`, from 0 for the first of 1970.
pub fn parse_day(date: &str) -> Option<u32> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(())?;
    // Years that begin in March have the leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    u32::try_from(days - 719_468).ok()
}

/// Returns a time such as `2026-11-18T08:00:00Z` in milliseconds since 1970; UTC is the only zone.
pub fn parse_time(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let sane = hour < 24 && minute < 60 && second <= 60 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = u64::from(parse_day(date)?) * 86_400 + hour * 3_600 + minute * 60 + second;
    sane.then_some(seconds * 1_000 + millis)
}

/// Returns the date of a day.
pub fn format_day(day: u32) -> String {
    let days = i64::from(day) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, year) = (of_year - (153 * month + 2) / 5 + 1, year + era * 400);
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_come_back() {
        assert_eq!(parse_day("1970-01-01"), Some(0));
        assert_eq!(parse_day("2026-11-20"), Some(20_777));
        assert_eq!(parse_day("soon"), None);
        assert_eq!(parse_time("2026-11-20T16:00:00Z"), Some(1_795_190_400_000));
        assert_eq!(parse_time("2026-11-20T16:00:00.5Z"), Some(1_795_190_400_500));
        for time in ["2026-11-20", "2026-11-20T25:00:00Z", "2026-11-20T16:00:00+08:00", ""] {
            assert_eq!(parse_time(time), None, "{time}");
        }
        for number in [0, 59, 60, 11_016, 20_777, 40_000] {
            assert_eq!(parse_day(&format_day(number)), Some(number));
        }
    }
}
