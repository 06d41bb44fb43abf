use super::*;
use crate::fixtures::{KEYS, file, forged_rsa, hex, private, public, text};
use crate::rsa_pkcs1;
use crate::signature_algorithm::{
    ECDSA_SHA2_NISTP256, RSA_SHA2_256, RSA_SHA2_512, SIGNATURE_ALGORITHMS, SSH_DSS, SSH_ED25519, SSH_RSA,
    Scheme, by_name,
};
use base64ct::{Base64, Encoding};
use crypto_bigint::{BoxedUint, ConcatenatingMul};
use konko_wire::encode::put_u32;
use sha2::{Digest, Sha256, Sha512};

fn strings(strings: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    strings.iter().for_each(|string| put_string(&mut out, string));
    out
}

fn rsa_blob(n: &[u8], e: &[u8]) -> Vec<u8> {
    let mut blob = strings(&[b"ssh-rsa"]);
    put_mpint(&mut blob, e);
    put_mpint(&mut blob, n);
    blob
}

/// What ssh-keygen has signed and the signature (PROTOCOL.sshsig).
fn sshsig(name: &str) -> (Vec<u8>, Vec<u8>) {
    let armored = text(&format!("{name}.sshsig"));
    let base64: String = armored.lines().filter(|line| !line.starts_with("-----")).collect();
    let contents = Base64::decode_vec(&base64).expect("base64");
    let mut reader = Reader::new(&contents);
    assert_eq!(reader.read_bytes(6), Ok(&b"SSHSIG"[..]));
    assert_eq!(reader.read_u32(), Ok(1));
    assert_eq!(reader.read_string().expect("a key"), public(name).blob());
    let namespace = reader.read_string().expect("a namespace");
    assert_eq!(reader.read_string(), Ok(&b""[..]));
    let hash = match reader.read_str().expect("a hash") {
        "sha512" => Sha512::digest(file("message")).to_vec(),
        "sha256" => Sha256::digest(file("message")).to_vec(),
        other => panic!("{other}"),
    };
    let name = if hash.len() == 64 { b"sha512" } else { b"sha256" };
    let signed = [b"SSHSIG".to_vec(), strings(&[namespace, b"", name, &hash])].concat();
    let signature = reader.read_string().expect("a signature").to_vec();
    assert_eq!(reader.finish(), Ok(()));
    (signed, signature)
}

#[test]
fn what_ssh_keygen_says_of_its_keys() {
    let mut fingerprints = String::new();
    for (name, key_type, bits) in KEYS.into_iter().chain([("dss", "ssh-dss", 1024)]) {
        let line = text(&format!("{name}.pub"));
        let (key, comment) = PublicKey::from_openssh(&line).expect("a key");
        assert_eq!((key.key_type(), key.bits()), (key_type, bits));
        assert_eq!(comment, format!("konko {name}"));
        assert_eq!(key.to_openssh(&comment), line.trim_end());
        assert_eq!(PublicKey::decode(key.blob()), Ok(key.clone()));
        let kind = key_type.strip_prefix("ssh-").unwrap_or("ecdsa").split('-').next().unwrap_or_default();
        let kind = if kind == "dss" { "DSA".to_owned() } else { kind.to_uppercase() };
        for fingerprint in [key.fingerprint().to_string(), key.fingerprint().md5().to_string()] {
            fingerprints.push_str(&format!("{bits} {fingerprint} {comment} ({kind})\n"));
        }
    }
    assert_eq!(fingerprints, text("fingerprints"));
}

/// A signature of OpenSSH verifies, and no more once any one bit of it or of the message is another.
#[test]
fn signatures_of_openssh() {
    for name in ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa2048", "rsa3072", "dss"] {
        let (signed, signature) = sshsig(name);
        let key = public(name);
        let algorithm = Reader::new(&signature).read_str().ok().and_then(by_name).expect("a known algorithm");
        assert_eq!(key.verify(algorithm, &signed, &signature), Ok(()), "{name}");
        for at in (0..signature.len() * 8).step_by(29) {
            let mut damaged = signature.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(key.verify(algorithm, &signed, &damaged).is_err(), "{name}: bit {at}");
        }
        for len in 0..signature.len() {
            assert!(key.verify(algorithm, &signed, &signature[..len]).is_err(), "{name}: {len} bytes");
        }
        let longer = [&signature[..], &[0]].concat();
        assert!(key.verify(algorithm, &signed, &longer).is_err());
        assert_eq!(key.verify(algorithm, &signed[1..], &signature), Err(SignatureError::Mismatch), "{name}");
    }
}

/// RFC 8032 §7.1, tests 1 to 3.
#[test]
fn rfc8032_vectors() {
    let vectors = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (point, message, signature) in vectors {
        let key = PublicKey::from_ed25519(&hex(point)).expect("a key");
        let signature = strings(&[b"ssh-ed25519", &hex(signature)]);
        assert_eq!(key.verify(&SSH_ED25519, &hex(message), &signature), Ok(()));
    }
}

/// covers: P02
#[test]
fn ed25519_lengths_are_exact() {
    let (signed, _) = sshsig("ed25519");
    let key = public("ed25519");
    for len in 0..130 {
        let bytes = vec![0x20; len];
        if len != 32 {
            assert!(PublicKey::decode(&strings(&[b"ssh-ed25519", &bytes])).is_err(), "{len}");
        }
        let signature = strings(&[b"ssh-ed25519", &bytes]);
        assert_eq!(key.verify(&SSH_ED25519, &signed, &signature), Err(SignatureError::Mismatch), "{len}");
    }
}

/// covers: P03
#[test]
fn ed25519_has_one_signature_and_one_encoding() {
    // RFC 8032 §5.1.7: S must be below L; S + L is the same number to a lax verifier.
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let (signed, signature) = sshsig("ed25519");
    let mut malleated = signature;
    let start = malleated.len() - 32;
    let mut carry = 0;
    for (byte, add) in malleated[start..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0);
    assert_eq!(public("ed25519").verify(&SSH_ED25519, &signed, &malleated), Err(SignatureError::Mismatch));

    let refused = [
        // Points of small order: 1, -1, order 4 and order 8.
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        // y = 1 + p and y = p: not reduced.
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // y = 2 belongs to no point of the curve.
        "0200000000000000000000000000000000000000000000000000000000000000",
    ];
    for point in refused {
        assert!(matches!(PublicKey::from_ed25519(&hex(point)), Err(KeyError::Invalid { .. })), "{point}");
    }
}

/// covers: P04
#[test]
fn ecdsa_numbers_are_strictly_parsed() {
    let (signed, signature) = sshsig("ecdsa256");
    let key = public("ecdsa256");
    let value = Reader::new(&signature[4 + 19..]).read_string().expect("a value");
    let mut reader = Reader::new(value);
    let (r, s) = (reader.read_string().expect("r"), reader.read_string().expect("s"));
    let verify = |r: &[u8], s: &[u8]| {
        key.verify(&ECDSA_SHA2_NISTP256, &signed, &strings(&[b"ecdsa-sha2-nistp256", &strings(&[r, s])]))
    };
    assert_eq!(verify(r, s), Ok(()));
    let order = hex("00 ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let negative = [0x80, 1];
    for bad in [&[][..], &[1], &order, &negative, &[&[0; 40][..], r].concat(), &[0x7f; 33]] {
        assert!(verify(bad, s).is_err(), "r = {bad:?}");
        assert!(verify(r, bad).is_err(), "s = {bad:?}");
    }
    let superfluous_zero = [&[0], r].concat();
    assert_eq!(verify(&superfluous_zero, s), Err(SignatureError::Malformed(DecodeError::InvalidMpint)));
    assert_eq!(verify(&order, s), Err(SignatureError::Mismatch));
    let trailing = strings(&[b"ecdsa-sha2-nistp256", &[value, &[0]].concat()]);
    assert!(key.verify(&ECDSA_SHA2_NISTP256, &signed, &trailing).is_err());
}

#[test]
fn ecdsa_points_are_uncompressed_and_on_the_curve() {
    for curve in Curve::ALL {
        let name = format!("ecdsa{}", curve.bits());
        let key = public(&name);
        let Parts::Ecdsa { point, .. } = &key.0.parts else { panic!("{name}") };
        assert_eq!(PublicKey::from_ecdsa(curve, point), Ok(key.clone()));
        let x = &point[1..=curve.scalar_len()];
        let compressed = [&[2 | point[point.len() - 1] & 1], x].concat();
        let mut hybrid = point.clone();
        hybrid[0] = 6;
        let mut beside = point.clone();
        *beside.last_mut().expect("a point") ^= 1;
        for bad in [&[][..], &[0], &compressed, &hybrid, &beside, &[&point[..], &[0]].concat(), &point[..9]] {
            assert!(
                matches!(PublicKey::from_ecdsa(curve, bad), Err(KeyError::Invalid { .. })),
                "{name} {bad:?}"
            );
        }
        let elsewhere = strings(&[curve.key_type().as_bytes(), b"nistp192", point]);
        assert!(PublicKey::decode(&elsewhere).is_err());
    }
}

/// covers: P07
#[test]
fn rsa_numbers_are_bounded() {
    let modulus = |bits: usize| {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] >>= (8 - bits % 8) % 8;
        n
    };
    for bits in [1024, 2047, 2048, 8192, 16384] {
        let key = PublicKey::decode(&rsa_blob(&modulus(bits), &[1, 0, 1])).expect("a key");
        assert_eq!(key.bits(), bits);
    }
    for bits in [1, 512, 1023, 16385, 1 << 17] {
        assert!(PublicKey::decode(&rsa_blob(&modulus(bits), &[1, 0, 1])).is_err(), "{bits}");
    }
    let n = modulus(2048);
    for e in [&[3][..], &[17], &[0xff, 0xff, 0xff, 0xff]] {
        assert!(PublicKey::decode(&rsa_blob(&n, e)).is_ok(), "{e:?}");
    }
    for e in [&[][..], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1], &[1; 9], &n] {
        assert!(PublicKey::decode(&rsa_blob(&n, e)).is_err(), "{e:?}");
    }
    let mut even = n.clone();
    even[255] = 0xfe;
    assert!(PublicKey::decode(&rsa_blob(&even, &[1, 0, 1])).is_err());
    let mut sign = n.clone();
    sign[0] = 0x80;
    let negative = strings(&[b"ssh-rsa", &[1, 0, 1], &sign]);
    assert!(matches!(PublicKey::decode(&negative), Err(KeyError::Invalid { .. })));
}

/// The largest key that is read verifies to an end: no panic, no matter what the numbers are.
#[test]
fn rsa_of_16384_bits() {
    let key = PublicKey::decode(&rsa_blob(&[0xff; 2048], &[1, 0, 1])).expect("a key");
    for value in [&[0x11; 2048][..], &[0xff; 2048], &[], &[0xff; 2049]] {
        for algorithm in [&RSA_SHA2_512, &RSA_SHA2_256, &SSH_RSA] {
            let signature = strings(&[algorithm.name.as_bytes(), value]);
            assert_eq!(key.verify(algorithm, b"message", &signature), Err(SignatureError::Mismatch));
        }
    }
}

/// Only a signature that names the algorithm it is verified under, and is one, counts.
///
/// covers: P10
#[test]
fn rsa_names_cannot_be_exchanged() {
    let key = private("rsa2048");
    let algorithms = [&SSH_RSA, &RSA_SHA2_256, &RSA_SHA2_512];
    for made in algorithms {
        let signature = key.sign(made, b"message").expect("a signature");
        let value = &signature[4 + made.name.len() + 4..];
        for named in algorithms {
            let renamed = strings(&[named.name.as_bytes(), value]);
            for outer in algorithms {
                let verified = key.public_key().verify(outer, b"message", &renamed);
                let expected = if outer != named {
                    Err(SignatureError::WrongAlgorithm { expected: outer.name })
                } else if made != named {
                    Err(SignatureError::Mismatch)
                } else {
                    Ok(())
                };
                assert_eq!(verified, expected, "{} {} {}", made.name, named.name, outer.name);
            }
        }
    }
}

/// covers: P20
#[test]
fn names_of_signatures_and_of_keys_are_kept_apart() {
    let blob = public("rsa2048").blob().to_vec();
    for name in ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa-cert-v01@openssh.com", "", "SSH-RSA"] {
        let renamed = [strings(&[name.as_bytes()]), blob[4 + 7..].to_vec()].concat();
        assert_eq!(PublicKey::decode(&renamed), Err(KeyError::Unsupported { name: name.to_owned() }));
    }
    for (name, key_type, _) in KEYS {
        for algorithm in SIGNATURE_ALGORITHMS.iter().filter(|algorithm| algorithm.key_type != key_type) {
            let signature = strings(&[algorithm.name.as_bytes(), &[0; 64]]);
            let expected = Err(SignatureError::WrongKeyType { algorithm: algorithm.name, key_type });
            assert_eq!(public(name).verify(algorithm, b"message", &signature), expected);
        }
    }
}

/// RFC 8332 §3 wants the full length; a peer that strips zeros is understood, one that adds any is not.
#[test]
fn rsa_signatures_may_be_short_and_not_long() {
    let key = private("rsa2048");
    let start = 4 + RSA_SHA2_256.name.len() + 4;
    let (message, signature) = (0u32..100_000)
        .map(|message| {
            (message.to_be_bytes(), key.sign(&RSA_SHA2_256, &message.to_be_bytes()).expect("a signature"))
        })
        .find(|(_, signature)| signature[start] == 0)
        .expect("one signature of 256 begins with a zero");
    let value = &signature[start..];
    assert_eq!(value.len(), 256);
    let verify = |value: &[u8]| {
        let signature = strings(&[RSA_SHA2_256.name.as_bytes(), value]);
        key.public_key().verify(&RSA_SHA2_256, &message, &signature)
    };
    assert_eq!(verify(value), Ok(()));
    assert_eq!(verify(&value[1..]), Ok(()));
    assert_eq!(verify(&value[2..]), Err(SignatureError::Mismatch));
    assert_eq!(verify(&[&[0], value].concat()), Err(SignatureError::Mismatch));
}

#[test]
fn dsa_numbers_are_bounded() {
    let key = public("dss");
    let Parts::Dss { p, q, g, y } = &key.0.parts else { panic!("not a DSA key") };
    let blob = |p: &[u8], q: &[u8], g: &[u8], y: &[u8]| {
        let mut blob = strings(&[b"ssh-dss"]);
        [p, q, g, y].iter().for_each(|number| put_mpint(&mut blob, number));
        blob
    };
    assert_eq!(PublicKey::decode(&blob(p, q, g, y)), Ok(key.clone()));
    let longer = [&p[..], &[1]].concat();
    let mut even = p.clone();
    even[127] &= 0xfe;
    for bad in [
        blob(&longer, q, g, y),
        blob(&even, q, g, y),
        blob(p, p, g, y),
        blob(p, q, &[1], y),
        blob(p, q, g, p),
    ] {
        assert!(matches!(PublicKey::decode(&bad), Err(KeyError::Invalid { .. })));
    }
    // A generator that is not of order q passes the cheap checks; then nothing verifies, and nothing panics.
    let strange = PublicKey::decode(&blob(p, q, &[2], &[3])).expect("numbers in range");
    let (signed, signature) = sshsig("dss");
    assert_eq!(strange.verify(&SSH_DSS, &signed, &signature), Err(SignatureError::Mismatch));
    for value in [[0; 40], [0xff; 40]] {
        let signature = strings(&[b"ssh-dss", &value]);
        assert_eq!(key.verify(&SSH_DSS, &signed, &signature), Err(SignatureError::Mismatch));
    }
}

/// covers: P15
#[test]
fn a_damaged_key_is_an_error() {
    for (name, ..) in KEYS.into_iter().chain([("dss", "", 0)]) {
        let blob = public(name).blob().to_vec();
        for len in 0..blob.len() {
            assert!(PublicKey::decode(&blob[..len]).is_err(), "{name}: {len} bytes");
        }
        let longer = [&blob[..], &[0]].concat();
        assert_eq!(PublicKey::decode(&longer), Err(KeyError::Malformed(DecodeError::TrailingBytes)));
        for at in 0..blob.len().min(64) {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = blob.clone();
                damaged[at] = value;
                if let Ok(key) = PublicKey::decode(&damaged) {
                    assert_eq!(key.blob(), damaged);
                }
            }
        }
    }
    let mut huge = strings(&[b"ssh-rsa"]);
    put_u32(&mut huge, u32::MAX);
    assert!(PublicKey::decode(&huge).is_err());
    assert!(PublicKey::decode(&vec![0; 1 << 20]).is_err());
}

#[test]
fn lines_that_are_no_keys() {
    let line = text("ed25519.pub");
    let base64 = line.split(' ').nth(1).expect("base64");
    let (key, comment) =
        PublicKey::from_openssh(&format!("\tssh-ed25519 \t {base64}\t two  words \r\n")).expect("a key");
    assert_eq!((key, comment.as_str()), (public("ed25519"), "two  words"));
    let cases = [
        (String::new(), KeyError::NotAKey),
        ("ssh-ed25519".into(), KeyError::NotAKey),
        ("ssh-ed25519 ".into(), KeyError::NotAKey),
        (format!("ssh-ed25519 {base64}="), KeyError::NotAKey),
        (format!("ssh-ed25519 {}", &base64[1..]), KeyError::NotAKey),
        (format!("ssh-rsa {base64}"), KeyError::TypeMismatch),
        (format!("ssh-ed25519\u{a0}{base64}"), KeyError::NotAKey),
    ];
    for (line, expected) in cases {
        assert_eq!(PublicKey::from_openssh(&line), Err(expected), "{line:?}");
    }
    assert_eq!(key_line_with_comment("a\nssh-rsa b\u{7}").lines().count(), 1);
}

fn key_line_with_comment(comment: &str) -> String {
    public("ed25519").to_openssh(comment)
}

/// Padding is compared, never parsed: what only looks like the right one from its beginning is none.
///
/// covers: P06
#[test]
fn rsa_padding_is_exactly_one() {
    let key = public("rsa2048");
    let any = PublicKey::decode(&rsa_blob(&[0xff; 256], &[3])).expect("a key");
    let (n, e) = key.rsa_numbers().expect("an RSA key");
    let forged = forged_rsa();
    let value = |wanted: &str| &forged.iter().find(|(name, _)| name == wanted).expect("it is there").1;
    let verify = |key: &PublicKey, value: &[u8]| {
        let signature = strings(&[b"rsa-sha2-256", value]);
        key.verify(&RSA_SHA2_256, b"message", &signature)
    };
    assert_eq!(verify(&key, value("right")), Ok(()));
    let mut refused = 0;
    for (name, value) in forged.iter().filter(|(name, _)| !name.starts_with("composite") && name != "right") {
        assert_eq!(verify(&key, value), Err(SignatureError::Mismatch), "{name}");
        assert!(!rsa_pkcs1::verify_portable(Scheme::RsaSha256, n, e, b"message", value), "{name}");
        refused += 1;
    }
    assert_eq!(refused, 14);

    // No private key is needed for a number whose cube begins as a signed block does.
    let root = value("cube-root");
    let number = BoxedUint::from_be_slice_vartime(root);
    let cube = number.concatenating_mul(&number).concatenating_mul(&number).to_be_bytes_trimmed_vartime();
    assert!([&[0], &*cube].concat().starts_with(value("cube-root-begins")));
    assert_eq!(verify(&any, root), Err(SignatureError::Mismatch));
    assert!(!rsa_pkcs1::verify_portable(Scheme::RsaSha256, &[0xff; 256], &[3], b"message", root));
}

/// The name decides; what stands behind the name of a type that is not known is not looked at.
///
/// covers: P16
#[test]
fn unknown_types_are_refused_by_their_names() {
    for name in ["ssh-xmss@openssh.com", "ssh-xmss-cert-v01@openssh.com", "ssh-ed448", "ssh-new", "x"] {
        let expected = Err(KeyError::Unsupported { name: name.to_owned() });
        for body in [&b""[..], &[0xff; 4], &[0xff; 400], &[0; 3], &[0x7f, 0xff, 0xff, 0xff, 1]] {
            let blob = [strings(&[name.as_bytes()]), body.to_vec()].concat();
            assert_eq!(PublicKey::decode(&blob), expected, "{name} {body:?}");
        }
    }
}

/// The largest key that ssh-keygen makes, and what it has signed.
///
/// covers: I06
#[test]
fn rsa_of_16384_bits_is_a_user_key() {
    let (signed, signature) = sshsig("rsa16384");
    let key = public("rsa16384");
    assert_eq!(key.bits(), 16384);
    assert_eq!(key.verify(&RSA_SHA2_512, &signed, &signature), Ok(()));
    assert_eq!(key.verify(&RSA_SHA2_512, &signed[1..], &signature), Err(SignatureError::Mismatch));
    // RSASSA-PKCS1-v1_5 is deterministic, so ours is theirs.
    assert_eq!(private("rsa16384").sign(&RSA_SHA2_512, &signed), Ok(signature));
}
