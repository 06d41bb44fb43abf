use crate::fixtures::{private, public, trust_file};
use crate::krl::error::{KrlError, SpecificationError};
use crate::krl::list::{KeyRevocationList, Revocation};
use crate::krl::serials::{Bitmap, Serials};
use crate::krl::specification::SpecifiedAuthority;
use konko_keys::certificate::{Certificate, Validity};
use konko_keys::certificate_builder::CertificateBuilder;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::identity::Identity;
use konko_keys::signature_algorithm::by_name;
use konko_wire::encode::{Encode, put_mpint, put_string};
use proptest::prelude::*;
use std::collections::BTreeSet;

pub(crate) fn certificate(authority: &str, subject: &str, serial: u64, key_id: &str) -> Certificate {
    let authority = private(authority);
    let algorithm = konko_keys::signature_algorithm::for_key_type(authority.public_key().key_type()).next();
    CertificateBuilder::new(CertificateKind::User, &public(subject), key_id)
        .serial(serial)
        .principals(["someone"])
        .validity(Validity::FOREVER)
        .sign(&authority, algorithm.expect("an algorithm"), &mut konko_crypto::random::SystemRandom)
        .expect("a certificate")
}

fn identity(authority: &str, subject: &str, serial: u64, key_id: &str) -> Identity {
    certificate(authority, subject, serial, key_id).into()
}

/// covers: A19, A21
#[test]
fn every_way_to_be_revoked() {
    let mut list = KeyRevocationList::new();
    list.version = 7;
    list.generated = 1_700_000_000;
    list.comment = "a comment".to_owned();
    list.revoke_key(&public("ecdsa256"));
    list.revoke_key(&public("ecdsa384"));
    list.apply_specification(
        &format!(
            "# a comment\nserial: 5\nserial: 10-0x14\nid: lost laptop # why\nsha1: {}\nsha256:{}\n\n",
            public("rsa2048").to_openssh(""),
            public("rsa3072").to_openssh("a comment"),
        ),
        SpecifiedAuthority::Key(&public("ed25519")),
    )
    .expect("a specification");
    list.revoke_key_id(None, "everywhere");
    let read = KeyRevocationList::decode(&list.encode()).expect("a list");
    assert_eq!(read, list);
    for name in ["ecdsa256", "ecdsa384", "rsa2048", "rsa3072"] {
        assert_eq!(read.check(&public(name).into()), Some(Revocation::Key), "{name}");
    }
    assert_eq!(read.check(&public("ed25519").into()), None);
    let cases = [
        ("ed25519", "ecdsa521", 5, "x", Some(Revocation::Serial)),
        ("ed25519", "ecdsa521", 4, "x", None),
        ("ed25519", "ecdsa521", 9, "x", None),
        ("ed25519", "ecdsa521", 10, "x", Some(Revocation::Serial)),
        ("ed25519", "ecdsa521", 20, "x", Some(Revocation::Serial)),
        ("ed25519", "ecdsa521", 21, "x", None),
        ("ed25519", "ecdsa521", 0, "lost laptop", Some(Revocation::KeyId)),
        ("ed25519", "ecdsa256", 1, "x", Some(Revocation::Key)),
        ("ecdsa521", "ed25519", 5, "lost laptop", None),
        ("ecdsa521", "ed25519", 5, "everywhere", Some(Revocation::KeyId)),
        ("ecdsa256", "ed25519", 1, "x", Some(Revocation::Authority)),
    ];
    for (authority, subject, serial, key_id, expected) in cases {
        let identity = identity(authority, subject, serial, key_id);
        assert_eq!(read.check(&identity), expected, "{authority} {subject} {serial} {key_id}");
    }
}

/// A certificate without a serial number has the number 0.
///
/// covers: A19
#[test]
fn the_serial_number_0_is_none() {
    let mut list = KeyRevocationList::new();
    list.revoke_serials(None, 0, 10).expect("a range");
    assert_eq!(list.check(&identity("ed25519", "rsa2048", 0, "x")), None);
    assert_eq!(list.check(&identity("ed25519", "rsa2048", 1, "x")), Some(Revocation::Serial));
    let mut list = KeyRevocationList::new();
    list.revoke(&identity("ed25519", "rsa2048", 0, "this"));
    assert_eq!(list.check(&identity("ed25519", "rsa2048", 0, "this")), Some(Revocation::KeyId));
    assert_eq!(list.check(&identity("ed25519", "rsa2048", 0, "other")), None);
    list.revoke(&identity("ed25519", "rsa2048", u64::MAX, "other"));
    assert_eq!(list.check(&identity("ed25519", "rsa2048", u64::MAX, "other")), Some(Revocation::Serial));
    list.revoke(&public("ecdsa256").into());
    assert_eq!(list.check(&public("ecdsa256").into()), Some(Revocation::Key));
    assert!(!list.is_empty() && KeyRevocationList::new().is_empty());
}

fn section(section: u8, data: &[u8]) -> Vec<u8> {
    let mut out = vec![section];
    put_string(&mut out, data);
    out
}

fn file(sections: &[u8]) -> Vec<u8> {
    [KeyRevocationList::new().encode().as_slice(), sections].concat()
}

fn decode(sections: &[u8]) -> Result<KeyRevocationList, KrlError> {
    KeyRevocationList::decode(&file(sections))
}

fn certificates(part: u8, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_string(&mut out, b"");
    put_string(&mut out, b"");
    out.extend(section(part, data));
    section(1, &out)
}

/// covers: L16
#[test]
fn bitmaps() {
    let bitmap = |offset: u64, bits: &[u8]| {
        let mut data = offset.to_vec();
        put_mpint(&mut data, bits);
        certificates(0x22, &data)
    };
    let list = decode(&bitmap(1000, &[0b1000_0001, 0b0000_0010])).expect("a list");
    let revoked: Vec<u64> = (990..1030)
        .filter(|serial| list.check(&identity("ed25519", "rsa2048", *serial, "x")).is_some())
        .collect();
    assert_eq!(revoked, [1001, 1008, 1015]);
    assert_eq!(KeyRevocationList::decode(&list.encode()), Ok(list));
    assert!(decode(&bitmap(u64::MAX, &[1])).is_ok());
    assert!(decode(&bitmap(u64::MAX - 8, &[1, 0])).is_ok());
    assert!(matches!(decode(&bitmap(u64::MAX, &[2])), Err(KrlError::Invalid { .. })));
    assert!(matches!(decode(&bitmap(u64::MAX - 7, &[1, 0])), Err(KrlError::Invalid { .. })));
    assert!(decode(&bitmap(5, &[])).is_ok());
}

/// covers: L16
#[test]
fn lists_with_absurd_contents() {
    let range = |first: u64, last: u64| certificates(0x21, &[first.to_vec(), last.to_vec()].concat());
    assert!(decode(&range(1, u64::MAX)).is_ok());
    assert!(matches!(decode(&range(2, 1)), Err(KrlError::Invalid { .. })));
    assert_eq!(decode(&section(6, b"")), Err(KrlError::UnsupportedSection { section: 6 }));
    assert_eq!(decode(&certificates(0x24, b"")), Err(KrlError::UnsupportedSection { section: 0x24 }));
    assert!(matches!(decode(&section(5, &section(0, &[0; 31])[1..])), Err(KrlError::Invalid { .. })));
    assert!(matches!(decode(&section(3, &section(0, &[0; 32])[1..])), Err(KrlError::Invalid { .. })));
    for inner in [0x39, 255] {
        let extension = |critical: u8| {
            let mut data = Vec::new();
            put_string(&mut data, b"x@y");
            data.push(critical);
            put_string(&mut data, b"");
            if inner == 255 { section(255, &data) } else { certificates(0x39, &data) }
        };
        assert_eq!(
            decode(&extension(0)),
            Ok(decode(&if inner == 255 { vec![] } else { extension(0) }).expect("a list"))
        );
        assert_eq!(decode(&extension(1)), Err(KrlError::CriticalExtension { name: "x@y".to_owned() }));
    }
    let mut other = KeyRevocationList::new().encode();
    other[11] = 2;
    assert_eq!(KeyRevocationList::decode(&other), Err(KrlError::UnsupportedVersion { version: 2 }));
    assert_eq!(KeyRevocationList::decode(b"ssh-ed25519 AAAA"), Err(KrlError::NotAList));
    // Every length one too short and one too long.
    let mut list = KeyRevocationList::new();
    list.revoke_key(&public("ed25519"));
    list.revoke_serials(Some(&public("rsa2048")), 3, 9).expect("a range");
    let whole = list.encode();
    for len in 0..whole.len() {
        let cut = KeyRevocationList::decode(&whole[..len]);
        // What ends exactly behind a section is a shorter list.
        assert!(cut.is_err() || cut.is_ok_and(|cut| cut != list), "{len}");
    }
    assert!(matches!(decode(&[1, 0xff, 0xff, 0xff, 0xff]), Err(KrlError::Malformed(_))));
}

/// covers: L16
#[test]
fn signatures_are_verified() {
    let key = private("ed25519");
    let mut signed = file(&section(2, &section(0, public("ecdsa256").blob())[1..]));
    signed.push(4);
    put_string(&mut signed, key.public_key().blob());
    let signature = key.sign(by_name("ssh-ed25519").expect("a row"), &signed).expect("a signature");
    put_string(&mut signed, &signature);
    let list = KeyRevocationList::decode(&signed).expect("a list");
    assert_eq!(list.check(&public("ecdsa256").into()), Some(Revocation::Key));
    let mut behind = signed.clone();
    behind.extend(section(2, b""));
    assert!(matches!(KeyRevocationList::decode(&behind), Err(KrlError::Invalid { .. })));
    let last = signed.len() - 1;
    signed[last] ^= 1;
    assert!(matches!(KeyRevocationList::decode(&signed), Err(KrlError::Signature(_))));
}

#[test]
fn specifications_that_are_not_understood() {
    let apply = |text: &str, authority| KeyRevocationList::new().apply_specification(text, authority);
    let any = SpecifiedAuthority::Any;
    assert_eq!(
        apply("serial: 1\nSERIAL: 0x10 - 017\nid: x\n", any),
        Err(SpecificationError::Invalid { line: 2, what: "serial number" })
    );
    assert_eq!(apply("serial: 1\nSERIAL: 017 - 0x10\nid: x\n# y\n\n", any), Ok(3));
    for bad in [
        "serial: 0",
        "serial: 5-4",
        "serial: -1",
        "serial: +1",
        "serial: 18446744073709551616",
        "serial:",
        "serial: 08",
    ] {
        let what = "serial number";
        assert_eq!(apply(bad, any), Err(SpecificationError::Invalid { line: 1, what }), "{bad}");
    }
    let needs = |what| Err(SpecificationError::NeedsAuthority { line: 1, what });
    assert_eq!(apply("serial: 1", SpecifiedAuthority::None), needs("serial number"));
    assert_eq!(apply("id: x", SpecifiedAuthority::None), needs("key identifier"));
    assert!(matches!(apply("key: ssh-ed25519 x", any), Err(SpecificationError::Key { line: 1, .. })));
    assert!(matches!(apply("\nwhat", any), Err(SpecificationError::Key { line: 2, .. })));
    assert!(matches!(apply("hash: MD5:x", any), Err(SpecificationError::Invalid { .. })));
    let certified = certificate("ed25519", "rsa2048", 3, "x").to_openssh("");
    assert_eq!(apply(&format!("key: {certified}"), any), Err(SpecificationError::Certificate { line: 1 }));
    let mut list = KeyRevocationList::new();
    let hash = public("ecdsa256").fingerprint();
    let text = format!("{certified}\nhash: {hash}\n");
    assert_eq!(list.apply_specification(&text, SpecifiedAuthority::None), Ok(2));
    assert_eq!(list.check(&identity("ed25519", "ecdsa384", 3, "y")), Some(Revocation::Serial));
    assert_eq!(list.check(&public("ecdsa256").into()), Some(Revocation::Key));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// A set of ranges has what its ranges have, whether it is settled or not, and so does a bitmap of them.
    #[test]
    fn sets_of_serials_are_sets(ranges in prop::collection::vec((0_u64..200, 0_u64..20), 0..20)) {
        let mut serials = Serials::default();
        let mut expected = BTreeSet::new();
        for (first, len) in &ranges {
            serials.add_range(*first, first + len).expect("a range");
            expected.extend(*first..=first + len);
        }
        let members = |serials: &Serials| (0..300).filter(|serial| serials.contains(*serial)).collect::<BTreeSet<u64>>();
        prop_assert_eq!(&members(&serials), &expected);
        serials.settle();
        prop_assert_eq!(&members(&serials), &expected);
        prop_assert!(serials.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        let mut bits = vec![0_u8; 28];
        for serial in &expected {
            bits[27 - (*serial / 8) as usize] |= 1 << (serial % 8);
        }
        let mut bitmap = Serials::default();
        bitmap.add_bitmap(Bitmap::new(0, &bits).expect("a bitmap"));
        prop_assert_eq!(&members(&bitmap), &expected);
    }
}

/// Lists of ssh-keygen, and what it says of each certificate and key.
///
/// covers: A19, A21
#[test]
fn lists_of_ssh_keygen() {
    for name in ["krl", "krl.any"] {
        let list = KeyRevocationList::decode(&trust_file(name)).expect(name);
        let verdicts = String::from_utf8(trust_file(&format!("{name}.verdicts"))).expect("a text");
        assert!(verdicts.lines().count() > 30);
        for verdict in verdicts.lines() {
            let (path, expected) = verdict.split_once(' ').expect("a verdict");
            let text = String::from_utf8(trust_file(path)).expect("a text");
            let (identity, _) = Identity::from_openssh(&text).expect(path);
            let revoked = if list.check(&identity).is_some() { "REVOKED" } else { "ok" };
            assert_eq!(revoked, expected, "{name}: {path}");
            // What we make of it says the same.
            let again = KeyRevocationList::decode(&list.encode()).expect("a list");
            assert_eq!(again.check(&identity), list.check(&identity), "{name}: {path}");
        }
        // The text that it was made from says the same to us.
        let specification = String::from_utf8(trust_file(&format!("{name}.specification"))).expect("a text");
        let authority = public("ed25519");
        let authority =
            if name == "krl" { SpecifiedAuthority::Key(&authority) } else { SpecifiedAuthority::Any };
        let mut ours = KeyRevocationList::new();
        ours.apply_specification(&specification, authority).expect("a specification");
        for verdict in verdicts.lines() {
            let (path, _) = verdict.split_once(' ').expect("a verdict");
            let text = String::from_utf8(trust_file(path)).expect("a text");
            let (identity, _) = Identity::from_openssh(&text).expect(path);
            assert_eq!(ours.check(&identity).is_some(), list.check(&identity).is_some(), "{name}: {path}");
        }
    }
    assert_eq!(KeyRevocationList::decode(&trust_file("krl")).expect("a list").version, 7);
}
