//! The same client for programs without a runtime: every call waits.
//!
//! Options, host keys, credentials, errors and outputs are those of the rest of the crate. Prompters are asked on
//! the thread that connects. A client costs two threads, a running command one more.

mod block_on;
mod connect;
#[cfg(unix)]
mod agent_forwarding;
mod link;
pub mod tunnel;
pub mod forward;
mod running;
pub mod child;
pub mod command;
pub mod ssh_client;
pub mod agent_connection;
pub mod scp;
mod sftp_carrier;
mod sftp_file;
pub mod sftp;

pub use agent_connection::AgentConnection;
pub use child::{Child, ChildStderr, ChildStdin, ChildStdout};
pub use command::{Command, Stdin};
pub use forward::LocalForward;
pub use ssh_client::SshClient;
pub use tunnel::Tunnel;
