//! Times of certificates and signatures, as ssh-keygen reads and writes them.

use crate::keygen::error::KeygenError;
use konko::keys::certificate::Validity;
use konko::trust::time_zone::TimeZone;
use konko::trust::timestamp::Timestamp;

/// A certificate begins a minute ago, for clocks that are a little late.
const BACKDATED: u64 = 59;
const DAY: i64 = 86_400;

/// `YYYY-MM-DDTHH:MM:SS` in local time.
pub fn shown(unix: u64, zone: &TimeZone) -> String {
    let utc = i64::try_from(unix).unwrap_or(i64::MAX / 2);
    let local = utc + i64::from(zone.east_at(utc));
    let (days, seconds) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// The day of the Gregorian calendar, so many days after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the day that some have more comes last; 400 of them have 146097 days.
    let from_march = days + 719_468;
    let (era, day_of_era) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// How long a certificate is good, in words.
pub fn validity(validity: Validity, zone: &TimeZone) -> String {
    match (validity.after, validity.before) {
        (0, u64::MAX) => "forever".into(),
        (after, u64::MAX) => format!("after {}", shown(after, zone)),
        (0, before) => format!("before {}", shown(before, zone)),
        (after, before) => format!("from {} to {}", shown(after, zone), shown(before, zone)),
    }
}

/// `-V`: `+interval` from now on, or `from:to`, where `always` and `forever` are the ends of time.
///
/// # Errors
///
/// [`KeygenError::Usage`].
pub fn parse_validity(text: &str, now: u64, zone: &TimeZone) -> Result<Validity, KeygenError> {
    let wrong = || KeygenError::Usage(format!("Invalid certificate life specification {text}"));
    let Some((from, to)) = text.split_once(':') else {
        let interval = text.strip_prefix('+').and_then(interval).ok_or_else(wrong)?;
        let after = now.saturating_sub(BACKDATED) / 60 * 60;
        return Ok(Validity { after, before: now.saturating_add(interval) });
    };
    let after = if from == "always" { Some(0) } else { moment(from, now, zone) };
    let before = if to == "forever" { Some(u64::MAX) } else { moment(to, now, zone) };
    let (after, before) = after.zip(before).ok_or_else(wrong)?;
    if before <= after {
        return Err(KeygenError::Usage("Empty certificate validity interval".into()));
    }
    Ok(Validity { after, before })
}

/// A moment: so long from now or ago, seconds since 1970 in hexadecimal, or a date.
pub fn moment(text: &str, now: u64, zone: &TimeZone) -> Option<u64> {
    match text.as_bytes().first()? {
        b'+' => interval(&text[1..]).map(|interval| now.saturating_add(interval)),
        b'-' => interval(&text[1..]).map(|interval| now.saturating_sub(interval)),
        _ => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => Timestamp::parse(text).ok().map(|timestamp| timestamp.to_unix(zone)),
        },
    }
}

/// An interval as sshd_config(5) writes it: `1w2d3h4m5s`, seconds without a letter.
fn interval(text: &str) -> Option<u64> {
    let (mut total, mut number): (u64, Option<u64>) = (0, None);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit.into())?);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    if text.is_empty() { None } else { total.checked_add(number.unwrap_or(0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    #[test]
    fn days_of_the_calendar() {
        for (unix, expected) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
        ] {
            assert_eq!(shown(unix, &TimeZone::Utc), expected);
        }
        assert_eq!(shown(0, &TimeZone::Fixed { east: -3600 }), "1969-12-31T23:00:00");
        assert!(!shown(u64::MAX, &TimeZone::Utc).is_empty());
    }

    #[test]
    fn lives_of_certificates() {
        let parse = |text| parse_validity(text, NOW, &TimeZone::Utc).ok();
        let good = |after, before| Some(Validity { after, before });
        assert_eq!(parse("+52w"), good(1_699_999_920, NOW + 52 * 7 * 86_400));
        assert_eq!(parse("+90"), good(1_699_999_920, NOW + 90));
        assert_eq!(parse("-1d:+1w2d3h4m5s"), good(NOW - 86_400, NOW + 788_645));
        assert_eq!(parse("always:forever"), Some(Validity::FOREVER));
        assert_eq!(parse("20200101:20400101"), good(1_577_836_800, 2_208_988_800));
        assert_eq!(parse("0x10:0x20"), good(16, 32));
        for wrong in [
            "",
            "+",
            "52w",
            "+1x",
            "+w",
            "20200101",
            "20200101:",
            "20200101:20200101",
            "forever:always",
            "+1:",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let zone = TimeZone::Utc;
        assert_eq!(validity(Validity::FOREVER, &zone), "forever");
        assert_eq!(validity(Validity { after: 0, before: 60 }, &zone), "before 1970-01-01T00:01:00");
        assert_eq!(validity(Validity { after: 60, before: u64::MAX }, &zone), "after 1970-01-01T00:01:00");
    }
}
