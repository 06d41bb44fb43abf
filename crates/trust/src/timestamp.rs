//! Moments as OpenSSH's files write them: `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with `Z` behind it for UTC.

use crate::calendar::{day_number, days_of};
use crate::time_zone::TimeZone;

/// A moment of the calendar, in local time or in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 00:00 on the clock that is meant.
    civil: i64,
    utc: bool,
}

/// A text that is no moment: another shape, or a day that the calendar does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time of the form YYYYMMDD[HHMM[SS]][Z]")]
pub struct TimestampError;

impl Timestamp {
    /// Reads a moment; `Z` or `UTC` behind it, in any case, says UTC.
    ///
    /// # Errors
    ///
    /// [`TimestampError`].
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let upper = text.to_ascii_uppercase();
        let (digits, utc) = match upper.strip_suffix('Z').or_else(|| upper.strip_suffix("UTC")) {
            Some(digits) => (digits, true),
            None => (upper.as_str(), false),
        };
        if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TimestampError);
        }
        let field = |from: usize, len: usize| -> i64 {
            digits.get(from..from + len).and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        let (year, month, day) = (field(0, 4), field(4, 2), field(6, 2));
        let (hour, minute, second) = (field(8, 2), field(10, 2), field(12, 2));
        let in_range = (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !in_range {
            return Err(TimestampError);
        }
        let civil = ((day_number(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        Ok(Self { civil, utc })
    }

    /// Seconds since 1970-01-01 00:00 UTC; what lies before counts as 0.
    pub fn to_unix(&self, zone: &TimeZone) -> u64 {
        let utc = if self.utc { self.civil } else { zone.to_utc(self.civil) };
        u64::try_from(utc).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those of `date -u -d ... +%s`.
    #[test]
    fn moments_of_the_calendar() {
        let cases = [
            ("19700101Z", 0),
            ("19700101000001utc", 1),
            ("20000229Z", 951_782_400),
            ("20240229Z", 1_709_164_800),
            ("203801190314Z", 2_147_483_640),
            ("20380119031408Z", 2_147_483_648),
            ("21000301z", 4_107_542_400),
            ("99991231235959Z", 253_402_300_799),
            ("19691231Z", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(Timestamp::parse(text).expect(text).to_unix(&TimeZone::Utc), expected, "{text}");
        }
        let local = Timestamp::parse("202401010130").expect("a moment");
        assert_eq!(local.to_unix(&TimeZone::Utc), 1_704_072_600);
        assert_eq!(local.to_unix(&TimeZone::Fixed { east: 3600 }), 1_704_069_000);
        let utc = Timestamp::parse("202401010130Z").expect("a moment");
        assert_eq!(utc.to_unix(&TimeZone::Fixed { east: 3600 }), 1_704_072_600);
    }

    /// covers: L10
    #[test]
    fn what_the_calendar_does_not_have() {
        let bad = [
            "",
            "Z",
            "2024",
            "20240",
            "2024010",
            "2024010112",
            "202401011",
            "20241301",
            "20240001",
            "20240100",
            "20240132",
            "20230229",
            "21000229",
            "202401012400",
            "202401010060",
            "20240101000060",
            "20240101ZZ",
            "-0240101",
            "2024 101",
            "20240101000000000",
            "+20240101",
            "20240101Y",
        ];
        for text in bad {
            assert_eq!(Timestamp::parse(text), Err(TimestampError), "{text}");
        }
    }
}
