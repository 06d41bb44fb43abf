//! SFTP as machines on a byte stream: client, server, transfers.
//!
//! The SSH File Transfer Protocol in its version 3 (draft-ietf-secsh-filexfer-02), as nearly everybody speaks it,
//! with OpenSSH's extensions. The machines own no socket, channel, clock, task or file.

pub mod message;
pub mod text;
pub mod error;
pub mod metadata;
pub mod attributes_v4;
pub mod config;
pub mod limits;
pub mod incoming;
mod outgoing;
pub mod ticket;
pub mod answer;
pub mod call;
mod pending;
mod lanes;
mod pace;
pub mod client;
pub mod download;
pub mod upload;
pub mod read_dir;
#[cfg(test)]
mod client_tests;
pub mod server;
