//! How long a key is kept: seconds, or the time formats of sshd_config(5).

/// A number of seconds, not 0: `3600`, `1h`, `1h30m`, `2w`.
///
/// # Errors
///
/// In words, for anything else and for more than 2^32 - 1 seconds.
pub fn parse(text: &str) -> Result<u32, String> {
    let invalid = || format!("{text:?} is no lifetime: give seconds, or numbers with s, m, h, d or w");
    let mut total = 0u32;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let number: u32 = number.parse().map_err(|_| invalid())?;
        let mut characters = behind.chars();
        let unit = match characters.next() {
            None | Some('s' | 'S') => 1,
            Some('m' | 'M') => 60,
            Some('h' | 'H') => 60 * 60,
            Some('d' | 'D') => 24 * 60 * 60,
            Some('w' | 'W') => 7 * 24 * 60 * 60,
            Some(_) => return Err(invalid()),
        };
        total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
        rest = characters.as_str();
    }
    if total == 0 { Err(invalid()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_as_sshd_config_has_them() {
        for (text, expected) in [
            ("3600", Some(3600)),
            ("1h30m", Some(5400)),
            ("2W", Some(1_209_600)),
            ("1d1s", Some(86_401)),
            ("90m30", Some(5430)),
            ("4294967295", Some(u32::MAX)),
            ("", None),
            ("0", None),
            ("h", None),
            ("1x", None),
            ("-1", None),
            ("4294967296", None),
            ("8000w", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text:?}");
        }
    }
}
