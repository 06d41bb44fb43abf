//! The list of all packet ciphers.

use crate::cipher::cbc::{AES128_CBC, AES192_CBC, AES256_CBC, TRIPLE_DES_CBC};
use crate::cipher::chacha20_poly1305::CHACHA20_POLY1305;
use crate::cipher::ctr::{AES128_CTR, AES192_CTR, AES256_CTR};
use crate::cipher::gcm::{AES128_GCM, AES256_GCM};
use crate::cipher::table::CipherAlgorithm;

/// Every packet cipher that can be negotiated; those marked `legacy` come last. `none` is not among them.
pub const CIPHERS: &[&CipherAlgorithm] = &[
    &CHACHA20_POLY1305,
    &AES128_GCM,
    &AES256_GCM,
    &AES128_CTR,
    &AES192_CTR,
    &AES256_CTR,
    &AES128_CBC,
    &AES192_CBC,
    &AES256_CBC,
    &TRIPLE_DES_CBC,
];
