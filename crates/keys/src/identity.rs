//! Where a key may stand bare or certified.

use crate::certificate::Certificate;
use crate::error::{CertificateError, KeyError};
use crate::fingerprint::Fingerprint;
use crate::key_line;
use crate::public_key::PublicKey;
use crate::signature_algorithm::{SignatureAlgorithm, for_certificate_type, for_key_type};
use konko_wire::decode::Reader;

/// A public key or a certificate of one: what a publickey request, an agent and a host key blob may hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A bare key.
    Key(PublicKey),
    /// A certified key.
    Certificate(Certificate),
}

impl Identity {
    /// Reads a blob of either.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Key`] for keys, with [`KeyError::Unsupported`] for a type that is not known; otherwise
    /// as [`Certificate::decode`].
    pub fn decode(blob: &[u8]) -> Result<Self, CertificateError> {
        let key_type = Reader::new(blob).read_string()?;
        if is_certificate(key_type) {
            Certificate::decode(blob).map(Self::Certificate)
        } else {
            Ok(Self::Key(PublicKey::decode(blob)?))
        }
    }

    /// It as it travels.
    pub fn blob(&self) -> &[u8] {
        match self {
            Self::Key(key) => key.blob(),
            Self::Certificate(certificate) => certificate.blob(),
        }
    }

    /// The name at the beginning of the blob.
    pub fn key_type(&self) -> &'static str {
        match self {
            Self::Key(key) => key.key_type(),
            Self::Certificate(certificate) => certificate.certificate_type(),
        }
    }

    /// The bare key.
    pub fn public_key(&self) -> &PublicKey {
        match self {
            Self::Key(key) => key,
            Self::Certificate(certificate) => certificate.public_key(),
        }
    }

    /// The certificate, if it is one.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Key(_) => None,
            Self::Certificate(certificate) => Some(certificate),
        }
    }

    /// The fingerprint of the bare key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.public_key().fingerprint()
    }

    /// The rows under which it can be offered, the preferred one first.
    pub fn algorithms(&self) -> Vec<&'static SignatureAlgorithm> {
        match self {
            Self::Key(key) => for_key_type(key.key_type()).collect(),
            Self::Certificate(certificate) => for_certificate_type(certificate.certificate_type()).collect(),
        }
    }

    /// In one line, without a line end: `type base64 comment`.
    pub fn to_openssh(&self, comment: &str) -> String {
        key_line::write(self.key_type(), self.blob(), comment)
    }

    /// Reads such a line; the comment is what follows.
    ///
    /// # Errors
    ///
    /// As [`PublicKey::from_openssh`] and [`Certificate::from_openssh`].
    pub fn from_openssh(line: &str) -> Result<(Self, String), CertificateError> {
        let key_type = line.trim_start().split([' ', '\t']).next().ok_or(KeyError::NotAKey)?;
        if is_certificate(key_type.as_bytes()) {
            let (certificate, comment) = Certificate::from_openssh(line)?;
            return Ok((Self::Certificate(certificate), comment));
        }
        let (key, comment) = PublicKey::from_openssh(line)?;
        Ok((Self::Key(key), comment))
    }
}

fn is_certificate(key_type: &[u8]) -> bool {
    std::str::from_utf8(key_type).is_ok_and(|name| for_certificate_type(name).next().is_some())
}

impl From<PublicKey> for Identity {
    fn from(key: PublicKey) -> Self {
        Self::Key(key)
    }
}

impl From<Certificate> for Identity {
    fn from(certificate: Certificate) -> Self {
        Self::Certificate(certificate)
    }
}
