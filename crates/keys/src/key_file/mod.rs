//! Key files. [`PrivateKey::from_openssh`](crate::private_key::PrivateKey::from_openssh) and
//! [`Identity::from_any_format`](crate::identity::Identity::from_any_format) tell the formats apart by themselves.

mod limits;
mod armor;
mod der;
mod der_writer;
mod object_identifier;
mod block_chain;
mod dek_info;
mod pbes2;
mod encryption;
mod openssh_key_v1;
mod traditional;
mod traditional_writer;
mod ppk_encryption;
mod ppk;
mod private_key_file;
mod public_key_file;
mod storage;
#[cfg(test)]
mod format_tests;

pub use limits::KeyFileLimits;
pub use openssh_key_v1::OpenSshEncryption;
pub use pbes2::Pbes2;
pub use ppk_encryption::Argon2Flavour;
pub use private_key_file::PpkVersion;
pub use storage::{
    Existing, Permissions, StorageError, read_private_file, write_private_file, write_public_file,
};
