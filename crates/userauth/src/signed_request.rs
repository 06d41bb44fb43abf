//! The bytes that the owner of a key signs (RFC 4252 §7, §9). How they are signed is the matter of the keys.

use konko_wire::encode::{Encode, put_string};
use konko_wire::message::userauth::{HostBased, HostBoundPublicKeyProof, PublicKeyProof, UserauthRequest};

/// What is signed to prove the possession of a user's key.
#[derive(Debug)]
pub(crate) struct SignedRequest<'a> {
    /// The identifier of this connection; what makes the signature useless on another one.
    pub(crate) session_id: &'a [u8],
    /// Who.
    pub(crate) user_name: &'a str,
    /// For which service.
    pub(crate) service_name: &'a str,
    /// The signature algorithm.
    pub(crate) algorithm: &'a str,
    /// The public key as it stands in the request.
    pub(crate) public_key: &'a [u8],
    /// The server's host key, where the request names it: then the method is
    /// `publickey-hostbound-v00@openssh.com`.
    pub(crate) host_key: Option<&'a [u8]>,
}

impl SignedRequest<'_> {
    /// The bytes themselves.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.session_id.len() + self.public_key.len() + 512);
        let method_name = match self.host_key {
            None => PublicKeyProof::NAME,
            Some(_) => HostBoundPublicKeyProof::NAME,
        };
        put_beginning(&mut out, self.session_id, self.user_name, self.service_name, method_name);
        true.encode(&mut out);
        put_string(&mut out, self.algorithm.as_bytes());
        put_string(&mut out, self.public_key);
        // OpenSSH PROTOCOL §3.1: the whole request is signed, and with it this additional field.
        if let Some(host_key) = self.host_key {
            put_string(&mut out, host_key);
        }
        out
    }
}

/// What the client's host signs to vouch for its user.
#[derive(Debug)]
pub(crate) struct SignedHostRequest<'a> {
    /// The identifier of this connection.
    pub(crate) session_id: &'a [u8],
    /// Who wants to log in on the server.
    pub(crate) user_name: &'a str,
    /// For which service.
    pub(crate) service_name: &'a str,
    /// The signature algorithm.
    pub(crate) algorithm: &'a str,
    /// The host's public key as it stands in the request.
    pub(crate) public_key: &'a [u8],
    /// The host's name.
    pub(crate) client_host_name: &'a [u8],
    /// Who the user is on that host.
    pub(crate) client_user_name: &'a [u8],
}

impl SignedHostRequest<'_> {
    /// The bytes themselves.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.session_id.len() + self.public_key.len() + 512);
        // RFC 4252 §9: "The value of 'signature' is a signature with the private host key of the following data, in
        // this order"
        put_beginning(&mut out, self.session_id, self.user_name, self.service_name, HostBased::NAME);
        put_string(&mut out, self.algorithm.as_bytes());
        put_string(&mut out, self.public_key);
        put_string(&mut out, self.client_host_name);
        put_string(&mut out, self.client_user_name);
        out
    }
}

/// RFC 4252 §7: "The value of 'signature' is a signature by the corresponding private key over the following data,
/// in the following order"
fn put_beginning(
    out: &mut Vec<u8>,
    session_id: &[u8],
    user_name: &str,
    service_name: &str,
    method_name: &str,
) {
    put_string(out, session_id);
    out.push(UserauthRequest::NUMBER);
    put_string(out, user_name.as_bytes());
    put_string(out, service_name.as_bytes());
    put_string(out, method_name.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: SignedRequest<'_> = SignedRequest {
        session_id: b"ID",
        user_name: "u",
        service_name: "s",
        algorithm: "alg",
        public_key: b"key",
        host_key: None,
    };

    /// covers: A25
    #[test]
    fn rfc4252_7_order_of_the_signed_data() {
        assert_eq!(
            REQUEST.to_bytes(),
            b"\0\0\0\x02ID\x32\0\0\0\x01u\0\0\0\x01s\0\0\0\x09publickey\x01\0\0\0\x03alg\0\0\0\x03key"
        );
    }

    /// covers: A25
    #[test]
    fn a_host_bound_request_names_its_method_and_the_host_key() {
        assert_eq!(
            SignedRequest { host_key: Some(b"host"), ..REQUEST }.to_bytes(),
            b"\0\0\0\x02ID\x32\0\0\0\x01u\0\0\0\x01s\0\0\0\x23publickey-hostbound-v00@openssh.com\x01\
              \0\0\0\x03alg\0\0\0\x03key\0\0\0\x04host"
        );
    }

    #[test]
    fn rfc4252_9_order_of_the_signed_data() {
        let request = SignedHostRequest {
            session_id: b"ID",
            user_name: "u",
            service_name: "s",
            algorithm: "alg",
            public_key: b"key",
            client_host_name: b"h.",
            client_user_name: b"me",
        };
        assert_eq!(
            request.to_bytes(),
            b"\0\0\0\x02ID\x32\0\0\0\x01u\0\0\0\x01s\0\0\0\x09hostbased\0\0\0\x03alg\0\0\0\x03key\
              \0\0\0\x02h.\0\0\0\x02me"
        );
    }
}
