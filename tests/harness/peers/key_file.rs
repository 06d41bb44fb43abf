//! Key pairs in files, made by `ssh-keygen`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peers::find::find_peer;
use crate::peers::run::{RUN, run};

/// What sort of key pair to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519.
    Ed25519,
    /// RSA with a modulus of this many bits.
    Rsa(u32),
    /// ECDSA over the NIST curve of 256, 384 or 521 bits.
    Ecdsa(u32),
}

/// A private key in a file, and its public key beside it.
#[derive(Debug, Clone)]
pub struct KeyFile {
    /// The private key, in OpenSSH's format.
    pub private: PathBuf,
    /// The public key: the same name with `.pub`.
    pub public: PathBuf,
}

impl KeyFile {
    /// Makes a key pair at `path`; `passphrase` may be empty.
    ///
    /// # Panics
    /// When `ssh-keygen` is missing or refuses.
    pub fn generate(path: &Path, kind: KeyKind, passphrase: &str) -> Self {
        let (name, bits) = match kind {
            KeyKind::Ed25519 => ("ed25519", None),
            KeyKind::Rsa(bits) => ("rsa", Some(bits)),
            KeyKind::Ecdsa(bits) => ("ecdsa", Some(bits)),
        };
        let mut command = ssh_keygen();
        command.args(["-q", "-t", name, "-N", passphrase, "-C", "konko test key", "-f"]).arg(path);
        if let Some(bits) = bits {
            command.args(["-b", &bits.to_string()]);
        }
        run(&mut command, b"", RUN).expect("ssh-keygen").expect_success();
        Self::at(path)
    }

    /// The key pair that is at `path` already.
    pub fn at(path: &Path) -> Self {
        Self { private: path.to_owned(), public: with_suffix(path, ".pub") }
    }

    /// The public key as one line, without its line end.
    ///
    /// # Panics
    /// When the file cannot be read.
    pub fn public_line(&self) -> String {
        fs::read_to_string(&self.public).expect("the public key").trim_end().to_owned()
    }

    /// The name of the key's type and its base64 text: a public line without its comment.
    pub fn type_and_key(&self) -> String {
        self.public_line().split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// The fingerprint as OpenSSH and PuTTY write it: `SHA256:` and unpadded base64.
    ///
    /// # Panics
    /// When `ssh-keygen` is missing or refuses.
    pub fn fingerprint(&self) -> String {
        let finished = run(ssh_keygen().arg("-lf").arg(&self.public), b"", RUN).expect("ssh-keygen");
        let text = finished.expect_success().stdout_text();
        text.split(' ').nth(1).expect("the second word is the fingerprint").to_owned()
    }

    /// Signs this public key with `authority` and returns the certificate's file. `options` are further arguments
    /// of `ssh-keygen -s`, e.g. `["-h", "-n", "localhost"]`.
    ///
    /// # Panics
    /// When `ssh-keygen` is missing or refuses.
    pub fn certify(&self, authority: &KeyFile, identity: &str, options: &[&str]) -> PathBuf {
        let mut command = ssh_keygen();
        command.args(["-q", "-I", identity, "-s"]).arg(&authority.private).args(options).arg(&self.public);
        run(&mut command, b"", RUN).expect("ssh-keygen").expect_success();
        with_suffix(&self.private, "-cert.pub")
    }
}

fn ssh_keygen() -> Command {
    Command::new(find_peer("ssh-keygen").expect("ssh-keygen is installed"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
