//! A key as a request offers it: the name of an algorithm and the blob of a key or of a certificate.

use konko_keys::certificate_kind::CertificateKind;
use konko_keys::identity::Identity;
use konko_keys::security_key::{SecurityKeyAssertion, SecurityKeyPolicy};
use konko_keys::signature_algorithm::SignatureAlgorithm;

/// What a server demands of keys and signatures.
#[derive(Debug)]
pub(crate) struct KeyPolicy<'a> {
    /// The algorithms that are accepted.
    pub(crate) algorithms: &'a [&'static SignatureAlgorithm],
    /// The least size of an RSA modulus, in bits.
    pub(crate) minimum_rsa_bits: usize,
    /// What an authenticator must say.
    pub(crate) security_keys: SecurityKeyPolicy,
}

/// A key or a certificate that is offered, under an algorithm that is one for it.
#[derive(Debug, Clone)]
pub(crate) struct OfferedKey {
    identity: Identity,
    algorithm: &'static SignatureAlgorithm,
}

impl OfferedKey {
    /// `None` if the algorithm is not one for the type of the key or certificate.
    pub(crate) fn new(identity: Identity, algorithm: &'static SignatureAlgorithm) -> Option<Self> {
        (identity.key_type() == algorithm.key_type).then_some(Self { identity, algorithm })
    }

    /// What a server reads from a request; `None` if it is nothing that is accepted. The authority's signature of a
    /// certificate has been verified, and that it is one for `kind`.
    pub(crate) fn decode(
        algorithm: &[u8],
        blob: &[u8],
        kind: CertificateKind,
        policy: &KeyPolicy<'_>,
    ) -> Option<Self> {
        // The key is not parsed unless its algorithm is accepted.
        let algorithm = *policy.algorithms.iter().find(|row| row.name.as_bytes() == algorithm)?;
        let offered = Self::new(Identity::decode(blob).ok()?, algorithm)?;
        let key = offered.identity.public_key();
        if key.key_type() == "ssh-rsa" && key.bits() < policy.minimum_rsa_bits {
            return None;
        }
        if offered.identity.certificate().is_some_and(|certificate| certificate.kind() != kind) {
            return None;
        }
        Some(offered)
    }

    /// The key or certificate and the algorithm of the request.
    pub(crate) fn into_parts(self) -> (Identity, &'static SignatureAlgorithm) {
        (self.identity, self.algorithm)
    }

    /// The key or certificate.
    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The algorithm that stands in the request.
    pub(crate) const fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }

    /// What stands for the key in the request.
    pub(crate) fn blob(&self) -> &[u8] {
        self.identity.blob()
    }

    /// What is known of the signature if it is the key's; `None` if not.
    pub(crate) fn verify(
        &self,
        data: &[u8],
        signature: &[u8],
        policy: &KeyPolicy<'_>,
    ) -> Option<Option<SecurityKeyAssertion>> {
        let demanded = policy.security_keys;
        match &self.identity {
            Identity::Key(key) => key.verify_with(demanded, self.algorithm, data, signature).ok(),
            Identity::Certificate(certificate) => {
                // The authority may have said that no touch is needed, or that more is.
                let certified = certificate.security_key_policy();
                let policy = SecurityKeyPolicy {
                    user_presence: demanded.user_presence && certified.user_presence,
                    user_verification: demanded.user_verification || certified.user_verification,
                };
                certificate.verify_with(policy, self.algorithm, data, signature).ok()
            }
        }
    }
}
