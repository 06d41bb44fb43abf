//! SFTP as machines on a byte stream: client, server, transfers.
//!
//! The SSH File Transfer Protocol in its version 3 (draft-ietf-secsh-filexfer-02), as nearly everybody speaks it,
//! with OpenSSH's extensions. The machines own no socket, channel, clock, task or file.
//!
//! The client speaks versions 4–6 as well, with servers that offer nothing else. Whoever drives it
//!
//! 1. gives it what arrived ([`handle_chunk`](client::SftpClient::handle_chunk)), at its end the end,
//! 2. drains its events ([`poll_event`](client::SftpClient::poll_event)), which say for which
//!    [lane](ticket::Lane) an answer is there,
//! 3. lets whoever owns the lane go on: take a [reply](client::SftpClient::reply) for its ticket, or turn the
//!    transfer that stands on it ([`Download`](download::Download), [`Upload`](upload::Upload),
//!    [`ReadDir`](read_dir::ReadDir)),
//! 4. sends what there is to send, and begins again.
//!
//! ```
//! use std::time::Instant;
//!
//! use bytes::Bytes;
//! use konko_sansio::Machine;
//! use konko_sftp::client::{Event, SftpClient};
//! use konko_sftp::message::request::Stat;
//!
//! # fn example() -> Result<(), konko_sftp::error::Error> {
//! let (mut client, now) = (SftpClient::default(), Instant::now());
//! assert_eq!(client.output(), [0, 0, 0, 5, 1, 0, 0, 0, 3]);
//! client.consume_output(9);
//! client.handle_chunk(now, Bytes::from_static(&[0, 0, 0, 5, 2, 0, 0, 0, 3]))?;
//! assert_eq!(client.poll_event(), Some(Event::Ready));
//! let lane = client.open_lane();
//! let ticket = client.request(now, lane, &Stat { path: b"/etc" })?;
//! let mut answer = vec![0, 0, 0, 13, 105];
//! answer.extend_from_slice(&ticket.id().to_be_bytes());
//! answer.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0o100, 0o355]);
//! client.handle_chunk(now, Bytes::from(answer))?;
//! let metadata = client.reply(&ticket).expect("an answer")?;
//! assert!(metadata.is_dir());
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```

pub mod message;
pub mod text;
pub mod error;
pub mod metadata;
pub mod attributes_v4;
pub mod limits;
pub mod config;
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
