//! What a client has asked a server to forward, and where what comes in goes to. What nobody asked for is refused.

use konko_tokio::{Channel, Connection};
use konko_transport::Client;
use konko_transport::channel::{ChannelKind, OpenQuestion};
use konko_transport::wire::number::OpenFailureReason;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// How many connections may wait to be fetched, of each forwarding.
const MAXIMUM_WAITING: usize = 64;
/// How many opens may wait until the server has told which port it chose.
const MAXIMUM_EARLY: usize = 16;

/// What the server listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RemoteTarget {
    Tcp { address: String, port: u16 },
    Streamlocal { path: Vec<u8> },
}

impl RemoteTarget {
    /// Whether an open is for it. A server may name the address it listens on in its own way.
    fn matches(&self, kind: &ChannelKind) -> bool {
        match (self, kind) {
            (Self::Tcp { address, port }, ChannelKind::ForwardedTcpip { address: named, port: at, .. }) => {
                port == at && same_address(address, named)
            }
            (Self::Streamlocal { path }, ChannelKind::ForwardedStreamlocal { socket_path }) => {
                path == socket_path
            }
            _ => false,
        }
    }

    fn is_port_unknown(&self) -> bool {
        matches!(self, Self::Tcp { port: 0, .. })
    }
}

impl std::fmt::Display for RemoteTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { address, port } => write!(f, "[{address}]:{port}"),
            Self::Streamlocal { path } => f.write_str(&String::from_utf8_lossy(path)),
        }
    }
}

/// RFC 4254 §7.1 gives some addresses a meaning: all of them, or those of the loopback interface.
fn same_address(ours: &str, named: &str) -> bool {
    let class = |address: &str| match address {
        "" | "*" | "0.0.0.0" | "::" => 1,
        "localhost" | "127.0.0.1" | "::1" => 2,
        _ => 0,
    };
    ours == named || (class(ours) != 0 && class(ours) == class(named))
}

/// Somebody connected to what is forwarded.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) channel: Channel,
    /// Who connected, as the server says; nothing for Unix sockets.
    pub(crate) originator: Option<(String, u32)>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    target: RemoteTarget,
    sender: mpsc::Sender<Arrived>,
    /// Opens that came before the server has told which port it chose.
    early: Vec<OpenQuestion>,
}

#[derive(Debug, Default)]
struct Entries {
    next_id: u64,
    entries: Vec<Entry>,
}

/// All forwardings of one connection.
#[derive(Debug, Default)]
pub(crate) struct RemoteTargets(Mutex<Entries>);

impl RemoteTargets {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Expects connections to `target` from now on. `None` if it is expected already. Of port 0 there may be
    /// several, but only one at a time that has not been told its port.
    pub(crate) fn expect(&self, target: RemoteTarget) -> Option<(u64, mpsc::Receiver<Arrived>)> {
        let mut entries = self.lock();
        if entries.entries.iter().any(|entry| entry.target == target) {
            return None;
        }
        let id = entries.next_id;
        entries.next_id += 1;
        let (sender, receiver) = mpsc::channel(MAXIMUM_WAITING);
        entries.entries.push(Entry { id, target, sender, early: Vec::new() });
        Some((id, receiver))
    }

    /// The server has told which port it chose.
    pub(crate) fn port_chosen(&self, id: u64, chosen: u16, connection: &Connection<Client>) {
        let early = {
            let mut entries = self.lock();
            let Some(entry) = entries.entries.iter_mut().find(|entry| entry.id == id) else { return };
            if let RemoteTarget::Tcp { port, .. } = &mut entry.target {
                *port = chosen;
            }
            std::mem::take(&mut entry.early)
        };
        for question in early {
            self.open(question, connection);
        }
    }

    /// Expects no more connections.
    pub(crate) fn forget(&self, id: u64, connection: &Connection<Client>) {
        let early = {
            let mut entries = self.lock();
            let index = entries.entries.iter().position(|entry| entry.id == id);
            index.map(|index| entries.entries.swap_remove(index).early).unwrap_or_default()
        };
        for question in early {
            refuse(question, connection);
        }
    }

    /// The server wants to open a channel: it is passed to whoever asked for it, or refused.
    pub(crate) fn open(&self, question: OpenQuestion, connection: &Connection<Client>) {
        let mut entries = self.lock();
        if let Some(entry) = entries.entries.iter().find(|entry| entry.target.matches(question.kind())) {
            let sender = entry.sender.clone();
            drop(entries);
            return pass(question, &sender, connection);
        }
        let is_tcp = matches!(question.kind(), ChannelKind::ForwardedTcpip { .. });
        let unknown = entries.entries.iter_mut().find(|entry| entry.target.is_port_unknown());
        if let Some(entry) = unknown.filter(|entry| is_tcp && entry.early.len() < MAXIMUM_EARLY) {
            entry.early.push(question);
            return;
        }
        drop(entries);
        refuse(question, connection);
    }
}

fn pass(question: OpenQuestion, sender: &mpsc::Sender<Arrived>, connection: &Connection<Client>) {
    let originator = match question.kind() {
        ChannelKind::ForwardedTcpip { originator_address, originator_port, .. } => {
            Some((originator_address.clone(), *originator_port))
        }
        _ => None,
    };
    match sender.try_reserve() {
        Ok(permit) => permit.send(Arrived { channel: connection.accept_channel(question), originator }),
        Err(mpsc::error::TrySendError::Full(())) => {
            let why = "too many connections are waiting";
            connection.reject_channel(question, OpenFailureReason::RESOURCE_SHORTAGE, why);
        }
        Err(mpsc::error::TrySendError::Closed(())) => refuse(question, connection),
    }
}

/// A server that opens what was not asked for wants something that it should not get: our network, our display,
/// our agent.
fn refuse(question: OpenQuestion, connection: &Connection<Client>) {
    tracing::debug!(
        kind = question.kind().channel_type(),
        "the server opens a channel that was not asked for"
    );
    connection.reject_channel(question, OpenFailureReason::ADMINISTRATIVELY_PROHIBITED, "not asked for");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(address: &str, port: u16) -> ChannelKind {
        ChannelKind::ForwardedTcpip {
            address: address.into(),
            port,
            originator_address: "192.0.2.1".into(),
            originator_port: 1,
        }
    }

    /// covers: H21
    #[test]
    fn only_what_was_asked_for_matches() {
        let target = |address: &str| RemoteTarget::Tcp { address: address.into(), port: 8080 };
        for (asked, named, matches) in [
            ("localhost", "localhost", true),
            ("localhost", "127.0.0.1", true),
            ("", "0.0.0.0", true),
            ("*", "::", true),
            ("", "localhost", false),
            ("localhost", "0.0.0.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
        ] {
            assert_eq!(target(asked).matches(&forwarded(named, 8080)), matches, "{asked} {named}");
            assert!(!target(asked).matches(&forwarded(named, 8081)));
        }
        let path = |path: &str| ChannelKind::ForwardedStreamlocal { socket_path: path.into() };
        let socket = RemoteTarget::Streamlocal { path: b"/run/a".to_vec() };
        assert!(socket.matches(&path("/run/a")));
        assert!(!socket.matches(&path("/run/b")));
        assert!(!socket.matches(&forwarded("/run/a", 0)));
        assert!(!target("").matches(&ChannelKind::Session));
    }

    #[test]
    fn the_same_is_not_forwarded_twice() {
        let targets = RemoteTargets::default();
        let target = RemoteTarget::Tcp { address: String::new(), port: 80 };
        assert!(targets.expect(target.clone()).is_some());
        assert!(targets.expect(target).is_none());
        assert!(targets.expect(RemoteTarget::Tcp { address: String::new(), port: 81 }).is_some());
    }
}
