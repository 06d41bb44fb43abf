//! The file of authorized principals (sshd_config(5), AuthorizedPrincipalsFile): as whom a certificate may log in.

use crate::key_options::{KeyOptions, OptionError};
use crate::lines::{self, LineLimits, UnreadLine};

/// How much of a file is read.
const LIMITS: LineLimits = LineLimits { longest: 16 * 1024, most: 4096 };

/// One line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizedPrincipal {
    /// The name that a certificate must have among its principals, letter for letter.
    pub principal: String,
    /// What the line says of who logs in by it.
    pub options: KeyOptions,
    /// The number of the line, from 1.
    pub line: usize,
}

/// Why a line is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrincipalLineError {
    /// Longer than 16 KiB, or beyond line 4096.
    #[error("the line is too long, or one too many")]
    TooLong,
    /// A NUL, or a text that is not UTF-8.
    #[error("the line is not text")]
    NotText,
    /// Options that are malformed or not known.
    #[error(transparent)]
    Options(#[from] OptionError),
}

impl From<UnreadLine> for PrincipalLineError {
    fn from(unread: UnreadLine) -> Self {
        match unread {
            UnreadLine::TooLong | UnreadLine::TooMany => Self::TooLong,
            UnreadLine::NotText => Self::NotText,
        }
    }
}

/// The contents of a file of authorized principals.
#[derive(Debug, Default)]
pub struct AuthorizedPrincipals {
    principals: Vec<AuthorizedPrincipal>,
    refused: Vec<(usize, PrincipalLineError)>,
}

impl AuthorizedPrincipals {
    /// Reads a file of at most 4096 lines of at most 16 KiB. A line that is not understood lets nobody in; others
    /// are not affected by it.
    pub fn parse(bytes: &[u8]) -> Self {
        let (principals, refused) = lines::read(bytes, &LIMITS, AuthorizedPrincipal::parse);
        Self { principals, refused }
    }

    /// The lines that were understood, in their order.
    pub fn principals(&self) -> &[AuthorizedPrincipal] {
        &self.principals
    }

    /// The numbers of the lines that are not used, and why.
    pub fn refused(&self) -> &[(usize, PrincipalLineError)] {
        &self.refused
    }
}

impl AuthorizedPrincipal {
    /// The last word is the principal; what stands before it are options.
    fn parse(line: usize, text: &str) -> Result<Self, PrincipalLineError> {
        let blank = [' ', '\t'];
        let (options, principal) = match text.rsplit_once(blank) {
            Some((options, principal)) => (KeyOptions::parse(options.trim_end_matches(blank))?, principal),
            None => (KeyOptions::default(), text),
        };
        Ok(Self { principal: principal.to_owned(), options, line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_with_and_without_options() {
        let text = "# comment\nalice\n no-pty,command=\"a b\" \t bob\r\nunknown carol\ncommand=\"x dave\n\nrestrict,,x eve\nerin";
        let authorized = AuthorizedPrincipals::parse(text.as_bytes());
        let names: Vec<_> =
            authorized.principals().iter().map(|found| (found.line, found.principal.as_str())).collect();
        assert_eq!(names, [(2, "alice"), (3, "bob"), (8, "erin")]);
        assert_eq!(authorized.principals()[1].options.command.as_deref(), Some("a b"));
        assert!(!authorized.principals()[1].options.pty && authorized.principals()[0].options.pty);
        let refused: Vec<_> = authorized.refused().iter().map(|(line, _)| *line).collect();
        assert_eq!(refused, [4, 5, 7]);
    }
}
