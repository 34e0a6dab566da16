use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

/// How long a budget's spending counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// From one midnight to the next.
    Day,
    /// From the midnight before Monday to the next.
    Week,
    /// From the first of a month to the next.
    Month,
    /// From the first of January to the next.
    Year,
    /// The time of this length that ends now.
    Rolling(Duration),
    /// Always.
    Forever,
}

impl Window {
    /// Reads `day`, `week`, `month`, `year`, `forever`, or a rolling duration such as `90m`, `24h` or `30d`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            "forever" => Self::Forever,
            _ => Self::Rolling(duration(text)?),
        })
    }

    /// Returns from when until before when spending counts together with what is spent at `now_ms`.
    ///
    /// A calendar window ends at midnight of the zone, or where there is none that day, at the first moment after it.
    /// A rolling one has no such period: its counter cuts it up.
    pub(crate) fn period(self, now_ms: u64, zone: &TimeZone) -> (u64, u64) {
        self.calendar(now_ms, zone).unwrap_or((0, u64::MAX))
    }

    fn calendar(self, now_ms: u64, zone: &TimeZone) -> Option<(u64, u64)> {
        let now = Timestamp::from_millisecond(i64::try_from(now_ms).ok()?).ok()?;
        let today = zone.to_datetime(now).date();
        let (first, length): (Date, Span) = match self {
            Self::Day => (today, 1.day()),
            Self::Week => {
                let since_monday = i64::from(today.weekday().to_monday_zero_offset());
                (today.checked_sub(since_monday.days()).ok()?, 1.week())
            }
            Self::Month => (today.first_of_month(), 1.month()),
            Self::Year => (today.first_of_year(), 1.year()),
            Self::Rolling(_) | Self::Forever => return None,
        };
        Some((midnight(first, zone)?, midnight(first.checked_add(length).ok()?, zone)?))
    }
}

fn midnight(date: Date, zone: &TimeZone) -> Option<u64> {
    // Of a midnight that the clocks jump over, this is the moment of the jump; of two, the first.
    let start = zone.to_zoned(date.at(0, 0, 0, 0)).ok()?;
    u64::try_from(start.timestamp().as_millisecond().max(0)).ok()
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    (1..=LONGEST).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// A hundred years, in seconds.
const LONGEST: u64 = 3_155_760_000;
