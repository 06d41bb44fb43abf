use super::*;
use crate::certificate_builder::CertificateBuilder;
use crate::certificate_check::CertificateCheck;
use crate::certificate_kind::CertificateKind;
use crate::error::SignatureError;
use crate::fixtures::PASSPHRASE;
use crate::identity::Identity;
use crate::private_key::{KeyKind, PrivateKey};
use crate::public_key::PublicKey;
use crate::signature_algorithm::{
    SIGNATURE_ALGORITHMS, SSH_MLDSA44_ED25519, SSH_MLDSA44_ED25519_CERT_V01, by_name, certificate_by_name,
    for_key_type,
};
use base64ct::{Base64, Encoding};
use konko_wire::decode::Reader;

const MESSAGE: &[u8] = b"what is signed";

fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::MlDsa44Ed25519, &mut SystemRandom).expect("a key").with_comment("a comment")
}

#[test]
fn both_halves_must_have_signed() {
    let key = key();
    let public = key.public_key();
    assert_eq!(public.blob().len(), 4 + 31 + 4 + 1344);
    assert_eq!((public.key_type(), public.bits()), (SSH_MLDSA44_ED25519.name, 256));
    let signature = key.sign(&SSH_MLDSA44_ED25519, MESSAGE).expect("a signature");
    assert_eq!(signature.len(), 4 + 31 + 4 + 2420 + 64);
    assert_eq!(public.verify(&SSH_MLDSA44_ED25519, MESSAGE, &signature), Ok(()));
    assert_ne!(key.sign(&SSH_MLDSA44_ED25519, MESSAGE).expect("a signature"), signature, "it is hedged");
    let mismatch = Err(SignatureError::Mismatch);
    assert_eq!(public.verify(&SSH_MLDSA44_ED25519, b"other", &signature), mismatch);
    // Places in both halves of the signature; what follows the lengths is each time one of them.
    for at in [39, 39 + 1000, 39 + 2419, 39 + 2420, 39 + 2483] {
        let mut damaged = signature.clone();
        damaged[at] ^= 1;
        assert_eq!(public.verify(&SSH_MLDSA44_ED25519, MESSAGE, &damaged), mismatch, "{at}");
    }
    // One half of another key.
    let other = self::key().sign(&SSH_MLDSA44_ED25519, MESSAGE).expect("a signature");
    for (first, second) in [(&signature, &other), (&other, &signature)] {
        let mixed = [&first[..39 + 2420], &second[39 + 2420..]].concat();
        assert_eq!(public.verify(&SSH_MLDSA44_ED25519, MESSAGE, &mixed), mismatch);
    }
    for len in 0..signature.len() {
        assert!(public.verify(&SSH_MLDSA44_ED25519, MESSAGE, &signature[..len]).is_err());
    }
}

/// Neither half signs the message itself, so no signature of one kind is one of the other.
#[test]
fn the_halves_are_bound_to_the_composition() {
    let secret = CompositeSecret::new(&[7; SECRET_LEN]).expect("a key");
    let signature = secret.sign(MESSAGE).expect("a signature");
    let ed25519 = ed25519::public_key(secret.ed25519.public()).expect("a key");
    assert!(!ed25519::verify(&ed25519, MESSAGE, &signature[2420..]));
    assert!(ed25519::verify(&ed25519, &representative(MESSAGE), &signature[2420..]));
    assert_eq!(representative(MESSAGE).len(), 32 + 30 + 1 + 64);
    assert_eq!(*secret.seeds(), [7; SECRET_LEN]);
    assert!(CompositeSecret::new(&[7; SECRET_LEN - 1]).is_none());
    assert!(CompositeSecret::new(&[7; SECRET_LEN + 1]).is_none());
}

#[test]
fn files_lines_and_fields() {
    let key = key();
    for passphrase in [None, Some((PASSPHRASE, 1))] {
        let text = key.to_openssh(passphrase, &mut SystemRandom).expect("a file");
        let read = PrivateKey::from_openssh(text.as_bytes(), Some(PASSPHRASE)).expect("a key");
        assert_eq!((read.public_key(), read.comment()), (key.public_key(), "a comment"));
        let signature = read.sign(&SSH_MLDSA44_ED25519, MESSAGE).expect("a signature");
        assert_eq!(key.public_key().verify(&SSH_MLDSA44_ED25519, MESSAGE, &signature), Ok(()));
    }
    let line = key.public_key().to_openssh("x");
    assert_eq!(PublicKey::from_openssh(&line), Ok((key.public_key().clone(), "x".into())));
    assert!(key.to_pem().is_err() && key.to_pkcs8(None, &mut SystemRandom).is_err());

    let authority = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    let builder =
        CertificateBuilder::new(CertificateKind::User, key.public_key(), "id").principals(["alice"]);
    let row = for_key_type("ssh-ed25519").next().expect("a row");
    let certificate = builder.sign(&authority, row, &mut SystemRandom).expect("a certificate");
    let check = CertificateCheck::new(authority.public_key(), CertificateKind::User, 1, Some("alice"));
    assert_eq!(certificate.check(&check), Ok(()));
    let signature = key.sign(&SSH_MLDSA44_ED25519, MESSAGE).expect("a signature");
    assert_eq!(certificate.verify(&SSH_MLDSA44_ED25519_CERT_V01, MESSAGE, &signature), Ok(()));
    assert_eq!(Identity::decode(certificate.blob()), Ok(Identity::Certificate(certificate.clone())));
    for certificate in [None, Some(&certificate)] {
        let fields = key.write_fields(certificate).expect("fields");
        let (read, with) = PrivateKey::read_fields(&mut Reader::new(&fields)).expect("a key");
        assert_eq!((read.public_key(), with.as_ref()), (key.public_key(), certificate));
    }
}

#[test]
fn it_is_found_by_name_and_stands_in_no_default() {
    assert_eq!(by_name("ssh-mldsa44-ed25519@openssh.com"), Some(&SSH_MLDSA44_ED25519));
    let certificate = certificate_by_name("ssh-mldsa44-ed25519-cert-v01@openssh.com");
    assert_eq!(certificate, Some(&SSH_MLDSA44_ED25519_CERT_V01));
    assert!(!SIGNATURE_ALGORITHMS.contains(&&SSH_MLDSA44_ED25519));
}

/// The first example of draft-ietf-lamps-pq-composite-sigs for id-MLDSA44-Ed25519-SHA512, as far as it is the same
/// each time: how both public halves begin and end, and how the half of Ed25519 ends.
#[test]
fn the_example_of_the_draft() {
    let sk = "AdjfWRUtikTjmiXmd17xigBEsg5YwsQ0asN8J9FSF2xb6mwkVGF7+0hHnrixO3EamBFrc/fsrDD68d2bT6F9aA==";
    let secret = CompositeSecret::new(&Base64::decode_vec(sk).expect("base64")).expect("a key");
    let public = Base64::encode_string(&secret.public());
    assert!(public.starts_with("FlplaQIgVuYEA04nN9VXyMWK4XDhRhnaGaWO6FqoCtiDr5rL89omEFSIf811X"), "{public}");
    assert!(public.ends_with("mQKojolj5EQlQIYptCzHjq0kVVout5a"), "{public}");
    let signature = secret.sign(b"The quick brown fox jumps over the lazy dog.").expect("a signature");
    let signature = Base64::encode_string(&signature);
    let end = "VOH9qAghOpGxmCwS6dSUaGbwxWhCXBSwStykpNKHmRTmcmD0as/7cBaKsCuyU6hziLYmqqRsg8TYKZQN";
    assert!(signature.ends_with(end), "{signature}");
}
