//! SSH in pure Rust: client, server and the machines beneath them. One crate to depend on.
//!
//! Most programs need [`SshClient`](client::SshClient) or [`Server`](server::Server). Beneath them lie the
//! drivers ([`tokio`], [`blocking`]) and the sans-IO machine they drive ([`transport`]), for programs that bring
//! their own way of waiting.

pub use konko_blocking as blocking;
pub use konko_client as client;
pub use konko_server as server;
pub use konko_tokio as tokio;
pub use konko_transport as transport;

#[cfg(doctest)]
mod readme;
