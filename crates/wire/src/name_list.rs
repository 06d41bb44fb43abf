//! Name-lists (RFC 4251 §5, §6).

use crate::decode_error::DecodeError;

/// The longest name-list that is accepted, in bytes.
pub const MAXIMUM_LEN: usize = 16 * 1024;
/// The most names that are accepted in one list.
pub const MAXIMUM_NAMES: usize = 1024;
/// The longest name that can match anything (RFC 4251 §6: "MUST NOT exceed 64 characters").
pub const MAXIMUM_NAME_LEN: usize = 64;

/// A comma-separated list of names, as it came or as it is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameList<'a> {
    text: &'a str,
}

impl<'a> NameList<'a> {
    /// Takes the contents of a name-list's string: printable US-ASCII, at most 16 KiB and 1,024 names. Names
    /// longer than 64 characters are kept but match nothing. So are empty ones: RFC 4251 §5 forbids them, but
    /// peers in the field end a list with a comma, and nothing is gained by turning them away.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAXIMUM_LEN {
            return Err(DecodeError::TooMany);
        }
        if bytes.iter().any(|byte| !byte.is_ascii_graphic()) {
            return Err(DecodeError::InvalidNameList);
        }
        let names = usize::from(!bytes.is_empty()) + bytes.iter().filter(|byte| **byte == b',').count();
        if names > MAXIMUM_NAMES {
            return Err(DecodeError::TooMany);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::InvalidNameList)?;
        Ok(Self { text })
    }

    /// Wraps a list of our own making, such as `"zlib@openssh.com,none"`.
    pub const fn of(text: &'a str) -> Self {
        Self { text }
    }

    /// The list as text.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// The names in order. Names over 64 characters are left out.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text.split(',').filter(|name| !name.is_empty() && name.len() <= MAXIMUM_NAME_LEN)
    }

    /// The first name.
    pub fn first(&self) -> Option<&'a str> {
        self.iter().next()
    }

    /// Whether `name` stands in the list.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|other| other == name)
    }
}

impl std::fmt::Display for NameList<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc4251_5_examples() {
        for (bytes, names) in
            [(&b""[..], vec![]), (&b"zlib"[..], vec!["zlib"]), (&b"zlib,none"[..], vec!["zlib", "none"])]
        {
            let list = NameList::parse(bytes).expect("a name-list");
            assert_eq!(list.iter().collect::<Vec<_>>(), names);
        }
    }

    /// covers: K14
    #[test]
    fn malformed_and_oversized_lists_are_refused() {
        for bytes in [&b"a b"[..], b"a\0", b"\xc3\xa4", b"a\n"] {
            assert_eq!(NameList::parse(bytes), Err(DecodeError::InvalidNameList), "{bytes:?}");
        }
        let commas = "a,".repeat(1023) + "a";
        assert!(NameList::parse(commas.as_bytes()).is_ok());
        assert_eq!(NameList::parse((commas + ",a").as_bytes()), Err(DecodeError::TooMany));
        assert_eq!(NameList::parse(&[b'a'; MAXIMUM_LEN + 1]), Err(DecodeError::TooMany));
    }

    /// covers: I02
    #[test]
    fn empty_names_match_nothing() {
        for bytes in [&b"a,"[..], b",a", b",,a,,"] {
            let list = NameList::parse(bytes).expect("a name-list");
            assert_eq!(list.iter().collect::<Vec<_>>(), ["a"], "{bytes:?}");
            assert!(!list.contains(""));
        }
    }

    #[test]
    fn a_name_over_64_characters_matches_nothing() {
        let long = "x".repeat(65);
        let text = format!("{long},none");
        let list = NameList::parse(text.as_bytes()).expect("a name-list");
        assert!(!list.contains(&long));
        assert_eq!(list.first(), Some("none"));
    }
}
