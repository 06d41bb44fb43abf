//! Key agreement: arithmetic only. Who sends what, and what is hashed and signed, is `konko-packet`'s business.

pub mod shared_secret;
pub mod agreement;
mod x25519;
pub mod curve25519;
pub mod ecdh;
pub mod groups;
mod safe_prime;
pub mod diffie_hellman;
pub mod moduli;
mod ml_kem_768;
pub mod mlkem768x25519;
pub mod sntrup761x25519;
pub mod table;

pub use agreement::{Agreement, Initiator, KexError, ValueEncoding};
pub use diffie_hellman::DhGroup;
pub use moduli::Moduli;
pub use shared_secret::SharedSecret;
pub use table::{KEX_ALGORITHMS, KexAlgorithm, KexMethod};
