//! The account that the server runs under: its name, home and login shell.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Where accounts are written down.
const PASSWD: &str = "/etc/passwd";
/// The shell of an account that names none.
const DEFAULT_SHELL: &str = "/bin/sh";

/// An account of the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// Its name.
    pub name: OsString,
    /// Its home directory.
    pub home: PathBuf,
    /// Its login shell.
    pub shell: PathBuf,
}

impl Account {
    /// The account that this process runs under: as `/etc/passwd` says, or where it is not there, as the variables
    /// USER, HOME and SHELL say.
    pub fn current() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let passwd = std::fs::read(PASSWD).unwrap_or_default();
        Self::find(&passwd, uid).unwrap_or_else(|| Self::of_environment(uid))
    }

    fn of_environment(uid: u32) -> Self {
        let path = |name: &str, default: &str| {
            PathBuf::from(
                std::env::var_os(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.into()),
            )
        };
        Self {
            name: std::env::var_os("USER").unwrap_or_else(|| uid.to_string().into()),
            home: path("HOME", "/"),
            shell: path("SHELL", DEFAULT_SHELL),
        }
    }

    /// The account of that number in a file of lines `name:password:uid:gid:comment:home:shell`.
    fn find(passwd: &[u8], uid: u32) -> Option<Self> {
        passwd.split(|byte| *byte == b'\n').find_map(|line| {
            let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
            let [name, _, number, _, _, home, shell] = fields.as_slice() else { return None };
            let number: u32 = std::str::from_utf8(number).ok()?.parse().ok()?;
            if number != uid || name.is_empty() {
                return None;
            }
            let shell = if shell.is_empty() { DEFAULT_SHELL.as_bytes() } else { shell };
            Some(Self {
                name: OsStr::from_bytes(name).to_owned(),
                home: OsStr::from_bytes(home).into(),
                shell: OsStr::from_bytes(shell).into(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_number() {
        let passwd = b"# comment\nroot:x:0:0:root:/root:/bin/bash\nbroken:x:7\nbob:x:7:7::/home/bob:\n";
        let bob = Account::find(passwd, 7).unwrap();
        assert_eq!((bob.name.to_str(), bob.shell.to_str()), (Some("bob"), Some("/bin/sh")));
        assert_eq!(Account::find(passwd, 0).unwrap().home, PathBuf::from("/root"));
        assert_eq!(Account::find(passwd, 8), None);
    }
}
