//! Whether a certificate is good for somebody, now.

use crate::certificate::Certificate;
use crate::certificate_kind::CertificateKind;
use crate::certificate_option::CriticalOption;
use crate::error::CertificateError;
use crate::public_key::{MINIMUM_RSA_BITS, PublicKey};
use crate::signature_algorithm::{SECURITY_KEY_ALGORITHMS, SIGNATURE_ALGORITHMS, SignatureAlgorithm};

/// What a certificate is held against.
#[derive(Debug, Clone)]
pub struct CertificateCheck<'a> {
    /// The authority that is believed; the certificate must be signed by this key.
    pub authority: &'a PublicKey,
    /// Whom it must speak of.
    pub kind: CertificateKind,
    /// The time, in seconds since 1970-01-01 00:00:00 UTC.
    pub now: u64,
    /// Who must be among its principals: a user's name, letter for letter, or a host's name, for which a principal
    /// may have `*` and `?`. Without it, the caller looks at the principals; an empty list of principals is refused
    /// all the same.
    pub principal: Option<&'a str>,
    /// Under which algorithms the authority may have signed (`CASignatureAlgorithms`); all but those on SHA-1 at
    /// first.
    pub signature_algorithms: Vec<&'static SignatureAlgorithm>,
    /// The smallest RSA key that the authority and the certified key may be, in bits; 2048 at first.
    pub minimum_rsa_bits: usize,
}

impl<'a> CertificateCheck<'a> {
    /// With all else at its default.
    pub fn new(
        authority: &'a PublicKey,
        kind: CertificateKind,
        now: u64,
        principal: Option<&'a str>,
    ) -> Self {
        let all = SIGNATURE_ALGORITHMS.iter().chain(SECURITY_KEY_ALGORITHMS);
        Self {
            authority,
            kind,
            now,
            principal,
            signature_algorithms: all.copied().filter(|row| !row.legacy).collect(),
            minimum_rsa_bits: MINIMUM_RSA_BITS,
        }
    }
}

impl Certificate {
    /// Tells whether the certificate is good under `check`. Its critical options are all known then, and well
    /// formed; obeying `force-command` and `source-address` is for the caller.
    ///
    /// # Errors
    ///
    /// The first of: another authority, its algorithm, a key that is too small, another kind, too early or too
    /// late, principals, critical options. A host certificate has no critical options that are known, so any is
    /// refused.
    pub fn check(&self, check: &CertificateCheck<'_>) -> Result<(), CertificateError> {
        if self.signature_key() != check.authority {
            return Err(CertificateError::OtherAuthority);
        }
        if !check.signature_algorithms.contains(&self.signature_algorithm()) {
            let name = self.signature_algorithm().name;
            return Err(CertificateError::SignatureAlgorithmNotAllowed { name });
        }
        for key in [self.signature_key(), self.public_key()] {
            if key.rsa_numbers().is_some() && key.bits() < check.minimum_rsa_bits {
                return Err(CertificateError::RsaTooSmall { bits: key.bits() });
            }
        }
        if self.kind() != check.kind {
            return Err(CertificateError::WrongKind { kind: self.kind() });
        }
        let validity = self.validity();
        if check.now < validity.after {
            return Err(CertificateError::NotYetValid { after: validity.after });
        }
        if check.now >= validity.before {
            return Err(CertificateError::Expired { before: validity.before });
        }
        if self.principals().is_empty() {
            return Err(CertificateError::NoPrincipals);
        }
        if let Some(principal) = check.principal
            && !self.names(principal)
        {
            return Err(CertificateError::OtherPrincipals { principal: principal.to_owned() });
        }
        for option in self.critical_options() {
            let known = !matches!(option.as_critical()?, CriticalOption::Unknown { .. });
            if !known || self.kind() == CertificateKind::Host {
                return Err(CertificateError::UnknownCriticalOption { name: option.name.clone() });
            }
        }
        Ok(())
    }

    fn names(&self, principal: &str) -> bool {
        self.principals().iter().any(|pattern| match self.kind() {
            CertificateKind::User => pattern == principal,
            CertificateKind::Host => konko_pattern::matches(pattern.as_bytes(), principal.as_bytes()),
        })
    }
}

#[cfg(test)]
mod tests;
