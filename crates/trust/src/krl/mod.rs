//! Key revocation lists (OpenSSH's PROTOCOL.krl): compact files that say which keys and certificates must not be
//! accepted any more.

mod error;
mod serials;
mod list;
mod decode;
mod encode;
mod specification;
#[cfg(test)]
mod tests;

pub use error::{KrlError, SpecificationError};
pub use list::{KeyRevocationList, Revocation};
pub use decode::MAGIC;
pub use specification::SpecifiedAuthority;
