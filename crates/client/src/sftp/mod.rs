//! Files of a server, over SFTP: opened, listed and changed as [`std::fs`] does it, and transferred whole.
//!
//! ```no_run
//! use konko_client::sftp::{Sftp, SftpOptions};
//!
//! # async fn example(client: konko_client::SshClient) -> Result<(), konko_client::sftp::Error> {
//! let sftp = Sftp::start(client.subsystem("sftp"), SftpOptions::default()).await?;
//! let text = sftp.read("/etc/hostname").await?;
//! sftp.write("copy", &text).await?;
//! let mut listing = sftp.read_dir(".").await?;
//! while let Some(entry) = listing.next_entry().await? {
//!     println!("{}", entry.path());
//! }
//! # Ok(())
//! # }
//! ```

pub mod remote_path;
pub mod error;
pub mod transfer_options;
mod stream;
pub(crate) mod session;
mod file_stream;
pub mod file;
pub mod read_dir;
pub mod open_options;
pub mod client;
mod whole_file;
mod directories;
pub mod walk;
pub mod glob;
mod background;
mod meter;
mod verify;
mod receive;
mod get;
mod send;
mod remote_file;
mod put;
mod jobs;
mod ranges;
mod get_small;
mod get_tree;
mod put_small;
mod put_tree;
mod copy;

pub use client::{Sftp, SftpOptions, SymlinkOrder};
pub use error::Error;
pub use file::File;
pub use glob::GlobOptions;
pub use konko_sftp as machine;
pub use konko_sftp::answer::{FileHashes, Principals};
pub use konko_sftp::config::ClientConfig;
pub use konko_sftp::error::Error as SftpError;
pub use konko_sftp::limits::Limits;
pub use konko_sftp::message::attributes::{Attributes, Owner, Times};
pub use konko_sftp::message::extension::StatvfsReply;
pub use konko_sftp::message::number::StatusCode;
pub use konko_sftp::metadata::{FileType, Metadata, Timestamp};
pub use open_options::OpenOptions;
pub use read_dir::{DirEntry, ReadDir};
pub use remote_path::RemotePath;
pub use transfer_options::{
    DiskSync, ErrorCallback, Progress, ProgressCallback, Symlinks, TransferOptions, Transferred,
};
pub use walk::{Walk, WalkOptions};
