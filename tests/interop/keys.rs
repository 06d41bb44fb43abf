//! Key files and certificates, written by one and read by the other: ssh-keygen, puttygen and openssl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use konko_crypto::random::SystemRandom;
use konko_keys::certificate::{Certificate, Validity};
use konko_keys::certificate_builder::CertificateBuilder;
use konko_keys::certificate_check::CertificateCheck;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::certificate_option::CriticalOption;
use konko_keys::identity::Identity;
use konko_keys::key_file::{
    Argon2Flavour, Existing, OpenSshEncryption, Pbes2, Permissions, PpkVersion, write_private_file,
};
use konko_keys::private_key::{KeyKind, PrivateKey, SecurityKeyHandle};
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::{SSH_ED25519, for_key_type};
use konko_tests::peers::{Finished, require_peer, run};
use konko_wire::encode::{put_string, put_u32};
use tempfile::TempDir;

use crate::table::{Failure, check_all, ensure};

const PASSPHRASE: &str = "konko";
const WITHIN: Duration = Duration::from_secs(120);
const CIPHERS: [&str; 10] = [
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    "aes128-cbc",
    "aes192-cbc",
    "aes256-cbc",
    "3des-cbc",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
];

/// A key of every type, with a comment.
fn keys() -> Vec<PrivateKey> {
    let kinds = [
        KeyKind::Ed25519,
        KeyKind::EcdsaP256,
        KeyKind::EcdsaP384,
        KeyKind::EcdsaP521,
        KeyKind::Rsa { bits: 2048 },
        KeyKind::Rsa { bits: 3072 },
    ];
    let generate = |kind| PrivateKey::generate(kind, &mut SystemRandom).expect("a key");
    kinds.into_iter().map(|kind| generate(kind).with_comment("a comment of konko")).collect()
}

fn program(path: &Path, arguments: &[&str], input: &[u8]) -> Result<Finished, Failure> {
    // The programs write times as the time zone says, and ask nobody.
    let mut command = Command::new(path);
    command.args(arguments).env("TZ", "UTC").env_remove("SSH_ASKPASS").env_remove("DISPLAY");
    let finished = run(&mut command, input, WITHIN)?;
    ensure(finished.code() == Some(0), format!("{arguments:?}: {}", finished.stderr_text()))?;
    Ok(finished)
}

/// `type base64` of a line.
fn without_comment(line: &str) -> String {
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn line(key: &PublicKey) -> String {
    key.to_openssh("")
}

fn name(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Somewhere to put files that programs want private.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn private(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        write_private_file(&path, text.as_bytes(), Existing::Replace, &mut SystemRandom).expect("a file");
        path
    }
}

#[test]
fn ssh_keygen_reads_every_private_file_that_we_write() {
    let Some(ssh_keygen) = require_peer("ssh-keygen") else { return };
    let Some(openssl) = require_peer("openssl") else { return };
    check_all(&keys(), |key| {
        let folder = Folder::new();
        let random = &mut SystemRandom;
        let mut files = vec![("openssh".to_owned(), key.to_openssh(None, random)?)];
        for cipher in CIPHERS {
            let passphrase = OpenSshEncryption::new(PASSPHRASE.as_bytes());
            let encryption = OpenSshEncryption { rounds: 3, cipher, ..passphrase };
            files.push((cipher.to_owned(), key.to_openssh_with(encryption, random)?));
        }
        let read = |path: &Path| -> Result<String, Failure> {
            let read = program(&ssh_keygen, &["-y", "-P", PASSPHRASE, "-f", name(path)], b"")?;
            Ok(read.stdout_text())
        };
        for (number, (format, text)) in files.iter().enumerate() {
            let shown = read(&folder.private(&format!("key{number}"), text))?;
            let expected = key.public_key().to_openssh(key.comment());
            ensure(shown.trim_end() == expected, format!("{format}: {shown}"))?;
        }

        let passphrase = PASSPHRASE.as_bytes();
        let mut files = vec![("pkcs8".to_owned(), key.to_pkcs8(None, random)?)];
        let scrypt = Pbes2::Scrypt { log_n: 10, block_size: 8, parallelization: 1 };
        for kdf in [Pbes2::default(), Pbes2::Pbkdf2 { iterations: 2 }, scrypt] {
            files.push((format!("{kdf:?}"), key.to_pkcs8(Some((passphrase, kdf)), random)?));
        }
        let is_ed25519 = key.public_key().key_type() == "ssh-ed25519";
        if !is_ed25519 {
            files.push(("pem".into(), key.to_pem()?));
        }
        for (number, (format, text)) in files.iter().enumerate() {
            let path = folder.private(&format!("pem{number}"), text);
            // Not every ssh-keygen reads Ed25519 in PKCS#8.
            if !is_ed25519 {
                let shown = read(&path)?;
                ensure(shown.trim_end() == line(key.public_key()), format!("{format}: {shown}"))?;
            }
            let public = ["pkey", "-in", name(&path), "-passin", "pass:konko", "-pubout"];
            let shown = program(&openssl, &public, b"")?.stdout_text();
            ensure(shown == key.public_key().to_pkcs8()?, format!("{format}: {shown}"))?;
        }
        Ok(())
    });
}

#[test]
fn we_read_every_private_file_that_ssh_keygen_writes() {
    let Some(ssh_keygen) = require_peer("ssh-keygen") else { return };
    let kinds = [["ed25519", "256"], ["ecdsa", "256"], ["ecdsa", "384"], ["ecdsa", "521"], ["rsa", "2048"]];
    check_all(&kinds, |[kind, bits]| {
        let folder = Folder::new();
        let path = folder.path("key");
        let keygen = |arguments: &[&str]| program(&ssh_keygen, arguments, b"");
        keygen(&["-q", "-t", kind, "-b", bits, "-N", "", "-C", "a comment", "-f", name(&path)])?;
        let (public, comment) = PublicKey::from_any_format(&fs::read(folder.path("key.pub"))?)?;
        ensure(comment == "a comment", &comment)?;
        let mut old = "";
        for cipher in CIPHERS {
            keygen(&["-q", "-p", "-P", old, "-N", PASSPHRASE, "-a", "7", "-Z", cipher, "-f", name(&path)])?;
            old = PASSPHRASE;
            let key = PrivateKey::load(&path, Some(PASSPHRASE.as_bytes()), Permissions::Check)?;
            ensure(key.public_key() == &public && key.comment() == "a comment", cipher)?;
        }
        for format in ["PEM", "PKCS8"] {
            if *kind == "ed25519" {
                continue;
            }
            for passphrase in [PASSPHRASE, ""] {
                keygen(&["-q", "-p", "-P", old, "-N", passphrase, "-m", format, "-f", name(&path)])?;
                old = passphrase;
                let key = PrivateKey::load(&path, Some(passphrase.as_bytes()), Permissions::Check)?;
                ensure(key.public_key() == &public, format)?;
            }
        }
        Ok(())
    });
}

#[test]
fn puttygen_reads_what_we_write_and_we_what_it_writes() {
    let Some(puttygen) = require_peer("puttygen") else { return };
    check_all(&keys(), |key| {
        let folder = Folder::new();
        let passphrase = folder.private("passphrase", PASSPHRASE);
        let random = &mut SystemRandom;
        let argon2 = |flavour| PpkVersion::V3 { flavour, memory_kib: 512, passes: 2, parallelism: 1 };
        for (number, version) in [
            PpkVersion::V2,
            argon2(Argon2Flavour::Argon2id),
            argon2(Argon2Flavour::Argon2i),
            argon2(Argon2Flavour::Argon2d),
        ]
        .into_iter()
        .enumerate()
        {
            for secret in [None, Some(PASSPHRASE.as_bytes())] {
                let path = folder.private(&format!("key{number}"), &key.to_ppk(version, secret, random)?);
                let arguments = [name(&path), "--old-passphrase", name(&passphrase), "-O", "public-openssh"];
                let shown = program(&puttygen, &arguments, b"")?.stdout_text();
                let expected = key.public_key().to_openssh(key.comment());
                ensure(shown.trim_end() == expected, format!("{version:?}: {shown}"))?;

                let again = folder.path("again");
                let format =
                    if version == PpkVersion::V2 { "version=2" } else { "version=3,memory=256,passes=1" };
                let arguments = [
                    "-q",
                    name(&path),
                    "-C",
                    key.comment(),
                    "--old-passphrase",
                    name(&passphrase),
                    "--new-passphrase",
                    name(&passphrase),
                    "--ppk-param",
                    format,
                    "-O",
                    "private",
                    "-o",
                    name(&again),
                ];
                program(&puttygen, &arguments, b"")?;
                let read = PrivateKey::from_openssh(&fs::read(&again)?, Some(PASSPHRASE.as_bytes()))?;
                ensure(read.public_key() == key.public_key() && read.comment() == key.comment(), format)?;
            }
        }
        let path = folder.private("openssh", &key.to_openssh(Some((PASSPHRASE.as_bytes(), 2)), random)?);
        let arguments = [name(&path), "--old-passphrase", name(&passphrase), "-O", "fingerprint"];
        let shown = program(&puttygen, &arguments, b"")?.stdout_text();
        ensure(shown.contains(&key.public_key().fingerprint().to_string()), shown)
    });
}

#[test]
fn public_files_in_both_directions() {
    let Some(ssh_keygen) = require_peer("ssh-keygen") else { return };
    check_all(&keys(), |key| {
        let folder = Folder::new();
        let public = key.public_key();
        let openssh = folder.private("key.pub", &public.to_openssh("a comment"));
        let is = |kind| public.key_type() == kind;
        let mut formats = vec![("RFC4716", Identity::Key(public.clone()).to_rfc4716("a comment"))];
        // Not every ssh-keygen writes Ed25519 in PKCS#8.
        if !is("ssh-ed25519") {
            formats.push(("PKCS8", public.to_pkcs8()?));
        }
        if is("ssh-rsa") {
            formats.push(("PEM", public.to_pem()?));
        }
        for (format, text) in formats {
            let path = folder.private("other", &text);
            let read = program(&ssh_keygen, &["-i", "-m", format, "-f", name(&path)], b"")?.stdout_text();
            ensure(without_comment(&read) == line(public), format!("{format}: {read}"))?;
            let written = program(&ssh_keygen, &["-e", "-m", format, "-f", name(&openssh)], b"")?.stdout;
            ensure(&PublicKey::from_any_format(&written)?.0 == public, format)?;
            if format != "RFC4716" {
                ensure(written == text.as_bytes(), format)?;
            }
        }
        Ok(())
    });
}

#[test]
fn certificates_that_we_issue() {
    let Some(ssh_keygen) = require_peer("ssh-keygen") else { return };
    let keys = keys();
    check_all(&keys, |key| {
        let folder = Folder::new();
        let authority = &keys[0];
        let certificate = CertificateBuilder::new(CertificateKind::User, key.public_key(), "an identity")
            .serial(42)
            .principals(["alice", "bob"])
            .validity(Validity { after: 1_577_836_800, before: 2_208_988_800 })
            .critical_option(CriticalOption::ForceCommand("echo"))
            .permit_all()
            .sign(authority, &SSH_ED25519, &mut SystemRandom)?;
        let path = folder.private("key-cert.pub", &certificate.to_openssh("a comment"));
        let shown = program(&ssh_keygen, &["-L", "-f", name(&path)], b"")?.stdout_text();
        for expected in [
            format!("Type: {} user certificate", certificate.certificate_type()),
            format!("{} (using ssh-ed25519)", authority.public_key().fingerprint()),
            "Key ID: \"an identity\"".into(),
            "Serial: 42".into(),
            "Valid: from 2020-01-01T00:00:00 to 2040-01-01T00:00:00".into(),
            "force-command echo".into(),
            "permit-user-rc".into(),
        ] {
            ensure(shown.contains(&expected), format!("{expected}: {shown}"))?;
        }

        // And the other way round, signed by every key.
        let subject = folder.private("subject.pub", &authority.public_key().to_openssh("a comment"));
        let signer = folder.private("signer", &key.to_openssh(None, &mut SystemRandom)?);
        for row in for_key_type(key.public_key().key_type()).filter(|row| !row.legacy) {
            let mut arguments = vec!["-q", "-s", name(&signer), "-I", "x", "-h", "-n", "*.example"];
            if row.key_type == "ssh-rsa" {
                arguments.extend(["-t", row.name]);
            }
            arguments.push(name(&subject));
            program(&ssh_keygen, &arguments, b"")?;
            let text = fs::read_to_string(folder.path("subject-cert.pub"))?;
            let (issued, _) = Certificate::from_openssh(&text)?;
            ensure(issued.signature_algorithm() == row, row.name)?;
            let host = CertificateKind::Host;
            issued.check(&CertificateCheck::new(key.public_key(), host, 1, Some("a.example")))?;
        }
        Ok(())
    });
}

/// No authenticator is there, so the key of one is put together by hand, as PROTOCOL.u2f describes it.
#[test]
fn keys_of_authenticators() {
    let Some(ssh_keygen) = require_peer("ssh-keygen") else { return };
    let folder = Folder::new();
    let inner = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    let mut blob = Vec::new();
    put_string(&mut blob, b"sk-ssh-ed25519@openssh.com");
    blob.extend_from_slice(&inner.public_key().blob()[4 + 11..]);
    put_string(&mut blob, b"ssh:");
    let public = PublicKey::decode(&blob).expect("a key");
    let handle = SecurityKeyHandle::new(public.clone(), 1, b"a handle", b"").expect("a handle");
    let key = PrivateKey::from_security_key(handle.clone(), "a comment");
    let text = key.to_openssh(Some((PASSPHRASE.as_bytes(), 2)), &mut SystemRandom).expect("a file");
    let path = folder.private("key", &text);
    let shown = program(&ssh_keygen, &["-y", "-P", PASSPHRASE, "-f", name(&path)], b"").expect("it reads");
    assert_eq!(shown.stdout_text().trim_end(), public.to_openssh("a comment"));

    // ssh-keygen writes it anew under another passphrase.
    let change = ["-q", "-p", "-P", PASSPHRASE, "-N", "other", "-a", "2", "-f", name(&path)];
    program(&ssh_keygen, &change, b"").expect("it writes");
    let read = PrivateKey::load(&path, Some(b"other"), Permissions::Check).expect("a key");
    assert_eq!((read.security_key_handle(), read.public_key()), (Some(&handle), &public));

    // A signature that both accept, and one that nobody touched the authenticator for, in the layout of SSHSIG.
    let sha512 = |message: &[u8]| digest("-sha512", message);
    let message = b"what is signed";
    let Some(hash) = sha512(message) else { return };
    let mut signed = b"SSHSIG".to_vec();
    for field in [&b"konko"[..], b"", b"sha512", &hash] {
        put_string(&mut signed, field);
    }
    let row = for_key_type(public.key_type()).next().expect("a row");
    let signature = |flags: u8| {
        let application = digest("-sha256", b"ssh:").expect("openssl");
        let hash = digest("-sha256", &signed).expect("openssl");
        let raw = [&application[..], &[flags, 0, 0, 0, 9], &hash].concat();
        let inner = inner.sign(&SSH_ED25519, &raw).expect("a signature");
        let mut signature = Vec::new();
        put_string(&mut signature, row.name.as_bytes());
        signature.extend_from_slice(&inner[4 + 11..]);
        signature.push(flags);
        put_u32(&mut signature, 9);
        signature
    };
    let touched = signature(1);
    assert_eq!(public.verify(row, &signed, &touched), Ok(()));
    assert!(public.verify(row, &signed, &signature(0)).is_err());
    let mut contents = b"SSHSIG\0\0\0\x01".to_vec();
    for field in [public.blob(), b"konko", b"", b"sha512", &touched] {
        put_string(&mut contents, field);
    }
    let base64 = base64(&contents);
    let armored = format!("-----BEGIN SSH SIGNATURE-----\n{base64}\n-----END SSH SIGNATURE-----\n");
    let path = folder.private("signature", &armored);
    let check = ["-Y", "check-novalidate", "-n", "konko", "-s", name(&path)];
    let shown = program(&ssh_keygen, &check, message).expect("a good signature");
    assert!(shown.stdout_text().contains(&public.fingerprint().to_string()), "{}", shown.stdout_text());
    assert!(program(&ssh_keygen, &check, b"something else").is_err());
}

fn digest(algorithm: &str, message: &[u8]) -> Option<Vec<u8>> {
    let openssl = require_peer("openssl")?;
    Some(program(&openssl, &["dgst", algorithm, "-binary"], message).expect("a digest").stdout)
}

/// In one line, taken out of a key line.
fn base64(contents: &[u8]) -> String {
    let openssl = require_peer("openssl").expect("it was there");
    let text = program(&openssl, &["base64", "-A"], contents).expect("base64").stdout_text();
    text.trim_end()
        .as_bytes()
        .chunks(70)
        .map(|line| String::from_utf8_lossy(line).into_owned() + "\n")
        .collect::<String>()
        .trim_end()
        .to_owned()
}
