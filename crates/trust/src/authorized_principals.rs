//! The file of authorized principals (sshd_config(5), AuthorizedPrincipalsFile): as whom a certificate may log in.

use crate::key_options::{KeyOptions, OptionError};

/// The longest line, in bytes.
const LONGEST_LINE: usize = 16 * 1024;
/// How many lines of a file are read.
const MOST_LINES: usize = 4096;

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
        let mut authorized = Self::default();
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let text = text.trim_ascii();
            if text.is_empty() || text.starts_with(b"#") {
                continue;
            }
            if line > MOST_LINES {
                authorized.refused.push((line, PrincipalLineError::TooLong));
                break;
            }
            match AuthorizedPrincipal::parse(line, text) {
                Ok(principal) => authorized.principals.push(principal),
                Err(error) => authorized.refused.push((line, error)),
            }
        }
        authorized
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
    fn parse(line: usize, text: &[u8]) -> Result<Self, PrincipalLineError> {
        if text.len() > LONGEST_LINE {
            return Err(PrincipalLineError::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| PrincipalLineError::NotText)?;
        if text.contains('\0') {
            return Err(PrincipalLineError::NotText);
        }
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
