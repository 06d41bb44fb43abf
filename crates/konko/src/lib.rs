//! SSH in pure Rust: client, server and the machines beneath them. One crate to depend on.
//!
//! Most programs need [`SshClient`](client::SshClient) or [`Server`](server::Server). Beneath them lie the
//! drivers ([`tokio`], [`blocking`]) and the sans-IO machine they drive ([`transport`]), for programs that bring
//! their own way of waiting; beside it the machines of [`sftp`], [`scp`] and [`agent`], the files that SFTP serves
//! ([`filesystem`]), [`keys`], whom to believe ([`trust`]) and ssh_config ([`config`]).

pub use konko_agent as agent;
pub use konko_blocking as blocking;
pub use konko_client as client;
pub use konko_config as config;
pub use konko_filesystem as filesystem;
pub use konko_keys as keys;
pub use konko_pattern as pattern;
pub use konko_scp as scp;
pub use konko_server as server;
pub use konko_sftp as sftp;
pub use konko_tokio as tokio;
pub use konko_transport as transport;
pub use konko_trust as trust;

#[cfg(doctest)]
mod readme;
