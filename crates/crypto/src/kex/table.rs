//! The table of key exchange methods.

use crate::hash::{HashAlgorithm, SHA1, SHA256, SHA384, SHA512};
use crate::kex::agreement::Agreement;
use crate::kex::{curve25519, diffie_hellman, ecdh, mlkem768x25519, sntrup761x25519};

/// The choreography of a key exchange method.
#[derive(Debug, Clone, Copy)]
pub enum KexMethod {
    /// Two messages, 30 and 31 (RFC 4253 §8, RFC 5656 §4, RFC 8731, the hybrids).
    Agreement(Agreement),
    /// Group exchange, messages 34, 31, 32 and 33 (RFC 4419).
    GroupExchange,
}

/// One row: a key exchange method.
#[derive(Debug)]
pub struct KexAlgorithm {
    /// Its name on the wire.
    pub name: &'static str,
    /// The hash that makes the exchange hash and the keys.
    pub hash: &'static HashAlgorithm,
    /// Only offered after an explicit opt-in.
    pub legacy: bool,
    /// What is exchanged.
    pub method: KexMethod,
}

/// Every method, in order of preference; those with `legacy` set come last and are only offered on request.
pub static KEX_ALGORITHMS: &[&KexAlgorithm] = &[
    &MLKEM768X25519_SHA256,
    &SNTRUP761X25519_SHA512,
    &SNTRUP761X25519_SHA512_OPENSSH,
    &CURVE25519_SHA256,
    &CURVE25519_SHA256_LIBSSH,
    &ECDH_SHA2_NISTP256,
    &ECDH_SHA2_NISTP384,
    &ECDH_SHA2_NISTP521,
    &DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA256,
    &DIFFIE_HELLMAN_GROUP16_SHA512,
    &DIFFIE_HELLMAN_GROUP18_SHA512,
    &DIFFIE_HELLMAN_GROUP14_SHA256,
    &DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA1,
    &DIFFIE_HELLMAN_GROUP14_SHA1,
    &DIFFIE_HELLMAN_GROUP1_SHA1,
];

const fn row(
    name: &'static str,
    hash: &'static HashAlgorithm,
    legacy: bool,
    method: KexMethod,
) -> KexAlgorithm {
    KexAlgorithm { name, hash, legacy, method }
}

/// ML-KEM-768 with X25519 (draft-ietf-sshm-mlkem-hybrid-kex).
pub static MLKEM768X25519_SHA256: KexAlgorithm =
    row("mlkem768x25519-sha256", &SHA256, false, KexMethod::Agreement(mlkem768x25519::AGREEMENT));
/// Streamlined NTRU Prime 761 with X25519 (draft-ietf-sshm-ntruprime-ssh).
pub static SNTRUP761X25519_SHA512: KexAlgorithm =
    row("sntrup761x25519-sha512", &SHA512, false, KexMethod::Agreement(sntrup761x25519::AGREEMENT));
/// The older name of `sntrup761x25519-sha512`.
pub static SNTRUP761X25519_SHA512_OPENSSH: KexAlgorithm = row(
    "sntrup761x25519-sha512@openssh.com",
    &SHA512,
    false,
    KexMethod::Agreement(sntrup761x25519::AGREEMENT),
);
/// X25519 (RFC 8731).
pub static CURVE25519_SHA256: KexAlgorithm =
    row("curve25519-sha256", &SHA256, false, KexMethod::Agreement(curve25519::AGREEMENT));
/// The older name of `curve25519-sha256`.
pub static CURVE25519_SHA256_LIBSSH: KexAlgorithm =
    row("curve25519-sha256@libssh.org", &SHA256, false, KexMethod::Agreement(curve25519::AGREEMENT));
/// P-256 (RFC 5656).
pub static ECDH_SHA2_NISTP256: KexAlgorithm =
    row("ecdh-sha2-nistp256", &SHA256, false, KexMethod::Agreement(ecdh::NISTP256));
/// P-384 (RFC 5656).
pub static ECDH_SHA2_NISTP384: KexAlgorithm =
    row("ecdh-sha2-nistp384", &SHA384, false, KexMethod::Agreement(ecdh::NISTP384));
/// P-521 (RFC 5656).
pub static ECDH_SHA2_NISTP521: KexAlgorithm =
    row("ecdh-sha2-nistp521", &SHA512, false, KexMethod::Agreement(ecdh::NISTP521));
/// A group that the server chooses (RFC 4419).
pub static DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA256: KexAlgorithm =
    row("diffie-hellman-group-exchange-sha256", &SHA256, false, KexMethod::GroupExchange);
/// The group of 4096 bits (RFC 8268).
pub static DIFFIE_HELLMAN_GROUP16_SHA512: KexAlgorithm =
    row("diffie-hellman-group16-sha512", &SHA512, false, KexMethod::Agreement(diffie_hellman::GROUP16));
/// The group of 8192 bits (RFC 8268).
pub static DIFFIE_HELLMAN_GROUP18_SHA512: KexAlgorithm =
    row("diffie-hellman-group18-sha512", &SHA512, false, KexMethod::Agreement(diffie_hellman::GROUP18));
/// The group of 2048 bits (RFC 8268).
pub static DIFFIE_HELLMAN_GROUP14_SHA256: KexAlgorithm =
    row("diffie-hellman-group14-sha256", &SHA256, false, KexMethod::Agreement(diffie_hellman::GROUP14));
/// A group that the server chooses, with SHA-1 (RFC 4419).
pub static DIFFIE_HELLMAN_GROUP_EXCHANGE_SHA1: KexAlgorithm =
    row("diffie-hellman-group-exchange-sha1", &SHA1, true, KexMethod::GroupExchange);
/// The group of 2048 bits, with SHA-1 (RFC 4253 §8.2).
pub static DIFFIE_HELLMAN_GROUP14_SHA1: KexAlgorithm =
    row("diffie-hellman-group14-sha1", &SHA1, true, KexMethod::Agreement(diffie_hellman::GROUP14));
/// The group of 1024 bits, with SHA-1 (RFC 4253 §8.1): both are too weak today.
pub static DIFFIE_HELLMAN_GROUP1_SHA1: KexAlgorithm =
    row("diffie-hellman-group1-sha1", &SHA1, true, KexMethod::Agreement(diffie_hellman::GROUP1));
