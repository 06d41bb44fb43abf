use super::*;
use crate::fixtures::{KEYS, forged_rsa, hex, private};
use crate::signature_algorithm::{SIGNATURE_ALGORITHMS, Scheme, for_key_type};
use konko_crypto::random::SystemRandom;

const MESSAGE: &[u8] = b"what is signed";

#[test]
fn every_row_signs_and_verifies() {
    for (name, key_type, _) in KEYS {
        let key = private(name);
        for algorithm in for_key_type(key_type) {
            let signature = key.sign(algorithm, MESSAGE).expect("a signature");
            assert_eq!(
                key.public_key().verify(algorithm, MESSAGE, &signature),
                Ok(()),
                "{name} {}",
                algorithm.name
            );
            assert!(key.public_key().verify(algorithm, b"something else", &signature).is_err());
        }
        for algorithm in SIGNATURE_ALGORITHMS.iter().filter(|algorithm| algorithm.key_type != key_type) {
            let expected = Err(SignError::WrongKeyType { algorithm: algorithm.name, key_type });
            assert_eq!(key.sign(algorithm, MESSAGE), expected);
        }
    }
}

/// Whatever the features are, both ways of computing accept each other's signatures, and where a signature is
/// determined they make the same.
///
/// covers: P18
#[test]
fn the_backends_agree() {
    for (name, ..) in KEYS {
        match private(name).secret() {
            Secret::Ed25519(_) | Secret::SecurityKey(_) => {}
            #[cfg(feature = "mldsa")]
            Secret::Composite(_) => {}
            Secret::Ecdsa(key) => {
                let (curve, point) = (key.curve(), key.point());
                let fast = key.sign(MESSAGE).expect("a signature");
                let portable = key.sign_portable(MESSAGE).expect("a signature");
                for signature in [&fast, &portable] {
                    assert!(crate::ecdsa::verify(curve, &point, MESSAGE, signature));
                    assert!(crate::ecdsa::verify_portable(curve, &point, MESSAGE, signature));
                    for at in (0..signature.len() * 8).step_by(31) {
                        let mut damaged = signature.clone();
                        damaged[at / 8] ^= 1 << (at % 8);
                        assert!(!crate::ecdsa::verify(curve, &point, MESSAGE, &damaged));
                        assert!(!crate::ecdsa::verify_portable(curve, &point, MESSAGE, &damaged));
                    }
                }
            }
            Secret::Rsa(key) => {
                let (n, e) = (key.n(), key.e());
                for scheme in [Scheme::RsaSha1, Scheme::RsaSha256, Scheme::RsaSha512] {
                    let fast = key.sign(scheme, MESSAGE).expect("a signature");
                    assert_eq!(key.sign_portable(scheme, MESSAGE).as_ref(), Some(&fast));
                    assert!(crate::rsa_pkcs1::verify(scheme, &n, &e, MESSAGE, &fast));
                    assert!(crate::rsa_pkcs1::verify_portable(scheme, &n, &e, MESSAGE, &fast));
                    let mut damaged = fast;
                    damaged[100] ^= 1;
                    assert!(!crate::rsa_pkcs1::verify(scheme, &n, &e, MESSAGE, &damaged));
                    assert!(!crate::rsa_pkcs1::verify_portable(scheme, &n, &e, MESSAGE, &damaged));
                }
            }
        }
    }
}

/// The keys of ssh-keygen are of the shape that `ring` takes; if not, signing would silently be slow.
#[cfg(feature = "ring")]
#[test]
fn common_rsa_keys_are_accelerated() {
    for name in ["rsa2048", "rsa3072"] {
        let loaded = private(name);
        let Secret::Rsa(key) = loaded.secret() else { panic!("{name}") };
        assert!(key.is_accelerated(), "{name}");
    }
}

/// RFC 6979 §A.2.5, §A.2.6 and §A.2.7: the message "sample" under the hash of each curve.
///
/// covers: P05
#[test]
fn rfc6979_vectors() {
    let vectors = [
        (
            Curve::P256,
            "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
             F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ),
        (
            Curve::P384,
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D8
             96D5724E4C70A825F872C9EA60D2EDF5",
            "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C
             81A648152E44ACF96E36DD1E80FABE46
             99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94F
             A329C145786E679E7B82C71A38628AC8",
        ),
        (
            Curve::P521,
            "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75
             CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
            "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F
             174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA
             00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF
             282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A",
        ),
    ];
    for (curve, scalar, signature) in vectors {
        let key = EcdsaSecret::new(curve, &hex(scalar)).expect("a scalar");
        assert_eq!(key.sign_portable(b"sample"), Some(hex(signature)), "{curve:?}");
    }
}

/// RFC 8032 §7.1, test 2.
#[test]
fn rfc8032_vector() {
    let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let expected = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    let key = PrivateKey::from_ed25519(&seed, None, String::new()).expect("a key");
    let signature = key.sign(&crate::signature_algorithm::SSH_ED25519, &[0x72]).expect("a signature");
    assert_eq!(signature[4 + 11 + 4..], expected);
}

/// covers: P01
#[test]
fn a_foreign_public_half_is_refused() {
    let own = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    let other = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    let (Secret::Ed25519(own), Secret::Ed25519(other)) = (own.secret(), other.secret()) else {
        panic!("not Ed25519");
    };
    let load = |public: &[u8]| PrivateKey::from_ed25519(own.as_bytes(), Some(public), String::new());
    assert!(load(own.public()).is_ok());
    assert_eq!(load(other.public()).err(), Some(KeyError::PublicHalfMismatch));
    assert_eq!(load(&[]).err(), Some(KeyError::PublicHalfMismatch));

    for curve in Curve::ALL {
        let own = EcdsaSecret::generate(curve, &mut SystemRandom);
        let other = EcdsaSecret::generate(curve, &mut SystemRandom);
        let load = |point: &[u8]| PrivateKey::from_ecdsa(curve, &own.scalar(), Some(point), String::new());
        assert!(load(&own.point()).is_ok());
        assert_eq!(load(&other.point()).err(), Some(KeyError::PublicHalfMismatch));
    }
}

#[test]
fn scalars_are_those_of_the_curve() {
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    for scalar in [&[][..], &[0; 32], &order, &[0xff; 32], &[1; 33]] {
        assert!(PrivateKey::from_ecdsa(Curve::P256, scalar, None, String::new()).is_err(), "{scalar:?}");
    }
    for scalar in [&[1][..], &[0, 0, 1], &[0; 40].iter().copied().chain([7]).collect::<Vec<_>>()] {
        assert!(PrivateKey::from_ecdsa(Curve::P256, scalar, None, String::new()).is_ok(), "{scalar:?}");
    }
}

#[test]
fn rsa_numbers_must_belong_together() {
    let loaded = private("rsa2048");
    let Secret::Rsa(key) = loaded.secret() else { panic!("not RSA") };
    let (n, e) = (key.n(), key.e());
    let [d, _, p, q] = key.private_numbers().expect("two primes");
    assert!(RsaSecret::new(&n, &e, &d, &p, &q).is_ok());
    assert!(RsaSecret::new(&n, &e, &d, &q, &p).is_ok());
    let mut wrong = n.clone();
    wrong[200] ^= 2;
    assert!(RsaSecret::new(&wrong, &e, &d, &p, &q).is_err());
    assert!(RsaSecret::new(&n, &[3], &d, &p, &q).is_err());
    assert!(RsaSecret::new(&n, &e, &d, &p, &p).is_err());
    assert!(RsaSecret::new(&n, &e, &d, &n, &[1]).is_err());
    assert!(RsaSecret::new(&n, &e, &d, &[], &[]).is_err());
    assert!(RsaSecret::new(&n, &e, &[], &p, &q).is_err());
    let wide = vec![1; n.len() + 1];
    assert!(RsaSecret::new(&n, &e, &wide, &p, &q).is_err());
}

#[test]
fn generated_keys_sign() {
    let kinds = [
        (KeyKind::Ed25519, "ssh-ed25519", 256),
        (KeyKind::EcdsaP256, "ecdsa-sha2-nistp256", 256),
        (KeyKind::EcdsaP384, "ecdsa-sha2-nistp384", 384),
        (KeyKind::EcdsaP521, "ecdsa-sha2-nistp521", 521),
        (KeyKind::Rsa { bits: 2048 }, "ssh-rsa", 2048),
    ];
    for (kind, key_type, bits) in kinds {
        let key = PrivateKey::generate(kind, &mut SystemRandom).expect("a key");
        assert_eq!((key.public_key().key_type(), key.public_key().bits()), (key_type, bits));
        let algorithm = for_key_type(key_type).next().expect("an algorithm");
        let signature = key.sign(algorithm, MESSAGE).expect("a signature");
        assert_eq!(key.public_key().verify(algorithm, MESSAGE, &signature), Ok(()));
    }
    for bits in [0, 1024, 2047, 2049, 16392, usize::MAX] {
        let refused = PrivateKey::generate(KeyKind::Rsa { bits }, &mut SystemRandom).err();
        assert_eq!(refused, Some(KeyError::UnsupportedSize { bits }));
    }
}

/// covers: P19
#[test]
fn debug_shows_the_public_half_only() {
    for (name, ..) in KEYS {
        let key = private(name);
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("PrivateKey(of {:?})", key.public_key()));
        assert!(shown.contains("SHA256:"));
    }
}

/// With a factor that is no prime, what the Chinese remainder theorem yields is wrong, as after a fault of the machine;
/// such a value would give the other factor away (Boneh, DeMillo and Lipton), so it is not released.
///
/// covers: P08
#[test]
fn a_wrong_signature_is_not_released() {
    let forged = forged_rsa();
    let value = |wanted: &str| &forged.iter().find(|(name, _)| name == wanted).expect("it is there").1[..];
    let numbers = ["n", "e", "d", "p", "q"].map(|name| value(&format!("composite-{name}")));
    let [n, e, d, p, q] = numbers;
    let faulty = RsaSecret::new(n, e, d, p, q).expect("the numbers belong together");
    for scheme in [Scheme::RsaSha1, Scheme::RsaSha256, Scheme::RsaSha512] {
        assert_eq!(faulty.sign(scheme, MESSAGE), None);
        assert_eq!(faulty.sign_portable(scheme, MESSAGE), None);
    }
}
