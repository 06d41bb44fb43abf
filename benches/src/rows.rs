//! The rows of the comparison.

use crate::files::{self, Load, Question, Shelf};
use crate::outcome::{Run, median, spread};
use crate::peers::{Kit, Peer};
use crate::process::{Process, Usage};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Settings {
    rounds: usize,
    bytes: u64,
    rows: Vec<String>,
    ciphers: Vec<String>,
    russh: PathBuf,
    konko: PathBuf,
    /// Of the far rows, in milliseconds.
    round_trip: u64,
}

impl Settings {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut settings = Self {
            rounds: 3,
            bytes: 1 << 30,
            rows: ["down", "up", "logins", "echo", "memory"].map(String::from).to_vec(),
            ciphers: ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]
                .map(String::from)
                .to_vec(),
            russh: PathBuf::from("benches/russh-peer/target/release/russh-peer"),
            konko: PathBuf::from("target/release/konko"),
            round_trip: 100,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().cloned().ok_or_else(|| format!("{word} wants a value"));
            match word.as_str() {
                "--rounds" => settings.rounds = value()?.parse()?,
                "--bytes" => settings.bytes = value()?.parse()?,
                "--rows" => settings.rows = value()?.split(',').map(String::from).collect(),
                "--ciphers" => settings.ciphers = value()?.split(',').map(String::from).collect(),
                "--round-trip" => settings.round_trip = value()?.parse()?,
                "--russh" => settings.russh = value()?.into(),
                "--konko" => settings.konko = value()?.into(),
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        Ok(settings)
    }
}

/// Runs the rows that `arguments` name and prints them as Markdown.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let settings = Settings::parse(arguments)?;
    let kit = Kit::new(settings.russh.clone(), settings.konko.clone())?;
    let mut page = String::new();
    for row in &settings.rows {
        match row.as_str() {
            "down" | "up" => {
                for cipher in &settings.ciphers {
                    bulk(&kit, &settings, row, cipher, &mut page)?;
                }
            }
            "logins" => {
                for (kex, parallel) in
                    [("curve25519-sha256", 1), ("curve25519-sha256", 16), ("mlkem768x25519-sha256", 16)]
                {
                    logins(&kit, &settings, kex, parallel, &mut page)?;
                }
            }
            "get" | "put" => {
                let loads = [Load::File(settings.bytes), Load::Tree(2000)];
                files(&kit, &settings, row == "get", Duration::ZERO, &loads, &mut page)?;
            }
            "far-get" | "far-put" => {
                let round_trip = Duration::from_millis(settings.round_trip);
                let loads = [Load::File(settings.bytes), Load::Tree(100)];
                files(&kit, &settings, row == "far-get", round_trip, &loads, &mut page)?;
            }
            "echo" => echo(&kit, &settings, &mut page)?,
            "memory" => memory(&kit, &mut page)?,
            _ => return Err(format!("unknown row {row}").into()),
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "# Benchmarks\n\n{}\n{page}", preface(&settings))?;
    Ok(())
}

/// What was run, for whoever reads the page.
fn preface(settings: &Settings) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1)).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let openssh =
        std::process::Command::new("ssh").arg("-V").output().map(|output| output.stderr).unwrap_or_default();
    format!(
        "Written by `konko-bench`: {} rounds, the cells of a row in turn, medians with the smallest and the largest. \
         {cores} cores of{model}. {}, russh 0.65.1 (aws-lc-rs), konko with default features. Client, server and what \
         the server spawns share the cores, so CPU seconds are the steadier figure. *konko* and *russh* make and drop \
         the data inside the process; *konko serve* and *openssh* spawn a command for it. Rates of the OpenSSH client \
         contain its login.",
        settings.rounds,
        String::from_utf8_lossy(&openssh).trim(),
    )
}

type Cell = ((Peer, Peer), Vec<Run>);

fn measure(
    pairs: &[(Peer, Peer)],
    rounds: usize,
    mut one: impl FnMut(Peer, Peer) -> Result<Run, Failure>,
) -> Result<Vec<Cell>, Failure> {
    let mut cells: Vec<Cell> = pairs.iter().map(|pair| (*pair, Vec::new())).collect();
    for round in 0..rounds {
        for ((client, server), runs) in &mut cells {
            let run = one(*client, *server)?;
            eprintln!("round {round}: {} -> {}: {:.1}", client.name(), server.name(), run.rate);
            runs.push(run);
        }
    }
    Ok(cells)
}

fn table(
    page: &mut String,
    title: &str,
    unit: &str,
    cpu_unit: &str,
    per: f64,
    cells: &[Cell],
) -> Result<(), Failure> {
    let best = cells
        .iter()
        .filter(|((client, server), _)| {
            *client != Peer::Konko && !matches!(server, Peer::Konko | Peer::KonkoServe)
        })
        .map(|(_, runs)| median(runs, |run| run.rate))
        .fold(f64::NAN, f64::max);
    writeln!(page, "\n### {title}\n")?;
    writeln!(
        page,
        "| client → server | {unit} (min–max) | ratio to the best without konko | {cpu_unit} client + server | peak MiB client / server |"
    )?;
    writeln!(page, "|---|---|---|---|---|")?;
    for ((client, server), runs) in cells {
        let rate = median(runs, |run| run.rate);
        let (low, high) = spread(runs, |run| run.rate);
        writeln!(
            page,
            "| {} → {} | {rate:.0} ({low:.0}–{high:.0}) | {:.2} | {:.3} + {:.3} | {:.1} / {:.1} |",
            client.name(),
            server.name(),
            rate / best,
            median(runs, |run| run.client_cpu) / per,
            median(runs, |run| run.server_cpu) / per,
            median(runs, |run| run.client_memory as f64) / 1024.0,
            median(runs, |run| run.server_memory as f64) / 1024.0,
        )?;
    }
    Ok(())
}

fn bulk(kit: &Kit, settings: &Settings, row: &str, cipher: &str, page: &mut String) -> Result<(), Failure> {
    use Peer::{Konko, KonkoServe, OpenSsh, Russh};
    let pairs = [
        (Konko, Konko),
        (Russh, Russh),
        (OpenSsh, Konko),
        (OpenSsh, Russh),
        (OpenSsh, KonkoServe),
        (Konko, OpenSsh),
        (Russh, OpenSsh),
        (OpenSsh, OpenSsh),
    ];
    let bytes = settings.bytes;
    let cells =
        measure(&pairs, settings.rounds, |client, server| transfer(kit, client, server, row, cipher, bytes))?;
    let title = format!("Bulk {row}load of {} MiB, {cipher}", bytes >> 20);
    table(page, &title, "MB/s", "CPU s/GB", bytes as f64 / 1e9, &cells)
}

fn files(
    kit: &Kit,
    settings: &Settings,
    get: bool,
    round_trip: Duration,
    loads: &[Load],
    page: &mut String,
) -> Result<(), Failure> {
    use Peer::{Konko, KonkoServe, OpenSsh, Russh};
    let shelf = Shelf::new()?;
    let (cipher, verb) = ("aes128-gcm@openssh.com", if get { "get" } else { "put" });
    let near =
        if round_trip.is_zero() { String::new() } else { format!(", {} ms away", round_trip.as_millis()) };
    for load in loads {
        // russh-sftp moves single files only.
        let all = [
            (Konko, KonkoServe),
            (OpenSsh, OpenSsh),
            (Konko, OpenSsh),
            (Russh, OpenSsh),
            (OpenSsh, KonkoServe),
            (Russh, KonkoServe),
        ];
        // Far away every other pair is as slow as OpenSSH's, for the same reason: a fixed window.
        let far = [(Konko, KonkoServe), (OpenSsh, OpenSsh), (Konko, OpenSsh)];
        let pairs: Vec<_> = all
            .into_iter()
            .filter(|(client, _)| *client != Russh || matches!(load, Load::File(_)))
            .filter(|pair| round_trip.is_zero() || far.contains(pair))
            .collect();
        let question = Question { get, load: *load, cipher, round_trip };
        let cells = measure(&pairs, settings.rounds, |client, server| {
            files::transfer(kit, &shelf, client, server, question)
        })?;
        match load {
            Load::File(bytes) => {
                let title = format!("SFTP {verb} of one file of {} MiB{near}, {cipher}", bytes >> 20);
                table(page, &title, "MB/s", "CPU s/GB", *bytes as f64 / 1e9, &cells)?;
            }
            Load::Tree(count) => {
                let title = format!("SFTP {verb} of {count} files of 4 KiB{near}, {cipher}");
                table(page, &title, "files/s", "CPU ms a file", f64::from(*count) / 1e3, &cells)?;
            }
        }
    }
    Ok(())
}

fn transfer(
    kit: &Kit,
    client: Peer,
    server: Peer,
    row: &str,
    cipher: &str,
    bytes: u64,
) -> Result<Run, Failure> {
    let (process, address) = kit.server(server)?;
    let remote = match (row, server.spawns()) {
        ("down", true) => format!("head -c {bytes} /dev/zero"),
        ("down", false) => format!("zeros {bytes}"),
        (_, true) => "cat > /dev/null".to_owned(),
        (_, false) => "sink".to_owned(),
    };
    let mut command = kit.client(client, &address, cipher, "default")?;
    let begin = Instant::now();
    let (seconds, usage) = if client == Peer::OpenSsh {
        command.arg(&remote);
        let usage = openssh_transfer(&mut command, row, bytes)?;
        (begin.elapsed().as_secs_f64(), usage)
    } else {
        command.args([row, &bytes.to_string()]).arg(&remote);
        let mut process = Process::start(&mut command)?;
        let (seconds, memory) = result(&mut process, "transfer ")?;
        (seconds, Usage { memory, ..process.finish()? })
    };
    let used = process.stop()?;
    Ok(Run {
        rate: bytes as f64 / 1e6 / seconds,
        client_cpu: usage.cpu,
        server_cpu: used.cpu,
        client_memory: usage.memory,
        server_memory: used.memory,
    })
}

/// Seconds, and the client's largest memory in KiB, as a peer prints them.
fn result(process: &mut Process, prefix: &str) -> Result<(f64, u64), Failure> {
    let line = process.line(prefix)?;
    let (seconds, memory) = line.split_once(' ').ok_or("a peer printed something else")?;
    Ok((seconds.parse()?, memory.parse()?))
}

/// OpenSSH's client has to read from or write to somewhere; files and null devices cost it least.
fn openssh_transfer(command: &mut std::process::Command, row: &str, bytes: u64) -> Result<Usage, Failure> {
    if row == "down" {
        let null = std::fs::File::options().write(true).open("/dev/null")?;
        let mut child = command.stdin(Stdio::null()).stdout(null).spawn()?;
        return waited(&mut child);
    }
    let mut zeros = std::process::Command::new("head")
        .args(["-c", &bytes.to_string(), "/dev/zero"])
        .stdout(Stdio::piped())
        .spawn()?;
    let input = zeros.stdout.take().ok_or("no pipe")?;
    let mut child = command.stdin(input).stdout(Stdio::null()).spawn()?;
    let usage = waited(&mut child)?;
    zeros.wait()?;
    Ok(usage)
}

fn waited(child: &mut std::process::Child) -> Result<Usage, Failure> {
    crate::process::wait(child)
}

fn logins(
    kit: &Kit,
    settings: &Settings,
    kex: &str,
    parallel: u32,
    page: &mut String,
) -> Result<(), Failure> {
    use Peer::{Konko, OpenSsh, Russh};
    let pairs = [(Konko, Konko), (Russh, Russh), (Konko, OpenSsh)];
    let cells = measure(&pairs, settings.rounds, |client, server| {
        let kex = if server == OpenSsh && kex.starts_with("mlkem") { "curve25519-sha256" } else { kex };
        let count = if server == OpenSsh { 60 } else { 1000 };
        let (process, address) = kit.server(server)?;
        let mut command = kit.client(client, &address, "aes128-gcm@openssh.com", kex)?;
        command.args(["logins", &count.to_string(), &parallel.to_string()]);
        let mut client = Process::start(&mut command)?;
        let (seconds, memory) = result(&mut client, "logins ")?;
        let usage = Usage { memory, ..client.finish()? };
        let used = process.stop()?;
        Ok(Run {
            rate: f64::from(count) / seconds,
            client_cpu: usage.cpu * 1000.0 / f64::from(count),
            server_cpu: used.cpu * 1000.0 / f64::from(count),
            client_memory: usage.memory,
            server_memory: used.memory,
        })
    })?;
    let title =
        format!("Logins with one command, {parallel} at a time, {kex} (OpenSSH's server: curve25519-sha256)");
    table(page, &title, "logins/s", "CPU ms", 1.0, &cells)
}

fn echo(kit: &Kit, settings: &Settings, page: &mut String) -> Result<(), Failure> {
    use Peer::{Konko, Russh};
    let cells = measure(&[(Konko, Konko), (Russh, Russh)], settings.rounds, |client, server| {
        let (process, address) = kit.server(server)?;
        let mut command = kit.client(client, &address, "aes128-gcm@openssh.com", "default")?;
        command.args(["echo", "20000"]);
        let mut client = Process::start(&mut command)?;
        let (seconds, memory) = result(&mut client, "echo ")?;
        let usage = Usage { memory, ..client.finish()? };
        let used = process.stop()?;
        Ok(Run {
            rate: 20_000.0 / seconds,
            client_cpu: usage.cpu / 20.0,
            server_cpu: used.cpu / 20.0,
            client_memory: usage.memory,
            server_memory: used.memory,
        })
    })?;
    table(page, "One-byte round trips on one channel", "round trips/s", "CPU ms", 1.0, &cells)
}

fn memory(kit: &Kit, page: &mut String) -> Result<(), Failure> {
    writeln!(
        page,
        "\n### Memory per idle, logged-in connection\n\n| pair | client KiB | server KiB |\n|---|---|---|"
    )?;
    for peer in [Peer::Konko, Peer::Russh] {
        let figures = |count: u64| -> Result<(u64, u64), Failure> {
            let (server, address) = kit.server(peer)?;
            let mut command = kit.client(peer, &address, "aes128-gcm@openssh.com", "curve25519-sha256")?;
            command.args(["idle", &count.to_string()]);
            let mut client = Process::start(&mut command)?;
            client.line("ready")?;
            let figures = (client.resident(), server.resident());
            client.finish()?;
            server.stop()?;
            Ok(figures)
        };
        let (few, many) = (figures(50)?, figures(450)?);
        let each = |few: u64, many: u64| (many as f64 - few as f64) / 400.0;
        writeln!(page, "| {} | {:.1} | {:.1} |", peer.name(), each(few.0, many.0), each(few.1, many.1))?;
    }
    Ok(())
}
