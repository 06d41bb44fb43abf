//! What a server tells of its host keys once the user is logged in (OpenSSH's PROTOCOL, section 2.5,
//! `hostkeys-00@openssh.com`), and the proof that it owns them.

use konko_transport::keys::public_key::PublicKey;
use konko_transport::keys::signature_algorithm;
use konko_transport::wire::decode::{DecodeError, Reader};
use konko_transport::wire::encode::put_string;

/// A server that tells of its host keys.
pub(crate) const ANNOUNCEMENT: &str = "hostkeys-00@openssh.com";
/// A client that wants proof.
pub(crate) const PROOF: &str = "hostkeys-prove-00@openssh.com";
/// A server that tells of more keys is not believed.
const MOST_KEYS: usize = 64;

/// Why nothing is updated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpdateError {
    #[error("the server's message is malformed: {0}")]
    Malformed(#[from] DecodeError),
    #[error("the server tells of more than {MOST_KEYS} host keys")]
    TooMany,
    #[error("the server tells of a host key twice")]
    Twice,
    #[error("the server does not tell of the host key that it has shown")]
    ShownIsMissing,
    #[error("the server does not prove to own a host key that it told of")]
    NotProved,
}

/// What is to be done about an announcement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Update {
    /// The keys of the host from now on.
    pub(crate) keys: Vec<PublicKey>,
    /// Those among them that have to be proved.
    pub(crate) unproved: Vec<PublicKey>,
    /// Keys that are known and that the host has no longer.
    pub(crate) removed: Vec<PublicKey>,
}

/// Reads an announcement. `shown` is the key that the server has proved to own in the key exchange, `known` what is
/// known of the host already. Keys of types that are not known here, certificates, and keys that nothing here would
/// accept are passed over. `None`: there is nothing to do.
pub(crate) fn plan(
    announcement: &[u8],
    shown: &PublicKey,
    known: &[PublicKey],
    accepted: impl Fn(&PublicKey) -> bool,
) -> Result<Option<Update>, UpdateError> {
    // What is known by something else than this key, such as an authority, is not for the server to change.
    if !known.contains(shown) {
        return Ok(None);
    }
    let mut reader = Reader::new(announcement);
    let mut keys: Vec<PublicKey> = Vec::new();
    let mut count = 0;
    while !reader.is_empty() {
        let blob = reader.read_string()?;
        count += 1;
        if count > MOST_KEYS {
            return Err(UpdateError::TooMany);
        }
        let Ok(key) = PublicKey::decode(blob) else { continue };
        if keys.contains(&key) {
            return Err(UpdateError::Twice);
        }
        if accepted(&key) {
            keys.push(key);
        }
    }
    if !keys.contains(shown) {
        return Err(UpdateError::ShownIsMissing);
    }
    let unproved: Vec<_> = keys.iter().filter(|key| !known.contains(key)).cloned().collect();
    let mut removed: Vec<PublicKey> = Vec::new();
    for key in known {
        if !keys.contains(key) && !removed.contains(key) {
            removed.push(key.clone());
        }
    }
    let nothing_new = unproved.is_empty() && removed.is_empty();
    Ok((!nothing_new).then_some(Update { keys, unproved, removed }))
}

/// The body of the request for proof.
pub(crate) fn proof_request(unproved: &[PublicKey]) -> Vec<u8> {
    let mut body = Vec::new();
    unproved.iter().for_each(|key| put_string(&mut body, key.blob()));
    body
}

/// Verifies the reply: one signature for each key, over the name of the request, the session and the key.
pub(crate) fn verify_proof(
    reply: &[u8],
    unproved: &[PublicKey],
    session_id: &[u8],
) -> Result<(), UpdateError> {
    let mut reader = Reader::new(reply);
    for key in unproved {
        let signature = reader.read_string()?;
        let name = Reader::new(signature).read_str()?;
        let algorithm = signature_algorithm::by_name(name).filter(|algorithm| !algorithm.legacy);
        let algorithm = algorithm.ok_or(UpdateError::NotProved)?;
        let mut data = Vec::new();
        for part in [PROOF.as_bytes(), session_id, key.blob()] {
            put_string(&mut data, part);
        }
        key.verify(algorithm, &data, signature).map_err(|_| UpdateError::NotProved)?;
    }
    reader.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_transport::crypto::random::SystemRandom;
    use konko_transport::keys::private_key::{KeyKind, PrivateKey};
    use konko_transport::keys::signature_algorithm::by_name;

    fn keys() -> [PrivateKey; 3] {
        [(); 3].map(|()| PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key"))
    }

    fn announcement(keys: &[&PrivateKey]) -> Vec<u8> {
        let public: Vec<_> = keys.iter().map(|key| key.public_key().clone()).collect();
        proof_request(&public)
    }

    fn plan_for(
        announced: &[u8],
        shown: &PrivateKey,
        known: &[&PrivateKey],
    ) -> Result<Option<Update>, UpdateError> {
        let known: Vec<_> = known.iter().map(|key| key.public_key().clone()).collect();
        plan(announced, shown.public_key(), &known, |_| true)
    }

    /// covers: C11
    #[test]
    fn what_is_new_must_be_proved_and_what_is_gone_is_removed() {
        let [a, b, c] = keys();
        let public =
            |keys: &[&PrivateKey]| -> Vec<_> { keys.iter().map(|key| key.public_key().clone()).collect() };
        let update =
            plan_for(&announcement(&[&a, &b]), &a, &[&a, &c]).expect("fine").expect("something to do");
        assert_eq!(
            update,
            Update { keys: public(&[&a, &b]), unproved: public(&[&b]), removed: public(&[&c]) }
        );
        let update = plan_for(&announcement(&[&a]), &a, &[&a, &c]).expect("fine").expect("something to do");
        assert_eq!(update, Update { keys: public(&[&a]), unproved: Vec::new(), removed: public(&[&c]) });
        assert_eq!(plan_for(&announcement(&[&a, &b]), &a, &[&b, &a]), Ok(None));
        // Not known by this key: nothing the server may change.
        assert_eq!(plan_for(&announcement(&[&a, &b]), &a, &[&c]), Ok(None));
        assert_eq!(plan_for(&announcement(&[&a, &b]), &a, &[]), Ok(None));
        // Keys that nothing would accept are not added.
        let only_a = |key: &PublicKey| key == a.public_key();
        let known = public(&[&a]);
        assert_eq!(plan(&announcement(&[&a, &b]), a.public_key(), &known, only_a), Ok(None));
    }

    /// covers: C11
    #[test]
    fn absurd_announcements_change_nothing() {
        let [a, b, _] = keys();
        assert_eq!(plan_for(b"", &a, &[&a]), Err(UpdateError::ShownIsMissing));
        assert_eq!(plan_for(&announcement(&[&b]), &a, &[&a]), Err(UpdateError::ShownIsMissing));
        assert_eq!(plan_for(&announcement(&[&a, &b, &b]), &a, &[&a]), Err(UpdateError::Twice));
        let many = announcement(&[&a]).repeat(MOST_KEYS + 1);
        assert_eq!(plan_for(&many, &a, &[&a]), Err(UpdateError::Twice));
        let mut unknown = Vec::new();
        (0..=MOST_KEYS).for_each(|_| put_string(&mut unknown, b"not a key"));
        assert_eq!(plan_for(&unknown, &a, &[&a]), Err(UpdateError::TooMany));
        assert!(matches!(plan_for(&[0, 0, 0, 9, 1], &a, &[&a]), Err(UpdateError::Malformed(_))));
        // A key of an unknown type does not matter.
        let mut mixed = announcement(&[&a, &b]);
        put_string(&mut mixed, b"\0\0\0\x0bssh-unknown");
        assert!(plan_for(&mixed, &a, &[&a]).is_ok_and(|update| update.is_some()));
    }

    /// covers: C11
    #[test]
    fn a_proof_is_of_this_session_and_these_keys() {
        let [a, b, _] = keys();
        let unproved = [a.public_key().clone(), b.public_key().clone()];
        let prove = |key: &PrivateKey, session: &[u8], name: &str| {
            let mut data = Vec::new();
            for part in [name.as_bytes(), session, key.public_key().blob()] {
                put_string(&mut data, part);
            }
            key.sign(by_name("ssh-ed25519").expect("a row"), &data).expect("a signature")
        };
        let reply = |signatures: &[Vec<u8>]| {
            let mut reply = Vec::new();
            signatures.iter().for_each(|signature| put_string(&mut reply, signature));
            reply
        };
        let (of_a, of_b) = (prove(&a, b"session", PROOF), prove(&b, b"session", PROOF));
        let verify = |signatures: &[Vec<u8>]| verify_proof(&reply(signatures), &unproved, b"session");
        assert_eq!(verify(&[of_a.clone(), of_b.clone()]), Ok(()));
        assert_eq!(verify(&[of_b.clone(), of_a.clone()]), Err(UpdateError::NotProved));
        assert!(matches!(verify(std::slice::from_ref(&of_a)), Err(UpdateError::Malformed(_))));
        assert!(matches!(
            verify(&[of_a.clone(), of_b.clone(), of_b.clone()]),
            Err(UpdateError::Malformed(_))
        ));
        let elsewhere = prove(&b, b"another session", PROOF);
        assert_eq!(verify(&[of_a.clone(), elsewhere]), Err(UpdateError::NotProved));
        let other_name = prove(&b, b"session", ANNOUNCEMENT);
        assert_eq!(verify(&[of_a, other_name]), Err(UpdateError::NotProved));
    }
}
