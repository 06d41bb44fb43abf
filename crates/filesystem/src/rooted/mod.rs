//! The files of this system, all of them or those below a root.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! use konko_filesystem::rooted::filesystem::LocalFilesystem;
//! use konko_filesystem::rooted::options::{LocalOptions, Root};
//! use konko_sftp::server::filesystem::Filesystem;
//!
//! let mut options = LocalOptions::default();
//! options.read_only = true;
//! let files = LocalFilesystem::new(&Root::below(folder.path()), options)?;
//! assert_eq!(files.canonicalize(b"../../..")?, b"/");
//! assert!(files.attributes(b"/etc/passwd").is_err());
//! # Ok(()) }
//! ```

mod walk;
mod tree;
pub mod options;
mod attributes;
pub mod file;
pub mod directory;
pub mod filesystem;
