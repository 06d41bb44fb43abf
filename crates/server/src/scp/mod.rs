//! `scp -t` and `scp -f` in this process, over a file system of the SFTP server: for servers without a shell, and
//! machines without an `scp`.

mod wire;
mod path;
mod receive;
mod send;
pub mod program;
pub mod service;

pub use program::{ScpServerOptions, scp_program};
pub use service::ScpService;
