//! What `-l` and `-L` print, in ssh-add's words.

use konko::client::agent::protocol::AgentIdentity;
use konko::client::printable;

/// A line of `-l`: size, fingerprint, comment, type. A key that is not known here is listed by its type only.
pub(crate) fn fingerprint_line(listed: &AgentIdentity, md5: bool) -> String {
    let comment = printable(&listed.comment, false);
    let sha256 = listed.fingerprint();
    let fingerprint = if md5 { sha256.md5().to_string() } else { sha256.to_string() };
    let Ok(identity) = listed.decode() else {
        let key_type = printable(listed.key_type().unwrap_or("?"), false);
        return format!("0 {fingerprint} {comment} ({key_type})");
    };
    let key = identity.public_key();
    let suffix = if identity.certificate().is_some() { "-CERT" } else { "" };
    format!("{} {fingerprint} {comment} ({}{suffix})", key.bits(), key.family())
}

/// A line of `-L`: a line for authorized_keys. Nothing for a key that is not known here.
pub(crate) fn key_line(listed: &AgentIdentity) -> Option<String> {
    Some(listed.decode().ok()?.to_openssh(&listed.comment))
}
