//! A server over a file system, as its client sees it.

use bytes::Bytes;
use konko_filesystem::memory::fault::Faults;
use konko_filesystem::memory::filesystem::MemoryFilesystem;
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::extension::{
    CheckFile, CheckFileName, CheckFileReply, ExtensionRequest, Fsync, HomeDirectory, PosixRename, Statvfs,
    StatvfsReply,
};
use konko_sftp::message::initialization::Init;
use konko_sftp::message::number::{OpenFlags, PacketType, StatusCode};
use konko_sftp::message::packet::{Packet, put_packet};
use konko_sftp::message::reply::{Attrs, Data, Handle, Name, Status};
use konko_sftp::message::request::{
    Close, Open, Opendir, Read, Readdir, Realpath, Rename, Stat, Symlink, Write,
};
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::config::ServerConfig;
use konko_sftp::server::filesystem::Filesystem;
use konko_sftp::server::machine::SftpServer;
use konko_wire::encode::Encode;

/// A server, and a client that waits for each reply.
struct Session<S: Filesystem> {
    files: S,
    server: SftpServer<S::File, S::Directory>,
    id: u32,
}

/// A reply, of whatever type.
struct Reply(PacketType, Vec<u8>);

impl<S: Filesystem> Session<S> {
    fn new(files: S) -> Self {
        let mut session = Self { files, server: SftpServer::new(ServerConfig::default()), id: 0 };
        let replies = session.exchange(Bytes::from(Init { version: 3, extensions: Vec::new() }.to_vec()));
        assert!(!replies.is_empty());
        session
    }

    /// Gives the server bytes and takes what it says.
    fn exchange(&mut self, bytes: Bytes) -> Vec<u8> {
        self.server.handle_input(bytes);
        while let Some(question) = self.server.next_question().unwrap() {
            if let Some(slow) = self.server.serve(question, &self.files) {
                let answer = slow.perform(&self.files, &Cancellation::default());
                self.server.answer_slow(answer);
            }
        }
        let output = self.server.output().to_vec();
        self.server.consume_output(output.len());
        output
    }

    fn ask(&mut self, packet_type: PacketType, fields: &impl Encode) -> Reply {
        self.id += 1;
        let mut request = Vec::new();
        put_packet(&mut request, packet_type, self.id, fields);
        let output = self.exchange(Bytes::from(request));
        assert_eq!(output[..4], (output.len() as u32 - 4).to_be_bytes());
        let packet = Packet::split(&output[4..]).unwrap();
        assert_eq!(packet.id, self.id);
        Reply(packet.packet_type, packet.fields.to_vec())
    }

    fn extension<M: Encode>(&mut self, name: &'static str, fields: M) -> Reply {
        self.ask(PacketType::EXTENDED, &ExtensionRequest { name, fields })
    }

    fn open(&mut self, path: &str, flags: OpenFlags) -> Vec<u8> {
        let open = Open { filename: path.as_bytes(), pflags: flags, attributes: Attributes::default() };
        self.ask(PacketType::OPEN, &open).handle()
    }

    fn write(&mut self, handle: &[u8], offset: u64, data: &[u8]) -> StatusCode {
        self.ask(PacketType::WRITE, &Write { handle, offset, data }).status()
    }
}

impl Reply {
    fn status(&self) -> StatusCode {
        assert_eq!(self.0, PacketType::STATUS);
        let status = Status::decode(&self.1).unwrap();
        assert!(!status.message.is_empty());
        status.code
    }

    fn handle(&self) -> Vec<u8> {
        assert_eq!(self.0, PacketType::HANDLE);
        Handle::decode(&self.1).unwrap().handle.to_vec()
    }
}

const NEW: OpenFlags = OpenFlags(OpenFlags::READ.0 | OpenFlags::WRITE.0 | OpenFlags::CREAT.0);

#[test]
fn a_file_is_written_listed_and_read() {
    let mut session = Session::new(MemoryFilesystem::default());
    let handle = session.open("/f", NEW);
    assert_eq!(session.write(&handle, 0, b"hello"), StatusCode::OK);
    let data = session.ask(PacketType::READ, &Read { handle: &handle, offset: 1, length: 100 });
    assert_eq!(Data::decode(&data.1).unwrap().data, b"ello");
    let end = session.ask(PacketType::READ, &Read { handle: &handle, offset: 5, length: 100 });
    assert_eq!(end.status(), StatusCode::EOF);
    assert_eq!(session.ask(PacketType::CLOSE, &Close { handle: &handle }).status(), StatusCode::OK);
    let directory = session.ask(PacketType::OPENDIR, &Opendir { path: b"/" }).handle();
    let listing = session.ask(PacketType::READDIR, &Readdir { handle: &directory });
    let names = Name::decode(&listing.1).unwrap();
    assert_eq!(names.entries[0].filename, b"f");
    assert_eq!(names.entries[0].attributes.size, Some(5));
    assert!(names.entries[0].longname.starts_with(b"-rw-rw-rw-"));
    assert!(names.entries[0].longname.ends_with(b" f"));
    let end = session.ask(PacketType::READDIR, &Readdir { handle: &directory });
    assert_eq!(end.status(), StatusCode::EOF);
    let read = session.ask(PacketType::READ, &Read { handle: &directory, offset: 0, length: 1 });
    assert_eq!(read.status(), StatusCode::FAILURE);
    let path = session.ask(PacketType::REALPATH, &Realpath { path: b"." });
    assert_eq!(Name::decode(&path.1).unwrap().entries[0].filename, b"/");
}

// covers: F17
#[test]
fn a_symbolic_link_has_its_target_first_as_openssh_does() {
    let files = MemoryFilesystem::default();
    let mut session = Session::new(files.clone());
    let link = Symlink { target_path: b"target", link_path: b"/link" };
    assert_eq!(session.ask(PacketType::SYMLINK, &link).status(), StatusCode::OK);
    assert_eq!(files.read_link(b"/link").unwrap(), b"target");
}

// covers: F23
#[test]
fn what_goes_wrong_is_told() {
    let files = MemoryFilesystem::default();
    let mut session = Session::new(files.clone());
    let handle = session.open("/f", NEW);
    let mut faults = Faults::default();
    faults.space = Some(10);
    files.set_faults(faults);
    assert_eq!(session.write(&handle, 0, b"12345678"), StatusCode::OK);
    assert_eq!(session.write(&handle, 8, b"12345678"), StatusCode::FAILURE);
    assert_eq!(session.write(&handle, 16, b"1"), StatusCode::FAILURE);
    assert_eq!(files.file("/f").unwrap(), b"1234567812");
    let mut faults = Faults::default();
    (faults.fail_sync, faults.fail_close, faults.fail_read_at) = (true, true, Some(5));
    files.set_faults(faults);
    let read = |length| Read { handle: &handle, offset: 0, length };
    assert_eq!(session.ask(PacketType::READ, &read(5)).0, PacketType::DATA);
    assert_eq!(session.ask(PacketType::READ, &read(6)).status(), StatusCode::FAILURE);
    assert_eq!(session.extension(Fsync::NAME, Fsync { handle: &handle }).status(), StatusCode::FAILURE);
    assert_eq!(session.ask(PacketType::CLOSE, &Close { handle: &handle }).status(), StatusCode::FAILURE);
    assert_eq!(session.server.open_handles(), 0);
    let mut faults = Faults::default();
    faults.read_only = true;
    files.set_faults(faults);
    let open = Open { filename: b"/g", pflags: NEW, attributes: Attributes::default() };
    assert_eq!(session.ask(PacketType::OPEN, &open).status(), StatusCode::PERMISSION_DENIED);
}

// covers: F16
#[test]
fn renames_are_those_of_the_request() {
    let files = MemoryFilesystem::default();
    files.put_file("/a", b"a".to_vec()).unwrap();
    files.put_file("/b", b"b".to_vec()).unwrap();
    let mut session = Session::new(files.clone());
    let rename = Rename { old_path: b"/a", new_path: b"/b" };
    assert_eq!(session.ask(PacketType::RENAME, &rename).status(), StatusCode::FAILURE);
    let replace = PosixRename { old_path: b"/a", new_path: b"/b" };
    assert_eq!(session.extension(PosixRename::NAME, replace).status(), StatusCode::OK);
    assert_eq!(files.file("/b").unwrap(), b"a");
}

#[test]
fn extensions_answer() {
    let files = MemoryFilesystem::default();
    files.put_file("/d/f", b"abc".to_vec()).unwrap();
    let mut session = Session::new(files);
    let statvfs = session.extension(Statvfs::NAME, Statvfs { path: b"/d" });
    assert_eq!(statvfs.0, PacketType::EXTENDED_REPLY);
    assert_eq!(StatvfsReply::decode(&statvfs.1).unwrap().maximum_name_length, 255);
    let home = session.extension(HomeDirectory::NAME, HomeDirectory { username: b"" });
    assert_eq!(Name::decode(&home.1).unwrap().entries[0].filename, b"/");
    let sha1_of_abc = *b"\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d";
    let by_name = CheckFileName {
        name: b"/d/f",
        hash_algorithms: b"crc32,sha1",
        start_offset: 0,
        length: 0,
        block_size: 0,
    };
    let reply = session.extension(CheckFileName::NAME, by_name);
    let hashes = CheckFileReply::decode(&reply.1).unwrap();
    assert_eq!((hashes.hash_algorithm, hashes.hashes), (&b"sha1"[..], &sha1_of_abc[..]));
    let handle = session.open("/d/f", OpenFlags::READ);
    let by_handle =
        CheckFile { handle: &handle, hash_algorithms: b"sha1", start_offset: 0, length: 3, block_size: 256 };
    let reply = session.extension(CheckFile::NAME, by_handle);
    assert_eq!(CheckFileReply::decode(&reply.1).unwrap().hashes, sha1_of_abc);
}

// covers: F08
#[test]
fn replies_do_not_depend_on_how_the_stream_is_cut() {
    let mut stream = Init { version: 3, extensions: Vec::new() }.to_vec();
    let open = Open { filename: b"/f", pflags: NEW, attributes: Attributes::default() };
    put_packet(&mut stream, PacketType::OPEN, 1, &open);
    let handle = Session::new(MemoryFilesystem::default()).open("/f", NEW);
    put_packet(&mut stream, PacketType::WRITE, 2, &Write { handle: &handle, offset: 3, data: b"some data" });
    put_packet(&mut stream, PacketType::STAT, 3, &Stat { path: b"/f" });
    put_packet(&mut stream, PacketType::READ, 4, &Read { handle: &handle, offset: 4, length: 50 });
    let run = |pieces: &[&[u8]]| {
        let files = MemoryFilesystem::default();
        let mut session = Session { files, server: SftpServer::new(ServerConfig::default()), id: 0 };
        pieces.iter().flat_map(|piece| session.exchange(Bytes::copy_from_slice(piece))).collect::<Vec<u8>>()
    };
    // The times of the file may differ by a second: only where it is as long as the others is it the same.
    let without_times = |mut output: Vec<u8>| {
        let attrs = Attrs { attributes: Attributes::default() };
        let at = output.windows(5).position(|bytes| bytes == [105, 0, 0, 0, 3]).unwrap()
            + attrs.to_vec().len()
            + 5;
        output[at + 20..at + 28].fill(0);
        output
    };
    let whole = without_times(run(&[&stream]));
    for cut in 0..stream.len() {
        assert_eq!(without_times(run(&[&stream[..cut], &stream[cut..]])), whole, "{cut}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(without_times(run(&bytes)), whole);
}
