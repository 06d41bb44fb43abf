//! Multiple precision integers (RFC 4251 §5).

use crate::decode_error::DecodeError;

/// An mpint as it stands on the wire: two's complement, big-endian, in its shortest form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mpint<'a> {
    bytes: &'a [u8],
}

impl<'a> Mpint<'a> {
    /// Takes the contents of an mpint's string.
    ///
    /// RFC 4251 §5: "Unnecessary leading bytes with the value 0 or 255 MUST NOT be included. The value zero MUST
    /// be stored as a string with zero bytes of data."
    pub const fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        match bytes {
            [0] => Err(DecodeError::InvalidMpint),
            [0, second, ..] if *second & 0x80 == 0 => Err(DecodeError::InvalidMpint),
            [255, second, ..] if *second & 0x80 != 0 => Err(DecodeError::InvalidMpint),
            _ => Ok(Self { bytes }),
        }
    }

    /// The contents of the string.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the number is below zero.
    pub const fn is_negative(&self) -> bool {
        matches!(self.bytes, [first, ..] if *first & 0x80 != 0)
    }

    /// The magnitude, big-endian without leading zeros, of a number that is not negative.
    pub const fn as_unsigned(&self) -> Option<&'a [u8]> {
        match self.bytes {
            [first, ..] if *first & 0x80 != 0 => None,
            [0, magnitude @ ..] => Some(magnitude),
            magnitude => Some(magnitude),
        }
    }

    /// Appends an unsigned big-endian number as an mpint, its length included.
    pub fn encode_unsigned(big_endian: &[u8], out: &mut Vec<u8>) {
        let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
        let magnitude = &big_endian[zeros..];
        let sign = magnitude.first().is_some_and(|byte| byte & 0x80 != 0);
        let len = u32::try_from(magnitude.len() + usize::from(sign)).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_be_bytes());
        if sign {
            out.push(0);
        }
        out.extend_from_slice(magnitude);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 4251 §5.
    #[test]
    fn rfc4251_5_examples() {
        let cases: [(&[u8], &[u8]); 3] = [
            (&[], &[0, 0, 0, 0]),
            (
                &[0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
                &[0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
            ),
            (&[0x80], &[0, 0, 0, 2, 0, 0x80]),
        ];
        for (number, encoded) in cases {
            let mut out = Vec::new();
            Mpint::encode_unsigned(number, &mut out);
            assert_eq!(out, encoded);
            assert_eq!(Mpint::parse(&out[4..]).map(|m| m.as_unsigned()), Ok(Some(number)));
        }
        let negative = Mpint::parse(&[0xed, 0xcc]).expect("-1234");
        assert!(negative.is_negative());
        assert_eq!(negative.as_unsigned(), None);
    }

    #[test]
    fn superfluous_leading_bytes_are_refused() {
        for bytes in [&[0][..], &[0, 0], &[0, 0x7f], &[0xff, 0x80], &[0xff, 0xff]] {
            assert_eq!(Mpint::parse(bytes), Err(DecodeError::InvalidMpint), "{bytes:?}");
        }
        for bytes in [&[][..], &[1], &[0xff], &[0, 0x80], &[0xff, 0x7f]] {
            assert!(Mpint::parse(bytes).is_ok(), "{bytes:?}");
        }
    }

    #[test]
    fn leading_zeros_of_the_source_do_not_travel() {
        let mut out = Vec::new();
        Mpint::encode_unsigned(&[0, 0, 0, 0xff, 1], &mut out);
        assert_eq!(out, [0, 0, 0, 3, 0, 0xff, 1]);
    }
}
