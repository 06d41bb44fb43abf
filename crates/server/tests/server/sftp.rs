//! The subsystem `sftp`, served in this process.

use crate::support::*;
use bytes::Bytes;
use konko_server::filesystem::memory::filesystem::{MemoryDirectory, MemoryFile, MemoryFilesystem};
use konko_server::filesystem::rooted::options::Root;
use konko_server::sftp::protocol::message::attributes::Attributes;
use konko_server::sftp::protocol::message::extension::{ExtensionRequest, Fsync};
use konko_server::sftp::protocol::message::initialization::Init;
use konko_server::sftp::protocol::message::number::{OpenFlags, PacketType, StatusCode};
use konko_server::sftp::protocol::message::packet::{Packet, put_packet};
use konko_server::sftp::protocol::message::reply::{Data, Handle, Status};
use konko_server::sftp::protocol::message::request::{Close, Open, Read, Stat, Write};
use konko_server::sftp::protocol::server::config::ServerConfig;
use konko_server::sftp::protocol::server::failure::Failure;
use konko_server::sftp::protocol::server::filesystem::{Entry, Filesystem};
use konko_server::transport::userauth::method_name::MethodName;
use konko_server::transport::wire::encode::Encode;
use konko_server::transport::wire::message::channel::Subsystem;
use konko_server::{
    AuthDecision, AuthRequest, BoxFuture, Handler, PeerInfo, Program, ServerBuilder, SessionHandler,
    SftpOptions, StartRequest, sftp_program,
};
use konko_tokio::{Channel, ChannelReader, ChannelWriter};
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

/// A client that asks and hears.
struct SftpClient {
    channel: Channel,
    to: ChannelWriter,
    from: ChannelReader,
}

impl SftpClient {
    /// Starts the subsystem on a session and says INIT.
    async fn start(channel: Channel) -> Self {
        assert!(subsystem(&channel, b"sftp").await);
        let mut client = Self { to: channel.writer(), from: channel.reader(), channel };
        client.to.write_all(&Init { version: 3, extensions: Vec::new() }.to_vec()).await.unwrap();
        let version = client.packet().await;
        assert_eq!(version[..5], [2, 0, 0, 0, 3]);
        client
    }

    async fn packet(&mut self) -> Vec<u8> {
        let length = self.from.read_u32().await.unwrap();
        let mut packet = vec![0; length as usize];
        self.from.read_exact(&mut packet).await.unwrap();
        packet
    }

    async fn send(&mut self, packet_type: PacketType, id: u32, fields: &impl Encode) {
        let mut packet = Vec::new();
        put_packet(&mut packet, packet_type, id, fields);
        self.to.write_all(&packet).await.unwrap();
    }

    /// The next reply: its type, id and fields.
    async fn reply(&mut self) -> (PacketType, u32, Vec<u8>) {
        let packet = self.packet().await;
        let packet = Packet::split(&packet).unwrap();
        (packet.packet_type, packet.id, packet.fields.to_vec())
    }

    async fn status(&mut self) -> (u32, StatusCode) {
        let (packet_type, id, fields) = self.reply().await;
        assert_eq!(packet_type, PacketType::STATUS);
        (id, Status::decode(&fields).unwrap().code)
    }

    async fn open(&mut self, path: &str) -> Vec<u8> {
        let pflags = OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREAT;
        let open = Open { filename: path.as_bytes(), pflags, attributes: Attributes::default() };
        self.send(PacketType::OPEN, 1, &open).await;
        let (packet_type, _, fields) = self.reply().await;
        assert_eq!(packet_type, PacketType::HANDLE);
        Handle::decode(&fields).unwrap().handle.to_vec()
    }
}

async fn subsystem(channel: &Channel, name: &[u8]) -> bool {
    granted(channel, "subsystem", &Subsystem { name }.to_vec()).await
}

fn with_sftp(sftp: SftpOptions) -> ServerBuilder {
    let mut options = options();
    options.process.sftp = Some(sftp);
    standard(options)
}

/// Lets everybody in and serves one file system.
#[derive(Clone)]
struct Serves<S>(Arc<S>, ServerConfig);

impl<S: Filesystem> Serves<S> {
    fn server(filesystem: S, config: ServerConfig) -> ServerBuilder {
        let handler = Self(Arc::new(filesystem), config);
        builder()
            .methods([MethodName::Password])
            .handler(move |_: &PeerInfo| Self(Arc::clone(&handler.0), handler.1.clone()))
    }
}

impl<S: Filesystem> Handler for Serves<S> {
    fn authenticate<'a>(&'a self, _: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        Box::pin(ready(AuthDecision::Accept))
    }

    fn open_session(&self) -> BoxFuture<'_, Option<Box<dyn SessionHandler>>> {
        Box::pin(ready(Some(Box::new(Self(Arc::clone(&self.0), self.1.clone())) as Box<dyn SessionHandler>)))
    }
}

impl<S: Filesystem> SessionHandler for Serves<S> {
    fn start(&mut self, _: StartRequest) -> BoxFuture<'_, Option<Program>> {
        Box::pin(ready(Some(sftp_program(Arc::clone(&self.0), self.1.clone()))))
    }
}

#[test]
fn files_go_there_and_back() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut sftp = SftpOptions::default();
        sftp.root = Root::below(folder.path());
        let connection = logged_in(with_sftp(sftp)).await;
        let mut client = SftpClient::start(session(&connection).await).await;
        let handle = client.open("/file").await;
        let content: Vec<u8> = (0..5_000_000u32).map(|i| (i % 251) as u8).collect();
        const PIECE: usize = 200_000;
        for (index, data) in content.chunks(PIECE).enumerate() {
            let write = Write { handle: &handle, offset: (index * PIECE) as u64, data };
            client.send(PacketType::WRITE, index as u32, &write).await;
        }
        for index in 0..content.len().div_ceil(PIECE) {
            assert_eq!(client.status().await, (index as u32, StatusCode::OK));
        }
        assert!(std::fs::read(folder.path().join("file")).unwrap() == content);
        for index in 0..content.len().div_ceil(PIECE) {
            let read = Read { handle: &handle, offset: (index * PIECE) as u64, length: PIECE as u32 };
            client.send(PacketType::READ, index as u32, &read).await;
        }
        let mut back = Vec::new();
        for index in 0..content.len().div_ceil(PIECE) {
            let (packet_type, id, fields) = client.reply().await;
            assert_eq!((packet_type, id), (PacketType::DATA, index as u32));
            back.extend_from_slice(Data::decode(&fields).unwrap().data);
        }
        assert!(back == content);
        client.send(PacketType::CLOSE, 9, &Close { handle: &handle }).await;
        assert_eq!(client.status().await, (9, StatusCode::OK));
        client.channel.send_eof();
        assert_eq!(ending(&client.channel).await, ends_with(0));
    });
}

// covers: F10
#[test]
fn a_client_that_breaks_the_protocol_is_sent_away() {
    run(async {
        let connection = logged_in(with_sftp(SftpOptions::default())).await;
        for bytes in [&b"\xff\xff\xff\xff"[..], &[0, 0, 0, 5, 1, 0, 0, 0, 3], b"hello"] {
            let mut client = SftpClient::start(session(&connection).await).await;
            // It may be sent away before all is said.
            drop(client.to.write_all(bytes).await);
            client.channel.send_eof();
            assert_eq!(ending(&client.channel).await, ends_with(1));
        }
        let client = SftpClient::start(session(&connection).await).await;
        client.channel.send_eof();
        assert_eq!(ending(&client.channel).await, ends_with(0));
    });
}

// covers: F15
#[test]
fn only_sftp_is_spoken_on_its_channel() {
    run(async {
        let connection = logged_in(with_sftp(SftpOptions::default())).await;
        let mut client = SftpClient::start(session(&connection).await).await;
        assert!(!subsystem(&client.channel, b"sftp").await);
        assert!(!exec(&client.channel, "true").await);
        assert!(!pty(&client.channel, "xterm", &Default::default()).await);
        // More than any window: it is not kept.
        let mut stderr = client.channel.stderr_writer();
        stderr.write_all(&vec![0; 20_000_000]).await.unwrap();
        client.send(PacketType::STAT, 1, &Stat { path: b"/" }).await;
        assert_eq!(client.reply().await.0, PacketType::ATTRS);
    });
}

#[test]
fn it_is_there_only_if_it_is_configured() {
    run(async {
        let connection = logged_in(standard(options())).await;
        assert!(!subsystem(&session(&connection).await, b"sftp").await);
        // What has a command line is that program.
        let mut other = options();
        other.process.sftp = Some(SftpOptions::default());
        other.process.subsystems.insert("sftp".to_owned(), "echo mine".to_owned());
        let connection = logged_in(standard(other)).await;
        let channel = session(&connection).await;
        assert!(subsystem(&channel, b"sftp").await);
        assert_eq!(output(&channel).await.text(), "mine\n");
        // A forced command stands above it, and may be it.
        let mut forced = options();
        forced.process.sftp = Some(SftpOptions::default());
        forced.process.forced_command = Some("echo \"$SSH_ORIGINAL_COMMAND\"".to_owned());
        let connection = logged_in(standard(forced.clone())).await;
        let channel = session(&connection).await;
        assert!(subsystem(&channel, b"sftp").await);
        assert_eq!(output(&channel).await.text(), "internal-sftp\n");
        forced.process.forced_command = Some("internal-sftp".to_owned());
        let connection = logged_in(standard(forced)).await;
        let channel = session(&connection).await;
        assert!(exec(&channel, "rm -rf /nowhere").await);
        let (mut to, mut from) = (channel.writer(), channel.reader());
        to.write_all(&Init { version: 3, extensions: Vec::new() }.to_vec()).await.unwrap();
        from.read_u32().await.unwrap();
        assert_eq!(from.read_u8().await.unwrap(), PacketType::VERSION.0);
    });
}

/// Counts what is open and read, and lets a sync wait until it is told to go on.
struct Watched {
    files: MemoryFilesystem,
    open: Arc<Watch>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

#[derive(Default)]
struct Watch {
    open: AtomicUsize,
    reads: AtomicUsize,
    closed: Notify,
}

struct WatchedFile(MemoryFile, Arc<Watch>);

impl Drop for WatchedFile {
    fn drop(&mut self) {
        self.1.open.fetch_sub(1, Ordering::SeqCst);
        self.1.closed.notify_one();
    }
}

impl Filesystem for Watched {
    type File = WatchedFile;
    type Directory = MemoryDirectory;

    fn open(&self, path: &[u8], flags: OpenFlags, attributes: &Attributes) -> Result<WatchedFile, Failure> {
        let file = self.files.open(path, flags, attributes)?;
        self.open.open.fetch_add(1, Ordering::SeqCst);
        Ok(WatchedFile(file, Arc::clone(&self.open)))
    }

    fn open_directory(&self, path: &[u8]) -> Result<MemoryDirectory, Failure> {
        self.files.open_directory(path)
    }

    fn read_directory(&self, directory: &MemoryDirectory, limit: usize) -> Result<Vec<Entry>, Failure> {
        self.files.read_directory(directory, limit)
    }

    fn read_at(&self, file: &WatchedFile, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        self.open.reads.fetch_add(1, Ordering::SeqCst);
        self.files.read_at(&file.0, offset, buffer)
    }

    fn write_at(&self, file: &WatchedFile, offset: u64, pieces: &[Bytes]) -> Result<(), Failure> {
        self.files.write_at(&file.0, offset, pieces)
    }

    fn sync(&self, _: &WatchedFile) -> Result<(), Failure> {
        self.go_on.lock().unwrap().recv().map_err(|_| Failure::other("nobody waits"))
    }

    fn attributes(&self, path: &[u8]) -> Result<Attributes, Failure> {
        self.files.attributes(path)
    }
}

fn watched(config: ServerConfig) -> (ServerBuilder, Arc<Watch>, mpsc::Sender<()>) {
    let (sender, go_on) = mpsc::channel();
    let open = Arc::<Watch>::default();
    let files =
        Watched { files: MemoryFilesystem::default(), open: Arc::clone(&open), go_on: Mutex::new(go_on) };
    (Serves::server(files, config), open, sender)
}

// covers: F05, F20
#[test]
fn everything_is_closed_when_the_client_goes() {
    run(async {
        for ends_connection in [false, true] {
            let (server, watch, _go_on) = watched(ServerConfig::default());
            let connection = logged_in(server).await;
            let mut client = SftpClient::start(session(&connection).await).await;
            for number in 0..256 {
                client.open(&format!("/{number}")).await;
            }
            let open = Open { filename: b"/x", pflags: OpenFlags::READ, attributes: Attributes::default() };
            client.send(PacketType::OPEN, 7, &open).await;
            assert_eq!(client.status().await, (7, StatusCode::FAILURE));
            assert_eq!(watch.open.load(Ordering::SeqCst), 256);
            if ends_connection {
                drop((client, connection));
            } else {
                client.channel.close();
            }
            while watch.open.load(Ordering::SeqCst) > 0 {
                watch.closed.notified().await;
            }
        }
    });
}

#[test]
fn what_takes_long_holds_nobody_up() {
    run(async {
        let (server, _, go_on) = watched(ServerConfig::default());
        let connection = logged_in(server).await;
        let mut client = SftpClient::start(session(&connection).await).await;
        // More than have a thread at once.
        for number in 0..10 {
            let handle = client.open(&format!("/{number}")).await;
            let fields = ExtensionRequest { name: Fsync::NAME, fields: Fsync { handle: &handle } };
            client.send(PacketType::EXTENDED, number, &fields).await;
        }
        client.send(PacketType::STAT, 50, &Stat { path: b"/0" }).await;
        let (packet_type, id, _) = client.reply().await;
        assert_eq!((packet_type, id), (PacketType::ATTRS, 50));
        for _ in 0..10 {
            go_on.send(()).unwrap();
            assert_eq!(client.status().await.1, StatusCode::OK);
        }
        client.channel.send_eof();
        assert_eq!(ending(&client.channel).await, ends_with(0));
    });
}

// covers: F20
#[test]
fn a_client_that_only_asks_is_not_read_for_beyond_a_bound() {
    run(async {
        const READS: u32 = 20_000;
        const LENGTH: u32 = 4096;
        let (server, watch, _go_on) = watched(ServerConfig::default());
        let connection = logged_in(server).await;
        let mut client = SftpClient::start(session(&connection).await).await;
        let handle = client.open("/f").await;
        let data = vec![7; LENGTH as usize];
        client.send(PacketType::WRITE, 2, &Write { handle: &handle, offset: 0, data: &data }).await;
        assert_eq!(client.status().await, (2, StatusCode::OK));
        let mut requests = Vec::new();
        for id in 0..READS {
            let read = Read { handle: &handle, offset: 0, length: LENGTH };
            put_packet(&mut requests, PacketType::READ, id, &read);
        }
        client.to.write_all(&requests).await.unwrap();
        // Others are served meanwhile.
        let mut other = SftpClient::start(session(&connection).await).await;
        for id in 0..200 {
            other.send(PacketType::STAT, id, &Stat { path: b"/f" }).await;
            assert_eq!(other.reply().await.1, id);
        }
        let reads = watch.reads.load(Ordering::SeqCst);
        assert!(reads < 4_000, "{reads} reads for a client that takes nothing");
        for id in 0..READS {
            let (packet_type, reply_id, fields) = client.reply().await;
            assert_eq!((packet_type, reply_id, fields.len()), (PacketType::DATA, id, 4 + LENGTH as usize));
        }
    });
}
