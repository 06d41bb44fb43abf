//! The rows of bulk data through one channel, near and far, and the model beside them.

use crate::delay;
use crate::model::{SINK_COMMAND, zeros_command};
use crate::outcome::{Cell, Row, Run, Yardstick};
use crate::peers::{KEX, Kit, Peer};
use crate::process::{Process, Usage, wait};
use crate::settings::Settings;
use crate::turns::measure;
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One cell's question.
#[derive(Debug, Clone, Copy)]
struct Question<'a> {
    /// `down` or `up`.
    direction: &'a str,
    cipher: &'a str,
    bytes: u64,
    /// How much is added to the round-trip time.
    round_trip: Duration,
}

/// `direction` (`down` or `up`) with every cipher.
pub fn near(kit: &Kit, settings: &Settings, direction: &str, rows: &mut Vec<Row>) {
    use Peer::{Konko, KonkoServe, Model, ModelSpawned, OpenSsh, Russh};
    let pairs = [
        (Model, Model),
        (Konko, Konko),
        (Russh, Russh),
        (OpenSsh, Konko),
        (OpenSsh, Russh),
        (ModelSpawned, ModelSpawned),
        (Konko, KonkoServe),
        (OpenSsh, KonkoServe),
        (Konko, OpenSsh),
        (Russh, OpenSsh),
        (OpenSsh, OpenSsh),
    ];
    for cipher in &settings.ciphers {
        let cells = pairs.map(|(client, server)| Cell::new(client, server)).to_vec();
        let question = Question { direction, cipher, bytes: settings.bytes, round_trip: Duration::ZERO };
        let key = format!("{direction} {cipher}");
        let cells = measure(&key, settings.rounds, cells, |cell, _| Some(transfer(kit, cell, question)));
        rows.push(Row {
            key,
            title: format!("Bulk {direction}load of {} MiB, {}", settings.bytes >> 20, with_mac(cipher)),
            unit: "MB/s",
            cpu_unit: "CPU s/GB",
            spawning_matters: true,
            yardstick: Yardstick::Model,
            cells,
        });
    }
}

fn with_mac(cipher: &str) -> String {
    if cipher.ends_with("-ctr") { format!("{cipher} + hmac-sha2-256-etm") } else { cipher.to_owned() }
}

/// `direction` (`down` or `up`) at every round-trip time.
pub fn far(kit: &Kit, settings: &Settings, direction: &str, rows: &mut Vec<Row>) {
    use Peer::{Konko, OpenSsh, Russh};
    let cipher = "aes128-gcm@openssh.com";
    for round_trip in &settings.round_trips {
        let pairs = [(Konko, Konko), (Russh, Russh), (Konko, OpenSsh), (OpenSsh, OpenSsh)];
        let cells = pairs
            .map(|(client, server)| {
                let receiver = if direction == "down" { client } else { server };
                let bytes = far_bytes(settings, receiver, *round_trip);
                Cell { amount: Some(format!("{} MiB", bytes >> 20)), ..Cell::new(client, server) }
            })
            .to_vec();
        let key = format!("far-{direction} {round_trip}");
        let cells = measure(&key, settings.rounds, cells, |cell, round| {
            let receiver = if direction == "down" { cell.client } else { cell.server };
            let bytes = far_bytes(settings, receiver, *round_trip);
            let question =
                Question { direction, cipher, bytes, round_trip: Duration::from_millis(*round_trip) };
            (round == 0 || receiver.is_konko()).then(|| transfer(kit, cell, question))
        });
        rows.push(Row {
            key,
            title: format!("Bulk {direction}load, {round_trip} ms away, {cipher}"),
            unit: "MB/s",
            cpu_unit: "CPU s/GB",
            spawning_matters: true,
            yardstick: Yardstick::None,
            cells,
        });
    }
}

/// How much is moved far away to `receiver`, whose window says how fast that is.
pub fn far_bytes(settings: &Settings, receiver: Peer, round_trip: u64) -> u64 {
    let near = round_trip < 50;
    if receiver.is_konko() {
        settings.size(if near { 1 << 30 } else { 2 << 30 }, 16 << 20)
    } else {
        settings.size(if near { 256 << 20 } else { 64 << 20 }, 8 << 20)
    }
}

/// The delay proxy alone: what a plain TCP stream carries through it.
pub fn proxy(kit: &Kit, settings: &Settings, rows: &mut Vec<Row>) {
    let bytes: u64 = settings.size(2 << 30, 64 << 20);
    let labelled = |label: String| Cell { label: Some(label), ..Cell::new(Peer::Tcp, Peer::Tcp) };
    let mut cells = vec![labelled("raw TCP, no proxy".to_owned())];
    cells.extend(settings.round_trips.iter().map(|ms| labelled(format!("proxy alone, {ms} ms"))));
    let names: Vec<_> = cells.iter().map(Cell::name).collect();
    let cells = measure("proxy", settings.rounds, cells, |cell, _| {
        let place = names.iter().position(|name| *name == cell.name())?;
        let delay = place.checked_sub(1).and_then(|place| settings.round_trips.get(place));
        Some(drain(kit, bytes, Duration::from_millis(delay.copied().unwrap_or(0))))
    });
    rows.push(Row {
        key: "proxy".to_owned(),
        title: format!("The delay proxy alone: {} MiB of plain TCP", bytes >> 20),
        unit: "MB/s",
        cpu_unit: "CPU s/GB",
        spawning_matters: false,
        yardstick: Yardstick::First,
        cells,
    });
}

fn drain(kit: &Kit, bytes: u64, round_trip: Duration) -> Result<Run, Failure> {
    let (server, address) = kit.yardstick(&["plain", "source", &bytes.to_string()])?;
    let address = behind(&address, round_trip)?;
    let mut client =
        Process::start(Command::new(std::env::current_exe()?).args(["plain", "drain", &address]))?;
    let (seconds, _) = client.result("transfer ")?;
    Ok(run(bytes, seconds, client.finish()?, server.finish()?))
}

/// `address` itself, or that of a proxy before it.
pub fn behind(address: &str, round_trip: Duration) -> Result<String, Failure> {
    if round_trip.is_zero() { Ok(address.to_owned()) } else { Ok(delay::start(address, round_trip)?) }
}

/// Rate and CPU time for each GB.
fn run(bytes: u64, seconds: f64, client: Usage, server: Usage) -> Run {
    let gigabytes = bytes as f64 / 1e9;
    Run {
        rate: gigabytes * 1000.0 / seconds,
        client_cpu: client.cpu / gigabytes,
        server_cpu: server.cpu / gigabytes,
        client_memory: client.memory,
        server_memory: server.memory,
    }
}

/// What `session` takes when everything it needs has been needed before: near, the shorter of two. Far away it is long
/// anyhow and steadier.
pub fn less(
    round_trip: Duration,
    session: impl Fn() -> Result<(f64, Usage), Failure>,
) -> Result<(f64, Usage), Failure> {
    let first = session()?;
    if !round_trip.is_zero() {
        return Ok(first);
    }
    let second = session()?;
    Ok(if second.0 < first.0 { second } else { first })
}

fn transfer(kit: &Kit, cell: &Cell, question: Question<'_>) -> Result<Run, Failure> {
    let (client, server, bytes) = (cell.client, cell.server, question.bytes);
    if client.is_yardstick() {
        return model(kit, client == Peer::ModelSpawned, question);
    }
    let (process, near) = kit.server(server)?;
    let address = behind(&near, question.round_trip)?;
    // What a session without data takes is no part of a rate, and not every client can tell it from the transfer.
    let (empty_seconds, empty) =
        less(question.round_trip, || session(kit, cell, &address, Question { bytes: 0, ..question }))?;
    let before = process.cpu();
    let (seconds, usage) = session(kit, cell, &address, question)?;
    let used = process.stop()?;
    if seconds <= empty_seconds {
        return Err("the transfer took no longer than a session without data".into());
    }
    let client = Usage { cpu: (usage.cpu - empty.cpu).max(0.0), ..usage };
    let server = Usage { cpu: used.cpu - before, ..used };
    Ok(run(bytes, seconds - empty_seconds, client, server))
}

/// How many seconds a client took with its transfer, and what it used. OpenSSH's does not say when it has logged in:
/// its seconds contain that.
fn session(kit: &Kit, cell: &Cell, address: &str, question: Question<'_>) -> Result<(f64, Usage), Failure> {
    let (down, bytes) = (question.direction == "down", question.bytes);
    let remote = remote_command(cell.server, down, bytes);
    let mut command = kit.client(cell.client, address, question.cipher, KEX)?;
    if cell.client == Peer::OpenSsh {
        command.arg(remote);
        if down {
            command.stdin(Stdio::null()).stdout(File::options().write(true).open("/dev/null")?);
        } else {
            command.stdin(kit.zeros(bytes)?).stdout(Stdio::null());
        }
        let begin = Instant::now();
        let usage = wait(&mut command.spawn()?)?;
        return Ok((begin.elapsed().as_secs_f64(), usage));
    }
    command.args([question.direction, &bytes.to_string()]).arg(remote);
    let mut client = Process::start(&mut command)?;
    let (seconds, memory) = client.result("transfer ")?;
    Ok((seconds, Usage { memory, ..client.finish()? }))
}

fn remote_command(server: Peer, down: bool, bytes: u64) -> String {
    match (down, server.spawns()) {
        (true, true) => zeros_command(bytes),
        (true, false) => format!("zeros {bytes}"),
        (_, true) => SINK_COMMAND.to_owned(),
        (_, false) => "sink".to_owned(),
    }
}

/// The model; its client is the side that receives where data comes down.
fn model(kit: &Kit, spawned: bool, question: Question<'_>) -> Result<Run, Failure> {
    let (down, bytes) = (question.direction == "down", question.bytes.to_string());
    let mut receive = vec!["model", "receive", question.cipher];
    if spawned && !down {
        receive.push("spawned");
    }
    let (receiver, address) = kit.yardstick(&receive)?;
    let mut send = vec!["model", "send", &address, question.cipher, &bytes];
    if spawned && down {
        send.push("spawned");
    }
    let mut sender = Process::start(Command::new(std::env::current_exe()?).args(send))?;
    let (seconds, _) = sender.result("transfer ")?;
    let (sent, mut receiver) = (sender.finish()?, receiver);
    if receiver.line("received ")? != bytes {
        return Err("the model lost something".into());
    }
    let received = receiver.finish()?;
    let (client, server) = if down { (received, sent) } else { (sent, received) };
    Ok(run(question.bytes, seconds, client, server))
}
