//! An SSH client: connect, verify the host key, log in, run commands, forward.
//!
//! ```no_run
//! use konko_client::{ClientOptions, Credential, HostKeyPolicy, KnownHostsFiles, Passphrase, SshClient};
//!
//! # async fn example() -> Result<(), konko_client::Error> {
//! let mut options = ClientOptions::new("me", HostKeyPolicy::Strict(KnownHostsFiles::default()));
//! options.credentials = Credential::default_keys(&Passphrase::None);
//! let client = SshClient::connect("example.org", &options).await?;
//! let output = client.command("uname -a").output().await?;
//! assert!(output.status.is_success());
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! What decides is apart from what does: which credential comes next is decided in `login`, which knows no
//! network; which host keys are believed in [`host_keys`], over the files of [`known_hosts_files`].

pub mod boxed_future;
pub mod secret;
pub mod printable;
pub mod address;
pub mod exit_status;
pub mod output;
pub mod login_report;
pub mod error;
mod off_thread;
pub mod system_source;
pub mod sshfp;
mod known_hosts_disk;
pub mod known_hosts_command;
pub mod known_hosts_files;
pub mod host_keys;
pub mod prompter;
pub mod signer;
pub mod agent;
pub mod credential;
pub mod key_source;
mod key_plan;
mod key_holder;
mod login;
pub mod info;
pub mod options;
mod handshake;
mod login_driver;
mod addresses;
mod connect;
mod task;
mod remote_targets;
mod update_host_keys;
mod host_key_updater;
mod link;
pub mod tunnel;
pub mod pty;
pub mod plan;
mod running;
mod feeder;
pub mod child;
pub mod command;
pub mod forward;
pub mod ssh_client;
pub mod sftp;
pub mod scp;
pub mod blocking;
pub mod configured;

pub use address::{Address, AddressError};
pub use boxed_future::BoxedFuture;
pub use child::{Child, ChildStderr, ChildStdin, ChildStdout};
pub use command::{Command, Stdin};
pub use credential::{Credential, HostBased, KeyFile, Passphrase};
pub use error::{ChangedHostKey, ConnectAttempt, Error, Phase};
pub use exit_status::ExitStatus;
pub use forward::{Incoming, LocalForward, RemoteForward, copy_both_ways};
pub use host_keys::{
    HostKeyAnswer, HostKeyPolicy, HostKeyPrompter, HostKeyUpdate, HostKeyVerifier, UnknownHostKey,
};
pub use info::SessionInfo;
pub use known_hosts_command::KnownHostsCommand;
pub use known_hosts_files::{HostKeyUpdates, HostName, KnownHostsFiles};
pub use login_report::{AttemptReport, AttemptResult, LoginReport};
pub use options::{AddKeysToAgent, AddressFamily, ClientOptions, Timeouts};
pub use output::Output;
pub use printable::printable;
pub use prompter::{Prompt, Prompter};
pub use pty::{PtyOptions, WindowSize};
pub use secret::Secret;
pub use signer::{AddedKey, AgentBinding, AgentIdentity, KeyAgent, SignatureRequest, Signer, SignerError};
pub use ssh_client::SshClient;
pub use sshfp::SshfpResolver;
pub use system_source::SystemSource;
pub use tunnel::Tunnel;

pub use konko_blocking as blocking_driver;
pub use konko_config as config;
pub use konko_tokio as tokio_driver;
pub use konko_transport as transport;
