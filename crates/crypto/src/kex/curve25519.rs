//! X25519 (RFC 7748) as a key exchange method (RFC 8731) and as the classical half of the hybrids.

use crate::kex::agreement::{Agreement, Initiator, KexError, ValueEncoding};
use crate::kex::shared_secret::SharedSecret;
use crate::kex::x25519::{self, Secret};
use crate::random::SecureRandom;
use zeroize::Zeroizing;

/// Bytes of a public value (RFC 7748 §5).
pub const PUBLIC_LEN: usize = x25519::LEN;

/// The agreement of `curve25519-sha256`.
pub const AGREEMENT: Agreement = Agreement { encoding: ValueEncoding::String, initiate, respond };

/// The twelve encodings in 256 bits of a point of small order: 0, 1, the two x coordinates of order 8, p − 1, and
/// what is congruent to them. Five of them change value when the top bit is masked (RFC 7748 §5) and would do no
/// harm then; no honest peer sends them either.
const SMALL_ORDER: [[u8; PUBLIC_LEN]; 12] = [
    encoding(0x00, 0x00, 0x00),
    encoding(0x01, 0x00, 0x00),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    encoding(0xec, 0xff, 0x7f),
    encoding(0xed, 0xff, 0x7f),
    encoding(0xee, 0xff, 0x7f),
    [
        0xcd, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x80,
    ],
    [
        0x4c, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0xd7,
    ],
    encoding(0xd9, 0xff, 0xff),
    encoding(0xda, 0xff, 0xff),
    encoding(0xdb, 0xff, 0xff),
];

const fn encoding(first: u8, middle: u8, last: u8) -> [u8; PUBLIC_LEN] {
    let mut bytes = [middle; PUBLIC_LEN];
    bytes[0] = first;
    bytes[PUBLIC_LEN - 1] = last;
    bytes
}

/// One side's ephemeral key pair; the secret is wiped on drop.
pub(super) struct EphemeralKey {
    secret: Box<dyn Secret>,
    public: [u8; PUBLIC_LEN],
}

impl EphemeralKey {
    /// Draws a key pair.
    pub(super) fn generate(random: &mut dyn SecureRandom) -> Self {
        let mut bytes = Zeroizing::new([0; x25519::LEN]);
        random.fill(&mut *bytes);
        let secret = x25519::secret(&bytes);
        Self { public: secret.public(), secret }
    }

    /// The public value.
    pub(super) fn public(&self) -> &[u8; PUBLIC_LEN] {
        &self.public
    }

    /// X25519 with the peer's public value.
    ///
    /// Fails with [`KexError::WrongLength`] if it is not 32 bytes long and with [`KexError::InvalidValue`] if it is
    /// of small order.
    pub(super) fn agree(&self, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, KexError> {
        let peer: [u8; PUBLIC_LEN] = peer.try_into().map_err(|_| KexError::WrongLength)?;
        if SMALL_ORDER.contains(&peer) {
            return Err(KexError::InvalidValue);
        }
        // RFC 8731 §3, RFC 7748 §6.1: an all-zero result ends the exchange.
        self.secret.agree(&peer).ok_or(KexError::InvalidValue)
    }
}

fn initiate(random: &mut dyn SecureRandom) -> Box<dyn Initiator> {
    Box::new(EphemeralKey::generate(random))
}

fn respond(random: &mut dyn SecureRandom, client_value: &[u8]) -> Result<(Vec<u8>, SharedSecret), KexError> {
    let key = EphemeralKey::generate(random);
    let shared = key.agree(client_value)?;
    Ok((key.public.to_vec(), SharedSecret::from_integer(&*shared)))
}

impl Initiator for EphemeralKey {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn finish(self: Box<Self>, reply: &[u8]) -> Result<SharedSecret, KexError> {
        // RFC 8731 §3.1: K is made "by interpreting the octets as an unsigned fixed-length integer encoded in
        // network byte order".
        Ok(SharedSecret::from_integer(&*self.agree(reply)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: [u8; 32]) -> EphemeralKey {
        struct Given([u8; 32]);
        impl SecureRandom for Given {
            fn fill(&mut self, out: &mut [u8]) {
                out.copy_from_slice(&self.0);
            }
        }
        EphemeralKey::generate(&mut Given(secret))
    }

    // covers: K20
    #[test]
    fn refuses_points_of_small_order_with_and_without_the_top_bit() {
        let key = key([7; 32]);
        for encoding in SMALL_ORDER {
            assert_eq!(key.agree(&encoding), Err(KexError::InvalidValue), "{encoding:02x?}");
        }
        for mut encoding in SMALL_ORDER.into_iter().take(7) {
            encoding[31] ^= 0x80;
            assert_eq!(key.agree(&encoding), Err(KexError::InvalidValue), "{encoding:02x?}");
        }
    }

    #[test]
    fn all_zero_results_are_refused_without_the_list() {
        for secret in x25519::implementations(&[9; 32]) {
            for mut encoding in SMALL_ORDER.into_iter().take(7) {
                assert_eq!(secret.agree(&encoding), None);
                encoding[31] ^= 0x80;
                assert_eq!(secret.agree(&encoding), None);
            }
        }
    }

    // RFC 7748 §5: "implementations MUST accept non-canonical values and process them as if they had been reduced
    // modulo the field prime."
    #[test]
    fn accepts_a_value_that_is_not_reduced() {
        let key = key([9; 32]);
        let (mut nine, mut nine_plus_p) = ([0; 32], [0xff; 32]);
        nine[0] = 9;
        nine_plus_p[0] = 0xf6;
        nine_plus_p[31] = 0x7f;
        assert_eq!(key.agree(&nine_plus_p), key.agree(&nine));
        assert!(key.agree(&nine).is_ok());
    }
}
