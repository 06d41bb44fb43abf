//! What `konko scp` and `konko sftp` share: where files are, flags that ssh(1) has too, how
//! their command lines are read, the connection, beginning and end.

pub mod location;
pub mod flags;
pub mod command_line;
mod help;
pub mod connection;
pub mod session;
pub mod crowd;
pub mod options;
pub mod program;
