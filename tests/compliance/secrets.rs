//! Types that hold secrets: what they print, and what becomes of their memory.

use konko_client::{ClientOptions, Credential, HostKeyPolicy, Passphrase, Secret};
use konko_crypto::kex::SharedSecret;
use konko_keys::private_key::PrivateKey;
use konko_server::PasswordFile;
use konko_transport::{HostKey, ServerConfig};
use konko_userauth::{AttemptKind, Method};
use std::fmt::Debug;
use zeroize::{ZeroizeOnDrop, Zeroizing};

const WORD: &str = "tell-nobody";

fn zeroizing() -> Zeroizing<String> {
    Zeroizing::new(WORD.to_owned())
}

/// Whoever holds this type wipes it.
fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}

#[track_caller]
fn hides(value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.is_empty());
        assert!(!text.contains(WORD), "{text}");
        // As a list of bytes it would begin so.
        let bytes = WORD.bytes().take(3).map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        assert!(!text.contains(&bytes), "{text}");
    }
}

/// covers: X10
#[test]
fn what_is_secret_is_not_printed() {
    hides(&Secret::new(WORD));
    hides(&Credential::Password(Secret::new(WORD)));
    hides(&Passphrase::Fixed(Secret::new(WORD)));
    hides(&ClientOptions::new("user", HostKeyPolicy::InsecureAcceptAny).with_password(WORD));
    hides(&Method::Password(zeroizing()));
    hides(&AttemptKind::Password { password: zeroizing() });
    hides(&AttemptKind::PasswordChange { old: zeroizing(), new: zeroizing() });
    hides(&AttemptKind::KeyboardInteractiveResponses { responses: vec![zeroizing()] });
    hides(&SharedSecret::from_string(WORD.as_bytes()));
    hides(&PasswordFile::parse(format!("user:{WORD}").as_bytes()).expect("a file"));
    hides(&konko_wire::decode::Secret(WORD.as_bytes()));

    // The first half of the secret of an Ed25519 key stands in its file.
    let file =
        std::fs::read(konko_tests::peers::find::repository().join("vectors/keys/ed25519")).expect("a key");
    let key = PrivateKey::from_openssh(&file, None).expect("a key");
    let public = format!("{:?}", key.public_key());
    let of_key = [
        format!("{key:?}"),
        format!("{:?}", HostKey::from(key.clone())),
        format!("{:?}", ServerConfig::new(vec![HostKey::from(key.clone())])),
        format!("{:?}", Credential::PrivateKey(key.into())),
    ];
    for text in of_key {
        assert!(text.contains(&public), "{text}");
        let without = text.replace(&public, "");
        assert!(!without.contains("secret") && !without.contains("seed"), "{text}");
        let numbers = without.split(|symbol: char| !symbol.is_ascii_digit()).filter(|part| !part.is_empty());
        assert!(numbers.count() < 32 || without.contains("ServerConfig"), "no list of bytes: {text}");
    }
}

/// What the compiler accepts here is wiped where it is dropped.
///
/// covers: X10
#[test]
fn what_is_secret_is_wiped() {
    if let AttemptKind::Password { password } = (AttemptKind::Password { password: zeroizing() }) {
        is_wiped(&password);
    }
    if let Method::Password(password) = Method::Password(zeroizing()) {
        is_wiped(&password);
    }
    is_wiped(&Secret::new(WORD).to_zeroizing());
    for manifest in ["Cargo.toml", "crates/keys/Cargo.toml", "crates/client/Cargo.toml"] {
        let path = konko_tests::peers::find::repository().join(manifest);
        let text = std::fs::read_to_string(path).expect("a manifest");
        assert!(!text.contains("serde"), "{manifest}: nothing secret is written down by accident");
    }
}
