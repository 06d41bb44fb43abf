//! `konko keygen -l`: short names of keys, with pictures after `-v`.

use crate::keygen::context::{Context, read_file};
use crate::keygen::error::KeygenError;
use konko_keys::identity::Identity;
use konko_keys::randomart::{Digest, family, randomart};
use std::path::Path;

/// The picture of a key by SHA-256.
pub fn randomart_of(identity: &Identity) -> String {
    randomart(identity, Digest::Sha256)
}

/// `-E`.
///
/// # Errors
///
/// [`KeygenError::Unsupported`] for another hash than SHA-256 and MD5.
pub fn digest(context: &Context) -> Result<Digest, KeygenError> {
    match context.arguments.text('E')?.unwrap_or("sha256").to_ascii_lowercase().as_str() {
        "sha256" => Ok(Digest::Sha256),
        "md5" => Ok(Digest::Md5),
        name @ ("sha1" | "sha384" | "sha512") => {
            Err(KeygenError::Unsupported(format!("fingerprints by {name}")))
        }
        name => Err(KeygenError::Usage(format!("Invalid hash algorithm \"{name}\""))),
    }
}

/// The fingerprint by this digest.
pub fn shown(identity: &Identity, digest: Digest) -> String {
    let fingerprint = identity.fingerprint();
    match digest {
        Digest::Sha256 => fingerprint.to_string(),
        Digest::Md5 => fingerprint.md5().to_string(),
    }
}

/// Prints the fingerprints of all keys in a file.
///
/// # Errors
///
/// [`KeygenError`]; [`KeygenError::Other`] if there is no key in it.
pub fn run(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("lEf")?;
    context.arguments.no_operands()?;
    let digest = digest(context)?;
    let path = context.key_path()?;
    let text = read_file(&path)?;
    let is_lines = Identity::from_any_format(&text).is_err() || is_openssh_text(&text);
    if !is_lines || has(&text, b"PRIVATE KEY") {
        let (identity, comment) = context.load_public(&path)?;
        print(context, &identity, &comment, digest)?;
        return Ok(0);
    }
    let text = String::from_utf8_lossy(&text);
    let mut found = false;
    for line in text.lines() {
        if let Some((identity, comment)) = key_of(line) {
            print(context, &identity, &comment, digest)?;
            found = true;
        }
    }
    if found { Ok(0) } else { Err(not_a_key(&path)) }
}

fn not_a_key(path: &Path) -> KeygenError {
    KeygenError::Other(format!("{} is not a public key file.", path.display()))
}

fn has(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

/// Whether it is none of the formats with a frame around the key.
fn is_openssh_text(text: &[u8]) -> bool {
    !has(text, b"---- BEGIN") && !has(text, b"PuTTY-User-Key-File-")
}

/// The key of a line and what its comment is: of a bare key, or one behind a host name or options.
fn key_of(line: &str) -> Option<(Identity, String)> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    if let Ok((identity, comment)) = Identity::from_openssh(line) {
        return Some((identity, comment));
    }
    let (before, rest) = split_quoted(line)?;
    let (identity, comment) = Identity::from_openssh(rest).ok()?;
    let comment = if comment.is_empty() || comment.starts_with('#') { before.to_owned() } else { comment };
    Some((identity, comment))
}

/// The first word, in which blanks between quotes are part of it, and the rest.
fn split_quoted(line: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            ' ' | '\t' if !quoted => return Some((&line[..at], &line[at + 1..])),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// Prints one line of `-l`, and the picture after `-v`.
///
/// # Errors
///
/// If standard output is closed.
pub fn print(
    context: &Context,
    identity: &Identity,
    comment: &str,
    digest: Digest,
) -> Result<(), KeygenError> {
    let (bits, shown) = (identity.public_key().bits(), shown(identity, digest));
    let comment = if comment.is_empty() { "no comment" } else { comment };
    context.print(format_args!("{bits} {shown} {comment} ({})", family(identity)))?;
    if context.arguments.has('v') {
        context.print(randomart(identity, digest))?;
    }
    Ok(())
}
