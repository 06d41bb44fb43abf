//! One certificate, taken apart.

use crate::certificate_kind::CertificateKind;
use crate::certificate_option::{self as option, CertificateOption, CriticalOption, Extension};
use crate::error::{CertificateError, KeyError, SignatureError};
use crate::fingerprint::Fingerprint;
use crate::key_line;
use crate::public_key::PublicKey;
use crate::security_key::{SecurityKeyAssertion, SecurityKeyPolicy};
use crate::signature_algorithm::{SignatureAlgorithm, by_name, for_certificate_type};
use konko_wire::decode::{DecodeError, Reader};
use konko_wire::peer_text::printable_ascii;
use std::sync::Arc;

/// The longest blob of a certificate that is read: 256 principals of some length fit in.
const LONGEST_BLOB: usize = 128 * 1024;
/// More principals are not read; OpenSSH's limit, too.
const MOST_PRINCIPALS: usize = 256;

/// From when to when a certificate is good, in seconds since 1970-01-01 00:00:00 UTC: at `after` it is, at `before`
/// it is no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The first second.
    pub after: u64,
    /// The second after the last one.
    pub before: u64,
}

impl Validity {
    /// From the beginning of time to its end.
    pub const FOREVER: Self = Self { after: 0, before: u64::MAX };
}

struct Inner {
    blob: Vec<u8>,
    certificate_type: &'static str,
    public_key: PublicKey,
    serial: u64,
    kind: CertificateKind,
    key_id: String,
    principals: Vec<String>,
    validity: Validity,
    critical_options: Vec<CertificateOption>,
    extensions: Vec<CertificateOption>,
    signature_key: PublicKey,
    signature_algorithm: &'static SignatureAlgorithm,
}

/// A certificate whose signature is that of the authority that it names. Whether that authority is believed, and
/// everything else that makes it good for somebody now, is for [`check`](Self::check). Clones share one
/// allocation.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

impl Certificate {
    /// Reads a certificate blob and verifies the signature of its authority.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Key`] with [`KeyError::Unsupported`] for a type that is no certificate's, decided before
    /// anything else is read; otherwise what is wrong with the certificate. An authority that is a certificate
    /// itself is refused by its type before it is read.
    pub fn decode(blob: &[u8]) -> Result<Self, CertificateError> {
        if blob.len() > LONGEST_BLOB {
            return Err(DecodeError::TooMany.into());
        }
        let mut reader = Reader::new(blob);
        let name = reader.read_string()?;
        let row = std::str::from_utf8(name).ok().and_then(|name| for_certificate_type(name).next());
        let row = row.ok_or_else(|| KeyError::Unsupported { name: printable_ascii(name) })?;
        let _nonce = reader.read_string()?;
        let public_key = PublicKey::decode_fields(row.of_signature().key_type, &mut reader)?;
        let serial = reader.read_u64()?;
        let kind = match reader.read_u32()? {
            1 => CertificateKind::User,
            2 => CertificateKind::Host,
            kind => return Err(CertificateError::UnknownKind { kind }),
        };
        let key_id = text(reader.read_str()?)?;
        let principals = principals(reader.read_string()?)?;
        let validity = Validity { after: reader.read_u64()?, before: reader.read_u64()? };
        let critical_options = option::decode(reader.read_string()?)?;
        let extensions = option::decode(reader.read_string()?)?;
        // PROTOCOL.certkeys: "The reserved field is currently unused and is ignored".
        let _reserved = reader.read_string()?;
        // A certificate in this place is of a type that keys do not have (no recursion).
        let authority = reader.read_string()?;
        let signature_key = PublicKey::decode(authority).map_err(CertificateError::Authority)?;
        let signed = blob.get(..blob.len() - reader.remaining()).unwrap_or_default();
        let signature = reader.read_string()?;
        reader.finish()?;
        let signature_algorithm = verify_authority(&signature_key, signed, signature)?;
        Ok(Self(Arc::new(Inner {
            blob: blob.to_vec(),
            certificate_type: row.key_type,
            public_key,
            serial,
            kind,
            key_id,
            principals,
            validity,
            critical_options,
            extensions,
            signature_key,
            signature_algorithm,
        })))
    }

    /// The certificate as it travels.
    pub fn blob(&self) -> &[u8] {
        &self.0.blob
    }

    /// The name at the beginning of the blob: `ssh-ed25519-cert-v01@openssh.com` and so on.
    pub fn certificate_type(&self) -> &'static str {
        self.0.certificate_type
    }

    /// The key that is certified.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// The number that the authority gave it; 0 where it does not count.
    pub fn serial(&self) -> u64 {
        self.0.serial
    }

    /// Whom it speaks of.
    pub fn kind(&self) -> CertificateKind {
        self.0.kind
    }

    /// What the authority calls it, for logs.
    pub fn key_id(&self) -> &str {
        &self.0.key_id
    }

    /// For whom it is good. An empty list is good for nobody here, see [`check`](Self::check).
    pub fn principals(&self) -> &[String] {
        &self.0.principals
    }

    /// How long it is good.
    pub fn validity(&self) -> Validity {
        self.0.validity
    }

    /// What must be obeyed, verbatim.
    pub fn critical_options(&self) -> &[CertificateOption] {
        &self.0.critical_options
    }

    /// What is allowed beyond the bare login, verbatim.
    pub fn extensions(&self) -> &[CertificateOption] {
        &self.0.extensions
    }

    /// The authority that signed it.
    pub fn signature_key(&self) -> &PublicKey {
        &self.0.signature_key
    }

    /// Under which algorithm the authority signed.
    pub fn signature_algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.signature_algorithm
    }

    /// The fingerprint of the certified key, which is what OpenSSH shows for a certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.public_key.fingerprint()
    }

    /// The command that `force-command` tells.
    pub fn force_command(&self) -> Option<&str> {
        self.critical().find_map(|option| match option {
            CriticalOption::ForceCommand(command) => Some(command),
            _ => None,
        })
    }

    /// The list of CIDR blocks that `source-address` tells.
    pub fn source_address(&self) -> Option<&str> {
        self.critical().find_map(|option| match option {
            CriticalOption::SourceAddress(list) => Some(list),
            _ => None,
        })
    }

    /// What its options demand of a security key: `no-touch-required` and `verify-required`.
    pub fn security_key_policy(&self) -> SecurityKeyPolicy {
        SecurityKeyPolicy {
            user_presence: !self.permits(Extension::NoTouchRequired),
            user_verification: self.critical().any(|option| option == CriticalOption::VerifyRequired),
        }
    }

    /// Whether it has this extension.
    pub fn permits(&self, extension: Extension<'_>) -> bool {
        self.0.extensions.iter().any(|option| option.as_extension() == extension)
    }

    fn critical(&self) -> impl Iterator<Item = CriticalOption<'_>> {
        self.0.critical_options.iter().filter_map(|option| option.as_critical().ok())
    }

    /// Verifies a signature of the certified key under a row of certificates (the blob names
    /// [`of_signature`](SignatureAlgorithm::of_signature)). A security key must have done what its options demand.
    ///
    /// # Errors
    ///
    /// As [`PublicKey::verify`].
    pub fn verify(
        &self,
        algorithm: &'static SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verify_with(self.security_key_policy(), algorithm, message, signature).map(drop)
    }

    /// The same with another policy for security keys.
    ///
    /// # Errors
    ///
    /// As [`PublicKey::verify`].
    pub fn verify_with(
        &self,
        policy: SecurityKeyPolicy,
        algorithm: &'static SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Option<SecurityKeyAssertion>, SignatureError> {
        if algorithm.key_type != self.certificate_type() {
            let (algorithm, key_type) = (algorithm.name, self.certificate_type());
            return Err(SignatureError::WrongKeyType { algorithm, key_type });
        }
        self.0.public_key.verify_with(policy, algorithm.of_signature(), message, signature)
    }

    /// The certificate in one line, without a line end: `type base64 comment`.
    pub fn to_openssh(&self, comment: &str) -> String {
        key_line::write(self.certificate_type(), self.blob(), comment)
    }

    /// Reads such a line, as `ssh-keygen -s` writes it into `…-cert.pub`.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and [`KeyError::NotAKey`] and [`KeyError::TypeMismatch`] inside
    /// [`CertificateError::Key`].
    pub fn from_openssh(line: &str) -> Result<(Self, String), CertificateError> {
        let line = key_line::read(line, LONGEST_BLOB)?;
        Ok((Self::decode(&line.blob)?, line.comment.to_owned()))
    }
}

/// Text without a NUL, which OpenSSH does not read either.
fn text(text: &str) -> Result<String, CertificateError> {
    if text.contains('\0') {
        return Err(KeyError::Invalid { what: "a NUL in its text" }.into());
    }
    Ok(text.to_owned())
}

fn principals(list: &[u8]) -> Result<Vec<String>, CertificateError> {
    let mut reader = Reader::new(list);
    let mut principals = Vec::new();
    while !reader.is_empty() {
        if principals.len() == MOST_PRINCIPALS {
            return Err(DecodeError::TooMany.into());
        }
        principals.push(text(reader.read_str()?)?);
    }
    Ok(principals)
}

/// Verifies the authority's signature under the algorithm that it names and tells which that was. An authority in
/// an authenticator need not have been touched: it is no login.
fn verify_authority(
    authority: &PublicKey,
    signed: &[u8],
    signature: &[u8],
) -> Result<&'static SignatureAlgorithm, CertificateError> {
    let name = Reader::new(signature).read_string()?;
    let row = std::str::from_utf8(name).ok().and_then(by_name);
    let row =
        row.ok_or_else(|| CertificateError::UnknownSignatureAlgorithm { name: printable_ascii(name) })?;
    authority.verify_with(SecurityKeyPolicy::ANY, row, signed, signature)?;
    Ok(row)
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.blob() == other.blob()
    }
}

impl Eq for Certificate {}

impl std::hash::Hash for Certificate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.blob().hash(state);
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, key_id, serial) = (self.kind(), self.key_id(), self.serial());
        write!(f, "Certificate({kind:?} {key_id:?} {serial} of {:?})", self.public_key())
    }
}

#[cfg(test)]
mod tests;
