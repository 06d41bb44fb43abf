//! Bytes between a client of a forwarded agent and the agent. Only their lengths are looked at: the other side is a
//! host that should not be able to make this one, or the agent, hold more than a message has.

use crate::agent::error::Error;
use crate::agent::location::AgentStream;
use konko_agent::number::MAXIMUM_MESSAGE;
use konko_agent::request::Request;
use konko_agent::{AgentError, SESSION_BIND, SessionBind};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The most bytes that are moved at once.
const PIECE: usize = 16 * 1024;
/// The length field of a message.
const HEADER: usize = 4;

/// Tells the agent that what follows comes from another host (PROTOCOL.agent §1), and waits for its answer. An agent
/// that knows no bindings says no; that is none of our business.
pub(crate) async fn bind(agent: &mut Box<dyn AgentStream>, bind: &SessionBind) -> Result<(), Error> {
    let lost = |error| Error::Local { what: "the connection to the agent is lost", error };
    agent.write_all(&bind_message(bind)).await.map_err(lost)?;
    let length = agent.read_u32().await.map_err(lost)?;
    if length == 0 || length as usize > MAXIMUM_MESSAGE {
        return Err(AgentError::LimitExceeded("a message of no bytes, or of more than 256 KiB").into());
    }
    let mut answer = agent.take(u64::from(length));
    let read = tokio::io::copy(&mut answer, &mut tokio::io::sink()).await.map_err(lost)?;
    if read < u64::from(length) {
        return Err(AgentError::Closed.into());
    }
    Ok(())
}

/// The request that binds, under its length.
pub(crate) fn bind_message(bind: &SessionBind) -> Vec<u8> {
    let mut message = vec![0; HEADER];
    let contents = bind.to_bytes();
    Request::Extension { name: SESSION_BIND.as_bytes(), contents: &contents }.encode(&mut message);
    let length = u32::try_from(message.len() - HEADER).unwrap_or(u32::MAX).to_be_bytes();
    message[..HEADER].copy_from_slice(&length);
    message
}

/// Carries bytes both ways until one side has ended: after the last request there is the last answer.
pub(crate) async fn relay(
    client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    agent: Box<dyn AgentStream>,
) -> io::Result<()> {
    let (from_agent, to_agent) = tokio::io::split(agent);
    let (from_client, to_client) = client;
    let mut asking = std::pin::pin!(carry(from_client, to_agent));
    let mut answering = std::pin::pin!(carry(from_agent, to_client));
    let mut asked = false;
    loop {
        tokio::select! {
            asked_all = &mut asking, if !asked => {
                asked_all?;
                asked = true;
            }
            answered = &mut answering => return answered,
        }
    }
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut lengths = Lengths::default();
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).await?;
        let bytes = piece.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        lengths.check(bytes).map_err(io::Error::other)?;
        to.write_all(bytes).await?;
        to.flush().await?;
    }
}

/// Where in a sequence of messages a stream is.
#[derive(Debug, Default)]
pub(crate) struct Lengths {
    header: [u8; HEADER],
    /// How much of the header is there.
    known: usize,
    /// How much of the message is still to come.
    missing: usize,
}

impl Lengths {
    /// Follows the stream; an error for a length that no message has.
    pub(crate) fn check(&mut self, mut bytes: &[u8]) -> Result<(), AgentError> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.missing > 0 {
                let (_, behind) = bytes.split_at(self.missing.min(bytes.len()));
                self.missing -= bytes.len() - behind.len();
                bytes = behind;
                continue;
            }
            self.header[self.known] = *first;
            self.known += 1;
            bytes = rest;
            if self.known == HEADER {
                self.known = 0;
                self.missing = match u32::from_be_bytes(self.header) as usize {
                    0 => return Err(AgentError::PeerMisbehaved("a message of no bytes")),
                    length @ 1..=MAXIMUM_MESSAGE => length,
                    _ => return Err(AgentError::LimitExceeded("a message of more than 256 KiB")),
                };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: E11
    #[test]
    fn lengths_are_checked_wherever_the_pieces_end() {
        let stream =
            [&[0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 1, 9][..], &[0, 4, 0, 0], &vec![7; 256 * 1024]].concat();
        for size in [1, 2, 3, 5, 7, 4096, stream.len()] {
            let mut lengths = Lengths::default();
            for piece in stream.chunks(size) {
                lengths.check(piece).expect("messages");
            }
            assert_eq!((lengths.known, lengths.missing), (0, 0), "{size}");
            assert!(lengths.check(&[0, 0, 0, 0]).is_err());
        }
        assert!(Lengths::default().check(&[0, 4, 0, 1]).is_err());
        assert!(Lengths::default().check(&[255; 4]).is_err());
    }

    #[tokio::test]
    async fn a_relay_ends_with_the_last_answer() {
        let (mut client, ours) = tokio::io::duplex(64);
        let (agent, mut theirs) = tokio::io::duplex(64);
        let relayed = tokio::spawn(relay(tokio::io::split(ours), Box::new(agent)));
        client.write_all(&[0, 0, 0, 1, 11]).await.expect("written");
        client.shutdown().await.expect("shut down");
        let mut request = Vec::new();
        theirs.read_to_end(&mut request).await.expect("a request");
        assert_eq!(request, [0, 0, 0, 1, 11]);
        theirs.write_all(&[0, 0, 0, 1, 5]).await.expect("written");
        drop(theirs);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("an answer");
        assert_eq!(answer, [0, 0, 0, 1, 5]);
        relayed.await.expect("no panic").expect("the end");
    }
}
