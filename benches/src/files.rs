//! The rows of file transfer: SFTP, near and far.

use crate::delay;
use crate::outcome::Run;
use crate::peers::{Kit, Peer};
use crate::process::{Process, Usage, wait};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a row moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// One file of so many bytes.
    File(u64),
    /// So many files of 4 KiB, a hundred a folder.
    Tree(u32),
}

/// One cell's question.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Towards the client, or away from it.
    pub get: bool,
    /// What is moved.
    pub load: Load,
    /// The cipher.
    pub cipher: &'a str,
    /// How much is added to the round-trip time.
    pub round_trip: Duration,
}

/// The files that are moved, in memory.
pub struct Shelf {
    folder: tempfile::TempDir,
}

impl Shelf {
    /// A shelf with nothing on it.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self { folder: tempfile::Builder::new().prefix("konko-bench").tempdir_in("/dev/shm")? })
    }

    /// Where the source of `load` lies; made on first use.
    fn source(&self, load: Load) -> Result<PathBuf, Failure> {
        let path = match load {
            Load::File(bytes) => self.folder.path().join(format!("file-{bytes}")),
            Load::Tree(files) => self.folder.path().join(format!("tree-{files}")),
        };
        if path.exists() {
            return Ok(path);
        }
        match load {
            Load::File(bytes) => write_file(&path, bytes)?,
            Load::Tree(files) => {
                for number in 0..files {
                    let folder = path.join(format!("folder-{}", number / 100));
                    fs::create_dir_all(&folder)?;
                    write_file(&folder.join(format!("file-{number}")), 4096)?;
                }
            }
        }
        Ok(path)
    }

    /// A place where nothing is.
    fn target(&self) -> Result<PathBuf, Failure> {
        let path = self.folder.path().join("target");
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&path)?,
            Ok(_) => fs::remove_file(&path)?,
            Err(_) => {}
        }
        Ok(path)
    }
}

/// Bytes that do not repeat: some file systems and protocols are clever about zeros.
fn write_file(path: &Path, bytes: u64) -> Result<(), Failure> {
    let mut file = std::io::BufWriter::with_capacity(1 << 20, fs::File::create(path)?);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ bytes;
    for _ in 0..bytes.div_ceil(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    file.into_inner().map_err(|error| error.into_error())?.set_len(bytes)?;
    Ok(())
}

/// Measures one cell once. Rates are MB/s for a file and files a second for a tree.
pub fn transfer(
    kit: &Kit,
    shelf: &Shelf,
    client: Peer,
    server: Peer,
    question: Question<'_>,
) -> Result<Run, Failure> {
    let (source, target) = (shelf.source(question.load)?, shelf.target()?);
    let (process, near) = kit.server(server)?;
    let address = match question.round_trip {
        Duration::ZERO => near,
        round_trip => delay::start(&near, round_trip)?,
    };
    let begin = Instant::now();
    let (seconds, usage) = if client == Peer::OpenSsh {
        let usage = openssh(kit, &address, question, &source, &target)?;
        (begin.elapsed().as_secs_f64(), usage)
    } else {
        let mut command = kit.client(client, &address, question.cipher, "default")?;
        let action = match (question.get, question.load) {
            (true, Load::File(_)) => "sftp-get",
            (true, Load::Tree(_)) => "sftp-get-tree",
            (false, Load::File(_)) => "sftp-put",
            (false, Load::Tree(_)) => "sftp-put-tree",
        };
        command.arg(action).arg(&source).arg(&target);
        let mut process = Process::start(&mut command)?;
        let line = process.line("transfer ")?;
        let (seconds, memory) = line.split_once(' ').ok_or("a peer printed something else")?;
        (seconds.parse()?, Usage { memory: memory.parse()?, ..process.finish()? })
    };
    let used = process.stop()?;
    same(&source, &target)?;
    let rate = match question.load {
        Load::File(bytes) => bytes as f64 / 1e6 / seconds,
        Load::Tree(files) => f64::from(files) / seconds,
    };
    Ok(Run {
        rate,
        client_cpu: usage.cpu,
        server_cpu: used.cpu,
        client_memory: usage.memory,
        server_memory: used.memory,
    })
}

/// OpenSSH's `sftp` with one command in a batch.
fn openssh(
    kit: &Kit,
    address: &str,
    question: Question<'_>,
    source: &Path,
    target: &Path,
) -> Result<Usage, Failure> {
    let verb = if question.get { "get" } else { "put" };
    let recursive = if matches!(question.load, Load::Tree(_)) { " -r" } else { "" };
    let mut command = kit.sftp(address, question.cipher);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().ok_or("no pipe")?;
    writeln!(input, "{verb}{recursive} {} {}", source.display(), target.display())?;
    drop(input);
    wait(&mut child)
}

/// A transfer that lost something measures nothing.
fn same(source: &Path, target: &Path) -> Result<(), Failure> {
    if !source.is_dir() {
        let equal = std::process::Command::new("cmp").arg(source).arg(target).status()?;
        return if equal.success() { Ok(()) } else { Err("the file that arrived is another".into()) };
    }
    let equal = std::process::Command::new("diff").arg("-rq").arg(source).arg(target).status()?;
    if equal.success() { Ok(()) } else { Err("the files that arrived are others".into()) }
}
