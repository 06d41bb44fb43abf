//! `konko keygen -l` and `-B`: short names of keys, with pictures after `-v`.

use crate::keygen::context::{Context, read_file};
use crate::keygen::error::KeygenError;
use crate::keygen::prompt::visible;
use konko::keys::fingerprint::{FingerprintHash, bubble_babble};
use konko::keys::identity::Identity;
use konko::keys::randomart::{family, randomart};
use std::path::Path;

/// `-E`.
///
/// # Errors
///
/// [`KeygenError::Usage`] for a name that is no hash.
pub fn hash(context: &Context) -> Result<FingerprintHash, KeygenError> {
    let Some(name) = context.arguments.text('E')? else { return Ok(FingerprintHash::default()) };
    let wrong = || KeygenError::Usage(format!("Invalid hash algorithm \"{name}\""));
    FingerprintHash::by_name(name).ok_or_else(wrong)
}

/// Prints the fingerprints of all keys in a file.
///
/// # Errors
///
/// [`KeygenError`]; [`KeygenError::Other`] if there is no key in it.
pub fn run(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("lBEf")?;
    context.arguments.no_operands()?;
    let hash = hash(context)?;
    let path = context.key_path()?;
    let text = read_file(&path)?;
    if is_framed(&text)
        && let Ok((identity, comment)) = Identity::from_any_format(&text)
    {
        // The comment of a private key may be encrypted; the file beside it has it, too.
        let (identity, comment) = match context.load_public(&path) {
            Ok((again, comment)) if again == identity => (identity, comment),
            _ => (identity, comment),
        };
        print(context, &identity, &comment, hash)?;
        return Ok(0);
    }
    if has(&text, b"PRIVATE KEY") {
        let (identity, comment) = context.load_public(&path)?;
        print(context, &identity, &comment, hash)?;
        return Ok(0);
    }
    let text = String::from_utf8_lossy(&text);
    let mut found = false;
    for line in text.lines() {
        if let Some((identity, comment)) = key_of(line) {
            print(context, &identity, &comment, hash)?;
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

/// Whether it is one of the formats with a frame around the key.
fn is_framed(text: &[u8]) -> bool {
    has(text, b"---- BEGIN") || has(text, b"PuTTY-User-Key-File-")
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
    hash: FingerprintHash,
) -> Result<(), KeygenError> {
    let key = identity.public_key();
    let shown =
        if context.arguments.has('B') { bubble_babble(key.blob()) } else { hash.fingerprint(key.blob()) };
    let comment = if comment.is_empty() { "no comment".into() } else { visible(comment) };
    context.print(format_args!("{} {shown} {comment} ({})", key.bits(), family(identity)))?;
    if context.arguments.has('v') {
        context.print(randomart(identity, hash))?;
    }
    Ok(())
}
