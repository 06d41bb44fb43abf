//! The file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS): whose signatures of files are believed.

use crate::lines::{self, LineLimits, UnreadLine};
use crate::option_list::{end_of_options, split_options};
use crate::time_zone::TimeZone;
use crate::timestamp::Timestamp;
use konko_keys::certificate::Certificate;
use konko_keys::certificate_check::CertificateCheck;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::error::{CertificateError, KeyError};
use konko_keys::identity::Identity;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::for_key_type;
use konko_pattern::wildcard::{ListMatch, matches_list};

/// How much of a file is read.
const LIMITS: LineLimits = LineLimits { longest: 64 * 1024, most: 65_536 };

/// One line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AllowedSigner {
    /// The number of the line, from 1.
    pub line: usize,
    /// Patterns of principals, separated by commas.
    pub principals: String,
    /// `cert-authority`: the key signs certificates, and not files.
    pub cert_authority: bool,
    /// `namespaces`: patterns of what it may sign for, separated by commas; `None` is anything.
    pub namespaces: Option<String>,
    /// `valid-after`.
    pub valid_after: Option<Timestamp>,
    /// `valid-before`.
    pub valid_before: Option<Timestamp>,
    /// The key.
    pub key: PublicKey,
    /// What follows the key.
    pub comment: String,
}

/// Why a line is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerLineError {
    /// Longer than 64 KiB, or beyond line 65536.
    #[error("the line is too long, or one too many")]
    TooLong,
    /// A NUL, or a text that is not UTF-8.
    #[error("the line is not text")]
    NotText,
    /// No principals, or quotes around them that are not closed.
    #[error("the line names no principals")]
    Principals,
    /// Options that are malformed, twice there, or not known.
    #[error("the options are malformed or not known")]
    Options,
    /// No key, or one that is not accepted.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<UnreadLine> for SignerLineError {
    fn from(unread: UnreadLine) -> Self {
        match unread {
            UnreadLine::TooLong | UnreadLine::TooMany => Self::TooLong,
            UnreadLine::NotText => Self::NotText,
        }
    }
}

/// Why a line does not let a signature count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerRefusal {
    /// No line is about this key, or none with this principal.
    #[error("no line allows this key to sign as this principal")]
    NotAllowed,
    /// The key may sign, and not for this purpose.
    #[error("line {line} does not allow this namespace")]
    Namespace {
        /// The line.
        line: usize,
    },
    /// It was made before `valid-after`.
    #[error("the key of line {line} is not valid yet")]
    NotYetValid {
        /// The line.
        line: usize,
    },
    /// It was made after `valid-before`.
    #[error("the key of line {line} is no longer valid")]
    Expired {
        /// The line.
        line: usize,
    },
    /// The certificate is not good.
    #[error("line {line}: {error}")]
    Certificate {
        /// The line of its authority.
        line: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
}

/// What a signature is held against.
#[derive(Debug, Clone)]
pub struct SignatureUse<'a> {
    /// What it was made for.
    pub namespace: &'a str,
    /// When it was made, or now, in seconds since 1970.
    pub time: u64,
    /// The time zone of the file.
    pub zone: &'a TimeZone,
}

/// The contents of a file of allowed signers.
#[derive(Debug, Default)]
pub struct AllowedSigners {
    signers: Vec<AllowedSigner>,
    refused: Vec<(usize, SignerLineError)>,
}

impl AllowedSigners {
    /// Reads a file of at most 65536 lines of at most 64 KiB. A line that is not understood allows nothing; others
    /// are not affected by it.
    pub fn parse(bytes: &[u8]) -> Self {
        let (signers, refused) = lines::read(bytes, &LIMITS, AllowedSigner::parse);
        Self { signers, refused }
    }

    /// The lines that were understood, in their order.
    pub fn signers(&self) -> &[AllowedSigner] {
        &self.signers
    }

    /// The numbers of the lines that are not used, and why.
    pub fn refused(&self) -> &[(usize, SignerLineError)] {
        &self.refused
    }

    /// The line that allows `principal` to sign with this key or certificate. Whether the signature matches is
    /// not asked here.
    ///
    /// # Errors
    ///
    /// [`SignerRefusal`]: why the last line that is about this key and principal does not allow it.
    pub fn check(
        &self,
        principal: &str,
        identity: &Identity,
        signature: &SignatureUse<'_>,
    ) -> Result<&AllowedSigner, SignerRefusal> {
        let mut refusal = SignerRefusal::NotAllowed;
        for signer in self.signers.iter().filter(|signer| signer.has_principal(principal)) {
            match signer.allows(Some(principal), identity, signature) {
                Ok(true) => return Ok(signer),
                Ok(false) => {}
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// As whom this key or certificate may sign: the principals of each line that allows it, as they stand there; of
    /// a certificate those of its own principals that the line of its authority has.
    pub fn find_principals(&self, identity: &Identity, signature: &SignatureUse<'_>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for signer in &self.signers {
            if signer.allows(None, identity, signature) != Ok(true) {
                continue;
            }
            match identity.certificate() {
                None => found.push(signer.principals.clone()),
                Some(certificate) => {
                    let own = certificate.principals().iter().filter(|own| signer.has_principal(own));
                    found.extend(own.cloned());
                }
            }
        }
        found
    }

    /// The lines whose patterns have this principal (`ssh-keygen -Y match-principals`).
    pub fn match_principals(&self, principal: &str) -> impl Iterator<Item = &AllowedSigner> {
        self.signers.iter().filter(move |signer| signer.has_principal(principal))
    }
}

impl AllowedSigner {
    /// Whether the patterns of the line have this principal.
    pub fn has_principal(&self, principal: &str) -> bool {
        matches_list(self.principals.as_bytes(), principal.as_bytes()) == ListMatch::Matched
    }

    /// Whether the line is about this key, and lets it sign; without a principal any of a certificate will do.
    fn allows(
        &self,
        principal: Option<&str>,
        identity: &Identity,
        signature: &SignatureUse<'_>,
    ) -> Result<bool, SignerRefusal> {
        let line = self.line;
        let is_meant = match identity {
            Identity::Key(key) => !self.cert_authority && *key == self.key,
            Identity::Certificate(certificate) => {
                self.cert_authority && *certificate.signature_key() == self.key
            }
        };
        if !is_meant {
            return Ok(false);
        }
        if let Some(namespaces) = &self.namespaces
            && matches_list(namespaces.as_bytes(), signature.namespace.as_bytes()) != ListMatch::Matched
        {
            return Err(SignerRefusal::Namespace { line });
        }
        if self.valid_after.is_some_and(|after| signature.time < after.to_unix(signature.zone)) {
            return Err(SignerRefusal::NotYetValid { line });
        }
        if self.valid_before.is_some_and(|before| signature.time > before.to_unix(signature.zone)) {
            return Err(SignerRefusal::Expired { line });
        }
        if let Some(certificate) = identity.certificate() {
            self.check_certificate(certificate, principal, signature.time)
                .map_err(|error| SignerRefusal::Certificate { line, error })?;
        }
        Ok(true)
    }

    fn check_certificate(
        &self,
        certificate: &Certificate,
        principal: Option<&str>,
        time: u64,
    ) -> Result<(), CertificateError> {
        certificate.check(&CertificateCheck::new(&self.key, CertificateKind::User, time, principal))
    }

    fn parse(line: usize, text: &str) -> Result<Self, SignerLineError> {
        let (principals, rest) = split_principals(text).ok_or(SignerLineError::Principals)?;
        let first = rest.split([' ', '\t']).next().unwrap_or_default();
        let (options, key) = if for_key_type(first).next().is_some() {
            ("", rest)
        } else {
            let end = end_of_options(rest).ok_or(SignerLineError::Options)?;
            rest.split_at_checked(end).ok_or(SignerLineError::Options)?
        };
        let (key, comment) = PublicKey::from_openssh(key)?;
        let mut signer = Self {
            line,
            principals: principals.to_owned(),
            cert_authority: false,
            namespaces: None,
            valid_after: None,
            valid_before: None,
            key,
            comment,
        };
        if !options.is_empty() {
            signer.take_options(options).ok_or(SignerLineError::Options)?;
        }
        Ok(signer)
    }

    fn take_options(&mut self, options: &str) -> Option<()> {
        for (name, value) in split_options(options)? {
            match (name.as_str(), value) {
                ("cert-authority", None) => self.cert_authority = true,
                ("namespaces", Some(list)) if self.namespaces.is_none() => self.namespaces = Some(list),
                ("valid-after", Some(time)) if self.valid_after.is_none() => {
                    self.valid_after = Some(Timestamp::parse(&time).ok()?);
                }
                ("valid-before", Some(time)) if self.valid_before.is_none() => {
                    self.valid_before = Some(Timestamp::parse(&time).ok()?);
                }
                _ => return None,
            }
        }
        Some(())
    }
}

/// The principals, in quotes or not, and what follows them.
fn split_principals(text: &str) -> Option<(&str, &str)> {
    let blank = [' ', '\t'];
    let (principals, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => text.split_once(blank)?,
    };
    let rest = rest.trim_start_matches(blank);
    (!principals.is_empty() && !rest.is_empty()).then_some((principals, rest))
}

#[cfg(test)]
mod tests;
