//! The method `hostbased` (RFC 4252 §9): the client's host vouches for its user by a signature of its own.

use konko_keys::certificate_kind::CertificateKind;
use konko_wire::encode::Encode;
use konko_wire::message::userauth::HostBased;
use konko_wire::number::service;

use crate::attempt::AttemptKind;
use crate::error::AuthError;
use crate::method::public_key::Requester;
use crate::offered_key::{KeyPolicy, OfferedKey};
use crate::signed_request::SignedHostRequest;

/// The longest name of a host that is taken, in bytes: what the domain name system allows (RFC 1035 §2.3.4), and
/// the dot at the end.
const MAXIMUM_HOST_NAME_LEN: usize = 256;

/// The longest name of a user on the client's host that is taken, in bytes.
const MAXIMUM_CLIENT_USER_NAME_LEN: usize = 255;

/// What a client's host says of its user.
#[derive(Debug, Clone)]
pub(crate) struct HostClaim {
    /// The host's key.
    pub(crate) offered: OfferedKey,
    /// The host's name.
    pub(crate) client_host_name: String,
    /// Who the user is there.
    pub(crate) client_user_name: String,
}

impl HostClaim {
    /// Whether a server can make anything of the names.
    pub(crate) fn is_well_formed(&self) -> bool {
        host_name(self.client_host_name.as_bytes()).is_some()
            && self.client_user_name.len() <= MAXIMUM_CLIENT_USER_NAME_LEN
    }

    /// What the host is to sign.
    pub(crate) fn data(&self, session_id: &[u8], user_name: &str) -> Vec<u8> {
        SignedHostRequest {
            session_id,
            user_name,
            service_name: service::CONNECTION,
            algorithm: self.offered.algorithm().name,
            public_key: self.offered.blob(),
            client_host_name: self.client_host_name.as_bytes(),
            client_user_name: self.client_user_name.as_bytes(),
        }
        .to_bytes()
    }

    /// The fields of a request.
    pub(crate) fn fields(&self, signature: &[u8]) -> Vec<u8> {
        HostBased {
            algorithm: self.offered.algorithm().name.as_bytes(),
            public_key: self.offered.blob(),
            client_host_name: self.client_host_name.as_bytes(),
            client_user_name: self.client_user_name.as_bytes(),
            signature,
        }
        .to_vec()
    }
}

/// What a server makes of a request's fields; `None` refuses it without asking the application. The signature has
/// been verified when there is an attempt.
pub(crate) fn attempt(
    fields: &[u8],
    policy: &KeyPolicy<'_>,
    requester: &Requester<'_>,
) -> Result<Option<AttemptKind>, AuthError> {
    let fields = HostBased::decode(fields).map_err(AuthError::decoding("the hostbased request"))?;
    Ok(verified(&fields, policy, requester))
}

fn verified(
    fields: &HostBased<'_>,
    policy: &KeyPolicy<'_>,
    requester: &Requester<'_>,
) -> Option<AttemptKind> {
    let client_host_name = host_name(fields.client_host_name)?;
    if fields.client_user_name.len() > MAXIMUM_CLIENT_USER_NAME_LEN {
        return None;
    }
    // RFC 4252 §9: "user name on the client host in ISO-10646 UTF-8"
    let client_user_name = std::str::from_utf8(fields.client_user_name).ok()?;
    let offered = OfferedKey::decode(fields.algorithm, fields.public_key, CertificateKind::Host, policy)?;
    let data = SignedHostRequest {
        session_id: requester.session_id,
        user_name: requester.user_name,
        service_name: service::CONNECTION,
        algorithm: offered.algorithm().name,
        public_key: fields.public_key,
        client_host_name: fields.client_host_name,
        client_user_name: fields.client_user_name,
    }
    .to_bytes();
    offered.verify(&data, fields.signature, policy)?;
    let (key, algorithm) = offered.into_parts();
    Some(AttemptKind::HostBased {
        key,
        algorithm,
        client_host_name,
        client_user_name: client_user_name.to_owned(),
    })
}

/// A host's name without the dot that may end it. RFC 4252 §9: "client host name expressed as the FQDN in US-ASCII"
fn host_name(bytes: &[u8]) -> Option<String> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    if bytes.len() > MAXIMUM_HOST_NAME_LEN || !bytes.iter().all(allowed) {
        return None;
    }
    let name = bytes.strip_suffix(b".").unwrap_or(bytes);
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_are_ascii_and_lose_the_dot_at_the_end() {
        let long = "a".repeat(MAXIMUM_HOST_NAME_LEN + 1);
        for (bytes, name) in [
            (&b"host.example.org"[..], Some("host.example.org")),
            (b"host.example.org.", Some("host.example.org")),
            (b"HOST", Some("HOST")),
            (b"2001:db8::1", Some("2001:db8::1")),
            (b"", None),
            (b".", None),
            (b"ho st", None),
            (b"host\n", None),
            (b"host\0", None),
            (b"h\xc3\xb6st", None),
            (b"*", None),
            (b"a,b", None),
            (long.as_bytes(), None),
        ] {
            assert_eq!(host_name(bytes).as_deref(), name, "{bytes:?}");
        }
    }
}
