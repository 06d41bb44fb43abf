//! A file system in memory.

pub mod fault;
mod node;
mod tree;
pub mod filesystem;
