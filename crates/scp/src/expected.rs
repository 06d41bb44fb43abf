//! What a sink asked for.

use crate::error::ScpError;
use crate::text::printable;

/// The names that a source may send at the top. Within a directory that was asked for, it may send any.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Exactly these, each once: the last components of the paths that were asked for.
    Names(Vec<Vec<u8>>),
    /// Names that match one of these patterns of a shell (`*`, `?` and `[...]`), each of them as often as may be.
    Patterns(Vec<Vec<u8>>),
    /// Any, where the other side is the one that may choose: in a server.
    Any,
}

impl Expected {
    /// Takes a name of the source, or refuses it.
    pub(crate) fn take(&mut self, name: &[u8]) -> Result<(), ScpError> {
        let taken = match self {
            Self::Any => true,
            Self::Patterns(patterns) => patterns.iter().any(|pattern| matches(pattern, name)),
            Self::Names(names) => match names.iter().position(|expected| expected == name) {
                Some(index) => {
                    names.swap_remove(index);
                    true
                }
                None => false,
            },
        };
        if taken { Ok(()) } else { Err(ScpError::Unexpected(printable(name))) }
    }
}

/// One step of a pattern.
enum Step<'a> {
    Any,
    One(One<'a>),
}

enum One<'a> {
    Every,
    Literal(u8),
    Class { negated: bool, members: &'a [u8] },
}

impl One<'_> {
    fn matches(&self, byte: u8) -> bool {
        match self {
            Self::Every => true,
            Self::Literal(literal) => *literal == byte,
            Self::Class { negated, members } => class_holds(members, byte) != *negated,
        }
    }
}

/// Whether a name matches a pattern as sh(1) has them. A leading dot is matched by a dot only.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') && !pattern.starts_with(b"\\.") {
        return false;
    }
    let (mut pattern, mut name) = (pattern, name);
    // Where to go on if what follows the last `*` does not fit here.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let fits = match step(pattern) {
            Some((Step::Any, after)) => {
                retry = Some((after, name));
                pattern = after;
                continue;
            }
            Some((Step::One(one), after)) => match name.split_first() {
                Some((byte, rest)) if one.matches(*byte) => {
                    (pattern, name) = (after, rest);
                    true
                }
                _ => false,
            },
            None if name.is_empty() => return true,
            None => false,
        };
        if fits {
            continue;
        }
        match retry {
            Some((after, [_, rest @ ..])) => {
                (pattern, name) = (after, rest);
                retry = Some((after, rest));
            }
            _ => return false,
        }
    }
}

/// The first step of a pattern, and what follows.
fn step(pattern: &[u8]) -> Option<(Step<'_>, &[u8])> {
    let (first, rest) = pattern.split_first()?;
    Some(match (first, rest) {
        (b'*', _) => (Step::Any, rest),
        (b'?', _) => (Step::One(One::Every), rest),
        (b'\\', [literal, after @ ..]) => (Step::One(One::Literal(*literal)), after),
        (b'[', _) => match class(rest) {
            Some((class, after)) => (Step::One(class), after),
            None => (Step::One(One::Literal(b'[')), rest),
        },
        (literal, _) => (Step::One(One::Literal(*literal)), rest),
    })
}

/// A class, after its `[`; `None` if nothing closes it.
fn class(rest: &[u8]) -> Option<(One<'_>, &[u8])> {
    let (negated, members) = match rest.split_first() {
        Some((b'!' | b'^', members)) => (true, members),
        _ => (false, rest),
    };
    // A `]` in the first place is a member.
    let end = 1 + members.get(1..)?.iter().position(|byte| *byte == b']')?;
    Some((One::Class { negated, members: &members[..end] }, &members[end + 1..]))
}

fn class_holds(members: &[u8], byte: u8) -> bool {
    let mut members = members;
    loop {
        match members {
            [low, b'-', high, rest @ ..] => {
                if (*low..=*high).contains(&byte) {
                    return true;
                }
                members = rest;
            }
            [member, rest @ ..] => {
                if *member == byte {
                    return true;
                }
                members = rest;
            }
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: Y01
    #[test]
    fn a_name_is_taken_once() {
        let mut expected = Expected::Names(vec![b"a".to_vec(), b"b".to_vec()]);
        assert!(expected.take(b"c").is_err());
        assert!(expected.take(b"b").is_ok());
        assert!(expected.take(b"b").is_err());
        assert!(expected.take(b"a").is_ok());
        assert!(expected.take(b"a").is_err());
    }

    #[test]
    fn patterns_match_as_a_shell_matches() {
        for (pattern, name, is_match) in [
            ("*.txt", "a.txt", true),
            ("*.txt", ".a.txt", false),
            (".*", ".a", true),
            ("*", "a", true),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[a-]", "-", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), is_match, "{pattern} {name}");
        }
        // No blow-up.
        let (pattern, name) = ("a*".repeat(200) + "b", "a".repeat(4_000));
        assert!(!matches(pattern.as_bytes(), name.as_bytes()));
    }
}
