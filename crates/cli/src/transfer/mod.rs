//! What `konko scp` and `konko sftp` share: where files are, flags that ssh(1) has too, the connection.

pub mod location;
pub mod flags;
pub mod connection;
pub mod session;
pub mod crowd;
