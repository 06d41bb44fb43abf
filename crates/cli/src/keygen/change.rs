//! `konko keygen -y`, `-p` and `-c`: the public half, another passphrase, another comment.

use crate::keygen::context::{Context, Format};
use crate::keygen::error::KeygenError;
use crate::keygen::generate::public_path;
use crate::keygen::prompt;
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
    if !loaded.key.comment().is_empty() {
        context.print(format_args!("Key has comment '{}'", loaded.key.comment()))?;
    }
    let new = match context.arguments.text('N')? {
        Some(passphrase) => Zeroizing::new(passphrase.to_owned()),
        None => prompt::new_passphrase("Enter new passphrase")?,
    };
    // As ssh-keygen: without -m the file becomes one of OpenSSH's format; a file of PuTTY stays one.
    let format = context.format()?.unwrap_or(match loaded.format {
        ppk @ (Format::Ppk | Format::Ppk2) => ppk,
        _ => Format::OpenSsh,
    });
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
    if !matches!(loaded.format, Format::OpenSsh | Format::Ppk | Format::Ppk2) {
        let text = "Comments are only supported for keys stored in the new format (-o).";
        return Err(KeygenError::Other(text.into()));
    }
    match loaded.key.comment() {
        "" => context.print("No existing comment")?,
        old => context.print(format_args!("Old comment: {old}"))?,
    }
    let new = match context.arguments.text('C')? {
        Some(comment) => comment.to_owned(),
        None => prompt::line("New comment: ")?,
    };
    if loaded.key.comment() == new {
        context.print("No change to comment")?;
        return Ok(0);
    }
    let key = loaded.key.clone().with_comment(&new);
    let text = context.private_text(&key, loaded.format, &loaded.passphrase)?;
    context.write_private(&path, &text)?;
    context.write_public(&public_path(&path), &format!("{}\n", key.public_key().to_openssh(&new)))?;
    match new.as_str() {
        "" => context.print("Comment removed")?,
        new => context.print(format_args!("Comment '{new}' applied"))?,
    }
    Ok(0)
}
