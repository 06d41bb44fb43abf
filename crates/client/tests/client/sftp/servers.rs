//! The servers, each on one end of a socket pair.

use konko_client::sftp::{Sftp, SftpOptions};
use konko_filesystem::memory::filesystem::MemoryFilesystem;
use konko_filesystem::rooted::filesystem::LocalFilesystem;
use konko_filesystem::rooted::options::{LocalOptions, Root};
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::filesystem::Filesystem;
use konko_sftp::server::machine::SftpServer;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SERVERS: [&str; 3] =
    ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server"];

/// Whose server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    OpenSsh,
    Ours,
}

/// A server, ended with the test.
pub(super) enum Server {
    Process(Child),
    Thread(UnixStream),
}

impl Server {
    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        match self {
            // It may have ended by itself.
            Self::Process(process) => {
                let _ = process.kill();
                let _ = process.wait();
            }
            Self::Thread(stream) => {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(super) async fn server(kind: Kind, directory: &Path) -> Option<(Sftp, Server)> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let server = match kind {
        Kind::OpenSsh => {
            let Some(program) = SERVERS.into_iter().find(|path| Path::new(path).exists()) else {
                eprintln!("skipped: there is no sftp-server of OpenSSH here");
                return None;
            };
            let theirs = OwnedFd::from(theirs);
            let mut command = Command::new(program);
            command.arg("-d").arg(directory).stdin(Stdio::from(theirs.try_clone().unwrap()));
            Server::Process(command.stdout(Stdio::from(theirs)).spawn().unwrap())
        }
        Kind::Ours => {
            let held = theirs.try_clone().unwrap();
            let mut options = LocalOptions::default();
            options.start_directory = directory.as_os_str().as_bytes().to_vec();
            let files = LocalFilesystem::new(&Root::whole_system(), options).unwrap();
            std::thread::spawn(move || serve(theirs, &files));
            Server::Thread(held)
        }
    };
    let stream = tokio::net::UnixStream::from_std(ours).unwrap();
    let sftp = Sftp::over(stream, SftpOptions::default()).await.unwrap();
    Some((sftp, server))
}

/// Our server with files in memory.
pub(super) async fn memory(capacity: u64) -> (Sftp, Server) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let held = theirs.try_clone().unwrap();
    std::thread::spawn(move || serve(theirs, &MemoryFilesystem::new(capacity)));
    let stream = tokio::net::UnixStream::from_std(ours).unwrap();
    let sftp = Sftp::over(stream, SftpOptions::default()).await.unwrap();
    (sftp, Server::Thread(held))
}

/// Our server, until the stream ends.
pub(super) fn serve<S: Filesystem>(mut stream: UnixStream, files: &S) {
    let mut server: SftpServer<S::File, S::Directory> = SftpServer::new(Default::default());
    let mut buffer = vec![0; 256 * 1024];
    loop {
        while let Some(question) = server.next_question().unwrap() {
            if let Some(slow) = server.serve(question, files) {
                let answer = slow.perform(files, &Cancellation::default());
                server.answer_slow(answer);
            }
        }
        if stream.write_all(server.output()).is_err() {
            return;
        }
        server.consume_output(server.output().len());
        if server.wants_input() {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(n) => server.handle_input(bytes::Bytes::copy_from_slice(&buffer[..n])),
            }
        }
    }
}

pub(super) fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}
