//! Public and private SSH keys, signatures, certificates and key files.
//!
//! A [`public_key::PublicKey`] is valid once it exists: its numbers are in range, its point is on the curve. A
//! signature is verified under a named row of [`signature_algorithm::SIGNATURE_ALGORITHMS`], which must be the one
//! that the signature itself names and must belong to the type of the key; so nothing can be confused with
//! anything else (RFC 8332 §3).

pub mod certificate_kind;
pub mod error;
pub mod signature_algorithm;
pub mod fingerprint;
mod ed25519;
mod ecdsa;
mod rsa_pkcs1;
mod dss;
#[cfg(feature = "mldsa")]
mod mldsa44_ed25519;
pub mod security_key;
mod key_line;
pub mod public_key;
pub mod certificate_option;
pub mod certificate;
pub mod certificate_check;
pub mod identity;
pub mod randomart;
pub mod private_key;
mod private_fields;
pub mod signer;
pub mod certificate_builder;
pub mod key_file;
#[cfg(test)]
mod fixtures;

pub use certificate::{Certificate, Validity};
pub use certificate_builder::{CertificateBuilder, UnsignedCertificate};
pub use certificate_check::CertificateCheck;
pub use certificate_kind::CertificateKind;
pub use certificate_option::{CertificateOption, CriticalOption, Extension};
pub use error::{CertificateError, IssueError, KeyError, KeyFileError, SignError, SignatureError};
pub use fingerprint::{Fingerprint, FingerprintHash, Md5Fingerprint};
pub use identity::Identity;
pub use private_key::{KeyKind, PrivateKey, SecurityKeyHandle};
pub use public_key::{MINIMUM_RSA_BITS, PublicKey};
pub use security_key::{SecurityKeyAssertion, SecurityKeyPolicy};
pub use signature_algorithm::{SIGNATURE_ALGORITHMS, SignatureAlgorithm};
pub use signer::{SignatureRequest, Signer};
