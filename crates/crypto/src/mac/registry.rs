//! The list of all MACs.

use crate::mac::hmac::{
    HMAC_SHA1, HMAC_SHA1_ETM, HMAC_SHA2_256, HMAC_SHA2_256_ETM, HMAC_SHA2_512, HMAC_SHA2_512_ETM,
};
use crate::mac::table::MacAlgorithm;
use crate::mac::umac::{UMAC_64, UMAC_64_ETM, UMAC_128, UMAC_128_ETM};

/// Every MAC there is, the preferred ones first; those marked `legacy` come last.
pub const MACS: &[&MacAlgorithm] = &[
    &HMAC_SHA2_256_ETM,
    &HMAC_SHA2_512_ETM,
    &UMAC_128_ETM,
    &UMAC_64_ETM,
    &HMAC_SHA2_256,
    &HMAC_SHA2_512,
    &UMAC_128,
    &UMAC_64,
    &HMAC_SHA1_ETM,
    &HMAC_SHA1,
];
