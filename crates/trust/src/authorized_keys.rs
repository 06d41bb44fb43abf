//! The file authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT): which keys may log in, and with what options.
//!
//! Options are taken apart here and not interpreted. Whoever lets a key in must refuse a line with an option that
//! it does not know or cannot enforce.

use konko_keys::error::KeyError;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::for_key_type;

/// The longest line, in bytes. All of a longer one is refused: its rest is never taken for a line.
const LONGEST_LINE: usize = 16 * 1024;
/// How many lines of a file are read.
const MOST_LINES: usize = 4096;
/// The options that may have several values in one line.
const REPEATABLE: [&str; 3] = ["environment", "permitlisten", "permitopen"];

/// One line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizedKey {
    /// The options in their order: the name in lower case and, after `=`, the value without its quotes.
    pub options: Vec<(String, Option<String>)>,
    /// The key.
    pub key: PublicKey,
    /// What follows the key.
    pub comment: String,
    /// The number of the line, from 1.
    pub line: usize,
}

/// Why a line is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Longer than 16 KiB.
    #[error("the line is longer than 16 KiB")]
    TooLong,
    /// After 4096 lines nothing is read.
    #[error("the file has more than 4096 lines")]
    TooManyLines,
    /// A NUL, or a text that is not UTF-8.
    #[error("the line is not text")]
    NotText,
    /// Quotes that are not closed, a value without quotes, an empty name, or an option that stands twice.
    #[error("the options are malformed")]
    Options,
    /// No key, or one that is not accepted.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl AuthorizedKey {
    /// Whether the option stands in the line; `name` is in lower case.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|(option, _)| option == name)
    }

    fn parse(line: usize, text: &[u8]) -> Result<Self, LineError> {
        if text.len() > LONGEST_LINE {
            return Err(LineError::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| LineError::NotText)?;
        if text.contains('\0') {
            return Err(LineError::NotText);
        }
        let text = text.trim_matches([' ', '\t', '\r']);
        let first = text.split([' ', '\t']).next().unwrap_or_default();
        let (options, key) = if for_key_type(first).next().is_some() {
            (Vec::new(), text)
        } else {
            let end = end_of_options(text).ok_or(LineError::Options)?;
            let (options, key) = text.split_at_checked(end).ok_or(LineError::Options)?;
            (parse_options(options).ok_or(LineError::Options)?, key)
        };
        let (key, comment) = PublicKey::from_openssh(key)?;
        Ok(Self { options, key, comment, line })
    }
}

/// Where the options end: at the first blank outside quotes. Nothing where a quote stays open.
fn end_of_options(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut previous = '\0';
    for (at, c) in text.char_indices() {
        match c {
            '"' if previous != '\\' => quoted = !quoted,
            ' ' | '\t' if !quoted => return Some(at),
            _ => {}
        }
        previous = c;
    }
    (!quoted).then_some(text.len())
}

/// Takes options apart: `name` or `name="value"`, where `\"` stands for a quote inside the value.
fn parse_options(text: &str) -> Option<Vec<(String, Option<String>)>> {
    let mut options: Vec<(String, Option<String>)> = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        let (name, tail) = rest.split_at_checked(end)?;
        if name.is_empty() {
            return None;
        }
        let name = name.to_ascii_lowercase();
        let (value, tail) = match tail.strip_prefix("=\"") {
            Some(quoted) => take_value(quoted).map(|(value, tail)| (Some(value), tail))?,
            None => (None, tail),
        };
        let twice = options.iter().any(|(other, _)| *other == name);
        if twice && value.is_some() && !REPEATABLE.contains(&name.as_str()) {
            return None;
        }
        options.push((name, value));
        if tail.is_empty() {
            return Some(options);
        }
        rest = tail.strip_prefix(',')?;
    }
}

/// The value up to its closing quote, and what follows that.
fn take_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' if characters.as_str().starts_with('"') => {
                characters.next();
                value.push('"');
            }
            c => value.push(c),
        }
    }
}

/// The contents of an authorized_keys file.
#[derive(Debug, Default)]
pub struct AuthorizedKeys {
    keys: Vec<AuthorizedKey>,
    refused: Vec<(usize, LineError)>,
}

impl AuthorizedKeys {
    /// Reads a file of at most 4096 lines of at most 16 KiB. A line that is not understood lets nobody in; others
    /// are not affected by it.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut authorized = Self::default();
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let text = text.trim_ascii();
            if text.is_empty() || text.starts_with(b"#") {
                continue;
            }
            if line > MOST_LINES {
                authorized.refused.push((line, LineError::TooManyLines));
                break;
            }
            match AuthorizedKey::parse(line, text) {
                Ok(key) => authorized.keys.push(key),
                Err(error) => authorized.refused.push((line, error)),
            }
        }
        authorized
    }

    /// The lines that were understood, in their order.
    pub fn keys(&self) -> &[AuthorizedKey] {
        &self.keys
    }

    /// The numbers of the lines that are not used, and why.
    pub fn refused(&self) -> &[(usize, LineError)] {
        &self.refused
    }

    /// The first line for this key; see [`Self::find_all`].
    pub fn find(&self, key: &PublicKey) -> Option<&AuthorizedKey> {
        self.find_all(key).next()
    }

    /// Every line for this key, in their order: where the options of one do not let it in, those of another may.
    /// Lines with the option `cert-authority` are left out; their keys sign certificates and do not log in.
    pub fn find_all(&self, key: &PublicKey) -> impl Iterator<Item = &AuthorizedKey> {
        self.keys.iter().filter(move |line| line.key == *key && !line.has_option("cert-authority"))
    }
}

#[cfg(test)]
mod tests;
