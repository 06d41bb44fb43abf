//! What both sides have said so far, and the exchange hash over it.

use crate::error::PacketError;
use bytes::Bytes;
use konko_crypto::hash::{HashAlgorithm, HashOutput};
use konko_crypto::kex::{KexError, SharedSecret, ValueEncoding};
use konko_wire::encode::{put_mpint, put_string};
use konko_wire::identification::Identification;
use konko_wire::mpint::Mpint;

/// The first four values of the exchange hash (RFC 4253 §8): V_C, V_S, I_C and I_S.
pub(super) struct Transcript {
    pub(super) client_identification: Identification,
    pub(super) server_identification: Identification,
    pub(super) client_kex_init: Bytes,
    pub(super) server_kex_init: Bytes,
}

impl Transcript {
    /// The exchange hash H. `values` holds what stands between K_S and K, encoded: the public values, and for a
    /// group exchange what goes before them (RFC 4419 §3).
    pub(super) fn exchange_hash(
        &self,
        hash: &HashAlgorithm,
        host_key: &[u8],
        values: &[u8],
        shared_secret: &SharedSecret,
    ) -> HashOutput {
        let mut front = Vec::with_capacity(4096);
        put_string(&mut front, self.client_identification.as_bytes());
        put_string(&mut front, self.server_identification.as_bytes());
        put_string(&mut front, &self.client_kex_init);
        put_string(&mut front, &self.server_kex_init);
        put_string(&mut front, host_key);
        hash.digest(&[&front, values, shared_secret.encoded()])
    }
}

/// Appends a public value as it enters the exchange hash.
pub(super) fn put_value(out: &mut Vec<u8>, encoding: ValueEncoding, value: &[u8]) {
    match encoding {
        ValueEncoding::String => put_string(out, value),
        ValueEncoding::Mpint => put_mpint(out, value),
    }
}

/// The magnitude of a public value, which is not negative.
pub(super) fn magnitude(value: Mpint<'_>) -> Result<&[u8], PacketError> {
    value.as_unsigned().ok_or(PacketError::Kex(KexError::InvalidValue))
}
