//! The files of `vectors/keys`, which ssh-keygen has made; `generate.sh` there tells how.

use konko_keys::public_key::PublicKey;

pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/keys").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn text(name: &str) -> String {
    String::from_utf8(file(name)).expect("a text")
}

pub(crate) fn public(name: &str) -> PublicKey {
    PublicKey::from_openssh(&text(&format!("{name}.pub"))).expect("a public key").0
}

pub(crate) fn private(name: &str) -> konko_keys::private_key::PrivateKey {
    konko_keys::private_key::PrivateKey::from_openssh(&file(name), None).expect("a private key")
}

/// A file of `vectors/trust`, made by `generate.sh` there.
pub(crate) fn trust_file(name: &str) -> Vec<u8> {
    file(&format!("../trust/{name}"))
}
