//! Whatever signs: a private key in memory, a piece of hardware, an agent.

use crate::error::SignError;
use crate::identity::Identity;
use crate::private_key::PrivateKey;
use crate::public_key::PublicKey;
use crate::signature_algorithm::SignatureAlgorithm;

/// A private key that signs when it is asked, wherever it is. Whoever has to wait for an answer implements the
/// asynchronous trait of the client in place of this one; both are asked with a [`SignatureRequest`].
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message`; the result is the whole signature blob (`string algorithm ‖ string value`).
    ///
    /// # Errors
    ///
    /// [`SignError`]; [`SignError::External`] with a reason where the holder of the key refuses.
    fn sign(&self, algorithm: &SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

impl Signer for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        Self::public_key(self)
    }

    fn sign(&self, algorithm: &SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Self::sign(self, algorithm, message)
    }
}

impl<S: Signer + ?Sized> Signer for std::sync::Arc<S> {
    fn public_key(&self) -> &PublicKey {
        (**self).public_key()
    }

    fn sign(&self, algorithm: &SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        (**self).sign(algorithm, message)
    }
}

/// What is asked of a signer that answers later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRequest {
    /// The key, as the holder knows it: an agent finds a certificate by its whole blob.
    pub identity: Identity,
    /// The row whose name must stand in the signature, never one of certificates.
    pub algorithm: &'static SignatureAlgorithm,
    /// What to sign.
    pub message: Vec<u8>,
}

impl SignatureRequest {
    /// Signs with a key at hand.
    ///
    /// # Errors
    ///
    /// As [`Signer::sign`]; [`SignError::External`] if `signer` holds another key.
    pub fn answer(&self, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        if signer.public_key() != self.identity.public_key() {
            return Err(SignError::External { reason: "it holds another key".into() });
        }
        signer.sign(self.algorithm, &self.message)
    }
}
