//! Packet ciphers.

pub mod table;
pub mod none;
pub mod ctr;
pub mod cbc;
pub mod gcm;
mod chacha20;
mod poly1305;
pub mod chacha20_poly1305;
pub mod registry;

pub use registry::CIPHERS;
pub use table::{CipherAlgorithm, CipherKind, Crypt};
