//! File attributes of versions 4, 5 and 6 (draft-ietf-secsh-filexfer-04 §5, -05 §5, -13 §7). Owners are names there,
//! the type of the file is a byte of its own, and times may have nanoseconds.

use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{Encode, put_string, put_u32};

use crate::message::attributes::{Attributes, put_extended, read_extended};
use crate::metadata::{FileType, Metadata, Timestamp};

/// Which fields are there.
mod flag {
    pub(super) const SIZE: u32 = 0x0000_0001;
    pub(super) const PERMISSIONS: u32 = 0x0000_0004;
    pub(super) const ACCESSTIME: u32 = 0x0000_0008;
    pub(super) const CREATETIME: u32 = 0x0000_0010;
    pub(super) const MODIFYTIME: u32 = 0x0000_0020;
    pub(super) const ACL: u32 = 0x0000_0040;
    pub(super) const OWNERGROUP: u32 = 0x0000_0080;
    pub(super) const SUBSECOND_TIMES: u32 = 0x0000_0100;
    pub(super) const BITS: u32 = 0x0000_0200;
    pub(super) const ALLOCATION_SIZE: u32 = 0x0000_0400;
    pub(super) const TEXT_HINT: u32 = 0x0000_0800;
    pub(super) const MIME_TYPE: u32 = 0x0000_1000;
    pub(super) const LINK_COUNT: u32 = 0x0000_2000;
    pub(super) const UNTRANSLATED_NAME: u32 = 0x0000_4000;
    pub(super) const CTIME: u32 = 0x0000_8000;
    pub(super) const EXTENDED: u32 = 0x8000_0000;
}

/// What STAT, LSTAT and FSTAT ask for.
pub const WANTED: u32 = flag::SIZE
    | flag::PERMISSIONS
    | flag::ACCESSTIME
    | flag::CREATETIME
    | flag::MODIFYTIME
    | flag::OWNERGROUP
    | flag::SUBSECOND_TIMES;

/// Appends `attributes` as version 4, 5 and 6 have them. Owner and group go as decimal numbers, which is how a
/// number is written where a name is meant.
pub fn put_attributes(out: &mut Vec<u8>, attributes: &Attributes) {
    let mut flags = 0;
    for (present, flag) in [
        (attributes.size.is_some(), flag::SIZE),
        (attributes.owner.is_some(), flag::OWNERGROUP),
        (attributes.permissions.is_some(), flag::PERMISSIONS),
        (attributes.times.is_some(), flag::ACCESSTIME | flag::MODIFYTIME),
        (!attributes.extended.is_empty(), flag::EXTENDED),
    ] {
        if present {
            flags |= flag;
        }
    }
    put_u32(out, flags);
    out.push(type_byte(FileType::from_mode(attributes.permissions.unwrap_or(0))));
    if let Some(size) = attributes.size {
        size.encode(out);
    }
    if let Some(owner) = attributes.owner {
        put_string(out, owner.uid.to_string().as_bytes());
        put_string(out, owner.gid.to_string().as_bytes());
    }
    if let Some(permissions) = attributes.permissions {
        put_u32(out, permissions);
    }
    if let Some(times) = attributes.times {
        u64::from(times.accessed).encode(out);
        u64::from(times.modified).encode(out);
    }
    if !attributes.extended.is_empty() {
        put_extended(out, &attributes.extended);
    }
}

/// Reads attributes as `version`, 4 to 6, has them.
pub fn read_metadata(reader: &mut Reader<'_>, version: u32) -> Result<Metadata, DecodeError> {
    let flags = reader.read_u32()?;
    let has = |flag: u32| flags & flag != 0;
    let mut metadata = Metadata { file_type: file_type(reader.read_u8()?), ..Metadata::default() };
    if has(flag::SIZE) {
        metadata.size = Some(reader.read_u64()?);
    }
    if version >= 6 && has(flag::ALLOCATION_SIZE) {
        reader.read_u64()?;
    }
    if has(flag::OWNERGROUP) {
        let (user, group) = (reader.read_string()?, reader.read_string()?);
        metadata.uid = number(user);
        metadata.gid = number(group);
        metadata.user = Some(Vec::from(user));
        metadata.group = Some(Vec::from(group));
    }
    if has(flag::PERMISSIONS) {
        metadata.permissions = Some(reader.read_u32()? & 0o7777);
    }
    let mut time = |flag: u32| {
        let read = |reader: &mut Reader<'_>| {
            let seconds = reader.read_u64()? as i64;
            let nanoseconds = if has(flag::SUBSECOND_TIMES) { reader.read_u32()? } else { 0 };
            Ok(Timestamp { seconds, nanoseconds: nanoseconds.min(999_999_999) })
        };
        if has(flag) { read(reader).map(Some) } else { Ok(None) }
    };
    metadata.accessed = time(flag::ACCESSTIME)?;
    metadata.created = time(flag::CREATETIME)?;
    metadata.modified = time(flag::MODIFYTIME)?;
    if version >= 6 {
        time(flag::CTIME)?;
    }
    if has(flag::ACL) {
        reader.read_string()?;
    }
    if version >= 5 && has(flag::BITS) {
        reader.read_u32()?;
        if version >= 6 {
            reader.read_u32()?;
        }
    }
    if version >= 6 {
        if has(flag::TEXT_HINT) {
            reader.read_u8()?;
        }
        if has(flag::MIME_TYPE) {
            reader.read_string()?;
        }
        if has(flag::LINK_COUNT) {
            metadata.link_count = Some(reader.read_u32()?);
        }
        if has(flag::UNTRANSLATED_NAME) {
            reader.read_string()?;
        }
    }
    if has(flag::EXTENDED) {
        metadata.extended = read_extended(reader)?;
    }
    Ok(metadata)
}

/// A name that is a decimal number.
fn number(name: &[u8]) -> Option<u32> {
    std::str::from_utf8(name).ok()?.parse().ok()
}

const fn type_byte(file_type: FileType) -> u8 {
    match file_type {
        FileType::Regular => 1,
        FileType::Directory => 2,
        FileType::Symlink => 3,
        FileType::Special => 4,
        FileType::Unknown => 5,
        FileType::Socket => 6,
        FileType::CharacterDevice => 7,
        FileType::BlockDevice => 8,
        FileType::Fifo => 9,
    }
}

const fn file_type(byte: u8) -> FileType {
    match byte {
        1 => FileType::Regular,
        2 => FileType::Directory,
        3 => FileType::Symlink,
        4 => FileType::Special,
        6 => FileType::Socket,
        7 => FileType::CharacterDevice,
        8 => FileType::BlockDevice,
        9 => FileType::Fifo,
        _ => FileType::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::attributes::{Owner, Times};

    #[test]
    fn what_is_set_is_what_is_read() {
        let attributes = Attributes {
            size: Some(5),
            owner: Some(Owner { uid: 1000, gid: 100 }),
            permissions: Some(0o100_640),
            times: Some(Times { accessed: 1, modified: 2 }),
            extended: Vec::new(),
        };
        let mut bytes = Vec::new();
        put_attributes(&mut bytes, &attributes);
        for version in 4..=6 {
            let mut reader = Reader::new(&bytes);
            let metadata = read_metadata(&mut reader, version).unwrap();
            reader.finish().unwrap();
            assert!(metadata.is_file());
            assert_eq!((metadata.size, metadata.permissions), (Some(5), Some(0o640)));
            assert_eq!((metadata.uid, metadata.gid), (Some(1000), Some(100)));
            assert_eq!(metadata.modified, Some(Timestamp { seconds: 2, nanoseconds: 0 }));
        }
    }

    #[test]
    fn every_field_of_version_6_has_its_place() {
        let mut bytes = vec![0x80, 0, 0xff, 0xfd, 2];
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 9]); // size
        bytes.extend_from_slice(&[0; 8]); // allocation size
        put_string(&mut bytes, b"root@localhost");
        put_string(&mut bytes, b"wheel");
        put_u32(&mut bytes, 0o040_755);
        for seconds in 1..=4u64 {
            seconds.encode(&mut bytes); // access, creation, modification, change of attributes
            put_u32(&mut bytes, 500);
        }
        put_string(&mut bytes, b"acl");
        put_u32(&mut bytes, 1); // bits
        put_u32(&mut bytes, 1); // valid bits
        bytes.push(0); // text hint
        put_string(&mut bytes, b"text/plain");
        put_u32(&mut bytes, 3); // links
        put_string(&mut bytes, b"untranslated");
        put_u32(&mut bytes, 1);
        put_string(&mut bytes, b"a@b");
        put_string(&mut bytes, b"c");
        let mut reader = Reader::new(&bytes);
        let metadata = read_metadata(&mut reader, 6).unwrap();
        reader.finish().unwrap();
        assert!(metadata.is_dir());
        assert_eq!(metadata.user.as_deref(), Some(&b"root@localhost"[..]));
        assert_eq!(metadata.uid, None);
        assert_eq!(metadata.modified, Some(Timestamp { seconds: 3, nanoseconds: 500 }));
        assert_eq!(metadata.created, Some(Timestamp { seconds: 2, nanoseconds: 500 }));
        assert_eq!((metadata.link_count, metadata.extended.len()), (Some(3), 1));
        for cut in 0..bytes.len() {
            assert!(read_metadata(&mut Reader::new(&bytes[..cut]), 6).is_err());
        }
    }
}
