//! The server of SFTP over files in memory, against any client: the bytes are its stream as they are, or a script of
//! requests that use the handles they were given. Every request has one reply, and nothing grows without bound.
#![no_main]

use bytes::Bytes;
use konko_filesystem::memory::fault::Faults;
use konko_filesystem::memory::filesystem::MemoryFilesystem;
use konko_sftp::message::attributes::{Attributes, Owner, Times};
use konko_sftp::message::extension::*;
use konko_sftp::message::initialization::Init;
use konko_sftp::message::number::{OpenFlags, PacketType};
use konko_sftp::message::packet::{Packet, put_packet};
use konko_sftp::message::reply::{Handle, Name, Status};
use konko_sftp::message::request::*;
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::config::ServerConfig;
use konko_sftp::server::filesystem::Filesystem;
use konko_sftp::server::machine::SftpServer;
use konko_sftp::server::question::SlowQuestion;
use konko_wire::encode::Encode;
use libfuzzer_sys::fuzz_target;

type Server = SftpServer<<MemoryFilesystem as Filesystem>::File, <MemoryFilesystem as Filesystem>::Directory>;

const HANDLES: usize = 8;
const PATHS: [&[u8]; 8] = [b"/", b"/a", b"/a/b", b"/a/../c", b"l", b"/l/b", b"", b"/\xff\0"];

struct Session {
    files: MemoryFilesystem,
    server: Server,
    slow: Vec<SlowQuestion<<MemoryFilesystem as Filesystem>::File>>,
    handles: Vec<Vec<u8>>,
    replies: usize,
}

impl Session {
    fn new() -> Self {
        let mut config = ServerConfig::default();
        (config.maximum_handles, config.maximum_requests, config.maximum_output) = (HANDLES, 16, 64 * 1024);
        let files = MemoryFilesystem::new(1024 * 1024);
        Self { files, server: SftpServer::new(config), slow: Vec::new(), handles: Vec::new(), replies: 0 }
    }

    /// Serves all that can be; `false` once the session is over. What takes long is answered if `now`, later if not.
    fn serve(&mut self, now: bool) -> bool {
        loop {
            match self.server.next_question() {
                Ok(Some(question)) => self.slow.extend(self.server.serve(question, &self.files)),
                Ok(None) if !self.server.output().is_empty() => self.read(),
                Ok(None) if now && !self.slow.is_empty() => {
                    let answer = self.slow.swap_remove(0).perform(&self.files, &Cancellation::default());
                    self.server.answer_slow(answer);
                }
                Ok(None) => break,
                Err(_) => {
                    self.read();
                    assert_eq!(self.server.open_handles(), 0);
                    return false;
                }
            }
            assert!(self.server.open_handles() <= HANDLES);
            assert!(self.slow.len() <= 16);
            assert!(self.server.output().len() <= 64 * 1024 + 300 * 1024);
        }
        true
    }

    fn read(&mut self) {
        let output = self.server.output().to_vec();
        self.server.consume_output(output.len());
        let mut rest = &output[..];
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let (bytes, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
            rest = behind;
            let packet = Packet::split(bytes).expect("a packet");
            match packet.packet_type {
                PacketType::VERSION => continue,
                PacketType::STATUS => drop(Status::decode(packet.fields).expect("a status")),
                PacketType::NAME => drop(Name::decode(packet.fields).expect("names")),
                PacketType::HANDLE => {
                    let handle = Handle::decode(packet.fields).expect("a handle").handle.to_vec();
                    self.handles.push(handle);
                }
                _ => {}
            }
            self.replies += 1;
        }
        assert!(rest.is_empty());
    }

    /// A request made of a few bytes.
    fn request(&self, choice: &[u8; 4], id: u32) -> Vec<u8> {
        let [kind, a, b, c] = choice.map(usize::from);
        let handle = self.handles.get(a % (self.handles.len() + 1)).map_or(&b"none"[..], Vec::as_slice);
        let other = self.handles.get(b % (self.handles.len() + 1)).map_or(&b"12345678"[..], Vec::as_slice);
        let (path, new_path) = (PATHS[a % PATHS.len()], PATHS[b % PATHS.len()]);
        let number = [0, 1, 1000, 300_000, 1 << 31, 1 << 40, 1 << 63, u64::MAX][c % 8];
        let attributes = Attributes {
            size: (b & 1 != 0).then_some(number),
            owner: (b & 2 != 0).then_some(Owner { uid: 1, gid: 2 }),
            permissions: (b & 4 != 0).then_some(number as u32),
            times: (b & 8 != 0).then_some(Times { accessed: 1, modified: 2 }),
            extended: Vec::new(),
        };
        let length = number as u32;
        let mut out = Vec::new();
        let mut put = |packet_type, fields: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = Vec::new();
            fields(&mut bytes);
            put_packet(&mut out, packet_type, id, &konko_wire::decode::Rest(&bytes));
        };
        macro_rules! put {
            ($request:expr, $type:ident) => {
                put(PacketType::$type, &|out| $request.encode(out))
            };
        }
        macro_rules! extend {
            ($name:ident { $($field:ident $(: $value:expr)?),* }) => {
                put(PacketType::EXTENDED, &|out| {
                    let fields = $name { $($field $(: $value)?),* };
                    ExtensionRequest { name: $name::NAME, fields }.encode(out);
                })
            };
        }
        match kind % 32 {
            0 | 1 => put!(
                Open { filename: path, pflags: OpenFlags(b as u32), attributes: attributes.clone() },
                OPEN
            ),
            2 => put!(Close { handle }, CLOSE),
            3 => put!(Read { handle, offset: number, length: b as u32 * 4096 }, READ),
            4 | 5 => put!(Write { handle, offset: number, data: &vec![1; b * 100] }, WRITE),
            6 => put!(Lstat { path }, LSTAT),
            7 => put!(Fstat { handle }, FSTAT),
            8 => put!(Setstat { path, attributes: attributes.clone() }, SETSTAT),
            9 => put!(Fsetstat { handle, attributes: attributes.clone() }, FSETSTAT),
            10 => put!(Opendir { path }, OPENDIR),
            11 => put!(Readdir { handle }, READDIR),
            12 => put!(Remove { filename: path }, REMOVE),
            13 => put!(Mkdir { path, attributes: attributes.clone() }, MKDIR),
            14 => put!(Rmdir { path }, RMDIR),
            15 => put!(Realpath { path }, REALPATH),
            16 => put!(Stat { path }, STAT),
            17 => put!(Rename { old_path: path, new_path }, RENAME),
            18 => put!(Readlink { path }, READLINK),
            19 => put!(Symlink { target_path: new_path, link_path: path }, SYMLINK),
            20 => extend!(PosixRename { old_path: path, new_path }),
            21 => extend!(Statvfs { path }),
            22 => extend!(Hardlink { old_path: path, new_path }),
            23 => extend!(Fsync { handle }),
            24 => extend!(Lsetstat { path, attributes: attributes.clone() }),
            25 => extend!(CopyData {
                read_from_handle: handle,
                read_from_offset: b as u64,
                read_data_length: number,
                write_to_handle: other,
                write_to_offset: c as u64 * 1000
            }),
            26 => extend!(ExpandPath { path: b"~/a" }),
            27 => extend!(UsersGroupsById { uids: &[0; 8], gids: &[0; 4] }),
            28 => extend!(CheckFileHandle {
                handle,
                hash_algorithms: b"md5",
                start_offset: b as u64,
                length: number,
                block_size: length
            }),
            29 => extend!(CheckFileName {
                name: path,
                hash_algorithms: b"nothing,sha256",
                start_offset: 0,
                length: 0,
                block_size: 256
            }),
            30 => extend!(Limits {}),
            _ => put!(Stat { path: new_path }, EXTENDED),
        }
        out
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else { return };
    let mut session = Session::new();
    if mode & 1 == 0 {
        for piece in rest.chunks(1 + usize::from(mode >> 1)) {
            session.server.handle_input(Bytes::copy_from_slice(piece));
            if !session.serve(true) {
                return;
            }
        }
        session.server.handle_end();
        session.serve(true);
        return;
    }
    session.server.handle_input(Bytes::from(Init { version: 3, extensions: Vec::new() }.to_vec()));
    if mode & 2 != 0 {
        let mut faults = Faults::default();
        (faults.space, faults.maximum_read, faults.fail_sync) = (Some(5000), Some(100), true);
        session.files.set_faults(faults);
    }
    let mut requests = 0;
    for choice in rest.chunks_exact(4) {
        let request = session.request(choice.try_into().expect("four bytes"), requests as u32);
        session.server.handle_input(Bytes::from(request));
        requests += 1;
        assert!(session.serve(choice[0] & 0x80 != 0), "a request that is well-formed ends nothing");
    }
    session.server.handle_end();
    assert!(session.serve(true));
    assert!(session.server.is_finished());
    assert_eq!(session.replies, requests);
});
