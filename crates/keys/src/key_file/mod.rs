//! Private key files. [`PrivateKey::from_openssh`](crate::private_key::PrivateKey::from_openssh) tells the
//! formats apart by itself.

mod armor;
mod der;
mod encryption;
mod openssh_key_v1;
mod traditional;
mod private_key_file;
