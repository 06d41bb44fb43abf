//! Reading the data types of RFC 4251 §5 from bytes of the peer.

pub use crate::decode_error::DecodeError;
use crate::mpint::Mpint;
use crate::name_list::NameList;

/// A position in bytes of the peer.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Takes the next `n` bytes.
    pub fn read_bytes(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.bytes.split_at_checked(n).ok_or(DecodeError::Truncated)?;
        self.bytes = tail;
        Ok(head)
    }

    /// Takes the next `N` bytes.
    pub fn read_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.bytes.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.bytes = tail;
        Ok(*head)
    }

    /// A byte.
    pub fn read_u8(&mut self) -> Result<u8, DecodeError> {
        self.read_array::<1>().map(|[byte]| byte)
    }

    /// A boolean. RFC 4251 §5: "All non-zero values MUST be interpreted as TRUE".
    pub fn read_bool(&mut self) -> Result<bool, DecodeError> {
        self.read_u8().map(|byte| byte != 0)
    }

    /// A uint32.
    pub fn read_u32(&mut self) -> Result<u32, DecodeError> {
        self.read_array().map(u32::from_be_bytes)
    }

    /// A uint64.
    pub fn read_u64(&mut self) -> Result<u64, DecodeError> {
        self.read_array().map(u64::from_be_bytes)
    }

    /// A string: any bytes.
    pub fn read_string(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.read_u32()?;
        self.read_bytes(usize::try_from(len).map_err(|_| DecodeError::Truncated)?)
    }

    /// A string that holds text.
    pub fn read_str(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.read_string()?).map_err(|_| DecodeError::InvalidUtf8)
    }

    /// A name-list.
    pub fn read_name_list(&mut self) -> Result<NameList<'a>, DecodeError> {
        NameList::parse(self.read_string()?)
    }

    /// An mpint.
    pub fn read_mpint(&mut self) -> Result<Mpint<'a>, DecodeError> {
        Mpint::parse(self.read_string()?)
    }

    /// Takes all that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    /// How many bytes are left.
    pub const fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Demands that nothing is left.
    pub const fn finish(&self) -> Result<(), DecodeError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }
}

/// A value that can be read.
pub trait Decode<'a>: Sized {
    /// Reads it from the front of `reader`.
    fn decode_from(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;
}

macro_rules! decode {
    ($($type:ty => $read:ident),* $(,)?) => {$(
        impl<'a> Decode<'a> for $type {
            fn decode_from(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                reader.$read()
            }
        }
    )*};
}

decode! {
    u8 => read_u8,
    bool => read_bool,
    u32 => read_u32,
    u64 => read_u64,
    &'a [u8] => read_string,
    &'a str => read_str,
    NameList<'a> => read_name_list,
    Mpint<'a> => read_mpint,
}

impl<'a, const N: usize> Decode<'a> for [u8; N] {
    fn decode_from(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_array()
    }
}

/// Whatever follows the fields that are known, without a length of its own: the part of a message whose layout
/// depends on a name that stands before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rest<'a>(pub &'a [u8]);

impl std::fmt::Debug for Rest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rest({} bytes)", self.0.len())
    }
}

/// A string that is a secret: it is left out of debug output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret<'a>(pub &'a [u8]);

impl std::fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<'a> Decode<'a> for Secret<'a> {
    fn decode_from(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_string().map(Self)
    }
}

impl<'a> Decode<'a> for Rest<'a> {
    fn decode_from(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(reader.rest()))
    }
}
