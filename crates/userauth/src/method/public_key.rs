//! The method `publickey` (RFC 4252 §7): a query whether a key would do, and a proof that it is possessed.

use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::SignatureAlgorithm;
use konko_wire::encode::Encode;
use konko_wire::message::userauth::{PublicKeyProof, PublicKeyQuery, UserauthPkOk};
use konko_wire::number::service;

use crate::attempt::AttemptKind;
use crate::error::AuthError;
use crate::signed_request::SignedRequest;

/// What stands for a malformed request in an error.
const REQUEST: &str = "the publickey request";

/// The fields of a query.
pub(crate) fn query_fields(key: &PublicKey, algorithm: &SignatureAlgorithm) -> Vec<u8> {
    PublicKeyQuery { has_signature: false, algorithm: algorithm.name.as_bytes(), public_key: key.blob() }
        .to_vec()
}

/// The fields of a proof.
pub(crate) fn proof_fields(key: &PublicKey, algorithm: &SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    PublicKeyProof {
        has_signature: true,
        algorithm: algorithm.name.as_bytes(),
        public_key: key.blob(),
        signature,
    }
    .to_vec()
}

/// Checks that a server's SSH_MSG_USERAUTH_PK_OK is about the key that was offered.
pub(crate) fn check_pk_ok(
    payload: &[u8],
    key: &PublicKey,
    algorithm: &SignatureAlgorithm,
) -> Result<(), AuthError> {
    let message = UserauthPkOk::decode(payload).map_err(AuthError::decoding(UserauthPkOk::NAME))?;
    if message.public_key != key.blob() {
        return Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_PK_OK for a key that was not offered"));
    }
    if message.algorithm != algorithm.name.as_bytes() {
        return Err(AuthError::PeerMisbehaved(
            "SSH_MSG_USERAUTH_PK_OK for an algorithm that was not offered",
        ));
    }
    Ok(())
}

/// What a server demands of keys and signatures.
#[derive(Debug)]
pub(crate) struct KeyPolicy<'a> {
    /// The algorithms that are accepted.
    pub(crate) algorithms: &'a [&'static SignatureAlgorithm],
    /// The least size of an RSA modulus, in bits.
    pub(crate) minimum_rsa_bits: usize,
}

/// A publickey request as a server reads it.
#[derive(Debug)]
pub(crate) struct KeyRequest<'a> {
    algorithm: &'a [u8],
    public_key: &'a [u8],
    /// `None` in a query.
    signature: Option<&'a [u8]>,
}

impl<'a> KeyRequest<'a> {
    /// Reads a request's fields. The key itself is not looked at.
    pub(crate) fn decode(fields: &'a [u8]) -> Result<Self, AuthError> {
        if fields.first().is_some_and(|has_signature| *has_signature != 0) {
            let fields = PublicKeyProof::decode(fields).map_err(AuthError::decoding(REQUEST))?;
            let signature = Some(fields.signature);
            return Ok(Self { algorithm: fields.algorithm, public_key: fields.public_key, signature });
        }
        let fields = PublicKeyQuery::decode(fields).map_err(AuthError::decoding(REQUEST))?;
        Ok(Self { algorithm: fields.algorithm, public_key: fields.public_key, signature: None })
    }

    /// Whether it only asks and proves nothing.
    pub(crate) const fn is_query(&self) -> bool {
        self.signature.is_none()
    }

    /// The algorithm and the key as they came, for SSH_MSG_USERAUTH_PK_OK.
    pub(crate) const fn as_received(&self) -> (&'a [u8], &'a [u8]) {
        (self.algorithm, self.public_key)
    }

    /// What the request proves or asks; `None` refuses it without asking the application. A signature has been
    /// verified when this returns [`AttemptKind::PublicKey`].
    pub(crate) fn attempt(
        &self,
        policy: &KeyPolicy<'_>,
        session_id: &[u8],
        user_name: &str,
    ) -> Option<AttemptKind> {
        // The key is not parsed unless its algorithm is accepted.
        let algorithm =
            *policy.algorithms.iter().find(|algorithm| algorithm.name.as_bytes() == self.algorithm)?;
        let key = PublicKey::decode(self.public_key).ok()?;
        if key.key_type() != algorithm.key_type {
            return None;
        }
        if key.key_type() == "ssh-rsa" && key.bits() < policy.minimum_rsa_bits {
            return None;
        }
        let Some(signature) = self.signature else {
            return Some(AttemptKind::PublicKeyQuery { key, algorithm });
        };
        let data = SignedRequest {
            session_id,
            user_name,
            service_name: service::CONNECTION,
            algorithm: algorithm.name,
            public_key: self.public_key,
        }
        .to_bytes();
        key.verify(algorithm, &data, signature).ok()?;
        Some(AttemptKind::PublicKey { key, algorithm })
    }
}
