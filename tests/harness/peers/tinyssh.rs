//! tinyssh: a server that knows one connection only, so the harness accepts for it.
//!
//! Ed25519 keys only. It looks for `authorized_keys` in the home of the user who logs in, so a login needs
//! [`TestAccount::authorize`], and refuses a home below a folder that everybody may write to.
//!
//! [`TestAccount::authorize`]: crate::peers::account::TestAccount::authorize

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use crate::peers::find::{find_peer, require_peer};
use crate::peers::process::Process;
use crate::peers::run::{RUN, run};

/// A loopback port behind which every connection gets a tinyssh process. Dropping it ends them all.
#[derive(Debug)]
pub struct TinysshServer {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    processes: Arc<Mutex<Vec<Process>>>,
    accepting: Option<JoinHandle<()>>,
    folder: TempDir,
}

impl TinysshServer {
    /// Starts to accept, with host keys of its own. Says SKIP when tinyssh is not installed.
    ///
    /// # Panics
    /// When the host keys cannot be made or no port is free.
    pub fn start() -> Option<Self> {
        let program = require_peer("tinysshd")?;
        let make_key = require_peer("tinysshd-makekey")?;
        let folder = TempDir::new().expect("a folder for tinyssh");
        let keys = folder.path().join("keys");
        run(Command::new(make_key).arg(&keys), b"", RUN).expect("tinysshd-makekey").expect_success();

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let stopping = Arc::new(AtomicBool::new(false));
        let processes = Arc::new(Mutex::new(Vec::new()));
        let acceptor = Acceptor {
            listener,
            program,
            keys,
            stopping: Arc::clone(&stopping),
            processes: Arc::clone(&processes),
        };
        let accepting = Some(thread::spawn(move || acceptor.serve()));
        Some(Self { address, stopping, processes, accepting, folder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder that holds its host keys, as tinyssh writes them.
    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// Its host key as a line of `known_hosts` has it: type and base64.
    ///
    /// # Panics
    /// When tinyssh cannot print its key.
    pub fn public_host_key(&self) -> String {
        let program = find_peer("tinysshd-printkey").expect("tinysshd-printkey comes with tinyssh");
        let printed = run(Command::new(program).arg(self.keys()), b"", RUN)
            .expect("tinysshd-printkey")
            .expect_success();
        let text = printed.stdout_text();
        let line = text.lines().find(|line| line.starts_with("ssh-ed25519 ")).expect("an Ed25519 key");
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// What the processes of all connections have logged so far.
    pub fn log(&self) -> String {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.iter().map(Process::log).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for TinysshServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // A last connection wakes the acceptor; if it cannot be made the acceptor is gone already.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|accepting| woken || accepting.is_finished()) {
            let _ = accepting.join();
        }
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

struct Acceptor {
    listener: TcpListener,
    program: PathBuf,
    keys: PathBuf,
    stopping: Arc<AtomicBool>,
    processes: Arc<Mutex<Vec<Process>>>,
}

impl Acceptor {
    fn serve(self) {
        for stream in self.listener.incoming() {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            // A connection that cannot be served is closed, and its client says so.
            if let Ok(process) = stream.and_then(|stream| hand_over(stream, &self.program, &self.keys)) {
                self.processes.lock().unwrap_or_else(PoisonError::into_inner).push(process);
            }
        }
    }
}

fn hand_over(stream: TcpStream, program: &Path, keys: &Path) -> io::Result<Process> {
    let output = stream.try_clone()?;
    let mut command = Command::new(program);
    command.arg("-v").arg(keys);
    Process::spawn_on(&mut command, OwnedFd::from(stream), OwnedFd::from(output))
}
