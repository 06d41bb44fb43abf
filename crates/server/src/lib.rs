//! An SSH server: accept, authenticate, run processes on a real pty, forward; everything refused until allowed.
//!
//! A [`Server`] accepts connections and puts what clients ask to a [`Handler`], one for each connection. Every
//! default of a handler refuses. [`StandardHandler`] is the one of `konko serve`: it lets the user that runs it in,
//! by key or password, and runs programs for it.
//!
//! ```no_run
//! # async fn run(key: konko_transport::HostKey) -> Result<(), Box<dyn std::error::Error>> {
//! use konko_server::{AuthorizedKeysFile, PeerInfo, Server, StandardHandler, StandardOptions};
//! use std::sync::Arc;
//!
//! let mut options = StandardOptions::default();
//! options.authorized_keys = Some(AuthorizedKeysFile::new("/home/bob/.ssh/authorized_keys"));
//! let (methods, options) = (options.methods(), Arc::new(options));
//! let server = Server::builder()
//!     .host_key(key)
//!     .methods(methods)
//!     .handler(move |peer: &PeerInfo| StandardHandler::new(Arc::clone(&options), peer))
//!     .build()?;
//! let listener = Server::listen("127.0.0.1:2222").await?;
//! server.serve(listener, std::future::pending()).await;
//! # Ok(()) }
//! ```

pub mod error;
pub mod limits;
mod log_text;
pub mod peer;
mod admission;
mod accept_error;
pub mod authentication;
pub mod program;
pub mod sftp;
pub mod scp;
pub mod agent;
pub mod handler;
mod session;
mod forward;
mod connection;
pub mod server;
mod process;
pub mod password_file;
mod trusted_file;
pub mod authorized_keys;
pub mod standard;

pub use agent::ForwardedAgent;
pub use authentication::{AuthDecision, AuthRequest, Proof};
pub use authorized_keys::{AuthorizationFiles, AuthorizedKeysFile};
pub use error::Error;
pub use handler::{
    DirectTcpip, ForwardDecision, ForwardStream, Handler, HandlerFactory, ListenDecision, RefuseAll,
    SessionHandler, SocketDecision,
};
pub use limits::ServerLimits;
pub use password_file::PasswordFile;
pub use peer::PeerInfo;
pub use process::account::Account;
pub use process::environment::EnvironmentPatterns;
pub use process::session::{ProcessOptions, ProcessSession};
pub use program::{
    BoxFuture, Control, ControlRequest, Controls, Exit, Program, PtyRequest, SessionStream, StartRequest,
    WindowSize,
};
pub use server::{Server, ServerBuilder};
pub use sftp::logged::Logged;
pub use sftp::options::SftpOptions;
pub use sftp::session::sftp_program;
pub use sftp::streams::{StreamsError, serve_streams};
pub use standard::{StandardHandler, StandardOptions};

pub use konko_filesystem as filesystem;
pub use konko_transport as transport;
pub use konko_trust::permissions::Permissions;
