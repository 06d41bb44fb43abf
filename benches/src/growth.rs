//! The rows of many: memory of idle connections, and what many channels and connections cost a busy one.

use crate::outcome::{Cell, IdleMemory, Row, Run, Yardstick};
use crate::peers::{KEX, Kit, Peer};
use crate::process::{Process, Usage};
use crate::settings::Settings;
use crate::turns::measure;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const CIPHER: &str = "aes128-gcm@openssh.com";
/// What a few connections hold is subtracted, so that what a process holds anyhow does not count.
const FEW: u64 = 50;

/// Memory per idle, logged-in connection.
pub fn memory(kit: &Kit, settings: &Settings, idle: &mut Vec<IdleMemory>) {
    for (connections, peers) in [
        (settings.size(1000, 150), [Peer::Konko, Peer::Russh].as_slice()),
        (
            settings.size(10_000, 300),
            if settings.all_idle { &[Peer::Konko, Peer::Russh] } else { &[Peer::Konko] },
        ),
    ] {
        for peer in peers {
            match each(kit, *peer, connections) {
                Ok((client, server)) => {
                    eprintln!("memory, {connections}: {}: {client:.1} / {server:.1}", peer.name());
                    idle.push(IdleMemory { peer: *peer, connections, client, server });
                }
                Err(error) => eprintln!("memory, {connections}: {}: {error}", peer.name()),
            }
        }
    }
}

/// KiB a connection, of the client and of the server.
fn each(kit: &Kit, peer: Peer, connections: u64) -> Result<(f64, f64), Failure> {
    let resident = |count: u64| -> Result<(u64, u64), Failure> {
        let (server, address) = kit.server(peer)?;
        let mut command = kit.client(peer, &address, CIPHER, KEX)?;
        command.args(["idle", &count.to_string()]);
        let mut client = Process::start(&mut command)?;
        client.line("ready")?;
        let resident = (client.resident(), server.resident());
        client.finish()?;
        server.stop()?;
        Ok(resident)
    };
    let (few, many) = (resident(FEW)?, resident(connections)?);
    let each = |few: u64, many: u64| (many as f64 - few as f64) / (connections - FEW) as f64;
    Ok((each(few.0, many.0), each(few.1, many.1)))
}

/// What the row of growth asks.
#[derive(Debug, Clone, Copy)]
enum Crowd {
    /// So many busy channels of one connection.
    Channels(u64),
    /// One busy connection and so many idle ones, of the same processes.
    Idle(u64),
}

impl Crowd {
    fn label(self) -> String {
        match self {
            Self::Channels(1) => "konko, 1 busy channel".to_owned(),
            Self::Channels(count) => format!("konko, {count} busy channels"),
            Self::Idle(0) => "konko, no other connection".to_owned(),
            Self::Idle(count) => format!("konko, {count} idle connections beside it"),
        }
    }
}

/// Downloads through many channels of a connection, and through one connection beside many idle ones.
pub fn growth(kit: &Kit, settings: &Settings, rows: &mut Vec<Row>) {
    let channels = [Crowd::Channels(1), Crowd::Channels(10), Crowd::Channels(100)];
    // A hundred commands are begun within the time; it must be long.
    let bytes = 2 * settings.bytes;
    rows.push(row(kit, settings, "growth channels", "channels that share a download", &channels, bytes));
    let idle = [Crowd::Idle(0), Crowd::Idle(settings.size(10_000, 100))];
    let bytes = settings.bytes;
    rows.push(row(kit, settings, "growth idle", "a download beside idle connections", &idle, bytes));
}

fn row(kit: &Kit, settings: &Settings, key: &str, title: &str, crowds: &[Crowd], bytes: u64) -> Row {
    let cells = crowds
        .iter()
        .map(|crowd| Cell { label: Some(crowd.label()), ..Cell::new(Peer::Konko, Peer::Konko) })
        .collect();
    let cells = measure(key, settings.rounds, cells, |cell, _| {
        let crowd = crowds.iter().find(|crowd| cell.label.as_ref() == Some(&crowd.label()))?;
        Some(download(kit, *crowd, bytes))
    });
    Row {
        key: key.to_owned(),
        title: format!("Growth: {title}, {} MiB, {CIPHER}", bytes >> 20),
        unit: "MB/s",
        cpu_unit: "CPU s/GB",
        spawning_matters: true,
        yardstick: Yardstick::First,
        cells,
    }
}

fn download(kit: &Kit, crowd: Crowd, bytes: u64) -> Result<Run, Failure> {
    let (server, address) = kit.server(Peer::Konko)?;
    let mut command = kit.client(Peer::Konko, &address, CIPHER, KEX)?;
    let (action, count) = match crowd {
        Crowd::Channels(count) => ("channels", count),
        Crowd::Idle(count) => ("beside", count),
    };
    command.args([action, &count.to_string(), &bytes.to_string()]);
    let mut client = Process::start(&mut command)?;
    client.line("ready")?;
    let before = (client.cpu(), server.cpu());
    client.proceed()?;
    let (seconds, memory) = client.result("transfer ")?;
    let usage = Usage { memory, ..client.finish()? };
    let used = server.stop()?;
    let gigabytes = bytes as f64 / 1e9;
    Ok(Run {
        rate: gigabytes * 1000.0 / seconds,
        client_cpu: (usage.cpu - before.0) / gigabytes,
        server_cpu: (used.cpu - before.1) / gigabytes,
        client_memory: usage.memory,
        server_memory: used.memory,
    })
}
