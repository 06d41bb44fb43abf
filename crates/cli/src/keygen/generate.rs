//! `konko keygen [-t type] [-b bits]`: makes a key pair.

use crate::keygen::context::{Context, Format};
use crate::keygen::error::KeygenError;
use crate::keygen::prompt;
use konko::keys::fingerprint::FingerprintHash;
use konko::keys::identity::Identity;
use konko::keys::private_key::{KeyKind, PrivateKey};
use konko::keys::randomart::randomart;
use konko::transport::crypto::random::SystemRandom;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const DEFAULT_RSA_BITS: u32 = 3072;

/// What `-t` and `-b` say.
fn kind(context: &Context) -> Result<(KeyKind, &'static str), KeygenError> {
    let name = context.arguments.text('t')?.unwrap_or("ed25519").to_ascii_lowercase();
    let bits = context.arguments.number('b', 1..=u32::MAX)?;
    Ok(match name.as_str() {
        // The number of bits is fixed, and ssh-keygen ignores -b here, too.
        "ed25519" | "ssh-ed25519" => (KeyKind::Ed25519, "ed25519"),
        "ecdsa" => match bits.unwrap_or(256) {
            256 => (KeyKind::EcdsaP256, "ecdsa"),
            384 => (KeyKind::EcdsaP384, "ecdsa"),
            521 => (KeyKind::EcdsaP521, "ecdsa"),
            _ => {
                let text = "Invalid ECDSA key length: valid lengths are 256, 384 or 521 bits";
                return Err(KeygenError::Usage(text.into()));
            }
        },
        "ecdsa-sha2-nistp256" => (KeyKind::EcdsaP256, "ecdsa"),
        "ecdsa-sha2-nistp384" => (KeyKind::EcdsaP384, "ecdsa"),
        "ecdsa-sha2-nistp521" => (KeyKind::EcdsaP521, "ecdsa"),
        "rsa" | "ssh-rsa" | "rsa-sha2-256" | "rsa-sha2-512" => {
            (KeyKind::Rsa { bits: bits.unwrap_or(DEFAULT_RSA_BITS) as usize }, "rsa")
        }
        #[cfg(feature = "mldsa")]
        "mldsa44-ed25519" => (KeyKind::MlDsa44Ed25519, "mldsa44-ed25519"),
        #[cfg(not(feature = "mldsa"))]
        "mldsa44-ed25519" => {
            let what = "keys of ML-DSA-44 and Ed25519 in a program without the feature mldsa";
            return Err(KeygenError::Unsupported(what.into()));
        }
        "dsa" | "ecdsa-sk" | "ed25519-sk" => {
            return Err(KeygenError::Unsupported(format!("making keys of the type {name}")));
        }
        _ => return Err(KeygenError::Usage(format!("unknown key type {name}"))),
    })
}

/// Makes a key pair.
///
/// # Errors
///
/// [`KeygenError`].
pub fn run(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("tbCfNPaZm")?;
    context.arguments.no_operands()?;
    let (kind, name) = kind(context)?;
    let format = context.format()?.unwrap_or(Format::OpenSsh);
    context.tell(format_args!("Generating public/private {name} key pair."))?;
    let path = match context.arguments.file() {
        Some(path) => path,
        None => default_path(context, name)?,
    };
    if !prompt::may_write(&path)? {
        return Ok(1);
    }
    let passphrase = match context.arguments.text('N')? {
        Some(passphrase) => Zeroizing::new(passphrase.to_owned()),
        None => prompt::new_passphrase("Enter passphrase")?,
    };
    let comment = match context.arguments.text('C')? {
        Some(comment) => comment.to_owned(),
        None => default_comment(),
    };
    let key = PrivateKey::generate(kind, &mut SystemRandom)?.with_comment(&comment);
    let text = context.private_text(&key, format, &passphrase)?;
    context.write_private(&path, &text)?;
    context.tell(format_args!("Your identification has been saved in {}", path.display()))?;
    let public_path = public_path(&path);
    context.write_public(&public_path, &format!("{}\n", key.public_key().to_openssh(&comment)))?;
    if !context.quiet() {
        context.print(format_args!("Your public key has been saved in {}", public_path.display()))?;
        let identity = Identity::Key(key.public_key().clone());
        context.print(format_args!("The key fingerprint is:\n{} {comment}", identity.fingerprint()))?;
        context.print(format_args!(
            "The key's randomart image is:\n{}",
            randomart(&identity, FingerprintHash::Sha256)
        ))?;
    }
    Ok(0)
}

/// The file beside it with `.pub` behind its name.
pub fn public_path(path: &Path) -> PathBuf {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    public.into()
}

fn default_path(context: &Context, name: &str) -> Result<PathBuf, KeygenError> {
    let folder = context.ssh_folder()?;
    let path = prompt::file("Enter file in which to save the key", folder.join(format!("id_{name}")))?;
    if path.starts_with(&folder) && !folder.exists() {
        create_private_folder(&folder).map_err(KeygenError::file(&folder))?;
        context.tell(format_args!("Created directory '{}'.", folder.display()))?;
    }
    Ok(path)
}

fn create_private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// `user@host`.
pub fn default_comment() -> String {
    let host = gethostname::gethostname();
    format!("{}@{}", user_name(), host.to_string_lossy())
}

/// The name that the system has for the user of this process, or what the environment says.
fn user_name() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    let variable = || ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    entry.or_else(variable).unwrap_or(uid)
}
