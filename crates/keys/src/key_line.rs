//! A key in one line: `type base64 comment`, the text of `.pub` files.

use crate::error::KeyError;
use base64ct::{Base64, Encoding};
use konko_wire::decode::Reader;

/// Such a line, taken apart.
pub(crate) struct KeyLine<'a> {
    pub(crate) blob: Vec<u8>,
    pub(crate) comment: &'a str,
}

/// Reads a line whose two names of the type agree; the blob may be as long as `longest`.
pub(crate) fn read(line: &str, longest: usize) -> Result<KeyLine<'_>, KeyError> {
    let blank = [' ', '\t'];
    let (key_type, rest) =
        line.trim_matches(['\r', '\n', ' ', '\t']).split_once(blank).ok_or(KeyError::NotAKey)?;
    let rest = rest.trim_start_matches(blank);
    let (base64, comment) = rest.split_once(blank).unwrap_or((rest, ""));
    if base64.len() > longest * 2 {
        return Err(KeyError::NotAKey);
    }
    let blob = Base64::decode_vec(base64).map_err(|_| KeyError::NotAKey)?;
    if Reader::new(&blob).read_string()? != key_type.as_bytes() {
        return Err(KeyError::TypeMismatch);
    }
    Ok(KeyLine { blob, comment: comment.trim_matches(blank) })
}

/// Writes one without a line end. In `comment`, control characters become spaces, so that it stays one line.
pub(crate) fn write(key_type: &str, blob: &[u8], comment: &str) -> String {
    let mut line = format!("{key_type} {}", Base64::encode_string(blob));
    if !comment.is_empty() {
        line.push(' ');
        line.extend(comment.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    line
}
