//! A file of users and passwords, one `user:password` a line. Empty lines and lines that begin with `#` are left
//! out. The passwords are in clear: the file must be readable to its owner only.

use crate::error::Error;
use std::fmt::{Debug, Formatter};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// The longest user name or password, in bytes.
const MAXIMUM_LEN: usize = 1024;
/// The largest file, in bytes.
const MAXIMUM_FILE_LEN: u64 = 4 * 1024 * 1024;

/// A text in a space of fixed size, so that comparing two takes a time that tells nothing of either.
struct Padded {
    len: u64,
    bytes: Zeroizing<Vec<u8>>,
}

impl Padded {
    /// `None` if it does not fit.
    fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new(vec![0; MAXIMUM_LEN]);
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { len: text.len() as u64, bytes })
    }

    fn equals(&self, other: &Self) -> Choice {
        self.len.ct_eq(&other.len) & self.bytes.ct_eq(&other.bytes)
    }
}

/// Users and their passwords.
#[derive(Default)]
pub struct PasswordFile {
    entries: Vec<(Padded, Padded)>,
}

impl Debug for PasswordFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "PasswordFile({} users)", self.entries.len())
    }
}

impl PasswordFile {
    /// Reads a file that nobody but its owner may read.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read, is larger than 4 MiB or open to others, [`Error::Line`] for a line
    /// that is not `user:password`, names a user again, or has more than 1,024 bytes for either.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::File { path: path.to_owned(), error };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.mode() & 0o077 != 0 {
            let message = "others than its owner may read it; use chmod 600";
            return Err(failed(std::io::Error::new(std::io::ErrorKind::PermissionDenied, message)));
        }
        if metadata.len() > MAXIMUM_FILE_LEN {
            return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
        }
        let mut contents =
            Zeroizing::new(Vec::with_capacity(MAXIMUM_FILE_LEN.min(metadata.len() + 1) as usize));
        file.take(MAXIMUM_FILE_LEN).read_to_end(&mut contents).map_err(failed)?;
        Self::parse(&contents).map_err(|(line, what)| Error::Line { path: path.to_owned(), line, what })
    }

    /// The users and passwords in the contents of a file.
    ///
    /// # Errors
    ///
    /// The number of the line that is wrong, counted from 1, and what is wrong with it.
    pub fn parse(contents: &[u8]) -> Result<Self, (usize, &'static str)> {
        let mut entries: Vec<(Padded, Padded)> = Vec::new();
        for (number, line) in (1..).zip(contents.split(|byte| *byte == b'\n')) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let colon = line.iter().position(|byte| *byte == b':').ok_or((number, "it has no colon"))?;
            let (user, password) = line.split_at(colon);
            let password = password.get(1..).unwrap_or_default();
            // An empty password would let in whoever types nothing.
            if user.is_empty() || password.is_empty() {
                return Err((number, "the user or the password is empty"));
            }
            let (Some(user), Some(password)) = (Padded::new(user), Padded::new(password)) else {
                return Err((number, "it is too long"));
            };
            if entries.iter().any(|(other, _)| other.equals(&user).into()) {
                return Err((number, "the user stands in an earlier line"));
            }
            entries.push((user, password));
        }
        Ok(Self { entries })
    }

    /// Whether that is the user's password. The time it takes depends on the number of users only: not on whether
    /// there is such a user, nor on how much of the password is right.
    pub fn verify(&self, user_name: &str, password: &str) -> bool {
        // What is too long for any entry equals none, and is compared all the same.
        let (user, user_fits) = padded_or_cut(user_name.as_bytes());
        let (password, password_fits) = padded_or_cut(password.as_bytes());
        let mut found = Choice::from(0);
        for (other_user, other_password) in &self.entries {
            found |= other_user.equals(&user) & other_password.equals(&password);
        }
        (found & user_fits & password_fits).into()
    }
}

fn padded_or_cut(text: &[u8]) -> (Padded, Choice) {
    let cut = text.get(..MAXIMUM_LEN).unwrap_or(text);
    let mut bytes = Zeroizing::new(vec![0; MAXIMUM_LEN]);
    for (to, from) in bytes.iter_mut().zip(cut) {
        *to = *from;
    }
    (Padded { len: cut.len() as u64, bytes }, Choice::from(u8::from(text.len() <= MAXIMUM_LEN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_password_of_the_right_user_and_nothing_else() {
        let file = PasswordFile::parse(b"# users\nalice:se:cret\n\nbob:x\r\n").unwrap();
        assert!(file.verify("alice", "se:cret"));
        assert!(file.verify("bob", "x"));
        let long = "x".repeat(MAXIMUM_LEN + 1);
        for (user, password) in [
            ("alice", "x"),
            ("alice", "se:cre"),
            ("alice", "se:cret\0"),
            ("alice", ""),
            ("", ""),
            ("carol", "x"),
            ("bob", "xx"),
            ("bob", long.as_str()),
            (long.as_str(), "x"),
        ] {
            assert!(!file.verify(user, password), "{user:.8} {password:.8}");
        }
        assert!(!PasswordFile::default().verify("", ""));
    }

    #[test]
    fn what_is_cut_off_counts() {
        let longest = "x".repeat(MAXIMUM_LEN);
        let file = PasswordFile::parse(format!("bob:{longest}").as_bytes()).unwrap();
        assert!(file.verify("bob", &longest));
        assert!(!file.verify("bob", &format!("{longest}x")));
    }

    #[test]
    fn wrong_lines_are_named() {
        for (contents, line) in [
            ("alice", 1),
            ("a:b\n:x", 2),
            ("a:", 1),
            ("a:b\nb:c\na:d", 3),
            (&format!("a:{}", "x".repeat(1025)), 1),
        ] {
            assert_eq!(PasswordFile::parse(contents.as_bytes()).unwrap_err().0, line, "{contents:.20}");
        }
    }
}
