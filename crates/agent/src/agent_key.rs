//! What an agent holds and is given: a private key, perhaps with a certificate for it (RFC 9987 §5.2).

use crate::error::{AddError, AgentError};
use konko_keys::{Certificate, KeyError, KeyFileError, PrivateKey};
use konko_wire::decode::Reader;
use konko_wire::peer_text::printable_ascii;

/// A private key, and perhaps a certificate for it: one identity of an agent. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct AgentKey {
    key: PrivateKey,
    certificate: Option<Certificate>,
}

impl AgentKey {
    /// A key alone.
    pub const fn new(key: PrivateKey) -> Self {
        Self { key, certificate: None }
    }

    /// A key with a certificate: an identity of its own, beside the one of the key alone.
    ///
    /// # Errors
    ///
    /// [`AddError::InvalidCertificate`] unless `certificate` is one for this key.
    pub fn with_certificate(key: PrivateKey, certificate: Certificate) -> Result<Self, AddError> {
        if certificate.public_key() != key.public_key() {
            return Err(AddError::InvalidCertificate("it is the one of another key"));
        }
        Ok(Self { key, certificate: Some(certificate) })
    }

    /// What the identity is known by: the public key, or the certificate.
    pub fn blob(&self) -> &[u8] {
        self.certificate.as_ref().map_or(self.key.public_key().blob(), Certificate::blob)
    }

    /// The certificate, if there is one.
    pub const fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The key itself.
    pub const fn private_key(&self) -> &PrivateKey {
        &self.key
    }

    /// Appends the type and the fields.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), AgentError> {
        let fields = self.key.write_fields(self.certificate.as_ref()).map_err(|error| match error {
            KeyFileError::Key(error) => error,
            _ => KeyError::Invalid { what: "its private fields cannot be written" },
        })?;
        out.extend_from_slice(&fields);
        Ok(())
    }

    /// Reads the type and the fields; the comment follows.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, AddError> {
        let name = reader.clone().read_string()?;
        let (key, certificate) = PrivateKey::read_fields(reader).map_err(|error| match error {
            KeyFileError::Unsupported { .. } => AddError::UnsupportedKey { name: printable_ascii(name) },
            error => AddError::InvalidKey(error.to_string()),
        })?;
        Ok(Self { key, certificate })
    }
}
