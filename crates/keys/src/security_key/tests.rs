use super::*;
use crate::ecdsa::{Curve, EcdsaSecret};
use crate::error::SignatureError;
use crate::public_key::PublicKey;
use crate::signature_algorithm::{
    SK_ECDSA_SHA2_NISTP256, SK_SSH_ED25519, SSH_ED25519, SignatureAlgorithm, WEBAUTHN_SK_ECDSA_SHA2_NISTP256,
};
use ed25519_dalek::{Signer, SigningKey};
use konko_crypto::random::SystemRandom;
use konko_wire::encode::{put_mpint, put_string, put_u32};

const MESSAGE: &[u8] = b"what is signed";
const ORIGIN: &str = "https://www.example.com";

/// An authenticator, as PROTOCOL.u2f describes what it does.
enum Authenticator {
    Ed25519(Box<SigningKey>),
    Ecdsa(Box<EcdsaSecret>),
}

impl Authenticator {
    fn ed25519() -> Self {
        Self::Ed25519(Box::new(SigningKey::from_bytes(&[7; 32])))
    }

    fn ecdsa() -> Self {
        Self::Ecdsa(Box::new(EcdsaSecret::generate(Curve::P256, &mut SystemRandom)))
    }

    fn public(&self, application: &str) -> PublicKey {
        let mut blob = Vec::new();
        match self {
            Self::Ed25519(key) => {
                put_string(&mut blob, b"sk-ssh-ed25519@openssh.com");
                put_string(&mut blob, key.verifying_key().as_bytes());
            }
            Self::Ecdsa(key) => {
                put_string(&mut blob, b"sk-ecdsa-sha2-nistp256@openssh.com");
                put_string(&mut blob, b"nistp256");
                put_string(&mut blob, &key.point());
            }
        }
        put_string(&mut blob, application.as_bytes());
        PublicKey::decode(&blob).expect("a key")
    }

    fn value(&self, signed: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(signed).to_vec(),
            Self::Ecdsa(key) => {
                let both = key.sign_portable(signed).expect("a signature");
                let mut value = Vec::new();
                put_mpint(&mut value, &both[..32]);
                put_mpint(&mut value, &both[32..]);
                value
            }
        }
    }

    fn sign(&self, algorithm: &SignatureAlgorithm, message: &[u8], flags: u8) -> Vec<u8> {
        let counter = 0x0102_0304u32;
        let signed =
            [&Sha256::digest("ssh:")[..], &[flags], &counter.to_be_bytes(), &Sha256::digest(message)]
                .concat();
        let mut blob = Vec::new();
        put_string(&mut blob, algorithm.name.as_bytes());
        put_string(&mut blob, &self.value(&signed));
        blob.push(flags);
        put_u32(&mut blob, counter);
        blob
    }

    fn sign_in_browser(&self, client_data: &str, flags: u8, extensions: &[u8]) -> Vec<u8> {
        let signed =
            [&Sha256::digest("ssh:")[..], &[flags, 0, 0, 0, 9], extensions, &Sha256::digest(client_data)]
                .concat();
        let mut blob = Vec::new();
        put_string(&mut blob, b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com");
        put_string(&mut blob, &self.value(&signed));
        blob.push(flags);
        put_u32(&mut blob, 9);
        put_string(&mut blob, ORIGIN.as_bytes());
        put_string(&mut blob, client_data.as_bytes());
        put_string(&mut blob, extensions);
        blob
    }
}

fn both() -> [(Authenticator, &'static SignatureAlgorithm); 2] {
    [(Authenticator::ed25519(), &SK_SSH_ED25519), (Authenticator::ecdsa(), &SK_ECDSA_SHA2_NISTP256)]
}

/// covers: P13
#[test]
fn the_flags_are_judged_by_the_policy() {
    for (authenticator, algorithm) in both() {
        let key = authenticator.public("ssh:");
        assert_eq!((key.key_type(), key.application()), (algorithm.key_type, Some("ssh:")));
        for flags in [0x00, 0x01, 0x04, 0x05, 0x80] {
            let signature = authenticator.sign(algorithm, MESSAGE, flags);
            for (user_presence, user_verification) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let policy = SecurityKeyPolicy { user_presence, user_verification };
                let verified = key.verify_with(policy, algorithm, MESSAGE, &signature);
                let expected = if user_presence && flags & 1 == 0 {
                    Err(SignatureError::NoUserPresence)
                } else if user_verification && flags & 4 == 0 {
                    Err(SignatureError::NoUserVerification)
                } else {
                    Ok(Some(SecurityKeyAssertion { flags, counter: 0x0102_0304 }))
                };
                assert_eq!(verified, expected, "{flags:#x} {policy:?}");
            }
            assert_eq!(key.verify(algorithm, MESSAGE, &signature).is_ok(), flags & 1 == 1, "{flags:#x}");
        }
    }
}

/// covers: P13, P20
#[test]
fn flags_counter_application_and_message_are_signed() {
    for (authenticator, algorithm) in both() {
        let key = authenticator.public("ssh:");
        let signature = authenticator.sign(algorithm, MESSAGE, USER_PRESENT);
        assert_eq!(key.verify(algorithm, MESSAGE, &signature), Ok(()));
        assert_eq!(key.verify(algorithm, b"other", &signature), Err(SignatureError::Mismatch));
        let other = authenticator.public("ssh:other");
        assert_eq!(other.verify(algorithm, MESSAGE, &signature), Err(SignatureError::Mismatch));
        for from_the_end in 1..=5 {
            let mut changed = signature.clone();
            let at = changed.len() - from_the_end;
            changed[at] ^= 4;
            assert_eq!(key.verify(algorithm, MESSAGE, &changed), Err(SignatureError::Mismatch));
        }
        for len in 0..signature.len() {
            assert!(key.verify(algorithm, MESSAGE, &signature[..len]).is_err(), "{len}");
        }
        let longer = [&signature[..], &[0]].concat();
        assert!(matches!(key.verify(algorithm, MESSAGE, &longer), Err(SignatureError::Malformed(_))));
        assert!(matches!(
            key.verify(&SSH_ED25519, MESSAGE, &signature),
            Err(SignatureError::WrongKeyType { .. })
        ));
    }
}

#[test]
fn what_a_browser_signs() {
    let authenticator = Authenticator::ecdsa();
    let (key, row) = (authenticator.public("ssh:"), &WEBAUTHN_SK_ECDSA_SHA2_NISTP256);
    let challenge = Base64UrlUnpadded::encode_string(MESSAGE);
    let start = format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{ORIGIN}""#);
    for end in ["}", r#","crossOrigin":false}"#] {
        let signature = authenticator.sign_in_browser(&format!("{start}{end}"), USER_PRESENT, b"");
        assert_eq!(key.verify(row, MESSAGE, &signature), Ok(()));
        assert_eq!(key.verify(row, b"other", &signature), Err(SignatureError::ClientData));
        let expected = row.name;
        assert!(key.verify(&SK_ECDSA_SHA2_NISTP256, MESSAGE, &signature).is_err(), "not as {expected}");
    }
    let whole = format!("{start}}}");
    let extended = authenticator.sign_in_browser(&whole, USER_PRESENT | 0x80, &[0xa0]);
    assert_eq!(key.verify(row, MESSAGE, &extended), Ok(()));
    for (flags, extensions) in [(1, &[0xa0][..]), (0x81, &[]), (0x41, &[])] {
        let signature = authenticator.sign_in_browser(&whole, flags, extensions);
        assert_eq!(key.verify(row, MESSAGE, &signature), Err(SignatureError::ClientData), "{flags:#x}");
    }
    for client_data in [
        whole.replace("webauthn.get", "webauthn.create"),
        whole.replace(ORIGIN, "https://evil.example"),
        whole.replace(&challenge, ""),
        format!(" {whole}"),
        String::new(),
    ] {
        let signature = authenticator.sign_in_browser(&client_data, USER_PRESENT, b"");
        assert_eq!(key.verify(row, MESSAGE, &signature), Err(SignatureError::ClientData), "{client_data}");
    }
    let untouched = authenticator.sign_in_browser(&whole, 0, b"");
    assert_eq!(key.verify(row, MESSAGE, &untouched), Err(SignatureError::NoUserPresence));
}
