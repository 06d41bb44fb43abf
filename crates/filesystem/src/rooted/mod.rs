//! The files of this system, all of them or those below a root.

mod walk;
mod tree;
pub mod options;
mod attributes;
pub mod file;
pub mod directory;
pub mod filesystem;
