//! Private key files: text of any kind, and contents in the clear of which only the numbers are the fuzzer's. A key
//! that is read can sign, and reads back the same.
#![no_main]

use base64ct::{Base64, Encoding};
use konko_fuzz::choices::Choices;
use konko_fuzz::repeatable_random::RepeatableRandom;
use konko_keys::private_key::PrivateKey;
use konko_keys::signature_algorithm::for_key_type;
use konko_wire::encode::{put_string, put_u32};
use libfuzzer_sys::fuzz_target;

fn check(key: &PrivateKey) {
    let algorithm = for_key_type(key.public_key().key_type()).next().expect("an algorithm for every type");
    // RSA refuses where its numbers do not belong together.
    if let Ok(signature) = key.sign(algorithm, b"message") {
        key.public_key().verify(algorithm, b"message", &signature).expect("our own signature");
    }
    let file = key.to_openssh(None, &mut RepeatableRandom(1)).expect("no passphrase, no error");
    let again = PrivateKey::from_openssh(file.as_bytes(), None).expect("our own file");
    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(again.comment(), key.comment());
}

fn armor(label: &str, contents: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", Base64::encode_string(contents))
}

/// The layout of OpenSSH's PROTOCOL.key, without encryption.
fn openssh_file(public: &[u8], fields: &[u8]) -> String {
    let mut private = Vec::new();
    put_u32(&mut private, 7);
    put_u32(&mut private, 7);
    private.extend_from_slice(fields);
    (1..).take((8 - private.len() % 8) % 8).for_each(|byte| private.push(byte));
    let mut contents = b"openssh-key-v1\0".to_vec();
    put_string(&mut contents, b"none");
    put_string(&mut contents, b"none");
    put_string(&mut contents, b"");
    put_u32(&mut contents, 1);
    put_string(&mut contents, public);
    put_string(&mut contents, &private);
    armor("OPENSSH PRIVATE KEY", &contents)
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let file = match choices.byte() % 6 {
        0 => armor("RSA PRIVATE KEY", choices.rest()),
        1 => armor("EC PRIVATE KEY", choices.rest()),
        2 => armor("PRIVATE KEY", choices.rest()),
        3 => armor("OPENSSH PRIVATE KEY", choices.rest()),
        4 => {
            let public = choices.long_bytes();
            openssh_file(public, choices.rest())
        }
        // The first byte belongs to the text, so that any key file is an input as it is.
        _ => String::from_utf8_lossy(data).into_owned(),
    };
    // Without a passphrase no work is done for an encrypted file, whatever number of rounds it names.
    for text in [file.as_bytes(), data] {
        if let Ok(key) = PrivateKey::from_openssh(text, None) {
            check(&key);
        }
    }
});
