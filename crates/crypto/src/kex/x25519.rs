//! X25519 (RFC 7748 §5), in the implementation that is quickest here. Which one it is cannot be seen in any result.

use zeroize::Zeroizing;

/// Bytes of a secret, of a public value and of what two of them agree on.
pub(super) const LEN: usize = 32;

/// A secret scalar; it is wiped on drop.
pub(super) trait Secret: Send {
    /// The public value that belongs to it.
    fn public(&self) -> [u8; LEN];

    /// X25519 with the peer's public value; nothing where the result is all zero.
    fn agree(&self, peer: &[u8; LEN]) -> Option<Zeroizing<[u8; LEN]>>;
}

/// Takes 32 random bytes for a secret.
pub(super) fn secret(bytes: &[u8; LEN]) -> Box<dyn Secret> {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if crate::processor::runs_graviola() {
        return accelerated::secret(bytes);
    }
    portable::secret(bytes)
}

mod portable {
    use super::{LEN, Secret};
    use x25519_dalek::{PublicKey, StaticSecret};
    use zeroize::Zeroizing;

    impl Secret for StaticSecret {
        fn public(&self) -> [u8; LEN] {
            PublicKey::from(self).to_bytes()
        }

        fn agree(&self, peer: &[u8; LEN]) -> Option<Zeroizing<[u8; LEN]>> {
            let shared = self.diffie_hellman(&PublicKey::from(*peer));
            shared.was_contributory().then(|| Zeroizing::new(shared.to_bytes()))
        }
    }

    pub(super) fn secret(bytes: &[u8; LEN]) -> Box<dyn Secret> {
        Box::new(StaticSecret::from(*bytes))
    }
}

#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod accelerated {
    use super::{LEN, Secret};
    use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};
    use zeroize::Zeroizing;

    impl Secret for StaticPrivateKey {
        fn public(&self) -> [u8; LEN] {
            self.public_key().as_bytes()
        }

        fn agree(&self, peer: &[u8; LEN]) -> Option<Zeroizing<[u8; LEN]>> {
            // It fails where the result is all zero, and for no other reason.
            let shared = self.diffie_hellman(&PublicKey::from_array(peer)).ok()?;
            Some(Zeroizing::new(shared.0))
        }
    }

    pub(super) fn secret(bytes: &[u8; LEN]) -> Box<dyn Secret> {
        Box::new(StaticPrivateKey::from_array(bytes))
    }
}

/// The same secret in every implementation that runs here.
#[cfg(test)]
pub(super) fn implementations(bytes: &[u8; LEN]) -> Vec<Box<dyn Secret>> {
    let portable = portable::secret(bytes);
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if crate::processor::runs_graviola() {
        return vec![portable, accelerated::secret(bytes)];
    }
    vec![portable]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(hex: &str) -> [u8; LEN] {
        std::array::from_fn(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
    }

    #[test]
    fn agrees_as_in_rfc_7748_section_6_1() {
        let alice = bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob = bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let public = bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        let shared = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        for (alice, bob) in implementations(&alice).iter().zip(&implementations(&bob)) {
            assert_eq!(alice.public(), public);
            assert_eq!(alice.agree(&bob.public()).map(|shared| *shared), Some(shared));
            assert_eq!(bob.agree(&alice.public()).map(|shared| *shared), Some(shared));
        }
    }

    /// RFC 7748 §5.2, the first two vectors; the value of the second has its top bit set.
    #[test]
    fn multiplies_as_in_rfc_7748_section_5_2() {
        let vectors = [
            (
                "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
            ),
            (
                "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
            ),
        ];
        for (scalar, value, result) in vectors {
            for secret in implementations(&bytes(scalar)) {
                assert_eq!(secret.agree(&bytes(value)).map(|shared| *shared), Some(bytes(result)));
            }
        }
    }

    // RFC 7748 §5: "implementations MUST accept non-canonical values and process them as if they had been reduced
    // modulo the field prime."
    #[test]
    fn a_value_that_is_not_reduced_counts_as_if_it_were() {
        for secret in implementations(&[9; LEN]) {
            for low in 2..19 {
                let (mut reduced, mut raised) = ([0; LEN], [0xff; LEN]);
                reduced[0] = low;
                raised[0] = 0xed + low;
                raised[31] = 0x7f;
                assert_eq!(secret.agree(&raised), secret.agree(&reduced));
                // RFC 7748 §5: "implementations of X25519 [...] MUST mask the most significant bit".
                raised[31] = 0xff;
                assert_eq!(secret.agree(&raised), secret.agree(&reduced));
                assert!(secret.agree(&reduced).is_some());
            }
        }
    }

    proptest! {
        #[test]
        fn implementations_give_the_same(scalar: [u8; LEN], value: [u8; LEN]) {
            let all = implementations(&scalar);
            for secret in &all {
                prop_assert_eq!(secret.public(), all[0].public());
                prop_assert_eq!(secret.agree(&value), all[0].agree(&value));
            }
        }
    }
}
