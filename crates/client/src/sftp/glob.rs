//! Patterns for names: `*`, `?`, `[a-z]`, `[!a-z]` and `\` before what is meant as it is, as the shell knows them.

use crate::sftp::client::Sftp;
use crate::sftp::error::Error;
use crate::sftp::remote_path::RemotePath;
use std::io;

/// What is looked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GlobOptions {
    /// The most paths that may match; 100,000 by default.
    pub maximum_matches: usize,
    /// The most entries that are looked at; 1,000,000 by default.
    pub maximum_entries: u64,
}

impl Default for GlobOptions {
    fn default() -> Self {
        Self { maximum_matches: 100_000, maximum_entries: 1_000_000 }
    }
}

impl Sftp {
    /// The paths that match `pattern`, sorted. Names that begin with `.` match only where the pattern says the `.`.
    /// A pattern without special characters matches itself, if it is there.
    ///
    /// # Errors
    ///
    /// What the server refused, directories that are missing or may not be read aside; [`Error::TooMany`].
    pub async fn glob(
        &self,
        pattern: impl Into<RemotePath>,
        options: &GlobOptions,
    ) -> Result<Vec<RemotePath>, Error> {
        let pattern = pattern.into().into_bytes();
        let absolute = pattern.first() == Some(&b'/');
        let components: Vec<&[u8]> =
            pattern.split(|byte| *byte == b'/').filter(|component| !component.is_empty()).collect();
        let directory_wanted = pattern.last() == Some(&b'/');
        let mut found = vec![RemotePath::from(if absolute { "/" } else { "" })];
        let mut looked_at = 0;
        for (index, component) in components.iter().enumerate() {
            let last = index + 1 == components.len();
            if !is_special(component) {
                let name = unescaped(component);
                found = found.iter().map(|path| path.join(name.clone())).collect();
                continue;
            }
            let mut next = Vec::new();
            for directory in &found {
                for path in self.matching(directory, component, options, &mut looked_at).await? {
                    // What is to be gone into is a directory, or a link to one.
                    if (last && !directory_wanted) || self.is_directory(&path).await? {
                        next.push(path);
                    }
                    if next.len() > options.maximum_matches {
                        return Err(Error::TooMany { limit: options.maximum_matches as u64 });
                    }
                }
            }
            found = next;
        }
        if components.is_empty() {
            return Ok(found.into_iter().filter(|path| path.is_absolute()).collect());
        }
        // Names after the last pattern were not looked at.
        if components.last().is_some_and(|component| !is_special(component)) {
            let mut there = Vec::new();
            for path in found {
                match self.symlink_metadata(&path).await {
                    Ok(_) => there.push(path),
                    Err(error) if is_no_match(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            found = there;
        }
        found.sort();
        Ok(found)
    }

    async fn matching(
        &self,
        directory: &RemotePath,
        pattern: &[u8],
        options: &GlobOptions,
        looked_at: &mut u64,
    ) -> Result<Vec<RemotePath>, Error> {
        let mut listing = match self.read_dir(directory).await {
            Ok(listing) => listing,
            Err(error) if is_no_match(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        while let Some(entry) = listing.next_entry().await? {
            *looked_at += 1;
            if *looked_at > options.maximum_entries {
                return Err(Error::TooMany { limit: options.maximum_entries });
            }
            let name = entry.file_name();
            let hidden = name.first() == Some(&b'.') && pattern.first() != Some(&b'.');
            if !hidden && matches(pattern, name) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    async fn is_directory(&self, path: &RemotePath) -> Result<bool, Error> {
        match self.metadata(path).await {
            Ok(metadata) => Ok(metadata.is_dir()),
            Err(error) if is_no_match(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn is_no_match(error: &Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::Other
    )
}

/// Whether a component holds anything but a name.
pub fn is_special(component: &[u8]) -> bool {
    let mut bytes = component.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' | b'[' => return true,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    false
}

/// A component without special characters, as a name.
pub fn unescaped(component: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(component.len());
    let mut bytes = component.iter();
    while let Some(byte) = bytes.next() {
        let byte = if *byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte };
        name.push(*byte);
    }
    name
}

/// Whether `name` matches the pattern of one component. Takes time in proportion to the product of the lengths.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on if what follows the last star does not match after all.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, n));
            p += 1;
            continue;
        }
        match (name.get(n), one(pattern, p)) {
            (None, None) if p >= pattern.len() => return true,
            (Some(byte), Some((class, next))) if class.holds(*byte) => {
                p = next;
                n += 1;
                continue;
            }
            _ => {}
        }
        match star {
            Some((after, from)) if from < name.len() => {
                star = Some((after, from + 1));
                p = after;
                n = from + 1;
            }
            _ => return false,
        }
    }
}

/// What one byte of a name may be.
enum Class<'a> {
    Any,
    Byte(u8),
    Set { members: &'a [u8], negated: bool },
}

impl Class<'_> {
    fn holds(&self, byte: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Byte(wanted) => *wanted == byte,
            Self::Set { members, negated } => {
                let mut rest = *members;
                let mut found = false;
                loop {
                    rest = match rest {
                        [first, b'-', last, tail @ ..] => {
                            found |= (*first..=*last).contains(&byte);
                            tail
                        }
                        [b'\\', member, tail @ ..] | [member, tail @ ..] => {
                            found |= *member == byte;
                            tail
                        }
                        [] => return found != *negated,
                    };
                }
            }
        }
    }
}

/// What stands at `p` of the pattern for one byte of the name, and where the pattern goes on.
fn one(pattern: &[u8], p: usize) -> Option<(Class<'_>, usize)> {
    match pattern.get(p)? {
        b'?' => Some((Class::Any, p + 1)),
        b'\\' => pattern.get(p + 1).map(|byte| (Class::Byte(*byte), p + 2)),
        b'[' => {
            let negated = matches!(pattern.get(p + 1), Some(b'!' | b'^'));
            let start = p + 1 + usize::from(negated);
            // A `]` that comes first is a member.
            let end = pattern.iter().skip(start + 1).position(|byte| *byte == b']');
            match end.map(|end| end + start + 1) {
                Some(end) => Some((Class::Set { members: &pattern[start..end], negated }, end + 1)),
                None => Some((Class::Byte(b'['), p + 1)),
            }
        }
        byte => Some((Class::Byte(*byte), p + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_the_shell_s() {
        let yes: [(&str, &str); 12] = [
            ("*", ""),
            ("*.txt", "a.txt"),
            ("a*b*c", "aXbXbc"),
            ("?", "x"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[]x]", "]"),
            ("\\*", "*"),
            ("[a", "[a"),
            ("a\\?b", "a?b"),
            ("[a-]", "-"),
            ("**", "x"),
        ];
        for (pattern, name) in yes {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        let no: [(&str, &str); 8] = [
            ("*.txt", "a.txt.gz"),
            ("?", ""),
            ("?", "xy"),
            ("[a-c]", "d"),
            ("[!a-c]", "a"),
            ("\\*", "x"),
            ("", "x"),
            ("a*b", "ac"),
        ];
        for (pattern, name) in no {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        assert!(matches(b"*\xff*", b"a\xffb"));
        assert!(is_special(b"a*") && !is_special(b"a\\*"));
        assert_eq!(unescaped(b"a\\*\\\\"), b"a*\\");
    }

    #[test]
    fn a_pattern_cannot_take_for_ever() {
        let pattern = b"*a".repeat(200);
        assert!(!matches(&[&pattern[..], b"b"].concat(), &b"a".repeat(5000)));
    }
}
