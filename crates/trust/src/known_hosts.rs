//! The file known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): which keys belong to which hosts.

use crate::lines::numbered;
use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use konko_keys::public_key::PublicKey;
use konko_pattern::wildcard::{ListMatch, matches_list};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// The port whose names are written without a port.
const DEFAULT_PORT: u16 = 22;
/// Bytes of salt of a hashed name, and of the hash.
pub const SALT_LEN: usize = 20;
/// A longer line is kept, and says nothing.
const LONGEST_LINE: usize = 64 * 1024;

/// What the file says of a key that a host showed. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostKeyVerdict {
    /// The host is known by this key.
    Known {
        /// The first line that says so.
        line: usize,
    },
    /// Nothing is known of the host.
    Unknown,
    /// The host is known by another key of the same type: it was replaced, or somebody else answers.
    Changed {
        /// The first line with a key of the same type.
        line: usize,
        /// The keys of the same type that the host is known by.
        expected: Vec<PublicKey>,
    },
    /// The host is known by keys of other types only.
    NewKeyType {
        /// All of them.
        known: Vec<PublicKey>,
    },
    /// The key is marked `@revoked` for this host: it must not be accepted whatever else is said.
    Revoked {
        /// The line that says so.
        line: usize,
    },
}

/// A name that cannot be written into the file in the clear, since it would mean something else there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host name cannot stand in known_hosts")]
pub struct HostNameError;

/// A marker before the host names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Marker {
    /// `@cert-authority`: the key signs certificates of these hosts and is not a host key itself.
    CertAuthority,
    /// `@revoked`: the key must not be accepted.
    Revoked,
}

/// The first field of a line.
pub(crate) enum Names {
    /// Patterns, separated by commas.
    Patterns(Vec<u8>),
    /// One name, of which only a keyed hash is known.
    Hashed { salt: [u8; SALT_LEN], hash: [u8; SALT_LEN] },
}

impl Names {
    pub(crate) fn parse(field: &[u8]) -> Option<Self> {
        let Some(hashed) = field.strip_prefix(b"|") else { return Some(Self::Patterns(field.to_vec())) };
        let mut parts = std::str::from_utf8(hashed).ok()?.split('|');
        let (magic, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        if magic != "1" || parts.next().is_some() {
            return None;
        }
        let decode = |text: &str| Base64::decode_vec(text).ok()?.try_into().ok();
        Some(Self::Hashed { salt: decode(salt)?, hash: decode(hash)? })
    }

    /// `name` is in lower case.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Patterns(list) => matches_list(list, name.as_bytes()) == ListMatch::Matched,
            Self::Hashed { salt, hash } => hash_name(salt, name).ct_eq(hash).into(),
        }
    }
}

/// One line that was understood.
pub struct HostKeyLine {
    line: usize,
    marker: Option<Marker>,
    names: Names,
    key: PublicKey,
    comment: String,
}

impl HostKeyLine {
    /// Its number, from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Its marker.
    pub const fn marker(&self) -> Option<Marker> {
        self.marker
    }

    /// Its key.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What follows the key.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Whether it speaks of this host at this port.
    pub fn is_for(&self, host: &str, port: u16) -> bool {
        self.names.matches(&name_of(host, port))
    }

    fn parse(line: usize, text: &[u8]) -> Option<Self> {
        if text.len() > LONGEST_LINE || text.contains(&0) {
            return None;
        }
        let (mut first, mut rest) = split_field(text)?;
        let marker = match first {
            b"@cert-authority" => Some(Marker::CertAuthority),
            b"@revoked" => Some(Marker::Revoked),
            [b'@' | b'#', ..] => return None,
            _ => None,
        };
        if marker.is_some() {
            (first, rest) = split_field(rest)?;
        }
        let names = Names::parse(first)?;
        let (key, comment) = PublicKey::from_openssh(&String::from_utf8_lossy(rest)).ok()?;
        Some(Self { line, marker, names, key, comment })
    }
}

impl std::fmt::Debug for HostKeyLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostKeyLine({}: {:?} {:?})", self.line, self.marker, self.key)
    }
}

/// The first field and what follows it; nothing where either is empty.
fn split_field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    let text = text.get(start..)?;
    let (field, rest) = text.split_at_checked(text.iter().position(is_blank)?)?;
    let start = rest.iter().position(|byte| !is_blank(byte))?;
    Some((field, rest.get(start..)?))
}

/// The name that the file has for a host at a port.
pub(crate) fn name_of(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == DEFAULT_PORT { host } else { format!("[{host}]:{port}") }
}

fn hash_name(salt: &[u8; SALT_LEN], name: &str) -> [u8; SALT_LEN] {
    match Hmac::<Sha1>::new_from_slice(salt) {
        Ok(mut hmac) => {
            hmac.update(name.as_bytes());
            hmac.finalize().into_bytes().into()
        }
        Err(_) => unreachable!("HMAC takes a key of any length"),
    }
}

/// The contents of a known_hosts file.
///
/// At a port other than 22, a host goes by the name `[host]:port` and by no other; whoever wants to fall back on
/// keys of the plain name looks that up as port 22.
#[derive(Debug, Default)]
pub struct KnownHosts {
    lines: Vec<HostKeyLine>,
    /// Lines that are neither understood nor blank nor a comment.
    not_understood: Vec<usize>,
}

impl KnownHosts {
    /// Reads a file. A line that is not understood says nothing about any host; others are not affected by it.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut known_hosts = Self::default();
        for (line, text) in numbered(bytes) {
            match HostKeyLine::parse(line, text) {
                Some(entry) => known_hosts.lines.push(entry),
                None => known_hosts.not_understood.push(line),
            }
        }
        known_hosts
    }

    /// The lines that were understood, in their order.
    pub fn lines(&self) -> &[HostKeyLine] {
        &self.lines
    }

    /// The numbers of the lines that were not: unknown key types and markers, damaged keys, old formats.
    pub fn not_understood(&self) -> &[usize] {
        &self.not_understood
    }

    /// The lines that speak of this host at this port, in their order.
    pub fn lines_for(&self, host: &str, port: u16) -> impl Iterator<Item = &HostKeyLine> {
        let name = name_of(host, port);
        self.lines.iter().filter(move |entry| entry.names.matches(&name))
    }

    /// What the file says of `key` for `host`, a name or an address, at `port`. Upper and lower case are the
    /// same. Every line is looked at: a revocation anywhere counts before all else, then a line with this key.
    pub fn lookup(&self, host: &str, port: u16, key: &PublicKey) -> HostKeyVerdict {
        let mut known = None;
        let (mut same_type, mut other_types) = (Vec::new(), Vec::new());
        for entry in self.lines_for(host, port) {
            match entry.marker {
                Some(Marker::Revoked) if entry.key == *key => {
                    return HostKeyVerdict::Revoked { line: entry.line };
                }
                Some(_) => {}
                None if entry.key == *key => known = known.or(Some(entry.line)),
                None if entry.key.key_type() == key.key_type() => same_type.push(entry),
                None => other_types.push(entry.key.clone()),
            }
        }
        match (known, same_type.first()) {
            (Some(line), _) => HostKeyVerdict::Known { line },
            (None, Some(first)) => HostKeyVerdict::Changed {
                line: first.line,
                expected: same_type.iter().map(|entry| entry.key.clone()).collect(),
            },
            (None, None) if other_types.is_empty() => HostKeyVerdict::Unknown,
            (None, None) => HostKeyVerdict::NewKeyType { known: other_types },
        }
    }

    /// The types of the keys that the host is known by, each once and in the order of the file, so that they can
    /// be asked for first.
    pub fn key_types(&self, host: &str, port: u16) -> Vec<&'static str> {
        let mut types = Vec::new();
        for entry in self.lines_for(host, port).filter(|entry| entry.marker.is_none()) {
            if !types.contains(&entry.key.key_type()) {
                types.push(entry.key.key_type());
            }
        }
        types
    }
}

/// What stands in the file for a name, in lower case, that is not to be read there.
pub(crate) fn hashed_name(salt: &[u8; SALT_LEN], name: &str) -> String {
    format!("|1|{}|{}", Base64::encode_string(salt), Base64::encode_string(&hash_name(salt, name)))
}

/// A line, without its end, that makes `key` known for `host` at `port`. With a salt the name is hashed; the
/// salt should be random and used once.
///
/// # Errors
///
/// [`HostNameError`] for a name that is empty or holds blanks, control characters or any of ``,*?!|#@[]"``: it
/// would not be this name any more when it is read back. A hashed name may be anything but empty.
pub fn line_for(
    host: &str,
    port: u16,
    key: &PublicKey,
    hashed: Option<&[u8; SALT_LEN]>,
) -> Result<String, HostNameError> {
    let is_special = |c: char| c.is_whitespace() || c.is_control() || ",*?!|#@[]\"".contains(c);
    if host.is_empty() || (hashed.is_none() && host.contains(is_special)) {
        return Err(HostNameError);
    }
    let name = name_of(host, port);
    let name = match hashed {
        Some(salt) => hashed_name(salt, &name),
        None => name,
    };
    Ok(format!("{name} {}", key.to_openssh("")))
}

/// The bytes to append to a file with the contents `existing`, so that `line` becomes a line of its own even if
/// the file does not end with a line end.
pub fn append_line(existing: &[u8], line: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len() + 2);
    if existing.last().is_some_and(|last| *last != b'\n') {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests;
