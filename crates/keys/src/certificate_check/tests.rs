use super::*;
use crate::certificate::Validity;
use crate::certificate_builder::CertificateBuilder;
use crate::certificate_option::{CertificateOption, Extension};
use crate::fixtures::{private, public};
use crate::private_key::{KeyKind, PrivateKey};
use crate::signature_algorithm::{RSA_SHA2_512, SSH_ED25519, SSH_RSA};
use konko_crypto::random::SystemRandom;

fn user() -> CertificateBuilder {
    CertificateBuilder::new(CertificateKind::User, &public("ecdsa256"), "id").principals(["alice", "bob"])
}

fn host() -> CertificateBuilder {
    let principals = ["one.example", "*.two.example", "192.0.2.?"];
    CertificateBuilder::new(CertificateKind::Host, &public("ecdsa256"), "id").principals(principals)
}

fn issue(builder: &CertificateBuilder) -> Certificate {
    builder.sign(&private("ed25519"), &SSH_ED25519, &mut SystemRandom).expect("a certificate")
}

fn check(
    builder: &CertificateBuilder,
    kind: CertificateKind,
    now: u64,
    principal: Option<&str>,
) -> Result<(), CertificateError> {
    let authority = public("ed25519");
    issue(builder).check(&CertificateCheck::new(&authority, kind, now, principal))
}

#[test]
fn users_are_named_letter_for_letter() {
    let check = |builder: &CertificateBuilder, principal| check(builder, CertificateKind::User, 1, principal);
    assert_eq!(check(&user(), Some("alice")), Ok(()));
    assert_eq!(check(&user(), Some("bob")), Ok(()));
    assert_eq!(check(&user(), None), Ok(()));
    for other in ["Alice", "alic", "alicea", "", "alice,bob", "*"] {
        let expected = CertificateError::OtherPrincipals { principal: other.into() };
        assert_eq!(check(&user(), Some(other)), Err(expected));
    }
    let wildcard =
        CertificateBuilder::new(CertificateKind::User, &public("ecdsa256"), "id").principals(["*"]);
    assert!(check(&wildcard, Some("alice")).is_err());
    let nobody = CertificateBuilder::new(CertificateKind::User, &public("ecdsa256"), "id");
    for principal in [Some("alice"), None] {
        assert_eq!(check(&nobody, principal), Err(CertificateError::NoPrincipals));
    }
}

#[test]
fn hosts_are_named_by_patterns() {
    let check = |principal| check(&host(), CertificateKind::Host, 1, Some(principal));
    for good in ["one.example", "a.two.example", "a.b.two.example", "192.0.2.7"] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for other in ["two.example", "one.example.org", "192.0.2.77", "x.one.example"] {
        let expected = CertificateError::OtherPrincipals { principal: other.into() };
        assert_eq!(check(other), Err(expected));
    }
}

/// PROTOCOL.certkeys: a certificate is valid from "valid after" and until before "valid before".
#[test]
fn the_time_is_the_first_second_to_the_one_before_the_last() {
    let builder = user().validity(Validity { after: 100, before: 200 });
    let check = |now| check(&builder, CertificateKind::User, now, Some("alice"));
    assert_eq!(check(99), Err(CertificateError::NotYetValid { after: 100 }));
    assert_eq!(check(100), Ok(()));
    assert_eq!(check(199), Ok(()));
    assert_eq!(check(200), Err(CertificateError::Expired { before: 200 }));
    let forever = |now| self::check(&user(), CertificateKind::User, now, Some("alice"));
    assert_eq!(forever(0), Ok(()));
    assert_eq!(forever(u64::MAX - 1), Ok(()));
}

#[test]
fn a_certificate_of_the_other_kind_is_refused() {
    let as_host = check(&user(), CertificateKind::Host, 1, Some("alice"));
    assert_eq!(as_host, Err(CertificateError::WrongKind { kind: CertificateKind::User }));
    let as_user = check(&host(), CertificateKind::User, 1, Some("one.example"));
    assert_eq!(as_user, Err(CertificateError::WrongKind { kind: CertificateKind::Host }));
}

#[test]
fn only_the_authority_that_is_believed_counts() {
    let other = public("ecdsa384");
    let refused = issue(&user()).check(&CertificateCheck::new(&other, CertificateKind::User, 1, None));
    assert_eq!(refused, Err(CertificateError::OtherAuthority));
}

#[test]
fn the_algorithm_and_the_size_of_the_authority() {
    let authority = private("rsa2048");
    let check = |certificate: &Certificate, change: &dyn Fn(&mut CertificateCheck<'_>)| {
        let mut check =
            CertificateCheck::new(authority.public_key(), CertificateKind::User, 1, Some("alice"));
        change(&mut check);
        certificate.check(&check)
    };
    let good = user().sign(&authority, &RSA_SHA2_512, &mut SystemRandom).expect("a certificate");
    assert_eq!(check(&good, &|_| ()), Ok(()));
    let refused = check(&good, &|check| check.minimum_rsa_bits = 2049);
    assert_eq!(refused, Err(CertificateError::RsaTooSmall { bits: 2048 }));
    let refused =
        check(&good, &|check| check.signature_algorithms.retain(|row| row.name != RSA_SHA2_512.name));
    assert_eq!(refused, Err(CertificateError::SignatureAlgorithmNotAllowed { name: "rsa-sha2-512" }));

    let sha1 = user().sign(&authority, &SSH_RSA, &mut SystemRandom).expect("a certificate");
    let refused = check(&sha1, &|_| ());
    assert_eq!(refused, Err(CertificateError::SignatureAlgorithmNotAllowed { name: "ssh-rsa" }));
    assert_eq!(check(&sha1, &|check| check.signature_algorithms.push(&SSH_RSA)), Ok(()));
}

#[test]
fn critical_options_that_cannot_be_obeyed_are_refused() {
    let check = |builder: &CertificateBuilder, kind| check(builder, kind, 1, None);
    let known = [
        CriticalOption::ForceCommand("ls"),
        CriticalOption::SourceAddress("192.0.2.0/24"),
        CriticalOption::VerifyRequired,
    ];
    for option in known {
        assert_eq!(check(&user().critical_option(option), CertificateKind::User), Ok(()));
        let name = CertificateOption::from(option).name;
        let refused = check(&host().critical_option(option), CertificateKind::Host);
        assert_eq!(refused, Err(CertificateError::UnknownCriticalOption { name }));
    }
    let own = CriticalOption::Unknown { name: "konko@example.com", data: b"" };
    for kind in [CertificateKind::User, CertificateKind::Host] {
        let builder = if kind == CertificateKind::User { user() } else { host() };
        let refused = check(&builder.critical_option(own), kind);
        let name = "konko@example.com".to_owned();
        assert_eq!(refused, Err(CertificateError::UnknownCriticalOption { name }));
    }
    for (name, data) in [
        ("force-command", &b""[..]),
        ("force-command", b"ls"),
        ("source-address", b"\0\0\0\x02x"),
        ("source-address", b"\0\0\0\x01xy"),
        ("verify-required", b"\0\0\0\0"),
    ] {
        let builder = user().critical_option(CriticalOption::Unknown { name, data });
        let refused = check(&builder, CertificateKind::User);
        assert_eq!(refused, Err(CertificateError::InvalidOption { name: name.into() }), "{data:?}");
    }
    let extension = Extension::Unknown { name: "konko@example.com", data: b"" };
    assert_eq!(check(&user().extension(extension), CertificateKind::User), Ok(()));
    assert_eq!(check(&host().extension(extension), CertificateKind::Host), Ok(()));
}

#[test]
fn the_order_of_what_is_looked_at() {
    let authority = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    let bad = CertificateBuilder::new(CertificateKind::Host, &public("ecdsa256"), "id");
    let bad = bad.validity(Validity { after: 5, before: 6 });
    let certificate = bad.sign(&authority, &SSH_ED25519, &mut SystemRandom).expect("a certificate");
    let stranger = public("ecdsa384");
    let mut check = CertificateCheck::new(&stranger, CertificateKind::User, 1, Some("alice"));
    assert_eq!(certificate.check(&check), Err(CertificateError::OtherAuthority));
    check.authority = authority.public_key();
    assert_eq!(certificate.check(&check), Err(CertificateError::WrongKind { kind: CertificateKind::Host }));
    check.kind = CertificateKind::Host;
    assert_eq!(certificate.check(&check), Err(CertificateError::NotYetValid { after: 5 }));
    check.now = 5;
    assert_eq!(certificate.check(&check), Err(CertificateError::NoPrincipals));
}
