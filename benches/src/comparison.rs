//! The comparison: every row that the settings name, and the page that it makes.

use crate::awake::{Awake, Stolen};
use crate::goals::goals_table;
use crate::outcome::Results;
use crate::peers::Kit;
use crate::settings::Settings;
use crate::table::{idle_table, table};
use crate::{bulk, files, growth, process, sessions};
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// What is said of the figures, from the repository's top folder.
const NOTES: &str = "benches/NOTES.md";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures the rows that `arguments` name and prints them as Markdown.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let settings = Settings::parse(arguments)?;
    process::raise_limits();
    let kit = Kit::new(settings.russh.clone(), settings.konko.clone())?;
    let _awake = if settings.awake { Some(Awake::keep()?) } else { None };
    let (begin, stolen) = (Instant::now(), Stolen::begin());
    let (mut results, mut out) = (Results::default(), std::io::stdout().lock());
    for row in &settings.rows {
        let (rows, idle) = (results.rows.len(), results.idle.len());
        measure(&kit, &settings, row, &mut results)?;
        if !settings.markdown {
            results.rows[rows..].iter().try_for_each(|row| write!(out, "{}", table(row)))?;
            if results.idle.len() > idle {
                write!(out, "{}", idle_table(&results.idle))?;
            }
        }
    }
    if settings.markdown {
        write!(out, "{}", page(&settings, &results, begin.elapsed(), &stolen))?;
    } else {
        write!(out, "{}", goals_table(&results))?;
    }
    let failed = results.rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.failure.is_some()).count();
    if failed > 0 { Err(format!("{failed} cells could not be measured").into()) } else { Ok(()) }
}

fn measure(kit: &Kit, settings: &Settings, row: &str, results: &mut Results) -> Result<(), Failure> {
    let rows = &mut results.rows;
    match row {
        "down" | "up" => bulk::near(kit, settings, row, rows),
        "get" | "put" => files::near(kit, settings, row, rows)?,
        "logins" => sessions::logins(kit, settings, rows),
        "echo" => sessions::echo(kit, settings, rows),
        "memory" => growth::memory(kit, settings, &mut results.idle),
        "growth" => growth::growth(kit, settings, rows),
        "proxy" => bulk::proxy(kit, settings, rows),
        "far-down" => bulk::far(kit, settings, "down", rows),
        "far-up" => bulk::far(kit, settings, "up", rows),
        "far-get" => files::far(kit, settings, "get", rows)?,
        "far-put" => files::far(kit, settings, "put", rows)?,
        _ => return Err(format!("unknown row {row}").into()),
    }
    Ok(())
}

/// The whole page: what was run, the goals, the rows.
fn page(settings: &Settings, results: &Results, taken: Duration, stolen: &Stolen) -> String {
    let mut page = format!("# Benchmarks\n\n{}\n{}", preface(settings, taken, stolen), goals_table(results));
    // What no program can tell: why a goal was not met.
    if let Ok(notes) = std::fs::read_to_string(NOTES) {
        page.push_str(&format!("\n{notes}"));
    }
    for (title, far) in [("Near", false), ("Far", true)] {
        let rows =
            results.rows.iter().filter(|row| (row.key.starts_with("far-") || row.key == "proxy") == far);
        let tables: String = rows.map(table).collect();
        let idle = if far || results.idle.is_empty() { String::new() } else { idle_table(&results.idle) };
        if !tables.is_empty() || !idle.is_empty() {
            page.push_str(&format!("\n## {title}\n{tables}{idle}"));
        }
    }
    page
}

/// What was run, for whoever reads the page.
fn preface(settings: &Settings, taken: Duration, stolen: &Stolen) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1)).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let openssh = Command::new("ssh").arg("-V").output().map(|output| output.stderr).unwrap_or_default();
    let quick = if settings.quick {
        " Sizes are those of `--quick`, which shows that it runs, not how fast."
    } else {
        ""
    };
    let awake = if settings.awake {
        ", which processes of the lowest priority keep awake, because a shared host gives a sleeping one back when it \
         likes (the rates of all peers vary by ten times without that)"
    } else {
        ""
    };
    format!(
        "Written by one invocation of `konko-bench --markdown --rounds {}` in {} minutes: the cells of a row in turn, \
         round after round; medians with the smallest and the largest.{quick} {cores} cores of{model}{awake}; \
         the host took {:.1} % of their time for others. {}, russh {} \
         (aws-lc-rs), konko with default features.\n\n\
         * Client, server and what the server spawns share the cores, so CPU seconds are the steadier figure; they are \
         those of both processes and of what they spawned, and of the sender's and receiver's for the model.\n\
         * *konko* and *russh* make and drop the data inside the process; *konko serve* and *openssh* spawn a command \
         for it. The two are never compared. *model* is framing, cipher and one loopback socket with nothing else; \
         *model spawned* has a command behind a pipe.\n\
         * *The best in the seat* is the best cell without konko that has the same other end (any pair, for konko \
         with itself).\n\
         * What a session without data took, in time and CPU time, is subtracted from every transfer, because OpenSSH's \
         client does not tell one from the other. Keys are exchanged with curve25519-sha256 where the row names nothing \
         else. Commands run without shell start-up files.\n\
         * Far away, cells whose receiver keeps a small window are measured once; the other sizes and rounds are \
         larger. The delay is that of the program's own proxy.\n\
         * Both konko and russh are tasks of tokio's runtime with several threads, as in a server.",
        settings.rounds,
        taken.as_secs().div_ceil(60),
        stolen.share() * 100.0,
        String::from_utf8_lossy(&openssh).trim(),
        russh_release(),
    )
}

/// The release that `russh-peer` is locked to.
fn russh_release() -> &'static str {
    let lock = include_str!("../russh-peer/Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains("\nname = \"russh\"\n"));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    version.map_or("of unknown release", |version| version.trim_matches('"'))
}
