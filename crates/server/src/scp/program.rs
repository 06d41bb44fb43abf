//! The program that a session runs in place of the machine's own `scp`.

use crate::program::{Exit, Program, SessionStream};
use crate::scp::receive::Receiver;
use crate::scp::send::Sender;
use crate::scp::wire::{Fault, Wire};
use konko_scp::{Direction, ScpCommand};
use konko_sftp::server::filesystem::Filesystem;
use konko_tokio::ChannelWriter;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The exit status of an `scp` that did not transfer everything.
const INCOMPLETE: u32 = 1;

/// How `scp` is served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScpServerOptions {
    /// How long a client may neither send nor take anything; for ever by default, as its connection's keepalive
    /// ends one that is gone.
    pub stall: Option<Duration>,
}

/// The program that answers `scp -t` or `scp -f` from a file system. Paths are those of the file system; relative
/// ones begin where its sessions start.
///
/// It needs a thread of its own while it runs, as file systems block.
pub fn scp_program<S: Filesystem>(
    command: ScpCommand,
    filesystem: Arc<S>,
    options: ScpServerOptions,
) -> Program {
    Program::new(move |stream| serve(command, filesystem, options, stream))
}

async fn serve<S: Filesystem>(
    command: ScpCommand,
    filesystem: Arc<S>,
    options: ScpServerOptions,
    stream: SessionStream,
) -> Exit {
    let SessionStream { input, output, mut error_output, mut controls, .. } = stream;
    let (sender, ended) = oneshot::channel();
    let mut wire = Wire { runtime: Handle::current(), input, output, stall: options.stall };
    let spawned = std::thread::Builder::new().name("konko-scp".to_owned()).spawn(move || {
        let served = converse(&command, &*filesystem, &mut wire);
        // The session may have ended meanwhile.
        drop(sender.send(served));
    });
    if let Err(error) = spawned {
        tracing::warn!(target: "konko::serve", %error, "no thread can be made for scp");
        return Exit::Status(INCOMPLETE);
    }
    tokio::pin!(ended);
    let served = loop {
        tokio::select! {
            served = &mut ended => break served,
            control = controls.next() => match control {
                Some(control) => control.answer(false),
                // The thread finds the channel closed.
                None => break ended.await,
            },
        }
    };
    match served {
        Ok(Ok(true)) => Exit::Status(0),
        Ok(Ok(false)) => Exit::Status(INCOMPLETE),
        Ok(Err(fault)) => {
            tracing::debug!(target: "konko::serve", %fault, "scp ends early");
            say(&mut error_output, &fault).await;
            Exit::Status(INCOMPLETE)
        }
        Err(_) => Exit::Unknown,
    }
}

fn converse<S: Filesystem>(command: &ScpCommand, filesystem: &S, wire: &mut Wire) -> Result<bool, Fault> {
    match command.direction {
        Direction::Sink => Receiver::new(filesystem, command).run(wire, command.directory),
        Direction::Source => Sender::new(filesystem, command).run(wire, &command.paths),
    }
}

async fn say(error_output: &mut ChannelWriter, fault: &Fault) {
    let line = format!("scp: {fault}\n");
    if let Err(error) = error_output.write_all(line.as_bytes()).await {
        tracing::debug!(%error, "nobody is left to be told of an error");
    }
}
