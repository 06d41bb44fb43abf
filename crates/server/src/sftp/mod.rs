//! SFTP for the clients of a server: files are served in this process.

pub mod logged;
pub mod options;
mod batch;
pub mod session;
pub mod streams;

pub use konko_sftp as protocol;
