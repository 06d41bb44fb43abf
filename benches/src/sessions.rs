//! The rows of logins and of one-byte round trips.

use crate::outcome::{Cell, Row, Run, Yardstick};
use crate::peers::{KEX, Kit, Peer};
use crate::process::{Process, Usage};
use crate::settings::Settings;
use crate::turns::measure;
use std::process::Command;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const CIPHER: &str = "aes128-gcm@openssh.com";

/// The key exchanges of the row of logins.
pub const KEXES: [&str; 2] = [KEX, "mlkem768x25519-sha256"];
/// How many log in at once there.
pub const AT_ONCE: [u64; 3] = [1, 16, 200];

/// Logins with one command, for every key exchange and number at once.
pub fn logins(kit: &Kit, settings: &Settings, rows: &mut Vec<Row>) {
    use Peer::{Konko, OpenSsh, Russh};
    for kex in KEXES {
        for at_once in AT_ONCE {
            let mut pairs = vec![(Konko, Konko), (Russh, Russh)];
            // OpenSSH has mlkem768x25519-sha256 from release 9.9 on.
            if kex == KEX {
                pairs.extend([(Konko, OpenSsh), (Russh, OpenSsh)]);
            }
            let cells = pairs.into_iter().map(|(client, server)| Cell::new(client, server)).collect();
            let key = format!("logins {kex} {at_once}");
            let cells = measure(&key, settings.rounds, cells, |cell, _| {
                let count = if cell.server == Peer::OpenSsh {
                    settings.size(if at_once == 1 { 40 } else { 200 }, 10)
                } else {
                    settings.size(if at_once == 1 { 1000 } else { 2000 }, 100)
                };
                Some(login(kit, cell, kex, count, at_once))
            });
            rows.push(Row {
                key,
                title: format!("Logins with one command, {at_once} at a time, {kex}"),
                unit: "logins/s",
                cpu_unit: "CPU ms a login",
                spawning_matters: true,
                yardstick: Yardstick::None,
                cells,
            });
        }
    }
}

fn login(kit: &Kit, cell: &Cell, kex: &str, count: u64, at_once: u64) -> Result<Run, Failure> {
    let (process, address) = kit.server(cell.server)?;
    let before = process.cpu();
    let mut command = kit.client(cell.client, &address, CIPHER, kex)?;
    command.args(["logins", &count.to_string(), &at_once.to_string()]);
    let mut client = Process::start(&mut command)?;
    let (seconds, memory) = client.result("logins ")?;
    let usage = Usage { memory, ..client.finish()? };
    let used = process.stop()?;
    let count = count as f64;
    Ok(Run {
        rate: count / seconds,
        client_cpu: usage.cpu * 1000.0 / count,
        server_cpu: (used.cpu - before) * 1000.0 / count,
        client_memory: usage.memory,
        server_memory: used.memory,
    })
}

/// One byte there and back on one channel, and over TCP alone.
pub fn echo(kit: &Kit, settings: &Settings, rows: &mut Vec<Row>) {
    use Peer::{Konko, Russh, Tcp, TokioTcp};
    let count = settings.size(20_000, 1000);
    let cells = [Tcp, TokioTcp, Konko, Russh].map(|peer| Cell::new(peer, peer)).to_vec();
    let cells = measure("echo", settings.rounds, cells, |cell, _| Some(round_trips(kit, cell.client, count)));
    rows.push(Row {
        key: "echo".to_owned(),
        title: "One-byte round trips on one channel".to_owned(),
        unit: "round trips/s",
        cpu_unit: "CPU ms",
        spawning_matters: true,
        yardstick: Yardstick::Tcp,
        cells,
    });
}

fn round_trips(kit: &Kit, peer: Peer, count: u64) -> Result<Run, Failure> {
    let counted = count.to_string();
    let plain = match peer {
        Peer::Tcp => Some(("echo", "ping")),
        Peer::TokioTcp => Some(("tokio-echo", "tokio-ping")),
        _ => None,
    };
    let (server, mut command) = match plain {
        Some((echo, ping)) => {
            let (server, address) = kit.yardstick(&["plain", echo])?;
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["plain", ping, &address, &counted]);
            (server, command)
        }
        None => {
            let (server, address) = kit.server(peer)?;
            let mut command = kit.client(peer, &address, CIPHER, KEX)?;
            command.args(["echo", &counted]);
            (server, command)
        }
    };
    let mut client = Process::start(&mut command)?;
    let (seconds, memory) = client.result("echo ")?;
    let usage = Usage { memory, ..client.finish()? };
    let used = if plain.is_some() { server.finish()? } else { server.stop()? };
    let count = count as f64;
    Ok(Run {
        rate: count / seconds,
        client_cpu: usage.cpu * 1000.0 / count,
        server_cpu: used.cpu * 1000.0 / count,
        client_memory: usage.memory,
        server_memory: used.memory,
    })
}
