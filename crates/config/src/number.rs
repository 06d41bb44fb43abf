//! Numbers, times, sizes and ports, as OpenSSH reads them.

/// The largest number of a keyword.
const MAXIMUM: u64 = i32::MAX as u64;

/// Decimal digits, perhaps after a plus sign.
fn decimal(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}

/// A number from 0 to 2^31 - 1.
pub(crate) fn number(text: &str) -> Option<u32> {
    decimal(text).filter(|number| *number <= MAXIMUM).and_then(|number| number.try_into().ok())
}

/// A port, from 0.
pub(crate) fn port(text: &str) -> Option<u16> {
    decimal(text).and_then(|number| number.try_into().ok())
}

/// A time in seconds: one or more numbers, each with a unit or in seconds, that are added up (`1h30m`).
pub(crate) fn seconds(text: &str) -> Option<u32> {
    let mut total: u64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let sign = usize::from(rest.starts_with('+'));
        let digits = rest.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
        let (amount, after) = rest.split_at_checked(sign + digits)?;
        let amount = decimal(amount)?;
        let (unit, after) = match after.chars().next() {
            None => (1, after),
            Some(letter) => {
                let unit = match letter.to_ascii_lowercase() {
                    's' => 1,
                    'm' => 60,
                    'h' => 60 * 60,
                    'd' => 24 * 60 * 60,
                    'w' => 7 * 24 * 60 * 60,
                    _ => return None,
                };
                (unit, after.get(1..)?)
            }
        };
        total = total.checked_add(amount.checked_mul(unit)?).filter(|total| *total <= MAXIMUM)?;
        rest = after;
    }
    total.try_into().ok()
}

/// An amount of bytes: a number, perhaps with a decimal fraction, and a letter that stands for a power of 1024. A
/// fraction without a letter counts for nothing.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|symbol: char| !symbol.is_ascii_digit() && symbol != '.').unwrap_or(text.len());
    let (amount, unit) = text.split_at_checked(end)?;
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    // Nothing at all is 0 to OpenSSH; here it is a mistake.
    if amount.is_empty() || fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { decimal(whole)? };
    let mut letters = unit.chars();
    let Some(letter) = letters.next() else { return Some(whole).filter(|whole| *whole <= i64::MAX as u64) };
    if letters.next().is_some_and(|next| next.is_ascii_alphanumeric()) {
        return None;
    }
    let power = "BKMGTPE".find(letter.to_ascii_uppercase())?;
    let scale = 1u64.checked_shl(u32::try_from(power).ok()?.checked_mul(10)?)?;
    let mut part: u128 = 0;
    let mut divisor: u128 = 1;
    for digit in fraction.bytes().take(18) {
        part = part * 10 + u128::from(digit.saturating_sub(b'0'));
        divisor *= 10;
    }
    let part = u64::try_from(part * u128::from(scale) / divisor).ok()?;
    whole.checked_mul(scale)?.checked_add(part).filter(|bytes| *bytes <= i64::MAX as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: L07
    #[test]
    fn numbers_have_no_junk_behind_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("+7", Some(7)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", None),
            ("99999999999999999999999", None),
            ("-1", None),
            ("22x", None),
            ("", None),
            ("+", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        assert_eq!((port("65535"), port("65536"), port("22x")), (Some(65535), None, None));
    }

    /// covers: L07
    #[test]
    fn times_add_up() {
        for (text, expected) in [
            ("600", Some(600)),
            ("10m", Some(600)),
            ("1h30m", Some(5400)),
            ("1w2D", Some(9 * 86400)),
            ("1m1", Some(61)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", None),
            ("99999w", None),
            ("1x", None),
            ("m", None),
            ("", None),
            ("-1", None),
            ("1é", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_have_powers_of_1024() {
        for (text, expected) in [
            ("16", Some(16)),
            ("1K", Some(1024)),
            ("1.5k", Some(1536)),
            ("4G", Some(4 << 30)),
            ("7E", Some(7 << 60)),
            ("8E", None),
            ("1.5", Some(1)),
            ("1B", Some(1)),
            ("1KB", None),
            ("1X", None),
            ("1.2.3K", None),
            ("K", None),
            ("", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
