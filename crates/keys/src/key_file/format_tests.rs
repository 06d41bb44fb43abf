//! The formats of other programs.

use crate::error::KeyFileError;
use crate::fixtures::{KEYS, PASSPHRASE, Prepared, file, private, public, text};
use crate::identity::Identity;
use crate::key_file::limits::KeyFileLimits;
use crate::key_file::openssh_key_v1::OpenSshEncryption;
use crate::key_file::pbes2::Pbes2;
use crate::key_file::ppk_encryption::Argon2Flavour;
use crate::key_file::private_key_file::PpkVersion;
use crate::key_file::{armor, dek_info};
use crate::private_key::{PrivateKey, SecurityKeyHandle};
use crate::public_key::PublicKey;
use base64ct::{Base64, Encoding};
use konko_crypto::random::SystemRandom;
use konko_wire::encode::put_string;

const NAMES: [&str; 5] = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa2048"];
const WRONG: [&[u8]; 4] = [b"konk", b"konkO", b"konko\n", b""];

/// The file opens with the passphrase and with no other, and says so.
fn check_encrypted(name: &str, text: &[u8], expected: &PublicKey) {
    let key = PrivateKey::from_openssh(text, Some(PASSPHRASE)).expect(name);
    assert_eq!(key.public_key(), expected, "{name}");
    assert_eq!(PrivateKey::from_openssh(text, None).err(), Some(KeyFileError::Encrypted), "{name}");
    for wrong in WRONG {
        let refused = PrivateKey::from_openssh(text, Some(wrong)).err();
        assert_eq!(refused, Some(KeyFileError::WrongPassphrase), "{name}");
    }
}

#[test]
fn traditional_encryption_of_openssl() {
    for name in ["rsa2048", "ecdsa256"] {
        for cipher in ["aes128", "aes192", "aes256", "des3"] {
            let name_of_file = format!("{name}.pem.{cipher}");
            check_encrypted(&name_of_file, &file(&name_of_file), &public(name));
        }
    }
    check_encrypted("of ssh-keygen", &file("rsa2048.encrypted-pem"), &public("rsa2048"));
}

#[test]
fn headers_of_traditional_encryption_that_do_not_fit() {
    let text = text("rsa2048.pem.aes128");
    let with = |dek_info: &str| {
        let line = text.lines().find(|line| line.starts_with("DEK-Info")).expect("the header");
        PrivateKey::from_openssh(text.replace(line, dek_info).as_bytes(), Some(PASSPHRASE)).err()
    };
    let iv = "00112233445566778899AABBCCDDEEFF";
    let unsupported = |name: &str| KeyFileError::Unsupported { what: format!("the cipher {name}") };
    assert_eq!(with(&format!("DEK-Info: DES-CBC,{iv}")), Some(unsupported("DES-CBC")));
    let malformed = Some(KeyFileError::Malformed { what: "its header DEK-Info" });
    for dek_info in [
        "DEK-Info: AES-128-CBC,00".to_owned(),
        "DEK-Info: AES-128-CBC".to_owned(),
        format!("DEK-Info: AES-128-CBC,{iv}0"),
        format!("DEK-Info: AES-128-CBC,{iv}00"),
        format!("DEK-Info: DES-EDE3-CBC,{iv}"),
        "DEK-Info: AES-128-CBC,0x112233445566778899AABBCCDDEEFF".to_owned(),
        String::new(),
    ] {
        assert_eq!(with(&dek_info), malformed, "{dek_info}");
    }
    assert_eq!(with(&format!("DEK-Info: AES-128-CBC,{iv}")), Some(KeyFileError::WrongPassphrase));
}

#[test]
fn encrypted_pkcs8_of_openssl() {
    for name in NAMES {
        let expected = PrivateKey::from_openssh(&file(&format!("{name}.pkcs8")), None).expect("a key");
        let kinds = ["sha1-aes128", "sha512-aes192", "sha256-aes256", "sha384-3des", "scrypt-aes256"];
        for kind in kinds {
            let name = format!("{name}.pkcs8.{kind}");
            check_encrypted(&name, &file(&name), expected.public_key());
        }
    }
}

#[test]
fn files_of_putty() {
    for name in NAMES {
        for extension in ["ppk2", "ppk3"] {
            for passphrase in [None, Some(PASSPHRASE)] {
                let text = file(&format!("{name}.{extension}"));
                let key = PrivateKey::from_openssh(&text, passphrase).expect(extension);
                assert_eq!((key.public_key(), key.comment()), (&public(name), &*format!("konko {name}")));
            }
        }
        for extension in ["ppk2.aes", "ppk3.argon2id", "ppk3.argon2i", "ppk3.argon2d"] {
            let name_of_file = format!("{name}.{extension}");
            let text = file(&name_of_file);
            check_encrypted(&name_of_file, &text, &public(name));
            assert_eq!(PrivateKey::public_half_of(&text), Ok(public(name)));
            let (identity, comment) = Identity::from_any_format(&text).expect("a public half");
            assert_eq!((identity.public_key(), comment), (&public(name), format!("konko {name}")));
        }
    }
}

/// Given the salt that puttygen drew, the file is the same to the byte.
#[test]
fn what_is_written_for_putty_is_what_puttygen_writes() {
    for name in NAMES {
        let key = private(name);
        let plain = |version| key.to_ppk(version, None, &mut SystemRandom).expect("a file");
        assert_eq!(*plain(PpkVersion::V2), text(&format!("{name}.ppk2")), "{name}");
        assert_eq!(*plain(PpkVersion::default()), text(&format!("{name}.ppk3")), "{name}");
        let aes = key.to_ppk(PpkVersion::V2, Some(PASSPHRASE), &mut SystemRandom).expect("a file");
        assert_eq!(*aes, text(&format!("{name}.ppk2.aes")), "{name}");
        for flavour in [Argon2Flavour::Argon2id, Argon2Flavour::Argon2i, Argon2Flavour::Argon2d] {
            let theirs = text(&format!("{name}.ppk3.{}", flavour.to_string().to_lowercase()));
            let salt = theirs.lines().find_map(|line| line.strip_prefix("Argon2-Salt: ")).expect("a salt");
            let salt = dek_info::hexadecimal(salt).expect("digits");
            let version = PpkVersion::V3 { flavour, memory_kib: 256, passes: 2, parallelism: 2 };
            let ours = key.to_ppk(version, Some(PASSPHRASE), &mut Prepared(salt)).expect("a file");
            assert_eq!(*ours, theirs, "{name}");
        }
    }
}

/// covers: P14, P15
#[test]
fn files_of_putty_that_are_damaged() {
    let whole = text("ecdsa256.ppk3.argon2id");
    let read = |text: &str| PrivateKey::from_openssh(text.as_bytes(), Some(PASSPHRASE)).err();
    assert_eq!(read(&whole.replace('\n', "\r\n")), None);
    assert_eq!(read(&whole.replace("konko ecdsa256", "another")), Some(KeyFileError::WrongPassphrase));
    for (memory, passes, parallelism) in [
        ("4194304", "1", "1"),
        ("262145", "1", "1"),
        ("262144", "65", "1"),
        ("256", "2", "65"),
        ("256", "4294967295", "2"),
    ] {
        let text = whole
            .replace("Argon2-Memory: 256", &format!("Argon2-Memory: {memory}"))
            .replace("Argon2-Passes: 2", &format!("Argon2-Passes: {passes}"))
            .replace("Argon2-Parallelism: 2", &format!("Argon2-Parallelism: {parallelism}"));
        assert_eq!(read(&text), Some(KeyFileError::TooMuchWork { what: "PuTTY" }), "{memory} {passes}");
    }
    for (from, to) in [
        ("Argon2-Memory: 256", "Argon2-Memory: 0"),
        ("Argon2-Passes: 2", "Argon2-Passes: 0"),
        ("Argon2-Passes: 2", "Argon2-Passes: -1"),
        ("Argon2-Parallelism: 2", "Argon2-Parallelism: 0"),
        ("Argon2-Salt: ", "Argon2-Salt: x"),
        ("Private-MAC: ", "Private-MAC: 0"),
        ("Public-Lines: 3", "Public-Lines: 2"),
        ("Public-Lines: 3", "Public-Lines: 4096"),
        ("Comment: ", "Remark: "),
    ] {
        let text = whole.replace(from, to);
        assert_ne!(text, whole);
        assert!(matches!(read(&text), Some(KeyFileError::Malformed { .. })), "{to}: {:?}", read(&text));
    }
    assert_eq!(read(&whole.replace("Public-Lines: 3", "Public-Lines: 4097")), Some(KeyFileError::TooLarge));
    for (from, to, what) in [
        ("File-3", "File-1", "a PuTTY key file of version 1"),
        ("aes256-cbc", "rot13", "the cipher rot13"),
        ("Argon2id", "Scrypt", "the key derivation Scrypt"),
    ] {
        let refused = read(&whole.replace(from, to));
        assert_eq!(refused, Some(KeyFileError::Unsupported { what: what.into() }));
    }
    let no_mac =
        whole.lines().map(|line| if line.starts_with("Private-MAC") { "Private-MAC: " } else { line });
    let no_mac: Vec<_> = no_mac.collect();
    assert_eq!(read(&no_mac.join("\n")), Some(KeyFileError::WrongPassphrase));
    for len in 0..whole.len() - 1 {
        assert!(read(&whole[..len]).is_some(), "{len}");
    }
    let plain = text("ecdsa256.ppk3").replace("konko ecdsa256", "another");
    let damaged = Some(KeyFileError::Malformed { what: "its check sum" });
    assert_eq!(PrivateKey::from_openssh(plain.as_bytes(), None).err(), damaged);
}

#[test]
fn what_is_written_under_every_cipher_is_read() {
    let ciphers =
        ["aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"];
    let aead = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"];
    for name in ["ed25519", "ecdsa521", "rsa3072"] {
        for cipher in ciphers.into_iter().chain(aead) {
            let encryption = OpenSshEncryption { rounds: 1, cipher, ..OpenSshEncryption::new(PASSPHRASE) };
            let text = private(name).to_openssh_with(encryption, &mut SystemRandom).expect(cipher);
            check_encrypted(cipher, text.as_bytes(), &public(name));
        }
    }
    let encryption = |cipher| OpenSshEncryption { cipher, ..OpenSshEncryption::new(PASSPHRASE) };
    for cipher in ["none", "rot13"] {
        let refused = private("ed25519").to_openssh_with(encryption(cipher), &mut SystemRandom).err();
        assert!(matches!(refused, Some(KeyFileError::Unsupported { .. })), "{cipher}");
    }
    assert!(!format!("{:?}", encryption("none")).contains("konko"));
}

#[test]
fn pkcs8_and_pem_are_written_and_read() {
    let kdfs = [
        Pbes2::Pbkdf2 { iterations: 1 },
        Pbes2::Pbkdf2 { iterations: 1000 },
        Pbes2::Scrypt { log_n: 4, block_size: 8, parallelization: 2 },
    ];
    for (name, ..) in KEYS {
        let key = private(name);
        let plain = key.to_pkcs8(None, &mut SystemRandom).expect("a file");
        let read = PrivateKey::from_openssh(plain.as_bytes(), None).expect("a key");
        assert_eq!(read.public_key(), key.public_key());
        if name != "ed25519" {
            // The key that openssl made is another one.
            assert_eq!(*plain, text(&format!("{name}.pkcs8")));
        }
        for kdf in kdfs {
            let text = key.to_pkcs8(Some((PASSPHRASE, kdf)), &mut SystemRandom).expect("a file");
            check_encrypted(name, text.as_bytes(), &public(name));
        }
        match key.to_pem() {
            Ok(pem) => assert_eq!(*pem, text(&format!("{name}.pem"))),
            Err(error) => {
                let what = "a ssh-ed25519 key in a PEM file".into();
                assert_eq!((name, error), ("ed25519", KeyFileError::Unsupported { what }));
            }
        }
    }
}

/// covers: P14
#[test]
fn the_work_of_pkcs8_is_bounded() {
    let key = private("ed25519");
    let write = |kdf| key.to_pkcs8(Some((PASSPHRASE, kdf)), &mut SystemRandom).err();
    let too_much = Some(KeyFileError::TooMuchWork { what: "PKCS#8" });
    for kdf in [
        Pbes2::Pbkdf2 { iterations: 0 },
        Pbes2::Pbkdf2 { iterations: 10_000_001 },
        Pbes2::Pbkdf2 { iterations: u32::MAX },
        Pbes2::Scrypt { log_n: 0, block_size: 8, parallelization: 1 },
        Pbes2::Scrypt { log_n: 19, block_size: 8, parallelization: 1 },
        Pbes2::Scrypt { log_n: 30, block_size: 8, parallelization: 1 },
        Pbes2::Scrypt { log_n: 200, block_size: 8, parallelization: 1 },
        Pbes2::Scrypt { log_n: 4, block_size: u32::MAX, parallelization: u32::MAX },
        Pbes2::Scrypt { log_n: 18, block_size: 8, parallelization: 5 },
    ] {
        assert_eq!(write(kdf), too_much, "{kdf:?}");
    }
    let zero = Pbes2::Scrypt { log_n: 4, block_size: 0, parallelization: 1 };
    assert!(matches!(write(zero), Some(KeyFileError::Malformed { .. })));
    let empty = key.to_pkcs8(Some((b"", Pbes2::default())), &mut SystemRandom).err();
    assert_eq!(empty, Some(KeyFileError::EmptyPassphrase));
    let empty = key.to_ppk(PpkVersion::V2, Some(b""), &mut SystemRandom).err();
    assert_eq!(empty, Some(KeyFileError::EmptyPassphrase));

    // The same numbers in a file: 1000 rounds become 2^31 - 1 of them, N = 1024 becomes 2^30.
    let raise = |name: &str, from: &[u8], to: &[u8]| {
        let mut contents = armor::read(&file(name), b"PRIVATE KEY").expect("armor").contents.to_vec();
        let at = contents.windows(from.len()).position(|window| window == from).expect("the number");
        contents.splice(at..at + from.len(), to.iter().copied());
        // Every SEQUENCE around the number grows by as much.
        let (grown, mut position) = ((to.len() - from.len()) as u8, 0);
        while position < at {
            match contents[position] {
                0x30 => {
                    let len_at = position + if contents[position + 1] == 0x81 { 2 } else { 1 };
                    let end = len_at + 1 + usize::from(contents[len_at]);
                    if end > at {
                        contents[len_at] += grown;
                        position = len_at + 1;
                    } else {
                        position = end;
                    }
                }
                _ => position += 2 + usize::from(contents[position + 1]),
            }
        }
        let text = armor::write("ENCRYPTED PRIVATE KEY", &contents, 64);
        PrivateKey::from_openssh(text.as_bytes(), Some(PASSPHRASE)).err()
    };
    let rounds = raise("ed25519.pkcs8.sha256-aes256", &[2, 2, 3, 0xe8], &[2, 4, 0x7f, 0xff, 0xff, 0xff]);
    assert_eq!(rounds, too_much);
    let cost = raise("ed25519.pkcs8.scrypt-aes256", &[2, 2, 4, 0], &[2, 4, 0x40, 0, 0, 0]);
    assert_eq!(cost, too_much);
}

/// covers: P14
#[test]
fn the_limits_can_be_moved() {
    let with = |change: &dyn Fn(&mut KeyFileLimits), name: &str| {
        let mut limits = KeyFileLimits::default();
        change(&mut limits);
        PrivateKey::from_openssh_within(&limits, &file(name), Some(PASSPHRASE)).err()
    };
    let too_much = |what| Some(KeyFileError::TooMuchWork { what });
    assert_eq!(with(&|limits| limits.bcrypt_rounds = 2, "ed25519.aes256-ctr"), None);
    let refused = with(&|limits| limits.bcrypt_rounds = 1, "ed25519.aes256-ctr");
    assert_eq!(refused, Some(KeyFileError::TooManyRounds { rounds: 2 }));
    assert_eq!(with(&|limits| limits.pbkdf2_iterations = 1000, "ed25519.pkcs8.sha256-aes256"), None);
    let refused = with(&|limits| limits.pbkdf2_iterations = 999, "ed25519.pkcs8.sha256-aes256");
    assert_eq!(refused, too_much("PKCS#8"));
    // N = 1024 and blocks of 8 are 1 MiB.
    assert_eq!(with(&|limits| limits.memory = 1 << 20, "ed25519.pkcs8.scrypt-aes256"), None);
    let refused = with(&|limits| limits.memory = (1 << 20) - 1, "ed25519.pkcs8.scrypt-aes256");
    assert_eq!(refused, too_much("PKCS#8"));
    assert_eq!(with(&|limits| limits.memory = 256 << 10, "ed25519.ppk3.argon2id"), None);
    let refused = with(&|limits| limits.memory = (256 << 10) - 1, "ed25519.ppk3.argon2id");
    assert_eq!(refused, too_much("PuTTY"));
}

/// covers: P15
#[test]
fn encrypted_pkcs8_that_is_damaged_or_cut_is_an_error() {
    for name in ["ed25519.pkcs8.sha1-aes128", "ed25519.pkcs8.scrypt-aes256", "ecdsa256.pem.aes128"] {
        let text = file(name);
        for len in 0..text.len() - 2 {
            assert!(PrivateKey::from_openssh(&text[..len], Some(PASSPHRASE)).is_err(), "{name}: {len}");
        }
    }
    let whole = armor::read(&file("ecdsa256.pkcs8.sha1-aes128"), b"PRIVATE KEY").expect("armor").contents;
    for at in (0..whole.len()).filter(|at| *at < 90 || at % 5 == 0) {
        let mut damaged = whole.to_vec();
        damaged[at] ^= 0x81;
        let text = armor::write("ENCRYPTED PRIVATE KEY", &damaged, 64);
        if let Ok(key) = PrivateKey::from_openssh(text.as_bytes(), Some(PASSPHRASE)) {
            // What is not authenticated may change in a place without a meaning.
            assert_eq!(key.public_key(), &public("ecdsa256"), "{at}");
        }
    }
}

#[test]
fn public_halves_in_other_formats() {
    for name in NAMES {
        let identity = Identity::Key(public(name));
        let family = if name == "ed25519" { "ED25519" } else { name.trim_end_matches(char::is_numeric) };
        let comment = format!(
            "{}-bit {}, converted by konko from OpenSSH",
            identity.public_key().bits(),
            family.to_uppercase()
        );
        assert_eq!(identity.to_rfc4716(&comment), text(&format!("{name}.rfc4716")));
        let read = Identity::from_any_format(&file(&format!("{name}.rfc4716"))).expect("a key");
        assert_eq!(read, (identity, comment));

        let key = PrivateKey::from_openssh(&file(&format!("{name}.pkcs8")), None).expect("a key");
        let spki = text(&format!("{name}.spki"));
        assert_eq!(
            PublicKey::from_any_format(spki.as_bytes()),
            Ok((key.public_key().clone(), String::new()))
        );
        assert_eq!(key.public_key().to_pkcs8().expect("a file"), spki);

        let line = text(&format!("{name}.pub"));
        for text in [line.clone(), format!("# a note\n\n  {line}"), text(name)] {
            let expected = (public(name), format!("konko {name}"));
            assert_eq!(PublicKey::from_any_format(text.as_bytes()), Ok(expected), "{text}");
        }
    }
    let pem = text("rsa2048.pem.pub");
    assert_eq!(PublicKey::from_any_format(pem.as_bytes()), Ok((public("rsa2048"), String::new())));
    assert_eq!(public("rsa2048").to_pem().expect("a file"), pem);
    for other in ["ed25519", "ecdsa256"] {
        assert!(matches!(public(other).to_pem(), Err(KeyFileError::Unsupported { .. })));
    }
    assert!(matches!(public("dss").to_pkcs8(), Err(KeyFileError::Unsupported { .. })));

    let certificate = Identity::from_openssh(&text("ed25519-cert.pub")).expect("a certificate").0;
    let read = Identity::from_any_format(&file("ed25519-cert.rfc4716")).expect("a certificate");
    assert_eq!(read.0, certificate);
    assert_eq!(certificate.to_rfc4716(&read.1), text("ed25519-cert.rfc4716"));
    let refused = PublicKey::from_any_format(&file("ed25519-cert.pub")).err();
    assert!(matches!(refused, Some(KeyFileError::Unsupported { .. })));
    for nothing in ["", "\n", "# only a note\n", "hello", "ssh-ed25519", "\u{0}"] {
        assert_eq!(
            Identity::from_any_format(nothing.as_bytes()).err(),
            Some(KeyFileError::NotAKey),
            "{nothing}"
        );
    }
}

/// RFC 4716 §3.3 and §3.6.
#[test]
fn headers_of_rfc_4716() {
    let base64 = Base64::encode_string(public("ed25519").blob());
    for (headers, comment) in [
        ("", ""),
        ("Subject: me\nComment: a note\n", "a note"),
        ("comment: \"with: quotes\"\nx-other: y\n", "with: quotes"),
        ("Comment: This is a long\\\n note that goes \\\non\n", "This is a longnote that goes on"),
    ] {
        let text = format!(
            "text before\n---- BEGIN SSH2 PUBLIC KEY ----\n{headers}{base64}\n---- END SSH2 PUBLIC KEY ----\n"
        );
        let read = PublicKey::from_any_format(text.as_bytes());
        assert_eq!(read, Ok((public("ed25519"), comment.to_owned())), "{headers}");
    }
    let long = "x".repeat(500);
    let text = Identity::Key(public("ed25519")).to_rfc4716(&long);
    assert!(text.lines().all(|line| line.len() <= 72), "{text}");
    assert_eq!(PublicKey::from_any_format(text.as_bytes()), Ok((public("ed25519"), long)));
    for len in 0..text.len() - 2 {
        assert!(PublicKey::from_any_format(&text.as_bytes()[..len]).is_err(), "{len}");
    }
}

#[test]
fn the_private_half_of_a_security_key() {
    let mut blob = Vec::new();
    put_string(&mut blob, b"sk-ssh-ed25519@openssh.com");
    put_string(&mut blob, &public("ed25519").blob()[19..]);
    put_string(&mut blob, b"ssh:");
    let public = PublicKey::decode(&blob).expect("a key");
    let handle = SecurityKeyHandle::new(public.clone(), 0x25, b"a handle", b"reserved").expect("a handle");
    let key = PrivateKey::from_security_key(handle.clone(), "a comment");
    for passphrase in [None, Some((PASSPHRASE, 1))] {
        let text = key.to_openssh(passphrase, &mut SystemRandom).expect("a file");
        let read = PrivateKey::from_openssh(text.as_bytes(), Some(PASSPHRASE)).expect("a key");
        assert_eq!(read.security_key_handle(), Some(&handle));
        assert_eq!((read.public_key(), read.comment()), (&public, "a comment"));
    }
    assert!(key.to_pkcs8(None, &mut SystemRandom).is_err());
    assert!(key.to_pem().is_err() && key.to_ppk(PpkVersion::V2, None, &mut SystemRandom).is_err());
    let plain = SecurityKeyHandle::new(self::public("ecdsa256"), 1, b"", b"");
    assert!(plain.is_err());
}
