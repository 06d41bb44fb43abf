//! One SSH connection as a sans-IO machine: [`Transport<Client>`](Transport) and [`Transport<Server>`](Transport).
//!
//! A `Transport` composes the three protocols of RFC 4251, which do not know each other: the binary packet
//! protocol (`konko-packet`), user authentication (`konko-userauth`) and channels (`konko-channel`). It holds no
//! socket, clock, task or waker. Whoever drives it runs this loop:
//!
//! 1. write [`output`](konko_sansio::Machine::output) to the peer and
//!    [`consume`](konko_sansio::Machine::consume_output) what was written;
//! 2. read from the peer into [`input_buf`](konko_sansio::Machine::input_buf), unless it is empty;
//! 3. tell the machine with [`handle_input`](konko_sansio::Machine::handle_input) (or
//!    [`handle_eof`](konko_sansio::Machine::handle_eof));
//! 4. when [`poll_timeout`](konko_sansio::Machine::poll_timeout) has come, call
//!    [`handle_timeout`](konko_sansio::Machine::handle_timeout);
//! 5. drain [`poll_event`](Transport::poll_event): each event is small and owned, and a channel's own events
//!    and data are fetched through [`channel`](Transport::channel);
//! 6. give commands and answers.
//!
//! **After any call that takes `&mut self`, drain `poll_event`, then `output`, then read `poll_timeout`.**
//!
//! Questions that only the application can answer (is this host key right? may this user in?) are owned tokens:
//! they come up in an event and go down again by value, at any later time and from any task.

pub mod error;
pub mod keepalive;
mod window_probe;
mod window_growth;
pub mod config;
pub mod event;
pub mod dispatch;
pub mod side;
pub mod channel_mut;
pub mod replies;
pub mod slot;
pub mod transport;
mod rest;
pub mod client;
pub mod host_key_proof;
pub mod server;

pub use channel_mut::ChannelMut;
pub use client::Client;
pub use config::{ClientConfig, HostKey, ServerConfig};
pub use error::{Error, Timer};
pub use event::{ClientEvent, Event, ServerEvent};
pub use server::Server;
pub use side::Side;
pub use transport::Transport;

pub use konko_channel as channel;
pub use konko_crypto as crypto;
pub use konko_keys as keys;
pub use konko_packet as packet;
pub use konko_userauth as userauth;
pub use konko_wire as wire;
