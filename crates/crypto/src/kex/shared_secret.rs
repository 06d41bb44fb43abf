//! The shared secret K of a key exchange, in the encoding in which it enters the exchange hash.

use zeroize::Zeroizing;

/// The shared secret of a key exchange; wiped on drop, never printed.
pub struct SharedSecret {
    encoded: Zeroizing<Vec<u8>>,
}

impl SharedSecret {
    /// From an unsigned big-endian integer, to be encoded as an mpint (RFC 4253 §8, RFC 8731 §3.1).
    pub fn from_integer(big_endian: &[u8]) -> Self {
        let magnitude = &big_endian[big_endian.iter().take_while(|byte| **byte == 0).count()..];
        let sign = usize::from(magnitude.first().is_some_and(|byte| byte & 0x80 != 0));
        let mut encoded = Zeroizing::new(Vec::with_capacity(4 + sign + magnitude.len()));
        encoded.extend_from_slice(&((magnitude.len() + sign) as u32).to_be_bytes());
        encoded.extend(std::iter::repeat_n(0, sign));
        encoded.extend_from_slice(magnitude);
        Self { encoded }
    }

    /// From the output of a hybrid method's combiner, to be encoded as a string.
    pub fn from_string(bytes: &[u8]) -> Self {
        let mut encoded = Zeroizing::new(Vec::with_capacity(4 + bytes.len()));
        encoded.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        encoded.extend_from_slice(bytes);
        Self { encoded }
    }

    /// The secret as it enters the exchange hash and key derivation.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }
}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}
