//! Local trees as transfers see them: written so that no name from a server gets outside, and walked for uploads.
//!
//! Writing starts at a [`LocalDirectory`] whose path the user chose ([`LocalDirectory::open`] or
//! [`open_or_create`](LocalDirectory::open_or_create)). From there on every name is one checked component that is
//! resolved against the open directory, without following symbolic links; what a server or another process does to
//! the tree meanwhile cannot lead a write outside of it.
//!
//! ```text
//! let root = LocalDirectory::open("downloads")?;
//! let (folder, _created) = root.create_directory(b"photos", 0o755)?;
//! let file = folder.create_file(b"one.jpg", &FileOptions { mode: 0o644, ..FileOptions::default() })?;
//! file.file().write_all_at(bytes, file.resumed_len())?;      // any thread: the file is shared by `Arc`
//! file.commit(&Attributes { times: Some(times), ..Attributes::default() })?;   // rename to its name
//! folder.set_attributes(&Attributes::default())?;            // when its files are there
//! ```
//!
//! A [`NewFile`] that is dropped without [`commit`](NewFile::commit) leaves the file that stood at its name as it
//! was, and is removed, or kept under [`partial_name`] to be resumed. All calls block on the local disk.
//!
//! Reading is a [`LocalWalk`]: an iterator over a tree whose entries can be [opened](LocalEntry::open) from any
//! thread.

pub mod name;
pub mod error;
pub mod attributes;
pub mod directory;
pub mod new_file;
pub mod create;
pub mod walk;

#[cfg(test)]
mod tests;

pub use attributes::{Attributes, FileTimes, LocalKind, LocalMetadata};
pub use create::{AtName, FileOptions, Placement, SymlinkTargets};
pub use directory::LocalDirectory;
pub use error::LocalTreeError;
pub use name::{NameProblem, NameRule, check_name};
pub use new_file::{NewFile, partial_name};
pub use walk::{LocalEntry, LocalWalk, SkipReason, WalkItem, WalkOptions};
