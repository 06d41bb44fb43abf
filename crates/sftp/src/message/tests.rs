//! Every struct comes back from its bytes, and a byte less or more is an error.

use konko_wire::decode::{DecodeError, Rest};
use konko_wire::encode::Encode;

use crate::message::attributes::{Attributes, Owner, Times};
use crate::message::extension::*;
use crate::message::number::{OpenFlags, PacketType, StatusCode};
use crate::message::packet::{Packet, put_packet};
use crate::message::reply::*;
use crate::message::request::*;

fn attributes() -> Attributes {
    Attributes {
        size: Some(7),
        owner: Some(Owner { uid: 1, gid: 2 }),
        permissions: Some(0o644),
        times: Some(Times { accessed: 3, modified: 4 }),
        extended: Vec::new(),
    }
}

macro_rules! exact {
    ($($type:ident: $value:expr;)*) => {$({
        let value = $value;
        let mut bytes = value.to_vec();
        assert_eq!($type::decode(&bytes).as_ref(), Ok(&value), stringify!($type));
        for cut in 0..bytes.len() {
            assert!($type::decode(&bytes[..cut]).is_err(), "{} cut at {cut}", stringify!($type));
        }
        bytes.push(0);
        assert_eq!($type::decode(&bytes), Err(DecodeError::TrailingBytes), stringify!($type));
    })*};
}

#[test]
fn requests_are_exact() {
    exact! {
        Open: Open { filename: b"f\xff", pflags: OpenFlags::READ | OpenFlags::CREAT, attributes: attributes() };
        Close: Close { handle: b"h" };
        Read: Read { handle: b"h", offset: u64::MAX, length: 32768 };
        Write: Write { handle: b"h", offset: 5, data: b"data" };
        Lstat: Lstat { path: b"p" };
        Fstat: Fstat { handle: b"h" };
        Setstat: Setstat { path: b"p", attributes: attributes() };
        Fsetstat: Fsetstat { handle: b"h", attributes: attributes() };
        Opendir: Opendir { path: b"p" };
        Readdir: Readdir { handle: b"h" };
        Remove: Remove { filename: b"p" };
        Mkdir: Mkdir { path: b"p", attributes: Attributes::default() };
        Rmdir: Rmdir { path: b"p" };
        Realpath: Realpath { path: b"." };
        Stat: Stat { path: b"p" };
        Rename: Rename { old_path: b"a", new_path: b"b" };
        Readlink: Readlink { path: b"p" };
        Symlink: Symlink { target_path: b"a", link_path: b"b" };
    }
}

#[test]
fn replies_are_exact() {
    let entry = NameEntry { filename: b"f", longname: b"-rw f", attributes: attributes() };
    exact! {
        Handle: Handle { handle: b"1234" };
        Data: Data { data: b"bytes" };
        Attrs: Attrs { attributes: attributes() };
        Name: Name { entries: vec![entry.clone(), entry] };
    }
}

#[test]
fn extensions_are_exact() {
    exact! {
        PosixRename: PosixRename { old_path: b"a", new_path: b"b" };
        Statvfs: Statvfs { path: b"p" };
        Fstatvfs: Fstatvfs { handle: b"h" };
        Hardlink: Hardlink { old_path: b"a", new_path: b"b" };
        Fsync: Fsync { handle: b"h" };
        Lsetstat: Lsetstat { path: b"p", attributes: attributes() };
        Limits: Limits {};
        LimitsReply: LimitsReply { max_packet_length: 1, max_read_length: 2, max_write_length: 3, max_open_handles: 4 };
        ExpandPath: ExpandPath { path: b"~" };
        CopyData: CopyData {
            read_from_handle: b"a", read_from_offset: 1, read_data_length: 2, write_to_handle: b"b", write_to_offset: 3,
        };
        HomeDirectory: HomeDirectory { username: b"" };
        UsersGroupsById: UsersGroupsById { uids: &[0, 0, 0, 1], gids: &[] };
        UsersGroupsByIdReply: UsersGroupsByIdReply { usernames: &[0, 0, 0, 1, b'a'], groupnames: &[] };
        CheckFileName: CheckFileName { name: b"p", hash_algorithms: b"sha256,md5", start_offset: 0, length: 1, block_size: 0 };
        CheckFileHandle: CheckFileHandle { handle: b"h", hash_algorithms: b"md5", start_offset: 0, length: 1, block_size: 256 };
        CheckFile: CheckFile { handle: b"h", hash_algorithms: b"md5", start_offset: 0, length: 1, block_size: 256 };
        Md5Hash: Md5Hash { name: b"p", start_offset: 1, length: 2, quick_check_hash: b"" };
        Md5HashHandle: Md5HashHandle { handle: b"h", start_offset: 1, length: 2, quick_check_hash: &[1; 16] };
        Md5HashReply: Md5HashReply { name: b"md5-hash", hash: &[2; 16] };
    }
}

// covers: I10
#[test]
fn a_status_may_lack_its_words() {
    let status = Status { code: StatusCode::NO_SUCH_FILE, message: b"No such file", language_tag: b"en" };
    assert_eq!(Status::decode(&status.to_vec()), Ok(status));
    let bare = Status { code: StatusCode::FAILURE, message: b"", language_tag: b"" };
    assert_eq!(Status::decode(&[0, 0, 0, 4]), Ok(bare.clone()));
    assert_eq!(Status::decode(&[0, 0, 0, 4, 0, 0, 0, 0]), Ok(bare));
    assert_eq!(Status::decode(&[0, 0, 0, 4, 0, 0, 0, 9, b'x']), Err(DecodeError::Truncated));
}

// covers: G04
#[test]
fn a_count_of_names_is_not_believed() {
    let mut bytes = u32::MAX.to_be_bytes().to_vec();
    bytes.extend_from_slice(&[0; 64]);
    assert_eq!(Name::decode(&bytes), Err(DecodeError::Truncated));
}

#[test]
fn a_packet_is_length_type_id_and_fields() {
    let mut out = b"before".to_vec();
    put_packet(&mut out, Close::TYPE, 9, &Close { handle: b"h" });
    assert_eq!(out[6..], [0, 0, 0, 10, 4, 0, 0, 0, 9, 0, 0, 0, 1, b'h']);
    let packet = Packet::split(&out[10..]).unwrap();
    assert_eq!((packet.packet_type, packet.id), (PacketType::CLOSE, 9));
    assert_eq!(Close::decode(packet.fields), Ok(Close { handle: b"h" }));
}

#[test]
fn an_extension_stands_behind_its_name() {
    let mut out = Vec::new();
    let request = ExtensionRequest { name: Fsync::NAME, fields: Fsync { handle: b"h" } };
    put_packet(&mut out, Extended::TYPE, 1, &request);
    let extended = Extended::decode(Packet::split(&out[4..]).unwrap().fields).unwrap();
    assert_eq!(extended.request, b"fsync@openssh.com");
    let Rest(fields) = extended.fields;
    assert_eq!(Fsync::decode(fields), Ok(Fsync { handle: b"h" }));
}

#[test]
fn hashes_come_with_and_without_the_extension_s_name() {
    let reply = CheckFileReply { hash_algorithm: b"sha256", hashes: &[7; 64] };
    assert_eq!(CheckFileReply::decode(&reply.to_vec()), Ok(reply.clone()));
    let mut bare = b"\0\0\0\x06sha256".to_vec();
    bare.extend_from_slice(&[7; 64]);
    assert_eq!(CheckFileReply::decode(&bare), Ok(reply));
}

#[test]
fn lists_in_strings_are_bounded() {
    let mut bytes = Vec::new();
    put_numbers(&mut bytes, &[1, u32::MAX]);
    assert_eq!(read_numbers(&bytes, 2), Ok(vec![1, u32::MAX]));
    assert_eq!(read_numbers(&bytes, 1), Err(DecodeError::TooMany));
    assert_eq!(read_numbers(&bytes[1..], 2), Err(DecodeError::Truncated));
    let mut bytes = Vec::new();
    put_strings(&mut bytes, &[b"root", b""]);
    assert_eq!(read_strings(&bytes, 2), Ok(vec![&b"root"[..], b""]));
    assert_eq!(read_strings(&bytes, 1), Err(DecodeError::TooMany));
}
