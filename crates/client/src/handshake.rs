//! From a fresh connection to the first keys: the host key is judged on the way. It does not matter here how the
//! connection is driven.

use crate::error::{Error, Phase};
use crate::known_hosts_files::HostName;
use crate::options::ClientOptions;
use konko_transport::keys::public_key::PublicKey;
use konko_transport::{Client, ClientEvent, Event, Transport};
use std::future::Future;
use std::time::Instant;

/// A connection, however it is driven.
pub(crate) trait Handshake: Sync {
    /// The next event; `None` after the end.
    fn next_event(&self) -> impl Future<Output = Option<ClientEvent>> + Send;

    /// Gives a command to the machine.
    fn with<R>(&self, command: impl FnOnce(&mut Transport<Client>, Instant) -> R) -> R;

    /// Why it ended, if it has.
    fn ended(&self, phase: Phase) -> Option<Error>;
}

impl Handshake for konko_tokio::Connection<Client> {
    fn next_event(&self) -> impl Future<Output = Option<ClientEvent>> + Send {
        Self::next_event(self)
    }

    fn with<R>(&self, command: impl FnOnce(&mut Transport<Client>, Instant) -> R) -> R {
        Self::with(self, command)
    }

    fn ended(&self, phase: Phase) -> Option<Error> {
        self.error().map(|error| Error::of(error, phase))
    }
}

/// Blocks the thread that polls it, which is the caller's own.
impl Handshake for konko_blocking::Connection<Client> {
    async fn next_event(&self) -> Option<ClientEvent> {
        Self::next_event(self, None).ok().flatten()
    }

    fn with<R>(&self, command: impl FnOnce(&mut Transport<Client>, Instant) -> R) -> R {
        Self::with(self, command)
    }

    fn ended(&self, phase: Phase) -> Option<Error> {
        self.error().map(|error| Error::of_blocking(error, phase))
    }
}

/// Why there are no more events.
pub(crate) fn closed(connection: &impl Handshake, phase: Phase) -> Error {
    connection.ended(phase).unwrap_or(Error::Closed { phase, report: None })
}

/// Waits for the first keys, and returns the host key that was accepted.
pub(crate) async fn exchange_keys(
    connection: &impl Handshake,
    name: &HostName,
    options: &ClientOptions,
) -> Result<PublicKey, Error> {
    let mut accepted = None;
    loop {
        match connection.next_event().await {
            Some(ClientEvent::HostKey(question)) => {
                let host_key = question.host_key.clone();
                let verified = match &question.certificate {
                    Some(certificate) => options.host_keys.verify_certificate(name, certificate).await,
                    None => options.host_keys.verify(name, &host_key).await,
                };
                if let Err(error) = verified {
                    connection.with(|transport, now| transport.reject_host_key(question, now));
                    return Err(error);
                }
                let answered = connection.with(|transport, now| transport.accept_host_key(question, now));
                answered.map_err(|error| Error::of_transport(error, Phase::KeyExchange))?;
                accepted = Some(host_key);
            }
            Some(ClientEvent::Common(Event::KeysChanged { first: true, .. })) => {
                return accepted.ok_or(Error::Options("keys are in use without a host key"));
            }
            Some(event) => tracing::trace!(?event, "nothing to do"),
            None => return Err(closed(connection, Phase::KeyExchange)),
        }
    }
}
