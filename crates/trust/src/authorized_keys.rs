//! The file authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT): which keys may log in, and with what options.

use crate::key_options::{KeyOptions, OptionError};
use crate::lines::{self, LineLimits, UnreadLine};
use crate::option_list::end_of_options;
use konko_keys::error::KeyError;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::for_key_type;

/// How much of a file is read.
const LIMITS: LineLimits = LineLimits { longest: 16 * 1024, most: 4096 };

/// One line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizedKey {
    /// What the line says of who logs in with the key.
    pub options: KeyOptions,
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
    /// Options that are malformed or not known.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// No key, or one that is not accepted.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<UnreadLine> for LineError {
    fn from(unread: UnreadLine) -> Self {
        match unread {
            UnreadLine::TooLong => Self::TooLong,
            UnreadLine::TooMany => Self::TooManyLines,
            UnreadLine::NotText => Self::NotText,
        }
    }
}

impl AuthorizedKey {
    fn parse(line: usize, text: &str) -> Result<Self, LineError> {
        let first = text.split([' ', '\t']).next().unwrap_or_default();
        let (options, key) = if for_key_type(first).next().is_some() {
            (KeyOptions::default(), text)
        } else {
            let split = end_of_options(text).and_then(|end| text.split_at_checked(end));
            let (options, key) = split.ok_or(OptionError::Malformed)?;
            (KeyOptions::parse(options)?, key)
        };
        let (key, comment) = PublicKey::from_openssh(key)?;
        Ok(Self { options, key, comment, line })
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
        let (keys, refused) = lines::read(bytes, &LIMITS, AuthorizedKey::parse);
        Self { keys, refused }
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
        self.keys.iter().filter(move |line| line.key == *key && !line.options.cert_authority)
    }

    /// Every line with the option `cert-authority` for this key of an authority, in their order.
    pub fn authorities(&self, key: &PublicKey) -> impl Iterator<Item = &AuthorizedKey> {
        self.keys.iter().filter(move |line| line.key == *key && line.options.cert_authority)
    }
}

#[cfg(test)]
mod tests;
