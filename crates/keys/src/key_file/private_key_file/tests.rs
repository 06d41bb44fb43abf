use super::*;
use crate::error::KeyError;
use crate::fixtures::{KEYS, PASSPHRASE, Prepared, file, private, public, text};
use base64ct::{Base64, Encoding};
use konko_crypto::random::SystemRandom;
use konko_wire::decode::Reader;
use konko_wire::encode::{put_string, put_u32};

const CIPHERS: [&str; 10] = [
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    "aes128-cbc",
    "aes192-cbc",
    "aes256-cbc",
    "3des-cbc",
    "aes128-gcm",
    "aes256-gcm",
    "chacha20-poly1305",
];

fn contents(name: &str) -> Vec<u8> {
    let text = text(name);
    let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    Base64::decode_vec(&base64).expect("base64")
}

fn read(contents: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, KeyFileError> {
    PrivateKey::from_openssh(
        armor::write(openssh_key_v1::LABEL, contents, OPENSSH_LINE_LEN).as_bytes(),
        passphrase,
    )
}

/// A file with these fields, in the clear unless they say otherwise.
struct Fields<'a> {
    cipher: &'a [u8],
    kdf: &'a [u8],
    kdf_options: &'a [u8],
    count: u32,
    public: &'a [u8],
    section: &'a [u8],
}

impl Fields<'_> {
    fn write(&self) -> Vec<u8> {
        let mut out = b"openssh-key-v1\0".to_vec();
        put_string(&mut out, self.cipher);
        put_string(&mut out, self.kdf);
        put_string(&mut out, self.kdf_options);
        put_u32(&mut out, self.count);
        put_string(&mut out, self.public);
        put_string(&mut out, self.section);
        out
    }
}

/// The private section of a file in the clear.
fn section(name: &str) -> Vec<u8> {
    let contents = contents(name);
    let mut reader = Reader::new(&contents[b"openssh-key-v1\0".len()..]);
    for _ in 0..3 {
        reader.read_string().expect("a string");
    }
    assert_eq!(reader.read_u32(), Ok(1));
    reader.read_string().expect("the public key");
    reader.read_string().expect("the private section").to_vec()
}

#[test]
fn files_of_ssh_keygen_in_the_clear() {
    for (name, ..) in KEYS {
        for passphrase in [None, Some(PASSPHRASE)] {
            let key = PrivateKey::from_openssh(&file(name), passphrase).expect(name);
            assert_eq!(key.public_key(), &public(name));
            assert_eq!(key.comment(), format!("konko {name}"));
        }
    }
}

#[test]
fn files_of_ssh_keygen_under_every_cipher() {
    for (name, ..) in KEYS {
        for cipher in CIPHERS {
            let bytes = file(&format!("{name}.{cipher}"));
            let key = PrivateKey::from_openssh(&bytes, Some(PASSPHRASE)).expect(cipher);
            assert_eq!(key.public_key(), &public(name), "{name}.{cipher}");
            assert_eq!(key.comment(), format!("konko {name}"));
            assert_eq!(PrivateKey::from_openssh(&bytes, None).err(), Some(KeyFileError::Encrypted));
            assert_eq!(PrivateKey::public_half_of(&bytes).expect(cipher), public(name), "{name}.{cipher}");
            for wrong in [&b"konk"[..], b"konkO", b"konko\n", b""] {
                let refused = PrivateKey::from_openssh(&bytes, Some(wrong)).err();
                assert_eq!(refused, Some(KeyFileError::WrongPassphrase), "{name}.{cipher}");
            }
        }
    }
}

#[test]
fn files_of_other_formats() {
    for (name, ..) in KEYS {
        let extensions: &[&str] = if name == "ed25519" { &[] } else { &["pem", "pkcs8"] };
        for extension in extensions {
            let key = PrivateKey::from_openssh(&file(&format!("{name}.{extension}")), None).expect(extension);
            assert_eq!(key.public_key(), &public(name), "{name}.{extension}");
            assert_eq!(key.comment(), "");
        }
    }
    let ed25519 = PrivateKey::from_openssh(&file("ed25519.pkcs8"), None).expect("an Ed25519 key of openssl");
    assert_eq!(ed25519.public_key().key_type(), "ssh-ed25519");
}

#[test]
fn what_is_not_supported_says_so() {
    let refused = PrivateKey::from_openssh(&file("dss"), Some(PASSPHRASE)).err();
    assert_eq!(refused, Some(KeyFileError::Unsupported { what: "the key type ssh-dss".into() }));
    for label in ["ANY PRIVATE KEY", "DSA PRIVATE KEY"] {
        let refused = PrivateKey::from_openssh(armor::write(label, b"x", 64).as_bytes(), None).err();
        assert_eq!(refused, Some(KeyFileError::Unsupported { what: format!("a file of the kind {label}") }));
    }
    let putty = b"PuTTY-User-Key-File-4: ssh-ed25519\r\nEncryption: none\r\n";
    assert!(matches!(PrivateKey::from_openssh(putty, None), Err(KeyFileError::Unsupported { .. })));
}

/// Given the random bytes that ssh-keygen drew, the file is the same to the byte.
#[test]
fn what_is_written_is_what_ssh_keygen_writes() {
    for (name, ..) in KEYS {
        let check = section(name)[..4].to_vec();
        let key = private(name);
        let written = key.to_openssh(None, &mut Prepared(check)).expect("a file");
        assert_eq!(*written, text(name), "{name}");

        // Its salt stands behind "aes256-ctr", "bcrypt" and two lengths; its check numbers are encrypted and
        // differ, so only what is before the private section can be the same.
        let theirs = contents(&format!("{name}.aes256-ctr"));
        let salt_at = 15 + 4 + 10 + 4 + 6 + 4 + 4;
        let random = [&[1, 2, 3, 4], &theirs[salt_at..salt_at + 16]].concat();
        let written = key.to_openssh(Some((PASSPHRASE, 2)), &mut Prepared(random)).expect("a file");
        let label = armor::read(written.as_bytes(), b"PRIVATE KEY").expect("armor");
        let same = salt_at + 16 + 4 + 4 + 4 + key.public_key().blob().len() + 4;
        assert_eq!(label.contents[..same], theirs[..same], "{name}");
        assert_eq!(label.contents.len(), theirs.len(), "{name}");
        let again = PrivateKey::from_openssh(written.as_bytes(), Some(PASSPHRASE)).expect("the same key");
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.comment(), key.comment());
    }
}

#[test]
fn passphrases_that_protect_nothing_are_not_written() {
    let key = private("ed25519");
    let write = |passphrase, rounds| key.to_openssh(Some((passphrase, rounds)), &mut SystemRandom).err();
    assert_eq!(write(b"", 16), Some(KeyFileError::EmptyPassphrase));
    for rounds in [0, 2049, u32::MAX] {
        assert_eq!(write(b"x", rounds), Some(KeyFileError::TooManyRounds { rounds }));
    }
}

/// covers: P14
#[test]
fn the_work_that_a_file_asks_for_is_bounded() {
    let section = [0; 32];
    for (salt_len, rounds) in [(16, 0), (16, 2049), (16, 1 << 20), (16, u32::MAX), (0, 16), (1 << 18, 16)] {
        let mut kdf_options = Vec::new();
        put_string(&mut kdf_options, &vec![7; salt_len]);
        put_u32(&mut kdf_options, rounds);
        let public = public("ed25519");
        let fields = Fields {
            cipher: b"aes256-ctr",
            kdf: b"bcrypt",
            kdf_options: &kdf_options,
            count: 1,
            public: public.blob(),
            section: &section,
        };
        let expected = if salt_len == 16 {
            KeyFileError::TooManyRounds { rounds }
        } else {
            KeyFileError::Malformed { what: "the length of its salt" }
        };
        assert_eq!(read(&fields.write(), Some(PASSPHRASE)).err(), Some(expected));
    }
}

/// covers: P15
#[test]
fn fields_that_do_not_fit() {
    let section = section("ed25519");
    let public = public("ed25519");
    let fields = || Fields {
        cipher: b"none",
        kdf: b"none",
        kdf_options: b"",
        count: 1,
        public: public.blob(),
        section: &section,
    };
    assert!(read(&fields().write(), None).is_ok());

    let unsupported =
        |fields: Fields<'_>| matches!(read(&fields.write(), None), Err(KeyFileError::Unsupported { .. }));
    for count in [0, 2, u32::MAX] {
        assert!(unsupported(Fields { count, ..fields() }), "{count} keys");
    }
    assert!(unsupported(Fields { cipher: b"rot13", ..fields() }));
    assert!(unsupported(Fields { kdf: b"argon2", ..fields() }));

    let malformed =
        |fields: Fields<'_>| matches!(read(&fields.write(), None), Err(KeyFileError::Malformed { .. }));
    assert!(malformed(Fields { kdf: b"bcrypt", ..fields() }));
    assert!(malformed(Fields { cipher: b"aes256-ctr", ..fields() }));
    assert!(malformed(Fields { kdf_options: b"x", ..fields() }));
    assert!(malformed(Fields { section: b"", ..fields() }));
    assert!(malformed(Fields { section: &section[..section.len() - 1], ..fields() }));

    // The check numbers, and the padding 1, 2, 3 and so on.
    let mut other_check = section.clone();
    other_check[0] ^= 1;
    assert!(malformed(Fields { section: &other_check, ..fields() }));
    let padded = [&section[..], &[1, 2, 3, 4, 5, 6, 7, 8]].concat();
    assert!(read(&Fields { section: &padded, ..fields() }.write(), None).is_ok());
    for at in section.len()..padded.len() {
        let mut other_padding = padded.clone();
        other_padding[at] ^= 1;
        assert!(malformed(Fields { section: &other_padding, ..fields() }), "{at}");
    }

    let foreign = crate::fixtures::public("ecdsa256");
    let mismatch = read(&Fields { public: foreign.blob(), ..fields() }.write(), None).err();
    assert_eq!(mismatch, Some(KeyFileError::Key(KeyError::PublicHalfMismatch)));

    // The second copy of the Ed25519 public half, and the first.
    let half = &public.blob()[public.blob().len() - 32..];
    let places: Vec<_> = (0..section.len() - 32).filter(|at| &section[*at..*at + 32] == half).collect();
    assert_eq!(places.len(), 2);
    for at in places {
        let mut other = section.clone();
        other[at] ^= 1;
        let refused = read(&Fields { section: &other, ..fields() }.write(), None).err();
        assert_eq!(refused, Some(KeyFileError::Key(KeyError::PublicHalfMismatch)));
    }
}

/// covers: P15
#[test]
fn a_file_that_is_cut_anywhere_is_an_error() {
    for (name, ..) in KEYS {
        for suffix in ["", ".aes256-gcm", ".pem", ".pkcs8"] {
            if name == "ed25519" && suffix == ".pem" {
                continue;
            }
            let text = file(&format!("{name}{suffix}"));
            for len in 0..text.len() - 1 {
                assert!(
                    PrivateKey::from_openssh(&text[..len], Some(PASSPHRASE)).is_err(),
                    "{name}{suffix}: {len}"
                );
            }
        }
        let contents = contents(name);
        for len in 0..contents.len() {
            assert!(read(&contents[..len], None).is_err(), "{name}: {len} of the contents");
        }
        for (suffix, label) in
            [(".pem", "RSA PRIVATE KEY"), (".pem", "EC PRIVATE KEY"), (".pkcs8", "PRIVATE KEY")]
        {
            let Some(text) = name.ne("ed25519").then(|| file(&format!("{name}{suffix}"))) else { continue };
            let whole = armor::read(&text, b"PRIVATE KEY").expect("armor").contents;
            for len in 0..whole.len() {
                let cut = armor::write(label, &whole[..len], 64);
                assert!(PrivateKey::from_openssh(cut.as_bytes(), None).is_err(), "{name}{suffix}: {len}");
            }
        }
    }
}

/// A damaged byte gives an error or, in the comment and the check of nothing, a key; it never panics.
///
/// covers: P15
#[test]
fn a_file_that_is_damaged_anywhere_does_not_panic() {
    // The bytes of long numbers are all alike and take their time to be looked at.
    let places = |len: usize| (0..len).filter(|at| *at < 120 || at % 7 == 0);
    for name in ["ed25519", "ecdsa256", "rsa2048"] {
        let whole = contents(name);
        for at in places(whole.len()) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x81;
            if let Ok(key) = read(&damaged, None) {
                assert_eq!(key.public_key(), &public(name));
            }
        }
    }
    for name in ["ecdsa256", "rsa2048"] {
        let armored = armor::read(&file(&format!("{name}.pkcs8")), b"PRIVATE KEY").expect("armor");
        for at in places(armored.contents.len()) {
            let mut damaged = armored.contents.to_vec();
            damaged[at] ^= 0x81;
            let text = armor::write("PRIVATE KEY", &damaged, 64);
            if let Ok(key) = PrivateKey::from_openssh(text.as_bytes(), None) {
                assert_eq!(key.public_key(), &public(name));
            }
        }
    }
}

#[test]
fn text_around_the_key() {
    let text = text("ed25519");
    for surrounded in [
        format!("a note\n\n{text}\nanother\n"),
        text.replace('\n', "\r\n"),
        text.trim_end().to_owned(),
        format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{text}"),
    ] {
        assert!(PrivateKey::from_openssh(surrounded.as_bytes(), None).is_ok(), "{surrounded}");
    }
    for nothing in
        ["", "\n", "ssh-ed25519 AAAA", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]
    {
        assert_eq!(PrivateKey::from_openssh(nothing.as_bytes(), None).err(), Some(KeyFileError::NotAKey));
    }
    let exchanged = text.replace("END OPENSSH", "END RSA");
    assert!(matches!(
        PrivateKey::from_openssh(exchanged.as_bytes(), None),
        Err(KeyFileError::Malformed { .. })
    ));
    let large = vec![b'\n'; LARGEST_FILE + 1];
    assert_eq!(PrivateKey::from_openssh(&large, None).err(), Some(KeyFileError::TooLarge));
    assert_eq!(PrivateKey::from_openssh(&large[1..], None).err(), Some(KeyFileError::NotAKey));
}

/// Some programs pad by more than a block.
///
/// covers: I05
#[test]
fn padding_may_be_longer_than_a_block() {
    let whole = section("ed25519");
    let key = public("ed25519");
    let padded = |len: usize| {
        let section = [&whole[..], &(1..=len).map(|byte| byte as u8).collect::<Vec<_>>()].concat();
        let fields = Fields {
            cipher: b"none",
            kdf: b"none",
            kdf_options: b"",
            count: 1,
            public: key.blob(),
            section: &section,
        };
        read(&fields.write(), None)
    };
    for len in (8..=248).step_by(8) {
        assert_eq!(padded(len).expect("a key").public_key(), &key, "{len}");
    }
    assert!(matches!(padded(256), Err(KeyFileError::Malformed { .. })));
}
