//! All servers, many at once; what they show is printed in the order in which they were named.

use crate::exit::Failure;
use crate::keyscan::arguments::KeyscanArguments;
use crate::keyscan::report::lines;
use crate::keyscan::scan::{Failed, Question, Scanned, scan};
use crate::keyscan::target::{self, Target};
use crate::notice;
use konko::client::printable;
use std::collections::VecDeque;
use std::io::Read;
use std::path::Path;
use tokio::task::JoinHandle;

/// So many connections are open at once.
const AT_ONCE: usize = 64;
/// A larger list of hosts is not read, in bytes.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// Runs `konko keyscan`.
///
/// # Errors
///
/// [`Failure`]: a file cannot be read, or no server showed a key.
pub fn run(arguments: &KeyscanArguments) -> Result<(), Failure> {
    let targets = targets(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local("no runtime", error))?;
    let found = runtime.block_on(scan_all(arguments, targets));
    runtime.shutdown_background();
    if found? { Ok(()) } else { Err(Failure::Other("no host key was found".into())) }
}

fn targets(arguments: &KeyscanArguments) -> Result<Vec<Target>, Failure> {
    let mut targets = Vec::new();
    let mut add = |line: &str| match target::parse(line) {
        Ok(found) => targets.extend(found),
        Err(error) => notice::tell(format_args!("konko: {error}")),
    };
    for file in &arguments.files {
        let text = read(file).map_err(|error| Failure::local(file.display().to_string(), error))?;
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .for_each(&mut add);
    }
    arguments.hosts.iter().for_each(|host| add(host));
    Ok(targets)
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LARGEST_FILE).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(LARGEST_FILE).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// Whether any key was found.
async fn scan_all(arguments: &KeyscanArguments, targets: Vec<Target>) -> Result<bool, Failure> {
    let mut questions = targets.into_iter().flat_map(|target| {
        arguments.types.iter().map(move |key_type| (target.clone(), Question::new(arguments, *key_type)))
    });
    let mut running: VecDeque<(Target, JoinHandle<Scanned>)> = VecDeque::new();
    let mut found = false;
    let mut unreachable: Option<Target> = None;
    loop {
        while running.len() < AT_ONCE {
            let Some((target, question)) = questions.next() else { break };
            running.push_back((target.clone(), tokio::spawn(scan(target, question))));
        }
        let Some((target, task)) = running.pop_front() else { return Ok(found) };
        let scanned = task.await.map_err(|error| Failure::Other(error.to_string()))?;
        if let Some((name, said)) = &scanned.identification {
            notice::tell(format_args!("# {name}:{} {}", arguments.port, printable(said, false)));
        }
        match (&scanned.identity, &scanned.failure) {
            (Some(identity), _) => match lines(arguments, &target.names, identity) {
                Ok(lines) => {
                    for line in lines {
                        notice::print(line).map_err(|error| Failure::local("standard output", error))?;
                    }
                    found = true;
                }
                Err(error) => notice::tell(format_args!("konko: {error}")),
            },
            // Once is enough for a server that is asked for several types.
            (None, Some(Failed::Unreachable(reason))) if unreachable.as_ref() != Some(&target) => {
                notice::tell(format_args!("{}: {}", target.addresses.join(","), printable(reason, false)));
                unreachable = Some(target);
            }
            (None, Some(Failed::Refused(reason))) if arguments.verbose => {
                notice::tell(format_args!("{}: {}", target.addresses.join(","), printable(reason, false)));
            }
            _ => {}
        }
    }
}
