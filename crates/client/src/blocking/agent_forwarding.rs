//! Agent forwarding, waiting: the channels that the server opens to the user's agent, each with two threads. On Unix
//! only: a pipe of Windows cannot be read and written at once without a runtime.

use crate::agent::error::Error;
use crate::agent::forwarding::{AgentForwarding, forwarding_bind};
use crate::agent::location::environment_agents;
use crate::agent::relay::{Lengths, bind_message};
use crate::agent::source::AgentSource;
use konko_agent::number::MAXIMUM_MESSAGE;
use konko_agent::{AgentError, SessionBind};
use konko_blocking::{Channel, Connection};
use konko_transport::Client;
use konko_transport::channel::{ChannelEvent, OpenQuestion};
use konko_transport::wire::number::OpenFailureReason;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

/// The most bytes that are moved at once.
const PIECE: usize = 16 * 1024;

/// The server wants to open a channel to the agent.
pub(crate) fn open(forwarding: &AgentForwarding, question: OpenQuestion, connection: &Connection<Client>) {
    let (source, place) = match forwarding.claim() {
        Ok(claimed) => claimed,
        Err((reason, description)) => return connection.reject_channel(question, reason, description),
    };
    let bind = connection.with(|transport, _| forwarding_bind(transport));
    let connection = connection.clone();
    let work = move || {
        let _place = place;
        match connect(&source, bind.as_ref()) {
            Ok(agent) => {
                let channel = connection.accept_channel(question);
                drop(connection);
                channel.discard_stderr();
                if let Err(error) = relay(&channel, &agent) {
                    tracing::debug!(%error, "a channel to the agent has ended");
                }
                channel.close();
            }
            Err(error) => {
                tracing::warn!(%error, "the agent cannot be forwarded");
                connection.reject_channel(question, OpenFailureReason::CONNECT_FAILED, "no agent");
            }
        }
    };
    // A question that is dropped with the thread is refused.
    if let Err(error) = spawn("konko-agent-channel", work) {
        tracing::warn!(%error, "the agent cannot be forwarded");
    }
}

fn connect(source: &AgentSource, bind: Option<&SessionBind>) -> Result<UnixStream, Error> {
    let agent = match source {
        AgentSource::Environment => {
            let path = environment_agents()?.into_iter().next().ok_or(Error::NoAgent)?;
            UnixStream::connect(&path).map_err(|error| Error::Connect { path, error })?
        }
        AgentSource::Path(path) => {
            let path = path.clone();
            UnixStream::connect(&path).map_err(|error| Error::Connect { path, error })?
        }
        AgentSource::Local(agent) => {
            let pair = UnixStream::pair().and_then(|(ours, theirs)| {
                theirs.set_nonblocking(true)?;
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let agent = agent.clone();
                let work = move || {
                    runtime.block_on(async {
                        if let Ok(stream) = tokio::net::UnixStream::from_std(theirs)
                            && let Err(error) = agent.serve_stream(stream).await
                        {
                            tracing::debug!(%error, "a connection within the process has ended");
                        }
                    });
                };
                spawn("konko-agent", work)?;
                Ok(ours)
            });
            pair.map_err(|error| Error::Local { what: "cannot serve the agent in this process", error })?
        }
    };
    if let Some(bind) = bind {
        tell(&agent, bind)?;
    }
    Ok(agent)
}

/// Tells the agent that what follows comes from another host, and waits for its answer, whatever it is.
fn tell(mut agent: &UnixStream, bind: &SessionBind) -> Result<(), Error> {
    let lost = |error| Error::Local { what: "the connection to the agent is lost", error };
    agent.write_all(&bind_message(bind)).map_err(lost)?;
    let mut length = [0; 4];
    agent.read_exact(&mut length).map_err(lost)?;
    let length = u32::from_be_bytes(length);
    if length == 0 || length as usize > MAXIMUM_MESSAGE {
        return Err(AgentError::LimitExceeded("a message of no bytes, or of more than 256 KiB").into());
    }
    let read = io::copy(&mut agent.take(length.into()), &mut io::sink()).map_err(lost)?;
    if read < u64::from(length) {
        return Err(AgentError::Closed.into());
    }
    Ok(())
}

/// Carries bytes both ways until the agent has ended, or the channel.
fn relay(channel: &Channel, agent: &UnixStream) -> io::Result<()> {
    let events = channel.clone();
    spawn("konko-agent-events", move || refuse_requests(&events))?;
    let (requests, to_agent) = (channel.clone(), agent.try_clone()?);
    let asking = move || {
        let asked = carry(&requests, &to_agent);
        // After the last request there is the last answer; after nonsense there is none.
        let ended = if asked.is_ok() { Shutdown::Write } else { Shutdown::Both };
        if let Err(error) = asked.and_then(|()| to_agent.shutdown(ended)) {
            tracing::debug!(%error, "the server asks the agent no more");
            drop(to_agent.shutdown(Shutdown::Both));
        }
    };
    spawn("konko-agent-requests", asking)?;
    let answered = carry(agent, channel);
    drop(agent.shutdown(Shutdown::Both));
    answered
}

/// Returns when the channel has closed.
fn refuse_requests(channel: &Channel) {
    while let Ok(Some(event)) = channel.next_event(None) {
        if let ChannelEvent::Request(question) = event {
            channel.answer(question, false);
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

fn carry(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut lengths = Lengths::default();
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece)?;
        let bytes = piece.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        lengths.check(bytes).map_err(io::Error::other)?;
        to.write_all(bytes)?;
    }
}
