//! `konko keygen -k` and `-Q`: key revocation lists.

use crate::keygen::context::{Context, now, read_file};
use crate::keygen::error::KeygenError;
use crate::keygen::prompt::write;
use crate::keygen::revocation_listing::lines;
use crate::local_time::time_zone;
use konko::keys::key_file::{Existing, write_public_file};
use konko::keys::public_key::PublicKey;
use konko::transport::crypto::random::SystemRandom;
use konko::trust::krl::{KeyRevocationList, SpecifiedAuthority};
use std::path::{Path, PathBuf};

fn path(context: &Context, what: &str) -> Result<PathBuf, KeygenError> {
    context.arguments.file().ok_or_else(|| KeygenError::Usage(format!("{what} requires a file (-f)")))
}

fn load(path: &Path) -> Result<KeyRevocationList, KeygenError> {
    KeyRevocationList::decode(&read_file(path)?)
        .map_err(|error| KeygenError::Krl { path: path.to_owned(), error })
}

/// Makes a list of what stands in the files that are named; after `-u`, adds to the one that is there.
///
/// # Errors
///
/// [`KeygenError`].
pub fn generate(context: &Context) -> Result<u8, KeygenError> {
    let arguments = &context.arguments;
    arguments.only("kuszCf")?;
    let out = path(context, "KRL generation")?;
    let mut list = if arguments.has('u') { load(&out)? } else { KeyRevocationList::new() };
    let authority: Option<PublicKey> = match arguments.value('s') {
        None => None,
        Some(name) if name.eq_ignore_ascii_case("none") => None,
        Some(name) => Some(context.load_public(Path::new(name))?.0.public_key().clone()),
    };
    let specified = match (&authority, arguments.has('s')) {
        (Some(key), _) => SpecifiedAuthority::Key(key),
        (None, true) => SpecifiedAuthority::Any,
        (None, false) => SpecifiedAuthority::None,
    };
    if let Some(text) = arguments.text('z')? {
        let version = text.parse();
        list.version =
            version.map_err(|_| KeygenError::Usage(format!("Invalid serial number \"{text}\"")))?;
    }
    if let Some(comment) = arguments.text('C')? {
        comment.clone_into(&mut list.comment);
    }
    for operand in &arguments.operands {
        let path = Path::new(operand);
        context.tell(format_args!("Revoking from {}", path.display()))?;
        let text = read_file(path)?;
        let text = std::str::from_utf8(&text)
            .map_err(|_| KeygenError::Other(format!("{} is not text", path.display())))?;
        list.apply_specification(text, specified)
            .map_err(|error| KeygenError::Specification { path: path.to_owned(), error })?;
    }
    list.generated = now();
    write_public_file(&out, &list.encode(), Existing::Replace, &mut SystemRandom)?;
    Ok(0)
}

/// Tells which of the keys that are named a list revokes; the status is 1 if there are any. With `-l` all that the list
/// holds is shown before.
///
/// # Errors
///
/// [`KeygenError`].
pub fn query(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("Qfl")?;
    let list = load(&path(context, "KRL checking")?)?;
    if context.arguments.has('l') {
        write(&lines(&list, &time_zone())?)?;
    }
    let mut revoked = false;
    for operand in &context.arguments.operands {
        let path = Path::new(operand);
        let (identity, comment) = context.load_public(path)?;
        let is_revoked = list.check(&identity).is_some();
        revoked |= is_revoked;
        let comment = if comment.is_empty() { comment } else { format!(" ({comment})") };
        let verdict = if is_revoked { "REVOKED" } else { "ok" };
        context.print(format_args!("{}{comment}: {verdict}", path.display()))?;
    }
    Ok(u8::from(revoked))
}
