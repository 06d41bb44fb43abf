//! `konko keygen -A`: a host key of every usual type, where there is none yet.

use crate::keygen::context::{Context, Format};
use crate::keygen::error::KeygenError;
use crate::keygen::generate::{default_comment, public_path};
use crate::keygen::prompt;
use konko::keys::private_key::{KeyKind, PrivateKey};
use konko::transport::crypto::random::SystemRandom;
use std::path::{Path, PathBuf};

/// Where sshd looks for its keys.
const FOLDER: &str = "/etc/ssh";

/// Makes the keys that are missing; `-f` names a folder in which `/etc/ssh` is.
///
/// # Errors
///
/// [`KeygenError`].
pub fn run(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("Af")?;
    context.arguments.no_operands()?;
    let mut folder = context.arguments.value('f').unwrap_or_default().to_owned();
    folder.push(FOLDER);
    let kinds = [
        ("rsa", "RSA", KeyKind::Rsa { bits: 3072 }),
        ("ecdsa", "ECDSA", KeyKind::EcdsaP256),
        ("ed25519", "ED25519", KeyKind::Ed25519),
    ];
    let mut first = true;
    for (name, shown, kind) in kinds {
        let path = PathBuf::from(&folder).join(format!("ssh_host_{name}_key"));
        if path.exists() {
            continue;
        }
        if !context.quiet() {
            let start = if first { "konko keygen: generating new host keys: " } else { "" };
            prompt::write(&format!("{start}{shown} "))?;
        }
        first = false;
        make(context, &path, kind)?;
    }
    if !first {
        context.tell("")?;
    }
    Ok(0)
}

fn make(context: &Context, path: &Path, kind: KeyKind) -> Result<(), KeygenError> {
    let comment = default_comment();
    let key = PrivateKey::generate(kind, &mut SystemRandom)?.with_comment(&comment);
    let text = context.private_text(&key, Format::OpenSsh, "")?;
    context.write_private(path, &text)?;
    context.write_public(&public_path(path), &format!("{}\n", key.public_key().to_openssh(&comment)))
}
