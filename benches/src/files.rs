//! The rows of file transfer: SFTP, near and far.

use crate::bulk::{behind, far_bytes, less};
use crate::outcome::{Cell, Row, Run, Yardstick};
use crate::peers::{KEX, Kit, Peer};
use crate::process::{Process, Usage, wait};
use crate::settings::Settings;
use crate::turns::measure;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a row moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// One file of so many bytes.
    File(u64),
    /// So many files of 4 KiB, a hundred a folder.
    Tree(u32),
}

const CIPHER: &str = "aes128-gcm@openssh.com";

/// One cell's question.
#[derive(Debug, Clone, Copy)]
struct Question {
    /// Towards the client, or away from it.
    get: bool,
    /// What is moved.
    load: Load,
    /// How much is added to the round-trip time.
    round_trip: Duration,
}

/// `verb` (`get` or `put`) of one file and of many small ones.
pub fn near(kit: &Kit, settings: &Settings, verb: &str, rows: &mut Vec<Row>) -> Result<(), Failure> {
    use Peer::{Konko, KonkoServe, OpenSsh, Russh};
    let shelf = Shelf::new()?;
    for load in [Load::File(settings.bytes), Load::Tree(settings.size(2000, 500))] {
        let pairs = [
            (Konko, KonkoServe),
            (Russh, Russh),
            (Konko, OpenSsh),
            (Russh, OpenSsh),
            (OpenSsh, OpenSsh),
            (OpenSsh, KonkoServe),
            (OpenSsh, Russh),
            (Russh, KonkoServe),
        ];
        let cells = pairs.into_iter().map(|(client, server)| Cell::new(client, server)).collect();
        let key = format!("{verb} {}", load.kind());
        let question = Question { get: verb == "get", load, round_trip: Duration::ZERO };
        let cells =
            measure(&key, settings.rounds, cells, |cell, _| Some(transfer(kit, &shelf, cell, question)));
        let what = match load {
            Load::File(bytes) => format!("one file of {} MiB", bytes >> 20),
            Load::Tree(files) => format!("{files} files of 4 KiB"),
        };
        rows.push(row(key, format!("SFTP {verb} of {what}, {CIPHER}"), load, cells));
    }
    Ok(())
}

/// `verb` (`get` or `put`) of one file and of small ones at every round-trip time.
pub fn far(kit: &Kit, settings: &Settings, verb: &str, rows: &mut Vec<Row>) -> Result<(), Failure> {
    use Peer::{Konko, KonkoServe, OpenSsh};
    let shelf = Shelf::new()?;
    for round_trip in &settings.round_trips {
        for file in [true, false] {
            let load = |cell: &Cell| match file {
                true => {
                    let receiver = if verb == "get" { cell.client } else { cell.server };
                    Load::File(far_bytes(settings, receiver, *round_trip))
                }
                false if cell.client.is_konko() => Load::Tree(settings.size(200, 50)),
                // Its client does one file after the other.
                false => Load::Tree(settings.size(if *round_trip < 50 { 60 } else { 20 }, 4)),
            };
            let pairs = [(Konko, KonkoServe), (Konko, OpenSsh), (OpenSsh, OpenSsh)];
            let cells = pairs.map(|(client, server)| Cell::new(client, server)).map(|cell| {
                let amount = match load(&cell) {
                    Load::File(bytes) => format!("{} MiB", bytes >> 20),
                    Load::Tree(files) => format!("{files} files"),
                };
                Cell { amount: Some(amount), ..cell }
            });
            let kind = load(&cells[0]).kind();
            let key = format!("far-{verb} {kind} {round_trip}");
            let cells = measure(&key, settings.rounds, cells.to_vec(), |cell, round| {
                let round_trip = Duration::from_millis(*round_trip);
                let question = Question { get: verb == "get", load: load(cell), round_trip };
                let receiver = if question.get { cell.client } else { cell.server };
                let slow = if file { !receiver.is_konko() } else { !cell.client.is_konko() };
                (round == 0 || !slow).then(|| transfer(kit, &shelf, cell, question))
            });
            let what = if file { "one file" } else { "files of 4 KiB" };
            let title = format!("SFTP {verb} of {what}, {round_trip} ms away, {CIPHER}");
            rows.push(row(key, title, load(&cells[0]), cells));
        }
    }
    Ok(())
}

/// In SFTP no server spawns a command that makes the data.
fn row(key: String, title: String, load: Load, cells: Vec<Cell>) -> Row {
    let (unit, cpu_unit) = match load {
        Load::File(_) => ("MB/s", "CPU s/GB"),
        Load::Tree(_) => ("files/s", "CPU ms a file"),
    };
    Row { key, title, unit, cpu_unit, spawning_matters: false, yardstick: Yardstick::None, cells }
}

impl Load {
    fn kind(self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Tree(_) => "tree",
        }
    }
}

/// The files that are moved, in memory.
struct Shelf {
    folder: tempfile::TempDir,
}

impl Shelf {
    /// A shelf with nothing on it.
    fn new() -> Result<Self, Failure> {
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
fn transfer(kit: &Kit, shelf: &Shelf, cell: &Cell, question: Question) -> Result<Run, Failure> {
    let (source, target) = (shelf.source(question.load)?, shelf.target()?);
    let (process, near) = kit.server(cell.server)?;
    let address = behind(&near, question.round_trip)?;
    let once = |question| session(kit, cell, &address, question, &source, &target);
    // What a session without a transfer takes is no part of a rate, and not every client can tell the two apart.
    let (empty_seconds, empty) = less(question.round_trip, || once(None))?;
    let before = process.cpu();
    let (seconds, usage) = once(Some(question))?;
    if seconds <= empty_seconds {
        return Err("the transfer took no longer than a session without one".into());
    }
    let seconds = seconds - empty_seconds;
    let usage = Usage { cpu: (usage.cpu - empty.cpu).max(0.0), ..usage };
    let used = process.stop()?;
    same(&source, &target)?;
    shelf.target()?;
    // A GB, or a thousand files.
    let amount = match question.load {
        Load::File(bytes) => bytes as f64 / 1e9,
        Load::Tree(files) => f64::from(files) / 1e3,
    };
    Ok(Run {
        rate: amount * 1e3 / seconds,
        client_cpu: usage.cpu / amount,
        server_cpu: (used.cpu - before) / amount,
        client_memory: usage.memory,
        server_memory: used.memory,
    })
}

/// How many seconds a client took with its transfer, if any, and what it used. OpenSSH's does not say when it has logged
/// in: its seconds contain that.
fn session(
    kit: &Kit,
    cell: &Cell,
    address: &str,
    question: Option<Question>,
    source: &Path,
    target: &Path,
) -> Result<(f64, Usage), Failure> {
    if cell.client == Peer::OpenSsh {
        let line = question.map_or("pwd".to_owned(), |question| {
            let verb = if question.get { "get" } else { "put" };
            let recursive = if matches!(question.load, Load::Tree(_)) { " -r" } else { "" };
            format!("{verb}{recursive} {} {}", source.display(), target.display())
        });
        let begin = Instant::now();
        let mut child = kit.sftp(address, CIPHER).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let mut input = child.stdin.take().ok_or("no pipe")?;
        writeln!(input, "{line}")?;
        drop(input);
        let usage = wait(&mut child)?;
        return Ok((begin.elapsed().as_secs_f64(), usage));
    }
    let action = match question.map(|question| (question.get, question.load)) {
        None => "sftp-none",
        Some((true, Load::File(_))) => "sftp-get",
        Some((true, Load::Tree(_))) => "sftp-get-tree",
        Some((false, Load::File(_))) => "sftp-put",
        Some((false, Load::Tree(_))) => "sftp-put-tree",
    };
    let mut command = kit.client(cell.client, address, CIPHER, KEX)?;
    command.arg(action).arg(source).arg(target);
    let mut client = Process::start(&mut command)?;
    let (seconds, memory) = client.result("transfer ")?;
    Ok((seconds, Usage { memory, ..client.finish()? }))
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
