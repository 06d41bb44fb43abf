//! Whether somebody who holds a key or a certificate may log in, and what they may do then.

use crate::authorized_keys::AuthorizedKeys;
use crate::authorized_principals::AuthorizedPrincipals;
use crate::key_options::KeyOptions;
use crate::krl::list::Revocation;
use crate::permissions::{ConflictingCommands, Permissions};
use crate::revoked_keys::RevokedKeys;
use crate::time_zone::TimeZone;
use konko_keys::certificate::Certificate;
use konko_keys::certificate_check::CertificateCheck;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::error::CertificateError;
use konko_keys::identity::Identity;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::SignatureAlgorithm;
use konko_pattern::address::{AddressListError, NetworkList};
use konko_pattern::wildcard::ListMatch;
use std::net::IpAddr;

/// Who wants to log in.
#[derive(Debug, Clone)]
pub struct LoginAttempt<'a> {
    /// The name of the user.
    pub user: &'a str,
    /// Where the peer is. `None` where that is not known, or no address: whoever may come from some addresses only
    /// is refused then.
    pub address: Option<IpAddr>,
    /// The name of the peer's host, verified in both directions, if names are looked up.
    pub host_name: Option<&'a str>,
    /// The time, in seconds since 1970-01-01 00:00 UTC.
    pub now: u64,
    /// The time zone of `expiry-time`.
    pub zone: &'a TimeZone,
}

/// Whose keys and certificates are believed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UserTrust<'a> {
    /// The files of authorized keys of this user, in their order.
    pub authorized_keys: Vec<&'a AuthorizedKeys>,
    /// Authorities that may certify every user (`TrustedUserCAKeys`).
    pub trusted_authorities: &'a [PublicKey],
    /// The authorized principals of this user (`AuthorizedPrincipalsFile`). Without them, a certificate of a
    /// trusted authority must have the user's name among its principals.
    pub authorized_principals: Option<&'a AuthorizedPrincipals>,
    /// What is revoked (`RevokedKeys`).
    pub revoked: &'a RevokedKeys,
    /// Under which algorithms authorities may have signed (`CASignatureAlgorithms`); `None` is all but those on
    /// SHA-1.
    pub authority_algorithms: Option<Vec<&'static SignatureAlgorithm>>,
}

/// What let somebody in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantedBy {
    /// A line of authorized keys.
    AuthorizedKeys {
        /// Which of the files, from 0.
        file: usize,
        /// The line, from 1.
        line: usize,
    },
    /// A trusted authority, and the user's name in the certificate.
    TrustedAuthority,
    /// A trusted authority, and a line of authorized principals.
    AuthorizedPrincipals {
        /// The line, from 1.
        line: usize,
    },
}

/// Somebody may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Granted {
    /// What they may do.
    pub permissions: Permissions,
    /// What let them in.
    pub by: GrantedBy,
}

/// Why something does not let somebody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No line and no authority is about this key.
    #[error("the key is not authorized")]
    NotAuthorized,
    /// The key, the certificate or its authority is revoked.
    #[error("the key is revoked: {0:?}")]
    Revoked(Revocation),
    /// An expiry time lies behind.
    #[error("the key has expired by its line")]
    Expired,
    /// The peer is somewhere else.
    #[error("the key must not be used from this address")]
    From,
    /// The certificate is not good.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate has none of the principals that are wanted.
    #[error("the certificate has none of the principals that may log in")]
    Principals,
    /// The certificate must be used from elsewhere.
    #[error("the certificate must not be used from this address")]
    SourceAddress,
    /// The certificate has a list of addresses that means nothing.
    #[error("the source-address of the certificate: {0}")]
    SourceAddressList(AddressListError),
    /// The line and the certificate force different commands.
    #[error(transparent)]
    Commands(#[from] ConflictingCommands),
}

/// Nobody is let in, and why: the reason for each line and authority that is about the key, in their order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct Refused {
    /// The reasons; there is at least one.
    pub reasons: Vec<(Option<GrantedBy>, Refusal)>,
}

impl Refused {
    fn summary(&self) -> String {
        let reasons: Vec<_> = self.reasons.iter().map(|(_, reason)| reason.to_string()).collect();
        reasons.join("; ")
    }
}

impl<'a> UserTrust<'a> {
    /// Nobody is believed yet.
    pub const fn new(revoked: &'a RevokedKeys) -> Self {
        Self {
            authorized_keys: Vec::new(),
            trusted_authorities: &[],
            authorized_principals: None,
            revoked,
            authority_algorithms: None,
        }
    }

    /// Whether the holder of this key or certificate may log in. That they hold it has to be proved besides.
    ///
    /// A certificate counts by a trusted authority, then by a line with `cert-authority`; a key by a line without
    /// it. The first thing that lets them in decides what they may do. A certificate without principals is good
    /// for nobody.
    ///
    /// # Errors
    ///
    /// [`Refused`] with all reasons.
    pub fn authorise(&self, identity: &Identity, attempt: &LoginAttempt<'_>) -> Result<Granted, Refused> {
        if let Some(revocation) = self.revoked.check(identity) {
            return Err(Refused { reasons: vec![(None, Refusal::Revoked(revocation))] });
        }
        let mut reasons = Vec::new();
        let granted = match identity {
            Identity::Key(key) => self.by_key(key, attempt, &mut reasons),
            Identity::Certificate(certificate) => self
                .by_trusted_authority(certificate, attempt, &mut reasons)
                .or_else(|| self.by_line_of_authority(certificate, attempt, &mut reasons)),
        };
        granted.ok_or_else(|| {
            if reasons.is_empty() {
                reasons.push((None, Refusal::NotAuthorized));
            }
            Refused { reasons }
        })
    }

    fn by_key(&self, key: &PublicKey, attempt: &LoginAttempt<'_>, reasons: &mut Reasons) -> Option<Granted> {
        let of_file = |(file, keys): (usize, &'a AuthorizedKeys)| {
            let lines = keys.find_all(key).map(move |line| (file, line)).collect::<Vec<_>>();
            lines.into_iter()
        };
        self.authorized_keys.iter().copied().enumerate().flat_map(of_file).find_map(|(file, line)| {
            let by = GrantedBy::AuthorizedKeys { file, line: line.line };
            let checked = check_options(&line.options, attempt);
            settle(by, checked.map(|()| Permissions::of_options(&line.options)), reasons)
        })
    }

    fn by_line_of_authority(
        &self,
        certificate: &Certificate,
        attempt: &LoginAttempt<'_>,
        reasons: &mut Reasons,
    ) -> Option<Granted> {
        let authority = certificate.signature_key();
        let of_file = |(file, keys): (usize, &'a AuthorizedKeys)| {
            let lines = keys.authorities(authority).map(move |line| (file, line)).collect::<Vec<_>>();
            lines.into_iter()
        };
        self.authorized_keys.iter().copied().enumerate().flat_map(of_file).find_map(|(file, line)| {
            let by = GrantedBy::AuthorizedKeys { file, line: line.line };
            let options = &line.options;
            let checked = match &options.principals {
                None => self.check_certificate(certificate, Some(attempt.user), attempt),
                Some(wanted) if !has_any(certificate, wanted) => Err(Refusal::Principals),
                Some(_) => self.check_certificate(certificate, None, attempt),
            };
            let checked = checked.and_then(|()| check_options(options, attempt));
            let both = || Permissions::of_options(options).and(Permissions::of_certificate(certificate));
            settle(by, checked.and_then(|()| Ok(both()?)), reasons)
        })
    }

    fn by_trusted_authority(
        &self,
        certificate: &Certificate,
        attempt: &LoginAttempt<'_>,
        reasons: &mut Reasons,
    ) -> Option<Granted> {
        if !self.trusted_authorities.contains(certificate.signature_key()) {
            return None;
        }
        let Some(authorized) = self.authorized_principals else {
            let checked = self.check_certificate(certificate, Some(attempt.user), attempt);
            let permissions = checked.map(|()| Permissions::of_certificate(certificate));
            return settle(GrantedBy::TrustedAuthority, permissions, reasons);
        };
        if let Err(reason) = self.check_certificate(certificate, None, attempt) {
            reasons.push((Some(GrantedBy::TrustedAuthority), reason));
            return None;
        }
        // CVE-2026-35414: each principal is compared as a whole; none is ever a list.
        let mut lines = authorized
            .principals()
            .iter()
            .filter(|line| certificate.principals().contains(&line.principal))
            .peekable();
        if lines.peek().is_none() {
            reasons.push((Some(GrantedBy::TrustedAuthority), Refusal::Principals));
        }
        lines.find_map(|line| {
            let by = GrantedBy::AuthorizedPrincipals { line: line.line };
            let both =
                || Permissions::of_options(&line.options).and(Permissions::of_certificate(certificate));
            settle(by, check_options(&line.options, attempt).and_then(|()| Ok(both()?)), reasons)
        })
    }

    fn check_certificate(
        &self,
        certificate: &Certificate,
        principal: Option<&str>,
        attempt: &LoginAttempt<'_>,
    ) -> Result<(), Refusal> {
        let authority = certificate.signature_key();
        let mut check = CertificateCheck::new(authority, CertificateKind::User, attempt.now, principal);
        if let Some(algorithms) = &self.authority_algorithms {
            check.signature_algorithms.clone_from(algorithms);
        }
        certificate.check(&check)?;
        if let Some(list) = certificate.source_address() {
            let list = NetworkList::parse(list).map_err(Refusal::SourceAddressList)?;
            if !attempt.address.is_some_and(|address| list.contains(address)) {
                return Err(Refusal::SourceAddress);
            }
        }
        Ok(())
    }
}

type Reasons = Vec<(Option<GrantedBy>, Refusal)>;

fn settle(
    by: GrantedBy,
    permissions: Result<Permissions, Refusal>,
    reasons: &mut Reasons,
) -> Option<Granted> {
    match permissions {
        Ok(permissions) => Some(Granted { permissions, by }),
        Err(reason) => {
            reasons.push((Some(by), reason));
            None
        }
    }
}

fn has_any(certificate: &Certificate, wanted: &[String]) -> bool {
    certificate.principals().iter().any(|principal| wanted.contains(principal))
}

/// Whether a line may be used at this time and from this place.
fn check_options(options: &KeyOptions, attempt: &LoginAttempt<'_>) -> Result<(), Refusal> {
    if options.expiry_times.iter().any(|time| time.to_unix(attempt.zone) < attempt.now) {
        return Err(Refusal::Expired);
    }
    let Some(from) = &options.from else { return Ok(()) };
    let matched = attempt.address.map(|address| from.matches(attempt.host_name, address));
    if matched == Some(ListMatch::Matched) { Ok(()) } else { Err(Refusal::From) }
}

#[cfg(test)]
mod tests;
