//! File systems that an SFTP server serves: a rooted local one, one in memory; and local trees that transfers write safely.

mod errno;
pub mod accounts;
pub mod rooted;
pub mod memory;
pub mod local_tree;
