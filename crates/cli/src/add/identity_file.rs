//! Key files: private keys with the certificates beside them, and public keys.

use crate::add::failure::Failure;
use crate::add::passphrase;
use konko::client::agent::protocol::keys::key_file::{Permissions, read_private_file};
use konko::client::agent::protocol::keys::{Certificate, Identity, KeyFileError, PrivateKey};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The names of the usual files in `~/.ssh`, in the order of ssh-add(1).
const DEFAULT_NAMES: [&str; 5] = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"];
/// More is not read from standard input or a public file.
const LARGEST_FILE: u64 = 1024 * 1024;

/// The usual files that exist.
pub(crate) fn defaults() -> Result<Vec<PathBuf>, Failure> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let ssh = home.ok_or_else(|| Failure::other("there is no home directory"))?.join(".ssh");
    Ok(DEFAULT_NAMES.iter().map(|name| ssh.join(name)).filter(|path| path.exists()).collect())
}

/// The file of that name with something appended to the name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Reads a private key; `-` is standard input. A passphrase that fitted another file is tried first, then the user is
/// asked until the passphrase fits or is empty.
pub(crate) fn private_key(path: &Path, last: &mut Option<Zeroizing<String>>) -> Result<PrivateKey, Failure> {
    let text = if path == Path::new("-") {
        read_stdin()?
    } else {
        read_private_file(path, Permissions::Check).map_err(|error| Failure::other(error.to_string()))?
    };
    let failed =
        |error: KeyFileError| Failure::other(format!("Error loading key \"{}\": {error}", path.display()));
    let attempt = |passphrase: &str| PrivateKey::from_openssh(&text, Some(passphrase.as_bytes()));
    match PrivateKey::from_openssh(&text, None) {
        Err(KeyFileError::Encrypted) => {}
        read => return read.map_err(failed),
    }
    if let Some(passphrase) = last
        && let Ok(key) = attempt(passphrase)
    {
        return Ok(key);
    }
    let mut prompt = format!("Enter passphrase for {}: ", path.display());
    loop {
        let answer = passphrase::ask(&prompt)?.filter(|answer| !answer.is_empty());
        let answer =
            answer.ok_or_else(|| Failure::other(format!("{}: no passphrase was given", path.display())))?;
        match attempt(&answer) {
            Ok(key) => {
                *last = Some(answer);
                return Ok(key);
            }
            Err(KeyFileError::WrongPassphrase) => {
                prompt = format!("Bad passphrase, try again for {}: ", path.display());
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

/// The comment of a key: its own, that of the public file beside it, or the name of its file.
pub(crate) fn comment(path: &Path, key: &PrivateKey) -> String {
    if !key.comment().is_empty() {
        return key.comment().to_owned();
    }
    let public = public_keys(&beside(path, ".pub")).ok().and_then(|keys| keys.into_iter().next());
    match public {
        Some((identity, comment)) if identity.public_key() == key.public_key() && !comment.is_empty() => {
            comment
        }
        _ if path == Path::new("-") => "(stdin)".to_owned(),
        _ => path.display().to_string(),
    }
}

/// The certificate in a file; nothing if there is no such file.
pub(crate) fn certificate(path: &Path) -> Result<Option<Certificate>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    match public_keys(path)?.into_iter().next() {
        Some((Identity::Certificate(certificate), _)) => Ok(Some(certificate)),
        _ => Err(Failure::other(format!("{}: it holds no certificate", path.display()))),
    }
}

/// The public keys of a file, one in a line, with their comments; `-` is standard input. There is at least one.
pub(crate) fn public_keys(path: &Path) -> Result<Vec<(Identity, String)>, Failure> {
    let text = if path == Path::new("-") {
        read_stdin()?
    } else {
        let mut text = Zeroizing::new(Vec::new());
        std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut text))
            .map_err(|error| Failure::other(format!("{}: {error}", path.display())))?;
        text
    };
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut keys = Vec::new();
    for line in lines {
        let key = Identity::from_openssh(line);
        keys.push(key.map_err(|error| Failure::other(format!("Bad key file {}: {error}", path.display())))?);
    }
    if keys.is_empty() {
        return Err(Failure::other(format!("Bad key file {}: it is empty", path.display())));
    }
    Ok(keys)
}

fn read_stdin() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut text = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let read = io::stdin().lock().take(LARGEST_FILE).read_to_end(&mut text);
    read.map_err(|error| Failure::other(format!("standard input: {error}")))?;
    Ok(text)
}
