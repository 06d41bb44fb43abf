//! `-O`: copies by the protocol of scp.

use crate::exit::Failure;
use crate::notice::tell;
use crate::progress::display::{Display, Step};
use crate::scp::arguments::ScpArguments;
use konko::client::SshClient;
use konko::client::scp::{Scp, ScpError, ScpOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How files are copied.
fn scp(client: &SshClient, arguments: &ScpArguments, display: &Display) -> Scp {
    let mut options = ScpOptions::default();
    options.recursive = arguments.recursive;
    options.preserve = arguments.preserve;
    options.patterns = true;
    options.any_name = arguments.trusts_names;
    options.limit = arguments.limit;
    // Whoever copies sees for himself that nothing moves.
    options.stall = None;
    if display.shows() {
        let display = display.clone();
        options.progress = Some(Arc::new(move |progress| {
            display.step(&Step {
                name: progress.name,
                size: Some(progress.size),
                transferred: progress.transferred,
                is_finished: progress.is_finished,
            });
        }));
    }
    client.scp().with_options(options)
}

fn failed(error: ScpError) -> Failure {
    match error {
        ScpError::Incomplete(report) => {
            let (last, others) = match report.failures.split_last() {
                Some(split) => split,
                None => return Failure::Other("not everything was copied".to_owned()),
            };
            for failure in others {
                tell(&failure.reason);
            }
            Failure::Other(last.reason.clone())
        }
        error => Failure::Other(error.to_string()),
    }
}

/// Copies to here.
pub(super) async fn download(
    client: &SshClient,
    arguments: &ScpArguments,
    display: &Display,
    source: &[u8],
    target: &Path,
) -> Result<(), Failure> {
    scp(client, arguments, display).get(source, target).await.map(|_| ()).map_err(failed)
}

/// Copies from here.
pub(super) async fn upload(
    client: &SshClient,
    arguments: &ScpArguments,
    display: &Display,
    sources: Vec<PathBuf>,
    target: &[u8],
    into_directory: bool,
) -> Result<(), Failure> {
    let scp = scp(client, arguments, display);
    let done = match sources.as_slice() {
        [source] if !into_directory => scp.put(source, target).await,
        _ => scp.put_into(sources, target).await,
    };
    done.map(|_| ()).map_err(failed)
}

/// Copies between two other computers.
pub(super) async fn relay(
    (origin, other): (&SshClient, &SshClient),
    arguments: &ScpArguments,
    display: &Display,
    (source, target): (&[u8], &[u8]),
) -> Result<(), Failure> {
    let relayed = scp(origin, arguments, display).relay(source, other, target).await;
    relayed.map(|_| ()).map_err(failed)
}
