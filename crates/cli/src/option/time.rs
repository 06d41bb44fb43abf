//! Times as in TIME FORMATS of sshd_config(5).

use std::time::Duration;

/// A sequence of numbers, each with a unit (`s`, `m`, `h`, `d`, `w`) or in seconds, added up: `90`, `1h30m`.
pub fn parse_time(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let mut following = after.chars();
        let unit = match following.next() {
            None => 1,
            Some(unit) => match unit.to_ascii_lowercase() {
                's' => 1,
                'm' => 60,
                'h' => 60 * 60,
                'd' => 24 * 60 * 60,
                'w' => 7 * 24 * 60 * 60,
                _ => return None,
            },
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = following.as_str();
    }
    // OpenSSH counts in a signed 32-bit number.
    (!text.is_empty() && seconds <= u64::from(i32::MAX.unsigned_abs())).then(|| Duration::from_secs(seconds))
}
