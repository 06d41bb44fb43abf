//! Signatures of FIDO authenticators, as a server judges them.

use konko_keys::public_key::PublicKey;
use konko_keys::security_key::SecurityKeyPolicy;
use konko_keys::signature_algorithm::SSH_ED25519;
use konko_wire::decode::Reader;
use konko_wire::encode::put_string;
use sha2::{Digest, Sha256};

use crate::attempt::AttemptKind;
use crate::server::ServerAuthConfig;
use crate::signed_request::SignedRequest;
use crate::tests::connection::{SESSION_ID, Sink, attempt, failure, key, key_fields, request, server_with};

const ALGORITHM: &str = "sk-ssh-ed25519@openssh.com";
const APPLICATION: &[u8] = b"ssh:";

/// The blob of an authenticator's key that signs with key 1.
fn blob() -> Vec<u8> {
    let plain = key(1);
    let mut reader = Reader::new(plain.public_key().blob());
    reader.read_string().expect("a type");
    let point = reader.read_string().expect("a point");
    let mut blob = Vec::new();
    for part in [ALGORITHM.as_bytes(), point, APPLICATION] {
        put_string(&mut blob, part);
    }
    blob
}

/// What an authenticator answers (OpenSSH PROTOCOL.u2f): it signs a hash, its flags and its counter.
fn signature(flags: u8, counter: u32) -> Vec<u8> {
    let data = SignedRequest {
        session_id: SESSION_ID,
        user_name: "alice",
        service_name: "ssh-connection",
        algorithm: ALGORITHM,
        public_key: &blob(),
        host_key: None,
    }
    .to_bytes();
    let mut signed = Sha256::digest(APPLICATION).to_vec();
    signed.push(flags);
    signed.extend(counter.to_be_bytes());
    signed.extend(Sha256::digest(&data));
    let plain = key(1).sign(&SSH_ED25519, &signed).expect("a signature");
    let mut reader = Reader::new(&plain);
    reader.read_string().expect("a name");
    let mut signature = Vec::new();
    put_string(&mut signature, ALGORITHM.as_bytes());
    put_string(&mut signature, reader.read_string().expect("a value"));
    signature.push(flags);
    signature.extend(counter.to_be_bytes());
    signature
}

#[test]
fn what_the_authenticator_says_reaches_the_application() {
    assert_eq!(PublicKey::decode(&blob()).expect("a key").key_type(), ALGORITHM);
    let (touch, verified) =
        (SecurityKeyPolicy::default(), SecurityKeyPolicy { user_presence: true, user_verification: true });
    for (policy, flags, accepted) in [
        (touch, 0x01, true),
        (touch, 0x05, true),
        (touch, 0x00, false),
        (touch, 0x04, false),
        (verified, 0x05, true),
        (verified, 0x01, false),
        (SecurityKeyPolicy::ANY, 0x00, true),
        (SecurityKeyPolicy::ANY, 0x01, true),
    ] {
        let config = ServerAuthConfig { security_keys: policy, ..ServerAuthConfig::default() };
        let (mut server, mut out) = (server_with(config), Sink::default());
        let fields = key_fields(ALGORITHM, &blob(), Some(&signature(flags, 77)));
        let result = server.handle(&request(b"alice", b"publickey", &fields), &mut out);
        if accepted {
            let AttemptKind::PublicKey { assertion: Some(assertion), .. } = attempt(result).kind else {
                panic!("no assertion of {flags:#x}")
            };
            assert_eq!((assertion.flags, assertion.counter), (flags, 77));
            assert_eq!(assertion.user_present(), flags & 1 != 0);
        } else {
            assert!(matches!(result, Ok(None)), "{policy:?} {flags:#x}: {result:?}");
            assert_eq!((failure(&mut out).1, server.failures()), (false, 1));
        }
    }
}

/// The flags and the counter are a part of what is signed.
#[test]
fn flags_cannot_be_changed_under_way() {
    let mut touched = signature(0x00, 7);
    let flags_at = touched.len() - 5;
    touched[flags_at] = 0x01;
    let mut counted = signature(0x01, 7);
    let last = counted.len() - 1;
    counted[last] = 8;
    for signature in [touched, counted] {
        let (mut server, mut out) = (server_with(ServerAuthConfig::default()), Sink::default());
        let fields = key_fields(ALGORITHM, &blob(), Some(&signature));
        let result = server.handle(&request(b"alice", b"publickey", &fields), &mut out);
        assert!(matches!(result, Ok(None)), "{result:?}");
    }
}
