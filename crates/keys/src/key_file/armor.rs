//! The text around a key: `-----BEGIN label-----`, base64, `-----END label-----` (RFC 7468, and RFC 1421 for
//! the headers of old files).

use crate::error::{KeyFileError, printable};
use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// Characters of base64 in a line, as ssh-keygen writes them.
const LINE_LEN: usize = 70;

/// What stands between the two lines.
pub(super) struct Armored {
    /// The words after `BEGIN`.
    pub(super) label: String,
    /// The decoded base64.
    pub(super) contents: Zeroizing<Vec<u8>>,
    /// Headers say that the contents are encrypted.
    pub(super) encrypted: bool,
}

fn malformed(what: &'static str) -> KeyFileError {
    KeyFileError::Malformed { what }
}

/// Finds the first private key in the text. What stands before and after it is not looked at.
pub(super) fn read(text: &[u8]) -> Result<Armored, KeyFileError> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let label = loop {
        let line = lines.next().ok_or(KeyFileError::NotAKey)?;
        if line.starts_with(b"PuTTY-User-Key-File-") {
            return Err(KeyFileError::Unsupported { what: "a PuTTY key file".into() });
        }
        let label = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES));
        if let Some(label) = label.filter(|label| label.ends_with(b"PRIVATE KEY")) {
            break label;
        }
    };
    let mut base64 = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut encrypted = false;
    loop {
        let line = lines.next().ok_or(malformed("its last line is missing"))?;
        if let Some(end) = line.strip_prefix(END) {
            if end.strip_suffix(DASHES) != Some(label) {
                return Err(malformed("its first and last line differ"));
            }
            break;
        }
        // RFC 1421 §4.6: headers are the lines with a colon, which base64 does not have.
        if line.contains(&b':') {
            encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
        } else {
            base64.extend_from_slice(line);
        }
    }
    let mut contents = Zeroizing::new(vec![0; base64.len() / 4 * 3]);
    let len = Base64::decode(&base64, contents.as_mut_slice())
        .map_err(|_| malformed("its base64 is invalid"))?
        .len();
    contents.truncate(len);
    Ok(Armored { label: printable(label), contents, encrypted })
}

/// Writes a key with its two lines, in lines of 70 characters.
pub(super) fn write(label: &str, contents: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(Base64::encode_string(contents));
    let size = base64.len() + base64.len() / LINE_LEN + 2 * label.len() + 64;
    let mut text = Zeroizing::new(String::with_capacity(size));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        // Base64 is US-ASCII, so every byte is a boundary.
        let (line, tail) = rest.split_at(rest.len().min(LINE_LEN));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}
