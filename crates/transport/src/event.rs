//! What a connection tells its application. Events are small and owned; data and a channel's own events are
//! fetched through the channel.

use bytes::Bytes;
use konko_channel::identifier::{ChannelId, RequestId};
use konko_channel::open::OpenQuestion;
use konko_channel::request::GlobalQuestion;
use konko_packet::extensions::PeerExtensions;
use konko_packet::received::{HostKeyQuestion, SignatureQuestion};
use konko_packet::rekey::RekeyReason;
use konko_userauth::{ClientAuthEvent, ServerAuthEvent};
use konko_wire::number::DisconnectReason;

/// What either side may be told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// New keys are in use in both directions.
    KeysChanged {
        /// Whether these are the first ones.
        first: bool,
        /// Why they were changed.
        reason: RekeyReason,
    },
    /// The peer named its extensions (RFC 8308).
    Extensions(PeerExtensions),
    /// Authentication is complete; channels may be opened.
    Authenticated,
    /// Something happened to a channel: look at its own events.
    Channel(ChannelId),
    /// The peer wants to open a channel.
    OpenRequested(OpenQuestion),
    /// The peer asks something of the connection.
    GlobalRequest(GlobalQuestion),
    /// The answer to a global request of ours; `None` if it was refused.
    GlobalReply {
        /// Which request.
        id: RequestId,
        /// The data of the reply.
        reply: Option<Bytes>,
    },
    /// The answer to a ping (OpenSSH).
    Pong(Bytes),
    /// The peer ended the connection in an orderly way.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
        /// In the peer's words, made safe to show.
        description: String,
    },
}

/// What a client is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// What either side may be told.
    Common(Event),
    /// Is this the right host key? Nothing secret is sent before it is accepted.
    HostKey(HostKeyQuestion),
    /// Authentication.
    Auth(ClientAuthEvent),
}

impl From<Event> for ClientEvent {
    fn from(event: Event) -> Self {
        Self::Common(event)
    }
}

/// What a server is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent {
    /// What either side may be told.
    Common(Event),
    /// A signature by an external host key is wanted.
    SignatureWanted(SignatureQuestion),
    /// Authentication.
    Auth(ServerAuthEvent),
}

impl From<Event> for ServerEvent {
    fn from(event: Event) -> Self {
        Self::Common(event)
    }
}
