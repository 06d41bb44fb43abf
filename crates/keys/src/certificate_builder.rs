//! Issuing certificates.

use crate::certificate::{Certificate, Validity};
use crate::certificate_kind::CertificateKind;
use crate::certificate_option::{self as option, CertificateOption, CriticalOption, Extension};
use crate::error::{CertificateError, IssueError, KeyError};
use crate::public_key::PublicKey;
use crate::signature_algorithm::{SignatureAlgorithm, certificate_type_of};
use crate::signer::Signer;
use konko_crypto::random::SecureRandom;
use konko_wire::decode::Reader;
use konko_wire::encode::{Encode, put_string, put_u32};

const NONCE_LEN: usize = 32;

/// What a certificate is going to say.
#[derive(Debug, Clone)]
pub struct CertificateBuilder {
    public_key: PublicKey,
    kind: CertificateKind,
    serial: u64,
    key_id: String,
    principals: Vec<String>,
    validity: Validity,
    critical_options: Vec<CertificateOption>,
    extensions: Vec<CertificateOption>,
}

impl CertificateBuilder {
    /// For this key, under this name in logs: the number 0, good for ever, for nobody, and without any option.
    pub fn new(kind: CertificateKind, public_key: &PublicKey, key_id: &str) -> Self {
        Self {
            public_key: public_key.clone(),
            kind,
            serial: 0,
            key_id: key_id.to_owned(),
            principals: Vec::new(),
            validity: Validity::FOREVER,
            critical_options: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// With this number.
    #[must_use]
    pub fn serial(mut self, serial: u64) -> Self {
        self.serial = serial;
        self
    }

    /// For these users or hosts as well.
    #[must_use]
    pub fn principals<S: Into<String>>(mut self, principals: impl IntoIterator<Item = S>) -> Self {
        self.principals.extend(principals.into_iter().map(Into::into));
        self
    }

    /// Good for this time.
    #[must_use]
    pub fn validity(mut self, validity: Validity) -> Self {
        self.validity = validity;
        self
    }

    /// With this critical option, in place of one of the same name.
    #[must_use]
    pub fn critical_option(mut self, option: CriticalOption<'_>) -> Self {
        put(&mut self.critical_options, option.into());
        self
    }

    /// With this extension, in place of one of the same name.
    #[must_use]
    pub fn extension(mut self, extension: Extension<'_>) -> Self {
        put(&mut self.extensions, extension.into());
        self
    }

    /// With the five extensions that `ssh-keygen -s` gives to users unless told otherwise: forwarding of X11, of
    /// the agent and of ports, a terminal, and `~/.ssh/rc`.
    #[must_use]
    pub fn permit_all(self) -> Self {
        self.extension(Extension::PermitX11Forwarding)
            .extension(Extension::PermitAgentForwarding)
            .extension(Extension::PermitPortForwarding)
            .extension(Extension::PermitPty)
            .extension(Extension::PermitUserRc)
    }

    /// Signs it with a key at hand.
    ///
    /// # Errors
    ///
    /// [`IssueError`]: the key does not sign, or what it signs is not a certificate that would be accepted.
    pub fn sign(
        &self,
        authority: &dyn Signer,
        algorithm: &SignatureAlgorithm,
        random: &mut dyn SecureRandom,
    ) -> Result<Certificate, IssueError> {
        let unsigned = self.prepare(authority.public_key(), random)?;
        let signature = authority.sign(algorithm, unsigned.message())?;
        Ok(unsigned.finish(&signature)?)
    }

    /// Puts together what the authority has to sign, for an authority that signs elsewhere.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Key`] for a key of a type that is not certified, and what is wrong otherwise with what
    /// the certificate would say.
    pub fn prepare(
        &self,
        authority: &PublicKey,
        random: &mut dyn SecureRandom,
    ) -> Result<UnsignedCertificate, CertificateError> {
        let certificate_type = certificate_type_of(self.public_key.key_type())
            .ok_or_else(|| KeyError::Unsupported { name: self.public_key.key_type().to_owned() })?;
        if self.validity.after >= self.validity.before {
            return Err(CertificateError::EmptyValidity);
        }
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut principals = Vec::new();
        self.principals.iter().for_each(|name| put_string(&mut principals, name.as_bytes()));
        let mut fields = Reader::new(self.public_key.blob());
        fields.read_string()?;

        let mut blob = Vec::new();
        put_string(&mut blob, certificate_type.as_bytes());
        put_string(&mut blob, &nonce);
        blob.extend_from_slice(fields.rest());
        self.serial.encode(&mut blob);
        put_u32(&mut blob, self.kind as u32);
        put_string(&mut blob, self.key_id.as_bytes());
        put_string(&mut blob, &principals);
        self.validity.after.encode(&mut blob);
        self.validity.before.encode(&mut blob);
        put_string(&mut blob, &option::encode(&self.critical_options));
        put_string(&mut blob, &option::encode(&self.extensions));
        put_string(&mut blob, b"");
        put_string(&mut blob, authority.blob());
        Ok(UnsignedCertificate { blob })
    }
}

fn put(options: &mut Vec<CertificateOption>, option: CertificateOption) {
    options.retain(|other| other.name != option.name);
    options.push(option);
}

/// A certificate without its signature.
#[derive(Debug, Clone)]
pub struct UnsignedCertificate {
    blob: Vec<u8>,
}

impl UnsignedCertificate {
    /// What the authority signs.
    pub fn message(&self) -> &[u8] {
        &self.blob
    }

    /// Puts the signature of the authority in, a whole signature blob.
    ///
    /// # Errors
    ///
    /// As [`Certificate::decode`]: the certificate is read as everybody else will read it.
    pub fn finish(mut self, signature: &[u8]) -> Result<Certificate, CertificateError> {
        put_string(&mut self.blob, signature);
        Certificate::decode(&self.blob)
    }
}

#[cfg(test)]
mod tests;
