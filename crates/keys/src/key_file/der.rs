//! The little of DER (ITU-T X.690) that key files need: definite lengths in their shortest form.

use crate::error::KeyFileError;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const CONTEXT_0: u8 = 0xa0;
pub(super) const CONTEXT_1: u8 = 0xa1;

const MALFORMED: KeyFileError = KeyFileError::Malformed { what: "its DER is invalid" };

/// A position in DER.
#[derive(Clone, Copy)]
pub(super) struct DerReader<'a>(&'a [u8]);

impl<'a> DerReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], KeyFileError> {
        let (head, tail) = self.0.split_at_checked(n).ok_or(MALFORMED)?;
        self.0 = tail;
        Ok(head)
    }

    fn length(&mut self) -> Result<usize, KeyFileError> {
        let first = *self.take(1)?.first().ok_or(MALFORMED)?;
        let (count, shortest) = match first {
            0..=0x7f => return Ok(usize::from(first)),
            0x81 => (1, 0x80),
            0x82 => (2, 0x100),
            0x83 => (3, 0x1_0000),
            _ => return Err(MALFORMED),
        };
        let length = self.take(count)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length < shortest { Err(MALFORMED) } else { Ok(length) }
    }

    /// The contents of the next value if it has this tag; nothing is taken if it has another.
    pub(super) fn read_optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, KeyFileError> {
        if self.0.first() != Some(&tag) {
            return Ok(None);
        }
        self.take(1)?;
        let length = self.length()?;
        self.take(length).map(Some)
    }

    /// The contents of the next value, which must have this tag.
    pub(super) fn read(&mut self, tag: u8) -> Result<&'a [u8], KeyFileError> {
        self.read_optional(tag)?.ok_or(MALFORMED)
    }

    /// The next value, a SEQUENCE.
    pub(super) fn read_sequence(&mut self) -> Result<Self, KeyFileError> {
        self.read(SEQUENCE).map(Self)
    }

    /// The next value, an INTEGER of zero or more, big-endian without leading zeros.
    pub(super) fn read_unsigned(&mut self) -> Result<&'a [u8], KeyFileError> {
        match self.read(INTEGER)? {
            [] => Err(MALFORMED),
            [0] => Ok(&[]),
            [0, magnitude @ ..] if magnitude.first().is_some_and(|first| first & 0x80 != 0) => Ok(magnitude),
            [first, ..] if *first == 0 || first & 0x80 != 0 => Err(MALFORMED),
            magnitude => Ok(magnitude),
        }
    }

    /// The next value, an INTEGER that is a small number.
    pub(super) fn read_version(&mut self) -> Result<u8, KeyFileError> {
        match self.read_unsigned()? {
            [] => Ok(0),
            [version] => Ok(*version),
            _ => Err(MALFORMED),
        }
    }

    /// Demands that nothing is left.
    pub(super) const fn finish(&self) -> Result<(), KeyFileError> {
        if self.0.is_empty() { Ok(()) } else { Err(MALFORMED) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_form() {
        assert_eq!(DerReader::new(&[4, 1, 7]).read(OCTET_STRING), Ok(&[7][..]));
        let mut long = vec![4, 0x81, 0x80];
        long.extend([0; 0x80]);
        assert_eq!(DerReader::new(&long).read(OCTET_STRING).map(<[u8]>::len), Ok(0x80));
        for bytes in [
            &[4, 0x80][..],
            &[4, 0x81, 1, 7],
            &[4, 0x82, 0, 1, 7],
            &[4, 2, 7],
            &[4],
            &[4, 0x84, 0, 0, 0, 1, 7],
        ] {
            assert_eq!(DerReader::new(bytes).read(OCTET_STRING), Err(MALFORMED), "{bytes:?}");
        }
    }

    #[test]
    fn integers_are_unsigned_and_shortest() {
        let read = |bytes: &'static [u8]| DerReader::new(bytes).read_unsigned();
        assert_eq!(read(&[2, 1, 0]), Ok(&[][..]));
        assert_eq!(read(&[2, 2, 0, 0x80]), Ok(&[0x80][..]));
        for bytes in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 1], &[2, 2, 0, 0], &[3, 1, 1]] {
            assert_eq!(read(bytes), Err(MALFORMED), "{bytes:?}");
        }
    }
}
