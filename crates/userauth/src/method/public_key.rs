//! The method `publickey` (RFC 4252 §7): a query whether a key would do, and a proof that it is possessed; and
//! `publickey-hostbound-v00@openssh.com`, the same with the server's host key in what is signed.

use konko_keys::certificate_kind::CertificateKind;
use konko_keys::identity::Identity;
use konko_wire::encode::Encode;
use konko_wire::message::userauth::{
    HostBoundPublicKeyProof, HostBoundPublicKeyQuery, PublicKeyProof, PublicKeyQuery, UserauthPkOk,
};
use konko_wire::number::service;

use crate::attempt::AttemptKind;
use crate::error::AuthError;
use crate::offered_key::{KeyPolicy, OfferedKey};
use crate::signed_request::SignedRequest;

/// The name of the method that has the server's host key signed (OpenSSH PROTOCOL §3.1). Servers that know it say
/// so with the extension `publickey-hostbound@openssh.com`; among "authentications that can continue" it never
/// stands.
pub(crate) const HOST_BOUND: &str = HostBoundPublicKeyProof::NAME;

/// What stands for a malformed request in an error.
const REQUEST: &str = "the publickey request";

/// The fields of a query.
pub(crate) fn query_fields(offered: &OfferedKey) -> Vec<u8> {
    PublicKeyQuery {
        has_signature: false,
        algorithm: offered.algorithm().name.as_bytes(),
        public_key: offered.blob(),
    }
    .to_vec()
}

/// The method and the fields of a proof; with `host_key` it is bound to that server.
pub(crate) fn proof(
    offered: &OfferedKey,
    host_key: Option<&[u8]>,
    signature: &[u8],
) -> (&'static str, Vec<u8>) {
    let (algorithm, public_key) = (offered.algorithm().name.as_bytes(), offered.blob());
    let has_signature = true;
    match host_key {
        None => (
            PublicKeyProof::NAME,
            PublicKeyProof { has_signature, algorithm, public_key, signature }.to_vec(),
        ),
        Some(host_key) => (
            HOST_BOUND,
            HostBoundPublicKeyProof { has_signature, algorithm, public_key, host_key, signature }.to_vec(),
        ),
    }
}

/// Checks that a server's SSH_MSG_USERAUTH_PK_OK is about the key that was offered.
pub(crate) fn check_pk_ok(payload: &[u8], offered: &OfferedKey) -> Result<(), AuthError> {
    let message = UserauthPkOk::decode(payload).map_err(AuthError::decoding(UserauthPkOk::NAME))?;
    if message.public_key != offered.blob() {
        return Err(AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_PK_OK for a key that was not offered"));
    }
    if message.algorithm != offered.algorithm().name.as_bytes() {
        return Err(AuthError::PeerMisbehaved(
            "SSH_MSG_USERAUTH_PK_OK for an algorithm that was not offered",
        ));
    }
    Ok(())
}

/// Who makes a request, and where.
#[derive(Debug)]
pub(crate) struct Requester<'a> {
    /// The connection.
    pub(crate) session_id: &'a [u8],
    /// The user.
    pub(crate) user_name: &'a str,
    /// The host key that this server showed in the first key exchange.
    pub(crate) host_key: Option<&'a [u8]>,
}

/// A publickey request as a server reads it.
#[derive(Debug)]
pub(crate) struct KeyRequest<'a> {
    algorithm: &'a [u8],
    public_key: &'a [u8],
    /// The server's host key, in a request that is bound to it.
    host_key: Option<&'a [u8]>,
    /// `None` in a query.
    signature: Option<&'a [u8]>,
}

impl<'a> KeyRequest<'a> {
    /// Reads the fields of a request of the method `publickey`. The key itself is not looked at.
    pub(crate) fn decode(fields: &'a [u8]) -> Result<Self, AuthError> {
        let host_key = None;
        if has_signature(fields) {
            let PublicKeyProof { algorithm, public_key, signature, .. } =
                PublicKeyProof::decode(fields).map_err(AuthError::decoding(REQUEST))?;
            return Ok(Self { algorithm, public_key, host_key, signature: Some(signature) });
        }
        let PublicKeyQuery { algorithm, public_key, .. } =
            PublicKeyQuery::decode(fields).map_err(AuthError::decoding(REQUEST))?;
        Ok(Self { algorithm, public_key, host_key, signature: None })
    }

    /// Reads the fields of a request of the method `publickey-hostbound-v00@openssh.com`.
    pub(crate) fn decode_host_bound(fields: &'a [u8]) -> Result<Self, AuthError> {
        if has_signature(fields) {
            let HostBoundPublicKeyProof { algorithm, public_key, host_key, signature, .. } =
                HostBoundPublicKeyProof::decode(fields).map_err(AuthError::decoding(REQUEST))?;
            return Ok(Self { algorithm, public_key, host_key: Some(host_key), signature: Some(signature) });
        }
        let HostBoundPublicKeyQuery { algorithm, public_key, host_key, .. } =
            HostBoundPublicKeyQuery::decode(fields).map_err(AuthError::decoding(REQUEST))?;
        Ok(Self { algorithm, public_key, host_key: Some(host_key), signature: None })
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
    /// verified when this returns [`AttemptKind::PublicKey`] or
    /// [`AttemptKind::Certificate`].
    pub(crate) fn attempt(&self, policy: &KeyPolicy<'_>, requester: &Requester<'_>) -> Option<AttemptKind> {
        // A proof that was made for another server must not serve here: whoever forwards it sits in between.
        if self.host_key.is_some() && self.host_key != requester.host_key {
            return None;
        }
        let offered = OfferedKey::decode(self.algorithm, self.public_key, CertificateKind::User, policy)?;
        let Some(signature) = self.signature else {
            return Some(match offered.into_parts() {
                (Identity::Key(key), algorithm) => AttemptKind::PublicKeyQuery { key, algorithm },
                (Identity::Certificate(certificate), algorithm) => {
                    AttemptKind::CertificateQuery { certificate, algorithm }
                }
            });
        };
        let data = SignedRequest {
            session_id: requester.session_id,
            user_name: requester.user_name,
            service_name: service::CONNECTION,
            algorithm: offered.algorithm().name,
            public_key: self.public_key,
            host_key: self.host_key,
        }
        .to_bytes();
        let assertion = offered.verify(&data, signature, policy)?;
        Some(match offered.into_parts() {
            (Identity::Key(key), algorithm) => AttemptKind::PublicKey { key, algorithm, assertion },
            (Identity::Certificate(certificate), algorithm) => {
                AttemptKind::Certificate { certificate, algorithm, assertion }
            }
        })
    }
}

fn has_signature(fields: &[u8]) -> bool {
    fields.first().is_some_and(|has_signature| *has_signature != 0)
}
