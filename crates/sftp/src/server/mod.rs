//! The server as a machine. It owns no file: what it wants to know of files it asks, and a [`Filesystem`] answers.
//!
//! [`Filesystem`]: filesystem::Filesystem
//!
//! ```
//! # use konko_sftp::server::{config::ServerConfig, error::ServerError, filesystem::Filesystem, machine::SftpServer};
//! # use konko_sftp::server::cancellation::Cancellation;
//! fn answer_all<S: Filesystem>(
//!     server: &mut SftpServer<S::File, S::Directory>,
//!     filesystem: &S,
//! ) -> Result<(), ServerError> {
//!     while let Some(question) = server.next_question()? {
//!         if let Some(slow) = server.serve(question, filesystem) {
//!             let answer = slow.perform(filesystem, &Cancellation::default());
//!             server.answer_slow(answer);
//!         }
//!     }
//!     Ok(())
//! }
//! ```

pub mod error;
pub mod failure;
pub mod cancellation;
pub mod long_name;
pub mod filesystem;
pub mod handles;
pub mod ticket;
pub mod answer;
pub mod question;
pub mod request_name;
mod scope;
mod input;
mod output;
pub mod config;
mod check_file;
pub mod machine;
mod asking;
pub mod serve;
#[cfg(test)]
mod tests;
