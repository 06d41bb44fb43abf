//! Flags of scp(1) and sftp(1) that say how to connect: they become those of ssh(1).

use crate::transfer::location::Remote;
use std::ffi::OsString;

/// What is wrong with a command line of files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlagError {
    /// There is no such flag.
    #[error("unknown option -- {0}")]
    Unknown(char),
    /// OpenSSH has it, and it is not supported, for this reason.
    #[error("option not supported -- {0}: {1}")]
    Unsupported(char, &'static str),
    /// Nothing follows a flag that needs a value.
    #[error("option requires an argument -- {0}")]
    MissingValue(char),
    /// The value of a flag is not one.
    #[error("-{0}: \"{1}\" is not {2}")]
    InvalidValue(char, String, &'static str),
    /// What is named is not enough, or too much.
    #[error("{0}")]
    Usage(&'static str),
}

/// How to connect, in ssh(1)'s words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshFlags {
    words: Vec<OsString>,
    /// Whether little is said (`-q`).
    pub is_quiet: bool,
    /// Whether more is said (`-v`).
    pub is_verbose: bool,
}

impl SshFlags {
    /// Takes a flag that ssh(1) has under the same letter.
    ///
    /// # Errors
    ///
    /// [`FlagError`] if it is none, or not supported.
    pub fn take(&mut self, flag: char) -> Result<(), FlagError> {
        match flag {
            '1' => return Err(FlagError::Unsupported(flag, "version 1 of SSH is no longer in use")),
            // It always is.
            '2' => {}
            '4' | '6' | 'A' | 'C' => self.push(&format!("-{flag}")),
            'q' => {
                self.is_quiet = true;
                self.push("-q");
            }
            'v' => {
                self.is_verbose = true;
                self.push("-v");
            }
            _ => return Err(FlagError::Unknown(flag)),
        }
        Ok(())
    }

    /// Takes a flag that concerns the connection, with its value.
    ///
    /// # Errors
    ///
    /// [`FlagError`] if it is none, or not supported.
    pub fn take_with_value(&mut self, flag: char, value: &OsString) -> Result<(), FlagError> {
        let name = match flag {
            'c' | 'F' | 'i' | 'J' | 'o' => flag,
            'P' => 'p',
            'S' => {
                return Err(FlagError::Unsupported(
                    flag,
                    "connections are made here, without another program",
                ));
            }
            _ => return Err(FlagError::Unknown(flag)),
        };
        self.push(&format!("-{name}"));
        self.words.push(value.clone());
        Ok(())
    }

    /// Sets an option as `-o` does.
    pub fn option(&mut self, option: &str) {
        self.push("-o");
        self.push(option);
    }

    fn push(&mut self, word: &str) {
        self.words.push(OsString::from(word));
    }

    /// The arguments of ssh(1) that connect to where a file is.
    pub fn arguments(&self, remote: &Remote) -> Vec<OsString> {
        let mut words = self.words.clone();
        if let Some(port) = remote.port {
            words.extend([OsString::from("-p"), OsString::from(port.to_string())]);
        }
        words.extend([OsString::from("--"), OsString::from(&remote.destination)]);
        words
    }
}

/// A number of the command line.
pub fn number<T: std::str::FromStr>(
    flag: char,
    value: &OsString,
    expected: &'static str,
) -> Result<T, FlagError> {
    let text = value.to_string_lossy();
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if is_plain { text.parse().ok() } else { None };
    parsed.ok_or_else(|| FlagError::InvalidValue(flag, text.into_owned(), expected))
}

/// What `-X` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// `nrequests=`: the most requests at once.
    Requests,
    /// `buffer=`: the most bytes of one request.
    Buffer,
}

/// What the value of `-X` sets, and to what.
///
/// # Errors
///
/// [`FlagError`] if it is anything else.
pub fn size(value: &OsString) -> Result<(Size, OsString), FlagError> {
    let text = value.to_string_lossy().into_owned();
    let (size, number) = match text.split_once('=') {
        Some((name, number)) if name.eq_ignore_ascii_case("nrequests") => (Size::Requests, number),
        Some((name, number)) if name.eq_ignore_ascii_case("buffer") => (Size::Buffer, number),
        _ => return Err(FlagError::InvalidValue('X', text, "nrequests=N or buffer=N")),
    };
    Ok((size, OsString::from(number)))
}

/// The limit of `-l`, which is in kilobits a second, in bytes.
pub fn limit(flag: char, value: &OsString) -> Result<u64, FlagError> {
    let kilobits: u64 = number(flag, value, "a number of Kbit/s")?;
    match kilobits {
        0 => Err(FlagError::InvalidValue(flag, "0".to_owned(), "a number of Kbit/s above 0")),
        kilobits => Ok(kilobits.saturating_mul(1024) / 8),
    }
}
