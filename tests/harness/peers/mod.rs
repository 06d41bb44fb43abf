//! Real SSH programs, found and run: OpenSSH, Dropbear, tinyssh, PuTTY, paramiko, asyncssh, libssh and rclone.
//!
//! Every wait has a deadline and ends by an event (a log line, an accepted connection, an end of output), never by
//! a fixed pause. A program that is not installed makes its test say SKIP, or fail when `KONKO_REQUIRE_PEERS=1`.

pub mod find;
pub mod process;
pub mod run;
pub mod json;
pub mod key_file;
pub mod account;
pub mod openssh;
pub mod dropbear;
pub mod tinyssh;
pub mod putty;
pub mod python;
pub mod rclone;

pub use account::TestAccount;
pub use dropbear::{Dbclient, DropbearServer};
pub use find::{find_peer, require_peer};
pub use key_file::{KeyFile, KeyKind};
pub use openssh::{Ssh, Sshd, SshdOptions};
pub use process::Process;
pub use putty::Plink;
pub use python::{PythonClient, PythonPeer, PythonServer};
pub use rclone::RcloneServer;
pub use run::{Finished, run};
pub use tinyssh::TinysshServer;
