//! What a transfer really asks of the system, both ends together, as strace counts it.

use crate::figures::say;
use crate::loopback::{Way, transfer};
use konko_tests::peers::find::skip;
use konko_tests::peers::{require_peer, run};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

/// Tells a process that is watched how many bytes it is to move.
const BYTES: &str = "KONKO_COUNTED_BYTES";
const MIB: u64 = 1 << 20;
/// Of the two processes that are watched, to tell what the bytes cost from what all the rest does.
const FEW: u64 = 16 * MIB;
const MANY: u64 = 144 * MIB;

/// All that both ends may ask of the system for a GiB: one call for each packet of 32 KiB.
const MOST_CALLS: u64 = 32_768;
/// What of that may be for memory.
const MOST_FOR_MEMORY: u64 = 128;

fn bytes() -> u64 {
    std::env::var(BYTES).ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(MIB)
}

#[test]
fn a_download() {
    transfer(Way::Down, bytes());
}

#[test]
fn an_upload() {
    transfer(Way::Up, bytes());
}

/// The system calls of a process that runs one test of this file, by name; `None` where nothing can be watched.
fn calls(test: &str, bytes: u64) -> Option<BTreeMap<String, u64>> {
    let strace = require_peer("strace")?;
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("calls");
    let mut command = Command::new(strace);
    command.args(["-f", "-c", "-o"]).arg(&table).arg(std::env::current_exe().expect("this program"));
    command.args(["--exact", &format!("system_calls::{test}")]).env(BYTES, bytes.to_string());
    let finished = run(&mut command, b"", Duration::from_secs(120)).expect("strace");
    if finished.stderr_text().contains("PTRACE") {
        skip("strace may not watch here");
        return None;
    }
    finished.expect_success();
    let table = std::fs::read_to_string(table).expect("a table");
    // Per cent, seconds, microseconds a call, calls, perhaps errors, name.
    let row = |line: &str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        Some((cells.last()?.to_string(), cells.get(3)?.parse().ok()?))
    };
    Some(table.lines().filter_map(row).collect())
}

/// What a GiB costs.
fn calls_per_gib(test: &str) -> Option<BTreeMap<String, u64>> {
    let (few, mut many) = (calls(test, FEW)?, calls(test, MANY)?);
    for (name, count) in &mut many {
        *count = count.saturating_sub(few.get(name).copied().unwrap_or(0)) * 1024 * MIB / (MANY - FEW);
    }
    Some(many)
}

/// How memory is asked of the system, and given back.
const FOR_MEMORY: [&str; 6] = ["brk", "madvise", "mmap", "mprotect", "mremap", "munmap"];

#[test]
fn a_transfer_asks_little_of_the_system() {
    for test in ["a_download", "an_upload"] {
        let Some(calls) = calls_per_gib(test) else { return };
        assert!(calls["sendto"] > 0, "nothing was sent: {calls:?}");
        let total = calls["total"];
        say(test, &calls.iter().filter(|(_, count)| **count > 0).collect::<Vec<_>>());
        assert!(total <= MOST_CALLS, "{test}: {total} for a GiB, more than {MOST_CALLS}: {calls:?}");
        let memory: u64 = FOR_MEMORY.iter().filter_map(|name| calls.get(*name)).sum();
        assert!(
            memory <= MOST_FOR_MEMORY,
            "{test}: {memory} for a GiB, more than {MOST_FOR_MEMORY}: {calls:?}"
        );
    }
}
