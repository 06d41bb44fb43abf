//! A server tells its clients of all its host keys, and proves to own them (OpenSSH's PROTOCOL, section 2.5).

use crate::config::HostKey;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::for_key_type;
use konko_wire::decode::Reader;
use konko_wire::encode::put_string;
use std::sync::Arc;

/// The global request in which a server tells of its host keys; it wants no reply.
pub const HOST_KEYS: &str = "hostkeys-00@openssh.com";
/// The global request in which a client asks for proof.
pub const HOST_KEYS_PROVE: &str = "hostkeys-prove-00@openssh.com";

/// The body of [`HOST_KEYS`]: each key once. Certificates are not told of, nor keys that somebody else signs with.
pub(crate) fn announcement(keys: &[HostKey]) -> Vec<u8> {
    let mut body = Vec::new();
    for key in keys {
        if let HostKey::Private(key) = key {
            put_string(&mut body, key.public_key().blob());
        }
    }
    body
}

/// The reply to [`HOST_KEYS_PROVE`]: for each key a signature over the name of the request, the session and the key.
/// `None` refuses: the body is malformed, or names a key that is not there, or one twice.
pub(crate) fn prove(keys: &[HostKey], session_id: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(body);
    let mut wanted = Vec::new();
    while !reader.is_empty() {
        let key = PublicKey::decode(reader.read_string().ok()?).ok()?;
        let found = keys.iter().find_map(|own| match own {
            HostKey::Private(own) if *own.public_key() == key => Some(own),
            _ => None,
        });
        // Nobody gets more signatures out of one request than there are keys.
        let found = found?;
        if wanted.iter().any(|other| Arc::ptr_eq(other, found)) {
            return None;
        }
        wanted.push(Arc::clone(found));
    }
    let mut reply = Vec::new();
    for key in wanted {
        let mut data = Vec::new();
        for part in [HOST_KEYS_PROVE.as_bytes(), session_id, key.public_key().blob()] {
            put_string(&mut data, part);
        }
        let algorithm = for_key_type(key.public_key().key_type()).find(|row| !row.legacy)?;
        put_string(&mut reply, &key.sign(algorithm, &data).ok()?);
    }
    (!reply.is_empty()).then_some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_crypto::random::SystemRandom;
    use konko_keys::private_key::{KeyKind, PrivateKey};
    use konko_keys::signature_algorithm::by_name;

    fn key(kind: KeyKind) -> PrivateKey {
        PrivateKey::generate(kind, &mut SystemRandom).expect("a key")
    }

    fn strings(parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        parts.iter().for_each(|part| put_string(&mut out, part));
        out
    }

    /// covers: C11
    #[test]
    fn each_key_signs_once_and_for_this_session() {
        let (ed25519, rsa) = (key(KeyKind::Ed25519), key(KeyKind::Rsa { bits: 2048 }));
        let (one, two) = (ed25519.public_key().clone(), rsa.public_key().clone());
        let external = key(KeyKind::EcdsaP256).public_key().clone();
        let keys = [ed25519.into(), HostKey::External(external.clone()), rsa.into()];
        assert_eq!(announcement(&keys), strings(&[one.blob(), two.blob()]));
        let reply = prove(&keys, b"session", &strings(&[two.blob(), one.blob()])).expect("a proof");
        let mut reader = Reader::new(&reply);
        for (key, algorithm) in [(&two, "rsa-sha2-512"), (&one, "ssh-ed25519")] {
            let data = strings(&[HOST_KEYS_PROVE.as_bytes(), b"session", key.blob()]);
            let signature = reader.read_string().expect("a signature");
            key.verify(by_name(algorithm).expect("a row"), &data, signature).expect("a good signature");
        }
        assert_eq!(reader.finish(), Ok(()));
        for bad in [
            strings(&[one.blob(), one.blob()]),
            strings(&[external.blob()]),
            strings(&[one.blob(), key(KeyKind::Ed25519).public_key().blob()]),
            strings(&[b"not a key"]),
            vec![0, 0, 0, 9],
            Vec::new(),
        ] {
            assert_eq!(prove(&keys, b"session", &bad), None);
        }
    }
}
