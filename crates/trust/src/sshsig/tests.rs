use super::*;
use crate::fixtures::{file, private, public};

const NAMES: [&str; 6] = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa2048", "rsa3072"];

fn of_message(hash: HashAlgorithm) -> MessageDigest {
    hash.digest(&file("message"))
}

/// `vectors/keys/*.sshsig` were made with `ssh-keygen -Y sign -n file`.
#[test]
fn signatures_of_ssh_keygen() {
    for name in NAMES {
        let text = file(&format!("{name}.sshsig"));
        let signature = SshSig::from_armored(&text).expect(name);
        assert_eq!(signature.identity().public_key(), &public(name));
        let namespace = signature.namespace().to_owned();
        let digest = of_message(signature.hash());
        assert_eq!(signature.verify(&namespace, &digest, SecurityKeyPolicy::default()), Ok(None), "{name}");
        assert_eq!(signature.to_armored().as_bytes(), text, "{name}");
        let other = signature.verify("other", &digest, SecurityKeyPolicy::default());
        assert_eq!(other, Err(SshSigError::OtherNamespace { found: namespace.clone() }));
        let wrong = signature.hash().digest(b"another message");
        let result = signature.verify(&namespace, &wrong, SecurityKeyPolicy::default());
        assert_eq!(result, Err(SshSigError::Signature(SignatureError::Mismatch)));
    }
}

#[test]
fn signatures_of_ours() {
    for name in ["ed25519", "ecdsa256", "rsa2048"] {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha512] {
            let mut hasher = hash.hasher();
            file("message").chunks(7).for_each(|piece| hasher.update(piece));
            let digest = hasher.finish();
            assert_eq!(digest, of_message(hash));
            let identity = public(name).into();
            let signature = SshSig::sign(&private(name), &identity, "git", &digest).expect("a signature");
            let again = SshSig::from_armored(signature.to_armored().as_bytes()).expect("a signature");
            assert_eq!(again, signature);
            assert_eq!(again.verify("git", &digest, SecurityKeyPolicy::default()), Ok(None));
            let other =
                if hash == HashAlgorithm::Sha256 { HashAlgorithm::Sha512 } else { HashAlgorithm::Sha256 };
            let result = again.verify("git", &of_message(other), SecurityKeyPolicy::default());
            assert_eq!(result, Err(SshSigError::OtherHash { expected: hash }));
        }
    }
    let digest = of_message(HashAlgorithm::Sha512);
    let empty = SshSig::sign(&private("ed25519"), &public("ed25519").into(), "", &digest);
    assert_eq!(empty, Err(SshSigError::EmptyNamespace));
    // A signer that does not hold the key that is shown.
    let other = SshSig::sign(&private("ed25519"), &public("ecdsa256").into(), "git", &digest);
    assert!(matches!(other, Err(SshSigError::Sign(_) | SshSigError::Signature(_))));
}

#[test]
fn what_is_no_signature() {
    let digest = of_message(HashAlgorithm::Sha512);
    let good = SshSig::sign(&private("ed25519"), &public("ed25519").into(), "git", &digest).expect("one");
    let bytes = good.encode();
    for len in 0..bytes.len() {
        assert!(SshSig::decode(&bytes[..len]).is_err(), "{len}");
    }
    let with = |at: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[at] = byte;
        SshSig::decode(&changed)
    };
    assert_eq!(with(0, b'X'), Err(SshSigError::NotASignature));
    assert_eq!(with(9, 2), Err(SshSigError::UnsupportedVersion { version: 2 }));
    assert_eq!(with(9, 0), Err(SshSigError::UnsupportedVersion { version: 0 }));
    let hash = bytes.windows(6).position(|window| window == b"sha512").expect("the hash");
    assert_eq!(with(hash + 3, b'3'), Err(SshSigError::UnsupportedHash { name: "sha312".to_owned() }));
    assert_eq!(
        SshSig::decode(&[bytes.as_slice(), b"x"].concat()),
        Err(SshSigError::Malformed(DecodeError::TrailingBytes))
    );
    let text = good.to_armored();
    for bad in [
        text.replace(BEGIN, "-----BEGIN SSH SIGNATUR-----"),
        text.replace(END, ""),
        text.replacen('\n', "", 1),
        text.replace("\n-----END", "-----END"),
        text.replacen("\nU1NI", "\n!1NI", 1),
        format!(" {text}"),
        String::new(),
    ] {
        assert_eq!(SshSig::from_armored(bad.as_bytes()), Err(SshSigError::NotASignature), "{bad}");
    }
    assert_eq!(SshSig::from_armored(text.replace('\n', "\r\n").as_bytes()), Ok(good.clone()));
    assert_eq!(SshSig::from_armored((text + "more").as_bytes()), Ok(good));
}

/// SHA-1 is not taken inside, though the key fits.
#[test]
fn sha1_is_refused() {
    let digest = of_message(HashAlgorithm::Sha512);
    let data = signed_data("git", &digest).expect("data");
    let row = signature_algorithm::by_name("ssh-rsa").expect("a row");
    let signature = private("rsa2048").sign(row, &data).expect("a signature");
    let result = SshSig::from_signature(&public("rsa2048").into(), "git", &digest, signature);
    assert_eq!(result, Err(SshSigError::Algorithm { name: "ssh-rsa".to_owned() }));
}

/// covers: L14
#[test]
fn base64_of_every_shape() {
    let armored = |body: &str| SshSig::from_armored(format!("{BEGIN}\n{body}\n{END}\n").as_bytes());
    for body in [
        "",
        "A",
        "AA",
        "AAA",
        "AAAA",
        "=",
        "====",
        "AA==",
        "AAA=",
        "A===",
        "U1NIU0lH",
        "U1NIU0lH\u{a0}",
        "-_8=",
    ] {
        assert!(armored(body).is_err(), "{body}");
    }
    // Much of it, whether it would decode or not, and blanks without end.
    for body in ["A".repeat(4 * LARGEST), "!".repeat(4 * LARGEST), " \n".repeat(4 * LARGEST)] {
        assert_eq!(armored(&body), Err(SshSigError::NotASignature));
    }
    let longest = Base64::encode_string(&[b'S'; LARGEST + 1]);
    assert!(matches!(armored(&longest), Err(SshSigError::Malformed(DecodeError::TooMany))));
    let digest = of_message(HashAlgorithm::Sha512);
    let good = SshSig::sign(&private("ed25519"), &public("ed25519").into(), "git", &digest).expect("one");
    let base64 = Base64::encode_string(&good.encode());
    let spread: String = base64.chars().flat_map(|c| [c, '\n', '\t', ' ']).collect();
    assert_eq!(armored(&spread), Ok(good));
    assert!(armored(&base64[..base64.len() - 1]).is_err());
    assert!(armored(&format!("{base64}====")).is_err());
}
