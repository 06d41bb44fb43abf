//! `konko keygen -F`, `-R` and `-H`: find, remove and hash the hosts of a known_hosts file.

use crate::keygen::context::{Context, read_file};
use crate::keygen::error::KeygenError;
use crate::keygen::fingerprint::hash as fingerprint_hash;
use crate::keygen::prompt::{self, visible};
use crate::notice;
use konko::keys::identity::Identity;
use konko::keys::key_file::{Existing, write_private_file};
use konko::keys::randomart::{family, randomart};
use konko::transport::crypto::random::SystemRandom;
use konko::trust::known_hosts::Marker;
use konko::trust::known_hosts_edit::{Edit, FoundLine, find, hash, remove};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn path(context: &Context) -> Result<PathBuf, KeygenError> {
    match context.arguments.file() {
        Some(path) => Ok(path),
        None => Ok(context.ssh_folder()?.join("known_hosts")),
    }
}

/// Prints the lines of a host: as they stand there, hashed after `-H`, or the fingerprints after `-l`. The status is
/// 1 if there are none.
///
/// # Errors
///
/// [`KeygenError`].
pub fn find_host(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("FflHE")?;
    context.arguments.no_operands()?;
    let name = context.arguments.text('F')?.unwrap_or_default();
    let bytes = read_file(&path(context)?)?;
    let lines = find(&bytes, name);
    let mut found = false;
    for line in &lines {
        let marker = match line.marker {
            Some(Marker::CertAuthority) => "CA",
            Some(Marker::Revoked) => "REVOKED",
            _ => "",
        };
        if context.arguments.has('l') && !context.arguments.has('H') {
            // What is no key has no fingerprint, and is passed over.
            let Some((identity, comment)) = key_of(line) else { continue };
            context.tell(format_args!("# Host {name} found: line {} {marker}", line.line))?;
            print_fingerprint(context, name, &identity, &comment)?;
            found = true;
            continue;
        }
        found = true;
        context.tell(format_args!("# Host {name} found: line {} {marker}", line.line))?;
        if context.arguments.has('H') {
            let hashed = hash(line.bytes, &mut SystemRandom);
            let text = String::from_utf8_lossy(&hashed.bytes).into_owned();
            context.print(text.trim_end_matches('\n'))?;
        } else {
            prompt::write_bytes(&[line.bytes, b"\n"].concat())?;
        }
    }
    Ok(u8::from(!found))
}

/// The key behind the marker and the names, and the comment.
fn key_of(line: &FoundLine<'_>) -> Option<(Identity, String)> {
    let text = String::from_utf8_lossy(line.bytes);
    let words = usize::from(line.marker.is_some()) + 1;
    let mut rest = text.trim();
    for _ in 0..words {
        rest = rest.split_once([' ', '\t'])?.1.trim_start();
    }
    Identity::from_openssh(rest).ok()
}

fn print_fingerprint(
    context: &Context,
    name: &str,
    identity: &Identity,
    comment: &str,
) -> Result<(), KeygenError> {
    let hash = fingerprint_hash(context)?;
    let blank = if comment.is_empty() { "" } else { " " };
    let (family, shown) = (family(identity), hash.fingerprint(identity.public_key().blob()));
    context.print(format_args!("{name} {family} {shown}{blank}{}", visible(comment)))?;
    if context.arguments.has('v') {
        context.print(randomart(identity, hash))?;
    }
    Ok(())
}

/// Removes the lines of a host.
///
/// # Errors
///
/// [`KeygenError`]. A file with lines that are not understood is left as it is; the status is 1 then.
pub fn remove_host(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("Rf")?;
    context.arguments.no_operands()?;
    let name = context.arguments.text('R')?.unwrap_or_default();
    let path = path(context)?;
    let edit = remove(&read_file(&path)?, name);
    for line in &edit.changed {
        context.tell(format_args!("# Host {name} found: line {line}"))?;
    }
    if !is_valid(&path, &edit) {
        return Ok(1);
    }
    if edit.changed.is_empty() {
        notice::tell(format_args!("Host {name} not found in {}", path.display()));
        return Ok(0);
    }
    replace(context, &path, &edit)?;
    Ok(0)
}

/// Hashes all names.
///
/// # Errors
///
/// [`KeygenError`]. A file with lines that are not understood is left as it is; the status is 1 then.
pub fn hash_hosts(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("Hf")?;
    context.arguments.no_operands()?;
    let path = path(context)?;
    let edit = hash(&read_file(&path)?, &mut SystemRandom);
    if !is_valid(&path, &edit) {
        return Ok(1);
    }
    for line in &edit.patterns {
        let file = path.display();
        notice::tell(format_args!("{file}:{line}: ignoring host name with wildcard"));
    }
    let old = replace(context, &path, &edit)?;
    if !edit.changed.is_empty() {
        notice::tell(format_args!("WARNING: {} contains unhashed entries", old.display()));
        notice::tell("Delete this file to ensure privacy of hostnames");
    }
    Ok(0)
}

/// Whether every line is understood; if not, says which are not.
fn is_valid(path: &Path, edit: &Edit) -> bool {
    if edit.invalid.is_empty() {
        return true;
    }
    let file = path.display();
    for line in &edit.invalid {
        notice::tell(format_args!("{file}:{line}: invalid line"));
    }
    notice::tell(format_args!("{file} is not a valid known_hosts file."));
    notice::tell("Not replacing existing known_hosts file because of errors");
    false
}

/// Puts the new contents in place of the old ones, which are kept beside it.
fn replace(context: &Context, path: &Path, edit: &Edit) -> Result<PathBuf, KeygenError> {
    let mut old = path.as_os_str().to_owned();
    old.push(".old");
    let old = PathBuf::from(old);
    let mode = fs::metadata(path).map_err(KeygenError::file(path))?.permissions().mode();
    match fs::remove_file(&old) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(KeygenError::File { path: old, error });
        }
        _ => {}
    }
    fs::hard_link(path, &old).map_err(KeygenError::file(&old))?;
    write_private_file(path, &edit.bytes, Existing::Replace, &mut SystemRandom)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o777)).map_err(KeygenError::file(path))?;
    context.print(format_args!("{} updated.", path.display()))?;
    context.print(format_args!("Original contents retained as {}", old.display()))?;
    Ok(old)
}
