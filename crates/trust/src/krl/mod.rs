//! Key revocation lists (OpenSSH's PROTOCOL.krl): compact files that say which keys and certificates must not be
//! accepted any more.

pub(crate) mod error;
mod serials;
pub(crate) mod list;
pub(crate) mod decode;
mod encode;
mod specification;
#[cfg(test)]
mod tests;

pub use decode::MAGIC;
pub use error::{KrlError, SpecificationError};
pub use list::{KeyRevocationList, Revocation};
pub use specification::SpecifiedAuthority;
