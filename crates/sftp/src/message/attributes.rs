//! File attributes of version 3 (draft-ietf-secsh-filexfer-02 §5).

use konko_wire::decode::{Decode, DecodeError, Reader};
use konko_wire::encode::{Encode, put_string, put_u32};

/// The most extended pairs that one set of attributes may carry.
pub const MAXIMUM_EXTENDED_PAIRS: u32 = 1024;

/// Which fields are there (draft-02 §5).
mod flag {
    pub(super) const SIZE: u32 = 0x0000_0001;
    pub(super) const UIDGID: u32 = 0x0000_0002;
    pub(super) const PERMISSIONS: u32 = 0x0000_0004;
    pub(super) const ACMODTIME: u32 = 0x0000_0008;
    pub(super) const EXTENDED: u32 = 0x8000_0000;
}

/// Owner and group by number. Version 3 has both or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// Seconds since 1970. Version 3 has both or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Times {
    /// Last access.
    pub accessed: u32,
    /// Last modification.
    pub modified: u32,
}

/// A named value that an extension adds to attributes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ExtendedPair {
    /// Its name, as `name@domain`.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

/// Attributes of a file; what is `None` is not said, or not to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Attributes {
    /// In bytes.
    pub size: Option<u64>,
    /// Owner and group.
    pub owner: Option<Owner>,
    /// The whole `st_mode`: permission bits and, in replies, the type of the file.
    pub permissions: Option<u32>,
    /// Times of access and modification.
    pub times: Option<Times>,
    /// What extensions add. Unknown ones are kept.
    pub extended: Vec<ExtendedPair>,
}

impl Attributes {
    /// The bits of `st_mode` that say what kind of file it is.
    pub const TYPE_MASK: u32 = 0o170_000;
    /// A socket.
    pub const SOCKET: u32 = 0o140_000;
    /// A symbolic link.
    pub const SYMLINK: u32 = 0o120_000;
    /// A regular file.
    pub const REGULAR: u32 = 0o100_000;
    /// A block device.
    pub const BLOCK_DEVICE: u32 = 0o060_000;
    /// A directory.
    pub const DIRECTORY: u32 = 0o040_000;
    /// A character device.
    pub const CHARACTER_DEVICE: u32 = 0o020_000;
    /// A FIFO.
    pub const FIFO: u32 = 0o010_000;

    /// Attributes that say only the permissions.
    pub fn with_permissions(permissions: u32) -> Self {
        Self { permissions: Some(permissions), ..Self::default() }
    }

    /// Attributes that say only the size.
    pub fn with_size(size: u64) -> Self {
        Self { size: Some(size), ..Self::default() }
    }

    /// The bits of the type, if the permissions are said and have some.
    pub fn file_type_bits(&self) -> Option<u32> {
        self.permissions.map(|mode| mode & Self::TYPE_MASK).filter(|bits| *bits != 0)
    }

    fn flags(&self) -> u32 {
        let mut flags = 0;
        for (present, flag) in [
            (self.size.is_some(), flag::SIZE),
            (self.owner.is_some(), flag::UIDGID),
            (self.permissions.is_some(), flag::PERMISSIONS),
            (self.times.is_some(), flag::ACMODTIME),
            (!self.extended.is_empty(), flag::EXTENDED),
        ] {
            if present {
                flags |= flag;
            }
        }
        flags
    }
}

impl Encode for Attributes {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.flags());
        if let Some(size) = self.size {
            size.encode(out);
        }
        if let Some(owner) = self.owner {
            put_u32(out, owner.uid);
            put_u32(out, owner.gid);
        }
        if let Some(permissions) = self.permissions {
            put_u32(out, permissions);
        }
        if let Some(times) = self.times {
            put_u32(out, times.accessed);
            put_u32(out, times.modified);
        }
        if !self.extended.is_empty() {
            put_extended(out, &self.extended);
        }
    }
}

impl<'a> Decode<'a> for Attributes {
    /// Bits without a meaning in version 3 are ignored, as OpenSSH does.
    fn decode_from(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags = reader.read_u32()?;
        let mut attributes = Self::default();
        if flags & flag::SIZE != 0 {
            attributes.size = Some(reader.read_u64()?);
        }
        if flags & flag::UIDGID != 0 {
            attributes.owner = Some(Owner { uid: reader.read_u32()?, gid: reader.read_u32()? });
        }
        if flags & flag::PERMISSIONS != 0 {
            attributes.permissions = Some(reader.read_u32()?);
        }
        if flags & flag::ACMODTIME != 0 {
            attributes.times = Some(Times { accessed: reader.read_u32()?, modified: reader.read_u32()? });
        }
        if flags & flag::EXTENDED != 0 {
            attributes.extended = read_extended(reader)?;
        }
        Ok(attributes)
    }
}

/// Appends a count and as many pairs.
pub(crate) fn put_extended(out: &mut Vec<u8>, pairs: &[ExtendedPair]) {
    put_u32(out, pairs.len() as u32);
    for pair in pairs {
        put_string(out, &pair.name);
        put_string(out, &pair.value);
    }
}

/// Reads a count and as many pairs.
pub(crate) fn read_extended(reader: &mut Reader<'_>) -> Result<Vec<ExtendedPair>, DecodeError> {
    let count = reader.read_u32()?;
    if count > MAXIMUM_EXTENDED_PAIRS {
        return Err(DecodeError::TooMany);
    }
    let mut pairs = Vec::new();
    for _ in 0..count {
        let (name, value) = (reader.read_string()?.to_vec(), reader.read_string()?.to_vec());
        pairs.push(ExtendedPair { name, value });
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_fields_comes_back() {
        for bits in 0..32u32 {
            let attributes = Attributes {
                size: (bits & 1 != 0).then_some(u64::MAX - 7),
                owner: (bits & 2 != 0).then_some(Owner { uid: 1000, gid: 0xffff_fffe }),
                permissions: (bits & 4 != 0).then_some(0o100_644),
                times: (bits & 8 != 0).then_some(Times { accessed: 1, modified: 0x8000_0000 }),
                extended: if bits & 16 != 0 {
                    vec![ExtendedPair { name: b"a@b".to_vec(), value: vec![0xff, 0] }; 2]
                } else {
                    Vec::new()
                },
            };
            let bytes = attributes.to_vec();
            let mut reader = Reader::new(&bytes);
            assert_eq!(Attributes::decode_from(&mut reader).unwrap(), attributes);
            reader.finish().unwrap();
            for cut in 0..bytes.len() {
                assert_eq!(
                    Attributes::decode_from(&mut Reader::new(&bytes[..cut])),
                    Err(DecodeError::Truncated)
                );
            }
        }
    }

    #[test]
    fn a_count_of_pairs_is_not_believed() {
        let mut bytes = Vec::new();
        put_u32(&mut bytes, flag::EXTENDED);
        put_u32(&mut bytes, u32::MAX);
        assert_eq!(Attributes::decode_from(&mut Reader::new(&bytes)), Err(DecodeError::TooMany));
    }
}
