//! Points in time as databases and front ends write them.

use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Serialize, Serializer};

const DAY_SECONDS: i64 = 86_400;

/// A point in time, in UTC, to the microsecond.
///
/// As JSON it is what Laravel writes, `"2026-11-21T15:04:05.000000Z"`.
///
/// ```
/// use resound::notification::Timestamp;
///
/// let time = Timestamp::parse("2026-11-21 15:04:05").ok_or("no timestamp")?;
/// assert_eq!(time.to_string(), "2026-11-21T15:04:05.000000Z");
/// assert_eq!(std::time::SystemTime::from(time), std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_795_273_445));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Since 1970, without leap seconds; negative before.
    micros: i64,
}

impl Timestamp {
    /// The time by the system's clock.
    ///
    /// ```
    /// use resound::notification::Timestamp;
    ///
    /// assert!(Timestamp::now() > Timestamp::parse("2026-01-01 00:00:00").ok_or("no timestamp")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The time by the system's clock, but later than any that this has given, so that a list by time has an order.
    pub(crate) fn next() -> Self {
        static LAST: AtomicI64 = AtomicI64::new(i64::MIN);
        let now = Self::now().micros;
        let later = |last: i64| Some(now.max(last.saturating_add(1)));
        let updated = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
        let last = updated.unwrap_or(now);
        Self { micros: now.max(last.saturating_add(1)) }
    }

    /// Reads what databases write: date and time of day with a space or a `T` between them, with up to six decimals, with or without
    /// a `Z` or `+00`. `None` if it is something else.
    ///
    /// ```
    /// use resound::notification::Timestamp;
    ///
    /// let one = Timestamp::parse("2026-11-21 15:04:05.5");
    /// assert!(one.is_some());
    /// assert_eq!(one, Timestamp::parse("2026-11-21T15:04:05.500000Z"));
    /// assert_eq!(Timestamp::parse("yesterday"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let text =
            ["Z", "+00:00", "+00"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
        let (date, time) = text.split_once([' ', 'T'])?;
        let [year, month, day] = numbers(date, '-')?;
        let (time, decimals) = time.split_once('.').unwrap_or((time, "0"));
        let [hour, minute, second] = numbers(time, ':')?;
        let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && year <= 9999;
        let is_time = hour < 24 && minute < 60 && second < 61;
        let are_decimals =
            (1..=6).contains(&decimals.len()) && decimals.bytes().all(|b| b.is_ascii_digit());
        if !(is_date && is_time && are_decimals) {
            return None;
        }
        let micros: i64 = format!("{decimals:0<6}").parse().ok()?;
        let seconds = days(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
        Some(Self { micros: seconds * 1_000_000 + micros })
    }

    /// As databases take it: `2026-11-21 15:04:05.000000`.
    #[cfg(any(test, feature = "_sql"))]
    pub(crate) fn sql(self) -> String {
        self.written(' ', "")
    }

    fn written(self, between: char, end: &str) -> String {
        let (seconds, micros) =
            (self.micros.div_euclid(1_000_000), self.micros.rem_euclid(1_000_000));
        let (year, month, day) = date(seconds.div_euclid(DAY_SECONDS));
        let second = seconds.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!(
            "{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}.{micros:06}{end}"
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written('T', "Z"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self { micros: micros(since) },
            Err(before) => Self { micros: -micros(before.duration()) },
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let span = Duration::from_micros(time.micros.unsigned_abs());
        if time.micros < 0 { UNIX_EPOCH - span } else { UNIX_EPOCH + span }
    }
}

/// Three numbers without signs.
fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between).map(|part| {
        let is_number = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|_| is_number)
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// Days since 1970 of a date. The years begin in March, so that a leap day is the last of its year; 400 of them have 146,097 days.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date so many days after 1970 began: what [`days`] does, backwards.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, unix_seconds: i64) {
        let time = Timestamp::parse(text).expect("a timestamp");
        assert_eq!(time.micros / 1_000_000, unix_seconds, "{text}");
        assert_eq!(Timestamp::parse(&time.sql()), Some(time), "{text}");
        assert_eq!(Timestamp::parse(&time.to_string()), Some(time), "{text}");
        assert_eq!(Timestamp::from(SystemTime::from(time)), time, "{text}");
    }

    #[test]
    fn timestamps_of_all_databases_are_read() {
        check("1970-01-01 00:00:00", 0);
        check("2000-02-29 12:00:00.5", 951_825_600);
        check("2024-02-29T23:59:59Z", 1_709_251_199);
        check("2024-03-01 00:00:00+00", 1_709_251_200);
        check("1969-12-31 23:59:58+00:00", -2);
        check("9999-12-31 23:59:59.999999", 253_402_300_799);
        check("2100-03-01 00:00:00", 4_107_542_400);
    }

    #[test]
    fn no_two_moments_are_the_same() {
        let moments: Vec<_> = (0..10_000).map(|_| Timestamp::next()).collect();
        assert!(moments.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "now",
            "2026-11-21",
            "2026-13-01 00:00:00",
            "2026-11-21 24:00:00",
            "2026-11-21 00:00",
            "2026-11-21 00:00:00.",
            "2026-11-21 00:00:00.1234567",
            "2026-11-21 00:00:00+02",
            "-026-11-21 00:00:00",
            "2026-11-21 00:00:+1",
            "1795532645",
            "99999-01-01 00:00:00",
            "2026-11-21 00:00:00.é",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in -80_000..80_000 {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }
}
