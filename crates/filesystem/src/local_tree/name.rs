//! Which names may become files.

/// The longest name of a file on the systems that konko runs on, in bytes.
pub const MAXIMUM_NAME_LEN: usize = 255;

/// The devices that Windows sees in names, whatever their extension.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// Which names are taken besides those that no directory could hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameRule {
    /// Any bytes but `/` and NUL, up to 255 of them, and neither `.` nor `..`.
    #[default]
    Unix,
    /// Only names that mean the same on every system: UTF-8 without control characters and `\:*?"<>|`, without a
    /// dot or blank at the end, no device names of Windows; and no two names in a directory that differ in case
    /// only.
    Portable,
}

/// Why a name cannot become a file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameProblem {
    /// It has no bytes.
    #[error("it is empty")]
    Empty,
    /// It is `.` or `..`.
    #[error("it names a directory that is there already")]
    Dots,
    /// It holds a `/`.
    #[error("it holds a slash")]
    Slash,
    /// It holds a NUL.
    #[error("it holds a NUL")]
    Nul,
    /// It is longer than 255 bytes.
    #[error("it is longer than 255 bytes")]
    TooLong,
    /// It is not portable.
    #[error("it means something else, or nothing, on other systems")]
    NotPortable,
}

/// Checks that `name` is one component that can become a file's name.
///
/// # Errors
///
/// The first [`NameProblem`].
pub fn check_name(name: &[u8], rule: NameRule) -> Result<(), NameProblem> {
    match name {
        b"" => return Err(NameProblem::Empty),
        b"." | b".." => return Err(NameProblem::Dots),
        _ if name.contains(&b'/') => return Err(NameProblem::Slash),
        _ if name.contains(&0) => return Err(NameProblem::Nul),
        _ if name.len() > MAXIMUM_NAME_LEN => return Err(NameProblem::TooLong),
        _ => {}
    }
    if rule == NameRule::Portable && !is_portable(name) {
        return Err(NameProblem::NotPortable);
    }
    Ok(())
}

fn is_portable(name: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(name) else { return false };
    if text.contains(|c: char| c.is_control() || "\\:*?\"<>|".contains(c)) || text.ends_with(['.', ' ']) {
        return false;
    }
    let stem = text.split('.').next().unwrap_or(text).trim_end();
    !DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) && !is_numbered_device(stem)
}

/// `COM1` to `COM9`, `LPT1` to `LPT9`, and those with superscript digits.
fn is_numbered_device(stem: &str) -> bool {
    let mut characters = stem.chars();
    let number = characters.next_back();
    let kind = characters.as_str();
    (kind.eq_ignore_ascii_case("COM") || kind.eq_ignore_ascii_case("LPT"))
        && number.is_some_and(|digit| matches!(digit, '1'..='9' | '¹' | '²' | '³'))
}

/// What two names must not share within one directory.
pub(crate) fn identity(name: &[u8], rule: NameRule) -> Vec<u8> {
    match (rule, std::str::from_utf8(name)) {
        (NameRule::Portable, Ok(text)) => text.to_lowercase().into_bytes(),
        _ => name.to_vec(),
    }
}

/// A name or path without what could write to a terminal.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for character in String::from_utf8_lossy(bytes).chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: G01
    #[test]
    fn names_are_one_component() {
        for (name, problem) in [
            (&b""[..], NameProblem::Empty),
            (b".", NameProblem::Dots),
            (b"..", NameProblem::Dots),
            (b"/etc/x", NameProblem::Slash),
            (b"a/b", NameProblem::Slash),
            (b"../x", NameProblem::Slash),
            (b"a\0b", NameProblem::Nul),
            (&[b'a'; 256], NameProblem::TooLong),
        ] {
            assert_eq!(check_name(name, NameRule::Unix), Err(problem));
            assert_eq!(check_name(name, NameRule::Portable), Err(problem));
        }
        for name in [&b"..."[..], b"a\\b", b"C:x", b"\xff\n", b"CON", &[b'a'; 255], b"-rf"] {
            assert_eq!(check_name(name, NameRule::Unix), Ok(()));
        }
    }

    // covers: G01
    #[test]
    fn portable_names_mean_the_same_everywhere() {
        for name in [
            "a\\b",
            "C:x",
            "x:ads",
            "con",
            "CON.txt",
            "Con .txt",
            "lpt1",
            "COM9.tar.gz",
            "com¹",
            "a.",
            "a ",
            "a\n",
            "a*",
            "NUL",
        ] {
            assert_eq!(
                check_name(name.as_bytes(), NameRule::Portable),
                Err(NameProblem::NotPortable),
                "{name}"
            );
        }
        assert_eq!(check_name(b"\xff", NameRule::Portable), Err(NameProblem::NotPortable));
        for name in ["COM", "COM10", "LPT0", "CONSOLE", "a b", ".a", "ä", "x.con"] {
            assert_eq!(check_name(name.as_bytes(), NameRule::Portable), Ok(()), "{name}");
        }
        assert_eq!(
            identity("Ä".as_bytes(), NameRule::Portable),
            identity("ä".as_bytes(), NameRule::Portable)
        );
        assert_ne!(identity(b"A", NameRule::Unix), identity(b"a", NameRule::Unix));
    }
}
