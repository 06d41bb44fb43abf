use super::*;
use crate::certificate_builder::CertificateBuilder;
use crate::fixtures::{KEYS, file, private, public, text};
use crate::identity::Identity;
use crate::signature_algorithm::{
    RSA_SHA2_256, SSH_ED25519, SSH_ED25519_CERT_V01, SSH_RSA, certificate_type_of, for_key_type,
};
use konko_crypto::random::SystemRandom;
use konko_wire::encode::put_string;

fn certificate(name: &str) -> Certificate {
    Certificate::from_openssh(&text(&format!("{name}.pub"))).expect(name).0
}

/// Every key of `vectors/keys` and the number of its certificate.
fn names() -> impl Iterator<Item = (&'static str, u64)> {
    KEYS.into_iter().map(|(name, ..)| name).chain(["dss"]).zip(1..)
}

// covers: I13
#[test]
fn what_ssh_keygen_has_issued() {
    for (name, serial) in names() {
        let line = text(&format!("{name}-cert.pub"));
        let (certificate, comment) = Certificate::from_openssh(&line).expect(name);
        assert_eq!(certificate.to_openssh(&comment), line.trim_end());
        assert_eq!(certificate.public_key(), &public(name));
        assert_eq!(certificate.fingerprint(), public(name).fingerprint());
        assert_eq!(Some(certificate.certificate_type()), certificate_type_of(public(name).key_type()));
        assert_eq!(certificate.serial(), serial);
        assert_eq!(certificate.kind(), CertificateKind::User);
        assert_eq!(certificate.key_id(), format!("konko {name}"));
        assert_eq!(certificate.principals(), ["alice", "bob"]);
        assert_eq!(certificate.validity(), Validity { after: 1_577_836_800, before: 2_208_988_800 });
        assert_eq!(certificate.force_command(), Some("echo \"forced\""));
        assert_eq!(certificate.source_address(), Some("192.0.2.0/24,2001:db8::/32"));
        assert!(certificate.permits(Extension::PermitUserRc));
        assert!(!certificate.permits(Extension::PermitPty));
        let own = Extension::Unknown { name: "konko@example.com", data: b"\0\0\0\x05value" };
        assert!(certificate.permits(own));
        assert_eq!(certificate.signature_key(), &public("authority"));
        assert_eq!(certificate.signature_algorithm().name, "ssh-ed25519");
        assert_eq!(certificate.security_key_policy(), SecurityKeyPolicy::default());

        let host = self::certificate(&format!("{name}-host-cert"));
        assert_eq!((host.kind(), host.validity()), (CertificateKind::Host, Validity::FOREVER));
        assert_eq!(host.principals(), ["*.example", "192.0.2.7"]);
        assert_eq!(host.signature_algorithm(), &RSA_SHA2_256);
        assert!(host.critical_options().is_empty() && host.extensions().is_empty());
    }
    let sha1 = certificate("ed25519-sha1-cert");
    assert_eq!(sha1.signature_algorithm(), &SSH_RSA);
    let policy = SecurityKeyPolicy { user_presence: false, user_verification: true };
    assert_eq!(sha1.security_key_policy(), policy);
    assert_eq!(sha1.critical_options()[0].name, "konko@example.com");
}

/// covers: P20
#[test]
fn keys_and_certificates_are_not_taken_for_each_other() {
    for (name, _) in names() {
        let certificate = certificate(&format!("{name}-cert"));
        let unsupported = |name: &str| KeyError::Unsupported { name: name.to_owned() };
        let refused = PublicKey::decode(certificate.blob()).err();
        assert_eq!(refused, Some(unsupported(certificate.certificate_type())));
        let key = public(name);
        let refused = Certificate::decode(key.blob()).err();
        assert_eq!(refused, Some(CertificateError::Key(unsupported(key.key_type()))));
        assert_eq!(Identity::decode(key.blob()), Ok(Identity::Key(key.clone())));
        assert_eq!(Identity::decode(certificate.blob()), Ok(Identity::Certificate(certificate.clone())));
        let line = certificate.to_openssh("x");
        let (identity, comment) = Identity::from_openssh(&line).expect("an identity");
        assert_eq!((identity.certificate(), comment.as_str()), (Some(&certificate), "x"));
        assert_eq!(identity.public_key(), &key);
    }
}

/// The name of the row stands in the request, the one of its key inside the signature.
///
/// covers: P10, P20
#[test]
fn the_certified_key_signs_under_its_own_name() {
    for (name, ..) in KEYS {
        let (certificate, key) = (certificate(&format!("{name}-cert")), private(name));
        for row in Identity::from(certificate.clone()).algorithms() {
            let signature = key.sign(row.of_signature(), b"message").expect("a signature");
            assert_eq!(certificate.verify(row, b"message", &signature), Ok(()), "{}", row.name);
            assert_eq!(certificate.verify(row, b"other", &signature), Err(SignatureError::Mismatch));
            let plain = certificate.verify(row.of_signature(), b"message", &signature);
            assert!(matches!(plain, Err(SignatureError::WrongKeyType { .. })), "{}", row.name);
            let mut renamed = Vec::new();
            put_string(&mut renamed, row.name.as_bytes());
            renamed.extend_from_slice(&signature[4 + row.of_signature().name.len()..]);
            let refused = certificate.verify(row, b"message", &renamed);
            assert_eq!(refused, Err(SignatureError::WrongAlgorithm { expected: row.of_signature().name }));
            for other in
                for_key_type(key.public_key().key_type()).filter(|other| *other != row.of_signature())
            {
                let signature = key.sign(other, b"message").expect("a signature");
                let refused = certificate.verify(row, b"message", &signature);
                assert_eq!(
                    refused,
                    Err(SignatureError::WrongAlgorithm { expected: row.of_signature().name })
                );
            }
        }
    }
}

/// Every byte is signed or is part of the signature.
///
/// covers: P11, P15
#[test]
fn a_certificate_that_is_damaged_or_cut_anywhere_is_refused() {
    for name in ["ed25519-cert", "ecdsa256-cert", "rsa2048-host-cert"] {
        let whole = certificate(name).blob().to_vec();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x01;
            assert!(Certificate::decode(&damaged).is_err(), "{name}: {at}");
            assert!(Certificate::decode(&whole[..at]).is_err(), "{name}: {at}");
        }
        assert!(Certificate::decode(&[&whole[..], &[0]].concat()).is_err());
    }
}

/// covers: P11
#[test]
fn an_authority_that_is_a_certificate_is_refused_by_its_type() {
    let authority = private("ed25519");
    let builder = CertificateBuilder::new(CertificateKind::User, &public("ecdsa256"), "nested");
    let unsigned = builder.prepare(&public("ed25519"), &mut SystemRandom).expect("a certificate");
    let tail = 4 + public("ed25519").blob().len();
    let mut blob = unsigned.message()[..unsigned.message().len() - tail].to_vec();
    // A million levels would stand in it if it were read.
    let mut nested = Vec::new();
    put_string(&mut nested, b"ssh-ed25519-cert-v01@openssh.com");
    nested.extend_from_slice(&vec![0; 1000]);
    put_string(&mut blob, &nested);
    let signature = authority.sign(&SSH_ED25519, &blob).expect("a signature");
    put_string(&mut blob, &signature);
    let name = "ssh-ed25519-cert-v01@openssh.com".to_owned();
    let expected = CertificateError::Authority(KeyError::Unsupported { name });
    assert_eq!(Certificate::decode(&blob).err(), Some(expected));
}

#[test]
fn what_is_too_long_or_stands_twice_is_refused() {
    let authority = private("ed25519");
    let issue = |builder: CertificateBuilder| {
        let unsigned = builder.prepare(authority.public_key(), &mut SystemRandom)?;
        let signature = authority.sign(&SSH_ED25519, unsigned.message()).expect("a signature");
        unsigned.finish(&signature)
    };
    let new = || CertificateBuilder::new(CertificateKind::User, &public("ecdsa256"), "id");
    let many = |count: usize| new().principals((0..count).map(|number| format!("user{number}")));
    assert!(issue(many(256)).is_ok());
    assert!(issue(many(257)).is_err());
    assert!(issue(new().principals(["x".repeat(LONGEST_BLOB)])).is_err());
    assert!(issue(new().principals(["a\0b"])).is_err());

    // The same option twice cannot be built, so it is written by hand.
    let unsigned = new().extension(Extension::PermitPty).extension(Extension::PermitUserRc);
    let unsigned = unsigned.prepare(authority.public_key(), &mut SystemRandom).expect("a certificate");
    let name = b"permit-user-rc";
    let message = unsigned.message();
    let at = message.windows(name.len()).position(|window| window == name).expect("the extension");
    let mut twice = message.to_vec();
    // "permit-pty" and four bytes of the next name's length have the length of the other name.
    let first = at - 8 - b"permit-pty".len() - 4;
    let list = [&message[at - 4..at + name.len() + 4], &message[at - 4..at + name.len() + 4]].concat();
    let old_len = u32::from_be_bytes(message[first - 4..first].try_into().unwrap()) as usize;
    twice.splice(first - 4..first + old_len, [&(list.len() as u32).to_be_bytes()[..], &list].concat());
    let signature = authority.sign(&SSH_ED25519, &twice).expect("a signature");
    put_string(&mut twice, &signature);
    let refused = Certificate::decode(&twice).err();
    assert_eq!(refused, Some(CertificateError::InvalidOption { name: "permit-user-rc".into() }));
}

#[test]
fn lines_that_are_not_certificates() {
    let line = text("ed25519-cert.pub");
    let base64 = line.split(' ').nth(1).unwrap();
    let key = CertificateError::Key;
    for (line, expected) in [
        (format!("ssh-ed25519 {base64}"), key(KeyError::TypeMismatch)),
        (format!("ssh-rsa-cert-v01@openssh.com {base64}"), key(KeyError::TypeMismatch)),
        ("ssh-ed25519-cert-v01@openssh.com".into(), key(KeyError::NotAKey)),
        ("ssh-ed25519-cert-v01@openssh.com !".into(), key(KeyError::NotAKey)),
        (String::new(), key(KeyError::NotAKey)),
    ] {
        assert_eq!(Certificate::from_openssh(&line).err(), Some(expected), "{line}");
    }
    assert!(certificate("ed25519-cert").verify(&SSH_ED25519_CERT_V01, b"", &file("message")).is_err());
}

/// PROTOCOL.certkeys: "The reserved field is currently unused and is ignored in this version of the protocol."
///
/// covers: I12
#[test]
fn the_reserved_field_may_hold_anything() {
    let authority = private("ed25519");
    let builder =
        CertificateBuilder::new(CertificateKind::User, &public("ecdsa256"), "id").principals(["user"]);
    let unsigned = builder.prepare(authority.public_key(), &mut SystemRandom).expect("a certificate");
    let tail = 4 + authority.public_key().blob().len();
    let (head, key) = unsigned.message().split_at(unsigned.message().len() - tail);
    let (head, empty) = head.split_at(head.len() - 4);
    assert_eq!(empty, [0; 4], "an empty string before the authority");
    for reserved in [&b"text"[..], &[0xff, 0xfe, 0, 0x80], &[0; 1000]] {
        let mut blob = head.to_vec();
        put_string(&mut blob, reserved);
        blob.extend_from_slice(key);
        let signature = authority.sign(&SSH_ED25519, &blob).expect("a signature");
        put_string(&mut blob, &signature);
        let certificate = Certificate::decode(&blob).expect("a certificate");
        assert_eq!(certificate.principals(), ["user"]);
        assert_eq!(certificate.blob(), blob);
    }
}
