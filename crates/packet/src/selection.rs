//! Lists of algorithms in the syntax of ssh_config(5): `a,b`, `+a`, `-a*`, `^a`.

use crate::compression::CompressionAlgorithm;
use konko_crypto::cipher::CipherAlgorithm;
use konko_crypto::kex::KexAlgorithm;
use konko_crypto::mac::MacAlgorithm;
use konko_keys::signature_algorithm::SignatureAlgorithm;
use konko_pattern::wildcard;

/// A row of a table of algorithms.
pub trait Row {
    /// Its name on the wire.
    fn name(&self) -> &'static str;
    /// Whether it is only offered after an explicit opt-in.
    fn is_legacy(&self) -> bool;
}

macro_rules! rows {
    ($($type:ty),* $(,)?) => {$(
        impl Row for $type {
            fn name(&self) -> &'static str {
                self.name
            }

            fn is_legacy(&self) -> bool {
                self.legacy
            }
        }
    )*};
}

rows!(KexAlgorithm, SignatureAlgorithm, CipherAlgorithm, MacAlgorithm, CompressionAlgorithm);

/// Why a list of algorithms is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// A name that no algorithm has, or a pattern that none matches.
    #[error("unknown algorithm \"{0}\"")]
    Unknown(String),
    /// Nothing is left.
    #[error("the list of algorithms is empty")]
    Empty,
}

/// Chooses rows of `all` by `list`, as ssh_config(5) describes it for `Ciphers` and its kin.
///
/// A plain list is taken as it is; with a leading `+` it is appended to `default`, with `^` put at its head, and
/// with `-` removed from it. Entries may hold the wildcards `*` and `?`. No row appears twice.
///
/// # Errors
///
/// [`ListError::Unknown`] for an entry that matches no row of `all`, except after `-`, where there is nothing to
/// do for it; [`ListError::Empty`] if no row is left.
pub fn select<T: Row>(
    default: &[&'static T],
    all: &[&'static T],
    list: &str,
) -> Result<Vec<&'static T>, ListError> {
    let list = list.trim();
    let (sign, names) = match list.split_at_checked(1) {
        Some((sign @ ("+" | "-" | "^"), names)) => (sign, names),
        _ => ("", list),
    };
    let entries = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let matches = |pattern: &str, name: &str| wildcard::matches_exactly(pattern.as_bytes(), name.as_bytes());
    let mut selected: Vec<&'static T> = Vec::new();
    if sign == "-" {
        let patterns: Vec<&str> = entries.collect();
        let kept = |row: &&&'static T| !patterns.iter().any(|pattern| matches(pattern, row.name()));
        selected.extend(default.iter().filter(kept));
    } else {
        let mut named: Vec<&'static T> = Vec::new();
        for entry in entries {
            let before = named.len();
            named.extend(all.iter().filter(|row| matches(entry, row.name())));
            if named.len() == before {
                return Err(ListError::Unknown(entry.to_owned()));
            }
        }
        let (head, tail) = match sign {
            "+" => (default, named.as_slice()),
            "^" => (named.as_slice(), default),
            _ => (named.as_slice(), &[][..]),
        };
        for row in head.iter().chain(tail) {
            if !selected.iter().any(|other| other.name() == row.name()) {
                selected.push(row);
            }
        }
    }
    if selected.is_empty() { Err(ListError::Empty) } else { Ok(selected) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_crypto::cipher::CIPHERS;

    fn names(list: &str) -> Result<Vec<&'static str>, ListError> {
        let default: Vec<_> = CIPHERS.iter().copied().filter(|row| row.name.ends_with("-ctr")).collect();
        select(&default, CIPHERS, list).map(|rows| rows.iter().map(|row| row.name).collect())
    }

    #[test]
    fn lists_replace_append_remove_and_prepend() {
        assert_eq!(names("aes256-ctr,aes128-ctr"), Ok(vec!["aes256-ctr", "aes128-ctr"]));
        assert_eq!(
            names("+3des-cbc,aes128-ctr"),
            Ok(vec!["aes128-ctr", "aes192-ctr", "aes256-ctr", "3des-cbc"])
        );
        assert_eq!(names("-aes1*"), Ok(vec!["aes256-ctr"]));
        assert_eq!(names("^aes256-ctr"), Ok(vec!["aes256-ctr", "aes128-ctr", "aes192-ctr"]));
        assert_eq!(names("aes???-gcm@*"), Ok(vec!["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"]));
    }

    #[test]
    fn unknown_names_and_empty_results_are_errors() {
        assert_eq!(names("aes256-ctr,rot13"), Err(ListError::Unknown("rot13".into())));
        assert_eq!(names("+rot13"), Err(ListError::Unknown("rot13".into())));
        assert_eq!(names("none"), Err(ListError::Unknown("none".into())));
        assert_eq!(names("-rot13"), Ok(vec!["aes128-ctr", "aes192-ctr", "aes256-ctr"]));
        assert_eq!(names("-*"), Err(ListError::Empty));
        assert_eq!(names(""), Err(ListError::Empty));
    }
}
