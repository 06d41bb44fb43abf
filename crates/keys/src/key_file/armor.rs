//! The text around a key: `-----BEGIN label-----`, base64, `-----END label-----` (RFC 7468, and RFC 1421 for
//! the headers of old files).

use crate::error::KeyFileError;
use base64ct::{Base64, Encoding};
use konko_wire::peer_text::printable_ascii;
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// Characters of base64 in a line, as ssh-keygen writes them into files of its own.
pub(super) const OPENSSH_LINE_LEN: usize = 70;
/// Characters of base64 in a line. RFC 7468 §2: "exactly 64 characters".
pub(super) const PEM_LINE_LEN: usize = 64;

/// What stands between the two lines.
pub(super) struct Armored {
    /// The words after `BEGIN`.
    pub(super) label: String,
    /// The decoded base64.
    pub(super) contents: Zeroizing<Vec<u8>>,
    /// The header `DEK-Info`, where the headers say that the contents are encrypted.
    pub(super) dek_info: Option<String>,
}

fn malformed(what: &'static str) -> KeyFileError {
    KeyFileError::Malformed { what }
}

/// Finds the first part of the text whose label ends so. What stands before and after it is not looked at.
pub(super) fn read(text: &[u8], label_end: &[u8]) -> Result<Armored, KeyFileError> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let label = loop {
        let line = lines.next().ok_or(KeyFileError::NotAKey)?;
        let label = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES));
        if let Some(label) = label.filter(|label| label.ends_with(label_end)) {
            break label;
        }
    };
    let mut base64 = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut encrypted, mut dek_info) = (false, String::new());
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
            if let Some(value) = line.strip_prefix(b"DEK-Info:") {
                dek_info = printable_ascii(value.trim_ascii());
            }
        } else {
            base64.extend_from_slice(line);
        }
    }
    let mut contents = Zeroizing::new(vec![0; base64.len() / 4 * 3]);
    let len = Base64::decode(&base64, contents.as_mut_slice())
        .map_err(|_| malformed("its base64 is invalid"))?
        .len();
    contents.truncate(len);
    Ok(Armored { label: printable_ascii(label), contents, dek_info: encrypted.then_some(dek_info) })
}

/// Writes the contents in base64, in lines of so many characters.
pub(super) fn push_lines(text: &mut String, contents: &[u8], line_len: usize) {
    let base64 = Zeroizing::new(Base64::encode_string(contents));
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        // Base64 is US-ASCII, so every byte is a boundary.
        let (line, tail) = rest.split_at(rest.len().min(line_len));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
}

/// Writes a key with its two lines, in lines of so many characters.
pub(super) fn write(label: &str, contents: &[u8], line_len: usize) -> Zeroizing<String> {
    let size = contents.len() / 3 * 4 + contents.len() / 40 + 2 * label.len() + 128;
    let mut text = Zeroizing::new(String::with_capacity(size));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    push_lines(&mut text, contents, line_len);
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}
