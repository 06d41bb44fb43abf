//! The bytes that a public key's owner signs (RFC 4252 §7). How they are signed is the matter of the keys.

use konko_wire::encode::{Encode, put_string};
use konko_wire::message::userauth::UserauthRequest;

/// What is signed to prove the possession of a key.
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
}

impl SignedRequest<'_> {
    /// The bytes themselves.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.session_id.len() + self.public_key.len() + 128);
        // RFC 4252 §7: "The value of 'signature' is a signature by the corresponding private key over the
        // following data, in the following order"
        put_string(&mut out, self.session_id);
        out.push(UserauthRequest::NUMBER);
        put_string(&mut out, self.user_name.as_bytes());
        put_string(&mut out, self.service_name.as_bytes());
        put_string(&mut out, b"publickey");
        true.encode(&mut out);
        put_string(&mut out, self.algorithm.as_bytes());
        put_string(&mut out, self.public_key);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: A25
    #[test]
    fn rfc4252_7_order_of_the_signed_data() {
        let bytes = SignedRequest {
            session_id: b"ID",
            user_name: "u",
            service_name: "s",
            algorithm: "alg",
            public_key: b"key",
        }
        .to_bytes();
        assert_eq!(
            bytes,
            b"\0\0\0\x02ID\x32\0\0\0\x01u\0\0\0\x01s\0\0\0\x09publickey\x01\0\0\0\x03alg\0\0\0\x03key"
        );
    }
}
