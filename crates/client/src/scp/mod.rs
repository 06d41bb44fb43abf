//! Files by the protocol of scp, for servers without SFTP: old ones, small ones, network devices.
//!
//! ```no_run
//! # async fn example(client: konko_client::SshClient) -> Result<(), konko_client::scp::ScpError> {
//! let scp = client.scp();
//! scp.put("report.pdf", "incoming/").await?;
//! let log = scp.read("/var/log/boot.log", 1 << 20).await?;
//! # drop(log);
//! # Ok(())
//! # }
//! ```
//!
//! The server runs its own `scp`. What it sends is believed no further than it was asked for: names are checked,
//! nothing is written outside the target, and a file stands at its name only when it is whole.

pub mod report;
pub mod options;
pub mod error;
pub(crate) mod wire;
mod pace;
pub(crate) mod target;
mod progress;
pub(crate) mod transfer;
pub(crate) mod download;
pub(crate) mod upload;
mod relay;
mod remote;
pub mod face;

pub use error::ScpError;
pub use face::Scp;
pub use konko_scp::expected::matches as matches_pattern;
pub use konko_scp::words::quote as quote_word;
pub use options::ScpOptions;
pub use report::{FileFailure, ScpProgress, ScpReport};
