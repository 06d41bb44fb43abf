//! The connection protocol of RFC 4254, named after what it holds: channels, windows, requests.
//!
//! [`Channels`] is all of it, for either side of a connection. Payloads go in, messages come out by a
//! [`MessageSink`](konko_wire::encode::MessageSink), and [`ConnectionEvent`] and [`ChannelEvent`] say what happened.
//! It knows no socket, clock or key, decides nothing about who may do what, and queues no outgoing data: `write`
//! takes what can be sent. What comes in is bounded by the windows and by [`ChannelConfig`].

pub mod config;
pub mod error;
pub mod identifier;
pub mod stream;
mod window;
mod chunks;
mod state;
mod reply;
mod incoming;
mod gather;
pub mod request;
pub mod open;
pub mod event;
pub mod channel;
mod global;
mod accounts;
pub mod channels;

#[cfg(test)]
mod tests;

pub use channel::Channel;
pub use channels::Channels;
pub use config::{ChannelConfig, OpenOptions};
pub use error::ChannelError;
pub use event::{ChannelEvent, ConnectionEvent};
pub use identifier::{ChannelId, RequestId};
pub use open::{ChannelKind, OpenQuestion};
pub use request::{ChannelRequest, ChannelRequestQuestion, GlobalQuestion};
pub use stream::{Progress, STDERR, Stream};
