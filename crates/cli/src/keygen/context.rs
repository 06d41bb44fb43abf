//! What several actions need: the command line, the user's files, keys with their passphrases.

use crate::keygen::arguments::Arguments;
use crate::keygen::error::KeygenError;
use crate::keygen::prompt;
use konko::keys::error::KeyFileError;
use konko::keys::identity::Identity;
use konko::keys::key_file::{
    Argon2Flavour, Existing, OpenSshEncryption, Pbes2, Permissions, PpkVersion, read_private_file,
    write_private_file, write_public_file,
};
use konko::keys::private_key::PrivateKey;
use konko::transport::crypto::random::SystemRandom;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// Private keys that are asked for where `-f` names none, in their order.
const DEFAULT_KEYS: [&str; 5] = ["id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk"];
/// Rounds of bcrypt where `-a` says nothing; ssh-keygen's number.
const DEFAULT_ROUNDS: u32 = 24;
/// More is not read from standard input or a public file.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// The format of a private key file: `-m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `RFC4716`, for private keys that of OpenSSH.
    OpenSsh,
    /// `PKCS8`.
    Pkcs8,
    /// `PEM`.
    Pem,
    /// `PPK`: version 3 of PuTTY. An addition to ssh-keygen.
    Ppk,
    /// `PPK2`: version 2 of PuTTY. An addition to ssh-keygen.
    Ppk2,
}

impl Format {
    /// Whether files of this format have a comment, be it an empty one.
    pub const fn has_comment(self) -> bool {
        matches!(self, Self::OpenSsh | Self::Ppk | Self::Ppk2)
    }
}

/// One run of the program.
#[derive(Debug)]
pub struct Context {
    /// The command line.
    pub arguments: Arguments,
}

impl Context {
    /// `-q`: say as little as possible.
    pub fn quiet(&self) -> bool {
        self.arguments.has('q')
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    ///
    /// If it is closed.
    pub fn print(&self, line: impl std::fmt::Display) -> Result<(), KeygenError> {
        prompt::write(&format!("{line}\n"))
    }

    /// Writes a line to standard output unless `-q` says not to.
    ///
    /// # Errors
    ///
    /// If it is closed.
    pub fn tell(&self, line: impl std::fmt::Display) -> Result<(), KeygenError> {
        if self.quiet() { Ok(()) } else { self.print(line) }
    }

    /// `~/.ssh`.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Other`] without a home directory.
    pub fn ssh_folder(&self) -> Result<PathBuf, KeygenError> {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let home = home.ok_or_else(|| KeygenError::Other("there is no home directory".into()))?;
        Ok(home.join(".ssh"))
    }

    /// The file of `-f`, or the one that the user names.
    ///
    /// # Errors
    ///
    /// If there is nobody to ask.
    pub fn key_path(&self) -> Result<PathBuf, KeygenError> {
        if let Some(path) = self.arguments.file() {
            return Ok(path);
        }
        let folder = self.ssh_folder()?;
        let exists = DEFAULT_KEYS.iter().map(|name| folder.join(name)).find(|path| path.exists());
        prompt::file("Enter file in which the key is", exists.unwrap_or_else(|| folder.join(DEFAULT_KEYS[0])))
    }

    /// `-m`.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Usage`] for another word.
    pub fn format(&self) -> Result<Option<Format>, KeygenError> {
        let Some(name) = self.arguments.text('m')? else { return Ok(None) };
        let format = match name.to_ascii_uppercase().as_str() {
            "RFC4716" => Format::OpenSsh,
            "PKCS8" => Format::Pkcs8,
            "PEM" => Format::Pem,
            "PPK" => Format::Ppk,
            "PPK2" => Format::Ppk2,
            _ => return Err(KeygenError::Usage(format!("Unsupported conversion format \"{name}\""))),
        };
        Ok(Some(format))
    }

    /// Loads a private key file. The passphrase is that of `-P`, or the user is asked.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Load`] and [`KeygenError::Storage`].
    pub fn load_private(&self, path: &Path, prompt: &str) -> Result<LoadedKey, KeygenError> {
        // What comes through a pipe has no permissions of its own.
        let is_stdin = path == Path::new("-") || path == Path::new("/dev/stdin");
        let text =
            if is_stdin { read_file(Path::new("-"))? } else { read_private_file(path, Permissions::Check)? };
        let load_error = |error| KeygenError::Load { path: path.to_owned(), error };
        let mut passphrase = Zeroizing::new(String::new());
        let key = match PrivateKey::from_openssh(&text, None) {
            Err(KeyFileError::Encrypted) => {
                passphrase = match self.arguments.text('P')? {
                    Some(passphrase) => Zeroizing::new(passphrase.to_owned()),
                    None => prompt::secret(prompt)?,
                };
                PrivateKey::from_openssh(&text, Some(passphrase.as_bytes())).map_err(load_error)?
            }
            read => read.map_err(load_error)?,
        };
        Ok(LoadedKey { key, passphrase, format: format_of(&text) })
    }

    /// Reads a public key or certificate, or the public half of a private file; if that is encrypted, that of the
    /// file beside it whose name ends in `.pub`.
    ///
    /// # Errors
    ///
    /// [`KeygenError::File`] and [`KeygenError::Public`].
    pub fn load_public(&self, path: &Path) -> Result<(Identity, String), KeygenError> {
        let read = |path: &Path| -> Result<(Identity, String), KeygenError> {
            let text = read_file(path)?;
            let public = |error| KeygenError::Public { path: path.to_owned(), error };
            Identity::from_any_format(&text).map_err(public)
        };
        let first = read(path);
        if let Ok((_, comment)) = &first
            && !comment.is_empty()
        {
            return first;
        }
        // The comment of a private key may be encrypted; the public file has it, too.
        let mut beside = path.as_os_str().to_owned();
        beside.push(".pub");
        match (read(Path::new(&beside)), first) {
            (Ok((public, comment)), Ok((private, _))) if public == private => Ok((public, comment)),
            (_, Ok(first)) => Ok(first),
            (Ok(public), Err(_)) => Ok(public),
            (Err(_), Err(error)) => Err(error),
        }
    }

    /// The text of a private key file in this format, under this passphrase (an empty one is none), with `-a` and
    /// `-Z`.
    ///
    /// # Errors
    ///
    /// [`KeygenError::KeyFile`] and [`KeygenError::Usage`].
    pub fn private_text(
        &self,
        key: &PrivateKey,
        format: Format,
        passphrase: &str,
    ) -> Result<Zeroizing<String>, KeygenError> {
        let random = &mut SystemRandom;
        let secret = (!passphrase.is_empty()).then_some(passphrase.as_bytes());
        let rounds = self.arguments.number('a', 1..=u32::MAX)?;
        let cipher = self.arguments.text('Z')?;
        if format != Format::OpenSsh && (rounds.is_some() || cipher.is_some()) {
            return Err(KeygenError::Usage("-a and -Z are for files in OpenSSH's format".into()));
        }
        Ok(match (format, secret) {
            (Format::OpenSsh, None) => key.to_openssh(None, random)?,
            (Format::OpenSsh, Some(passphrase)) => {
                let usual = OpenSshEncryption::new(passphrase);
                let encryption = OpenSshEncryption {
                    rounds: rounds.unwrap_or(DEFAULT_ROUNDS),
                    cipher: cipher.unwrap_or(usual.cipher),
                    ..usual
                };
                key.to_openssh_with(encryption, random)?
            }
            (Format::Pkcs8, None) => key.to_pkcs8(None, random)?,
            (Format::Pkcs8, Some(passphrase)) => {
                key.to_pkcs8(Some((passphrase, Pbes2::default())), random)?
            }
            (Format::Pem, None) => key.to_pem()?,
            (Format::Pem, Some(_)) => {
                let what = "a passphrase on a PEM file, which would not protect it; take -m PKCS8";
                return Err(KeygenError::Unsupported(what.into()));
            }
            (Format::Ppk, secret) => {
                let (memory_kib, passes) = (8192, 21);
                let flavour = Argon2Flavour::Argon2id;
                key.to_ppk(PpkVersion::V3 { flavour, memory_kib, passes, parallelism: 1 }, secret, random)?
            }
            (Format::Ppk2, secret) => key.to_ppk(PpkVersion::V2, secret, random)?,
        })
    }

    /// Writes a private key file in place of what is there.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Storage`].
    pub fn write_private(&self, path: &Path, text: &str) -> Result<(), KeygenError> {
        Ok(write_private_file(path, text.as_bytes(), Existing::Replace, &mut SystemRandom)?)
    }

    /// Writes a public file in place of what is there.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Storage`].
    pub fn write_public(&self, path: &Path, text: &str) -> Result<(), KeygenError> {
        Ok(write_public_file(path, text.as_bytes(), Existing::Replace, &mut SystemRandom)?)
    }
}

/// A private key as it was loaded.
pub struct LoadedKey {
    /// The key.
    pub key: PrivateKey,
    /// Its passphrase; empty if it has none.
    pub passphrase: Zeroizing<String>,
    /// The format of its file.
    pub format: Format,
}

fn format_of(text: &[u8]) -> Format {
    let has = |needle: &[u8]| text.windows(needle.len()).any(|window| window == needle);
    if has(b"PuTTY-User-Key-File-2") {
        Format::Ppk2
    } else if has(b"PuTTY-User-Key-File-3") {
        Format::Ppk
    } else if has(b"BEGIN OPENSSH PRIVATE KEY") {
        Format::OpenSsh
    } else if has(b"BEGIN PRIVATE KEY") || has(b"BEGIN ENCRYPTED PRIVATE KEY") {
        Format::Pkcs8
    } else {
        Format::Pem
    }
}

/// A whole file, or standard input for `-`.
///
/// # Errors
///
/// [`KeygenError::File`].
pub fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeygenError> {
    let mut text = Zeroizing::new(Vec::new());
    let read = if path == Path::new("-") {
        io::stdin().lock().take(LARGEST_FILE).read_to_end(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut text))
    };
    read.map_err(KeygenError::file(path))?;
    Ok(text)
}

/// Now, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
