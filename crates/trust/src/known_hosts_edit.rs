//! Editing a known_hosts file: find, remove, hash and replace. Whatever is not meant stays as it is, byte for byte.

use crate::known_hosts::{
    HostNameError, KnownHosts, Marker, Names, SALT_LEN, append_line, hashed_name, line_for, name_of,
};
use konko_crypto::random::SecureRandom;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::for_key_type;
use std::net::IpAddr;

/// How many names a line may have so that the keys of its host can be replaced.
const MOST_NAMES: usize = 2;

/// A line as it stands in the file. Its key is not decoded.
enum Content<'a> {
    /// Blank, or a comment.
    Nothing,
    /// An unknown marker, no key type that is known, or nothing behind the names or the type.
    Invalid,
    Entry {
        marker: Option<Marker>,
        names: &'a [u8],
        key: &'a [u8],
    },
}

/// A line that [`find`] has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundLine<'a> {
    /// Its number, from 1.
    pub line: usize,
    /// Its marker.
    pub marker: Option<Marker>,
    /// The line, without its end.
    pub bytes: &'a [u8],
}

/// What an edit makes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Edit {
    /// The new contents; where a last line had no end, it has got one.
    pub bytes: Vec<u8>,
    /// The numbers of the lines that were removed or rewritten. If there are none, and nothing was added, the file
    /// need not be written.
    pub changed: Vec<usize>,
    /// How many lines were added.
    pub added: usize,
    /// The numbers of the lines that are not understood; they were kept.
    pub invalid: Vec<usize>,
    /// The numbers of the lines whose names could not be hashed, since they are patterns; they were kept.
    pub patterns: Vec<usize>,
}

/// Why the keys of a host are not replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// A line of the host is a pattern or has other names besides: it speaks of other hosts too.
    #[error("line {line} speaks of other hosts too")]
    OtherHosts {
        /// The line, from 1.
        line: usize,
    },
    /// The name cannot be written.
    #[error(transparent)]
    HostName(#[from] HostNameError),
}

/// The lines that speak of `name`, as `ssh-keygen -F` finds them: also those with a marker. `name` is `host` or
/// `[host]:port`.
pub fn find<'a>(bytes: &'a [u8], name: &str) -> Vec<FoundLine<'a>> {
    let name = name.to_ascii_lowercase();
    let mut found = Vec::new();
    for (line, text) in lines_of(bytes) {
        if let Content::Entry { marker, names, .. } = parse(text)
            && Names::parse(names).is_some_and(|names| names.matches(&name))
        {
            found.push(FoundLine { line, marker, bytes: text });
        }
    }
    found
}

/// Removes the lines of `name`, as `ssh-keygen -R` does; those with a marker stay.
///
/// ssh-keygen does not write a file of which it does not understand every line; see [`Edit::invalid`].
pub fn remove(bytes: &[u8], name: &str) -> Edit {
    let name = name.to_ascii_lowercase();
    let mut edit = Edit::default();
    for (line, text) in lines_of(bytes) {
        match parse(text) {
            Content::Entry { marker: None, names, .. } => match Names::parse(names) {
                Some(names) if names.matches(&name) => {
                    edit.changed.push(line);
                    continue;
                }
                Some(_) => {}
                None => edit.invalid.push(line),
            },
            Content::Invalid => edit.invalid.push(line),
            Content::Entry { .. } | Content::Nothing => {}
        }
        edit.keep(text);
    }
    edit
}

/// Hashes all names, as `ssh-keygen -H` does: each into a line of its own. Names that are hashed, patterns and
/// lines with a marker stay.
pub fn hash(bytes: &[u8], random: &mut dyn SecureRandom) -> Edit {
    let mut edit = Edit::default();
    for (line, text) in lines_of(bytes) {
        match parse(text) {
            Content::Entry { marker: None, names, key } if !names.starts_with(b"|") => {
                let is_pattern = names.iter().any(|byte| b"*?!".contains(byte));
                if let (false, Ok(names)) = (is_pattern, std::str::from_utf8(names)) {
                    // As ssh-keygen: whatever stands behind an empty name is lost.
                    for name in names.split(',').take_while(|name| !name.is_empty()) {
                        let hashed = hashed_name(&fresh_salt(random), &name.to_ascii_lowercase());
                        edit.keep(&[hashed.as_bytes(), b" ", key].concat());
                    }
                    edit.changed.push(line);
                    continue;
                }
                edit.patterns.push(line);
            }
            Content::Invalid => edit.invalid.push(line),
            Content::Entry { .. } | Content::Nothing => {}
        }
        edit.keep(text);
    }
    edit
}

/// Makes `keys` the keys by which a host is known, as `UpdateHostKeys` wants it: other keys of the host are removed,
/// missing ones added at the end, lines that fit stay. Lines with a marker stay too. With `random`, names that are
/// added are hashed.
///
/// # Errors
///
/// [`ReplaceError::OtherHosts`] where a line of the host has a pattern, or more names than the host's and one
/// address: nothing may be changed then. [`ReplaceError::HostName`] for a name that cannot stand in the file.
pub fn replace_keys(
    bytes: &[u8],
    host: &str,
    port: u16,
    keys: &[PublicKey],
    random: Option<&mut dyn SecureRandom>,
) -> Result<Edit, ReplaceError> {
    let known = KnownHosts::parse(bytes);
    let wanted = name_of(host, port);
    let mut edit = Edit { invalid: known.not_understood().to_vec(), ..Edit::default() };
    let mut present: Vec<&PublicKey> = Vec::new();
    let mut clear_names: Option<&[u8]> = None;
    let mut entries = known.lines_for(host, port).filter(|entry| entry.marker().is_none()).peekable();
    for (line, text) in lines_of(bytes) {
        let Some(entry) = entries.next_if(|entry| entry.line() == line) else {
            edit.keep(text);
            continue;
        };
        if let Content::Entry { names, .. } = parse(text)
            && !names.starts_with(b"|")
        {
            if !is_this_host(names, &wanted) {
                return Err(ReplaceError::OtherHosts { line });
            }
            clear_names = clear_names.or(Some(names));
        }
        if keys.contains(entry.key()) {
            present.push(entry.key());
            edit.keep(text);
        } else {
            edit.changed.push(line);
        }
    }
    let mut random = random;
    let mut added: Vec<&PublicKey> = Vec::new();
    for key in keys {
        if present.contains(&key) || added.contains(&key) {
            continue;
        }
        let salt = random.as_mut().map(|random| fresh_salt(&mut **random));
        let line = match (salt, clear_names) {
            // A line that also had the address of the host gets followers that have it too.
            (None, Some(names)) => format!("{} {}", String::from_utf8_lossy(names), key.to_openssh("")),
            (salt, _) => line_for(host, port, key, salt.as_ref())?,
        };
        edit.bytes.extend(append_line(&edit.bytes, &line));
        edit.added += 1;
        added.push(key);
    }
    Ok(edit)
}

impl Edit {
    fn keep(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
    }
}

/// Whether the names are this one, or this one and one address.
fn is_this_host(names: &[u8], wanted: &str) -> bool {
    let Ok(names) = std::str::from_utf8(names) else { return false };
    let names: Vec<_> = names.split(',').collect();
    let is_address = |name: &&str| {
        let host =
            name.strip_prefix('[').and_then(|rest| rest.rsplit_once("]:")).map_or(*name, |(host, _)| host);
        host.parse::<IpAddr>().is_ok()
    };
    names.len() <= MOST_NAMES
        && names.iter().any(|name| name.eq_ignore_ascii_case(wanted))
        && names.iter().filter(|name| !name.eq_ignore_ascii_case(wanted)).all(is_address)
}

fn fresh_salt(random: &mut dyn SecureRandom) -> [u8; SALT_LEN] {
    let mut salt = [0; SALT_LEN];
    random.fill(&mut salt);
    salt
}

/// The lines and their numbers, without their ends. What follows the last line end is a line if it is not empty.
fn lines_of(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let bytes = bytes.strip_suffix(b"\n").or((!bytes.is_empty()).then_some(bytes));
    (1..).zip(bytes.into_iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\n')))
}

fn parse(text: &[u8]) -> Content<'_> {
    let trimmed = text.trim_ascii_start();
    if trimmed.is_empty() || trimmed.starts_with(b"#") {
        return Content::Nothing;
    }
    parse_entry(trimmed).unwrap_or(Content::Invalid)
}

fn parse_entry(text: &[u8]) -> Option<Content<'_>> {
    let (mut names, mut rest) = field(text)?;
    let marker = match names {
        b"@cert-authority" => Some(Marker::CertAuthority),
        b"@revoked" => Some(Marker::Revoked),
        [b'@', ..] => return None,
        _ => None,
    };
    if marker.is_some() {
        (names, rest) = field(rest)?;
        if names.starts_with(b"@") {
            return None;
        }
    }
    let (key_type, base64) = field(rest)?;
    let key_type = std::str::from_utf8(key_type).ok()?;
    for_key_type(key_type).next()?;
    (!base64.starts_with(b"#")).then_some(Content::Entry { marker, names, key: rest })
}

/// The first field and what follows it; nothing where either is empty.
fn field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let (field, rest) = text.split_at_checked(text.iter().position(is_blank)?)?;
    let start = rest.iter().position(|byte| !is_blank(byte))?;
    let rest = rest.get(start..)?;
    (!field.is_empty() && !rest.is_empty()).then_some((field, rest))
}

#[cfg(test)]
mod tests;
