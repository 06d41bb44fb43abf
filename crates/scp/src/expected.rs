//! What a sink asked for.

use crate::error::ScpError;
use crate::text::printable;
use konko_pattern::glob::{Backslash, Glob};

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

/// Whether a name matches a pattern as sh(1) has them. A leading dot is matched by a dot only.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    Glob::new(pattern, Backslash::Member).matches(name)
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
    fn what_matches_a_pattern_is_taken_as_often_as_it_comes() {
        let mut expected = Expected::Patterns(vec![b"*.txt".to_vec(), b"[a-c]x".to_vec()]);
        for (name, is_taken) in
            [("a.txt", true), ("a.txt", true), ("bx", true), (".a.txt", false), ("dx", false)]
        {
            assert_eq!(expected.take(name.as_bytes()).is_ok(), is_taken, "{name}");
        }
        assert!(matches(b"[\\a]", b"\\") && matches(b"[\\a]", b"a"));
    }
}
