//! Writing the little of DER that key files need. Every value is allocated once, at its full length, so that
//! writing a secret leaves no copies behind.

use crate::key_file::der::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use zeroize::Zeroizing;

pub(super) type Der = Zeroizing<Vec<u8>>;

/// A value of this tag that consists of these parts.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> Der {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(len + 6));
    out.push(tag);
    let bytes = len.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(zeros..).unwrap_or_default();
    match significant {
        [] => out.push(0),
        [short @ 0..=0x7f] => out.push(*short),
        // A key has no more than a few bytes of length.
        _ => {
            out.push(0x80 | significant.len() as u8);
            out.extend_from_slice(significant);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// A SEQUENCE of these values.
pub(super) fn sequence(parts: &[&[u8]]) -> Der {
    value(SEQUENCE, parts)
}

/// An INTEGER of zero or more, given big-endian with or without leading zeros.
pub(super) fn unsigned(number: &[u8]) -> Der {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let magnitude = number.get(zeros..).unwrap_or_default();
    match magnitude.first() {
        Some(0..=0x7f) => value(INTEGER, &[magnitude]),
        _ => value(INTEGER, &[&[0], magnitude]),
    }
}

/// An OCTET STRING.
pub(super) fn octets(contents: &[u8]) -> Der {
    value(OCTET_STRING, &[contents])
}

/// A BIT STRING of whole bytes.
pub(super) fn bits(contents: &[u8]) -> Der {
    value(BIT_STRING, &[&[0], contents])
}

/// An OBJECT IDENTIFIER, given encoded.
pub(super) fn identifier(encoded: &[u8]) -> Der {
    value(OBJECT_IDENTIFIER, &[encoded])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_file::der::DerReader;

    #[test]
    fn what_is_written_is_read() {
        for len in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let contents = vec![0xa5; len];
            assert_eq!(DerReader::new(&octets(&contents)).read(OCTET_STRING), Ok(&contents[..]));
        }
        for (number, magnitude) in [
            (&[][..], &[][..]),
            (&[0, 0], &[]),
            (&[0x7f], &[0x7f]),
            (&[0x80], &[0x80]),
            (&[0, 0, 1, 2], &[1, 2]),
        ] {
            assert_eq!(DerReader::new(&unsigned(number)).read_unsigned(), Ok(magnitude), "{number:?}");
        }
    }
}
