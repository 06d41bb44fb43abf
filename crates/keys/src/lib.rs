//! Public and private SSH keys, signatures, certificates and key files.
//!
//! A [`public_key::PublicKey`] is valid once it exists: its numbers are in range, its point is on the curve. A
//! signature is verified under a named row of [`signature_algorithm::SIGNATURE_ALGORITHMS`], which must be the one
//! that the signature itself names and must belong to the type of the key; so nothing can be confused with
//! anything else (RFC 8332 §3).

pub mod error;
pub mod signature_algorithm;
pub mod fingerprint;
mod injected_random;
mod ed25519;
mod ecdsa;
mod rsa_pkcs1;
mod dss;
pub mod public_key;
pub mod private_key;
pub mod key_file;
#[cfg(test)]
mod fixtures;

pub use error::{KeyError, KeyFileError, SignError, SignatureError};
pub use fingerprint::{Fingerprint, Md5Fingerprint};
pub use private_key::{KeyKind, PrivateKey};
pub use public_key::{MINIMUM_RSA_BITS, PublicKey};
pub use signature_algorithm::{SIGNATURE_ALGORITHMS, SignatureAlgorithm};
