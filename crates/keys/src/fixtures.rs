//! The files of `vectors/keys`, which ssh-keygen has made; `generate.sh` there tells how.

use crate::private_key::PrivateKey;
use crate::public_key::PublicKey;
use konko_crypto::random::SecureRandom;

/// Every key that has private files, with its type and size.
pub(crate) const KEYS: [(&str, &str, usize); 6] = [
    ("ed25519", "ssh-ed25519", 256),
    ("ecdsa256", "ecdsa-sha2-nistp256", 256),
    ("ecdsa384", "ecdsa-sha2-nistp384", 384),
    ("ecdsa521", "ecdsa-sha2-nistp521", 521),
    ("rsa2048", "ssh-rsa", 2048),
    ("rsa3072", "ssh-rsa", 3072),
];

pub(crate) const PASSPHRASE: &[u8] = b"konko";

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

pub(crate) fn private(name: &str) -> PrivateKey {
    PrivateKey::from_openssh(&file(name), None).expect("a private key")
}

/// Bytes that are given out one after the other, as if they were random.
pub(crate) struct Prepared(pub(crate) Vec<u8>);

impl SecureRandom for Prepared {
    fn fill(&mut self, out: &mut [u8]) {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&std::mem::replace(&mut self.0, rest));
    }
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let value = |digit: u8| char::from(digit).to_digit(16).expect("a hexadecimal digit") as u8;
    digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
}

/// The values of `rsa-forged.txt` with their names.
pub(crate) fn forged_rsa() -> Vec<(String, Vec<u8>)> {
    let text = text("rsa-forged.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split_once(' ').expect("a name and a value"))
        .map(|(name, value)| (name.to_owned(), hex(value)))
        .collect()
}
