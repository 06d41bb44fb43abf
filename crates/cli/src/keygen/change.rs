//! `konko keygen -y`, `-p` and `-c`: the public half, another passphrase, another comment.

use crate::keygen::context::{Context, Format};
use crate::keygen::error::KeygenError;
use crate::keygen::generate::public_path;
use crate::keygen::prompt::{self, visible};
use zeroize::Zeroizing;

/// Prints the public half of a private key file.
///
/// # Errors
///
/// [`KeygenError`].
pub fn print_public(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("yfP")?;
    context.arguments.no_operands()?;
    let path = context.key_path()?;
    let loaded = context.load_private(&path, "Enter passphrase: ")?;
    context.print(loaded.key.public_key().to_openssh(loaded.key.comment()))?;
    Ok(0)
}

/// Writes a private key file anew under another passphrase, and in another format after `-m`.
///
/// # Errors
///
/// [`KeygenError`].
pub fn passphrase(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("pfPNmaZ")?;
    context.arguments.no_operands()?;
    let path = context.key_path()?;
    let loaded = context.load_private(&path, "Enter old passphrase: ")?;
    if loaded.format.has_comment() {
        context.print(format_args!("Key has comment '{}'", visible(loaded.key.comment())))?;
    }
    let new = match context.arguments.text('N')? {
        Some(passphrase) => Zeroizing::new(passphrase.to_owned()),
        None => prompt::new_passphrase("Enter new passphrase")?,
    };
    let format = context.format()?.unwrap_or(written_format(loaded.format));
    let text = context.private_text(&loaded.key, format, &new)?;
    context.write_private(&path, &text)?;
    context.print("Your identification has been saved with the new passphrase.")?;
    Ok(0)
}

/// Changes the comment of a private key file and of the public file beside it.
///
/// # Errors
///
/// [`KeygenError`].
pub fn comment(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("cfPCaZ")?;
    context.arguments.no_operands()?;
    let path = context.key_path()?;
    let loaded = context.load_private(&path, "Enter passphrase: ")?;
    if loaded.format.has_comment() {
        context.print(format_args!("Old comment: {}", visible(loaded.key.comment())))?;
    } else {
        context.print("No existing comment")?;
    }
    let new = match context.arguments.text('C')? {
        Some(comment) => comment.to_owned(),
        None => prompt::line("New comment: ")?,
    };
    if loaded.format.has_comment() && loaded.key.comment() == new {
        context.print("No change to comment")?;
        return Ok(0);
    }
    let key = loaded.key.clone().with_comment(&new);
    let text = context.private_text(&key, written_format(loaded.format), &loaded.passphrase)?;
    context.write_private(&path, &text)?;
    context.write_public(&public_path(&path), &format!("{}\n", key.public_key().to_openssh(&new)))?;
    match new.as_str() {
        "" => context.print("Comment removed")?,
        new => context.print(format_args!("Comment '{}' applied", visible(new)))?,
    }
    Ok(0)
}

/// As ssh-keygen: a file that is written anew becomes one of OpenSSH's format. One of PuTTY stays one.
const fn written_format(format: Format) -> Format {
    match format {
        Format::Ppk | Format::Ppk2 => format,
        Format::OpenSsh | Format::Pkcs8 | Format::Pem => Format::OpenSsh,
    }
}
