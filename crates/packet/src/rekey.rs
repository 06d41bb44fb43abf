//! When keys have been used enough.

use konko_crypto::cipher::CipherAlgorithm;
use std::time::Duration;

/// When a re-exchange of keys is started. Limits count each direction by itself, whatever comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RekeyPolicy {
    /// Bytes on the wire. Default: 1 GiB (RFC 4253 §9). For ciphers with blocks of 64 bits at most 256 MiB is
    /// used, whatever stands here.
    pub bytes: u64,
    /// Packets. Default: 2^31 (RFC 4344 §3.1).
    pub packets: u64,
    /// Time. Default: one hour (RFC 4253 §9).
    pub interval: Option<Duration>,
}

impl Default for RekeyPolicy {
    fn default() -> Self {
        Self { bytes: 1 << 30, packets: 1 << 31, interval: Some(Duration::from_secs(3600)) }
    }
}

/// Why keys are exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RekeyReason {
    /// The first exchange of the connection.
    Initial,
    /// The policy's bytes have travelled.
    Bytes,
    /// The policy's packets have travelled.
    Packets,
    /// The policy's time has passed.
    Interval,
    /// Our application asked for it.
    Requested,
    /// The peer began it.
    Peer,
}

/// Beyond this a cipher with blocks of 64 bits is not used (RFC 4344 §3.2, birthday bound with a margin).
const SMALL_BLOCK_HARD: u64 = 512 << 20;
/// Beyond this any other cipher is not used.
const LARGE_BLOCK_HARD: u64 = 4 << 30;
/// RFC 4344 §3.1: a sequence number must not come back under the same keys.
const PACKETS_HARD: u64 = u32::MAX as u64;

/// What one key may protect: from the soft limits on it is to be changed, at the hard ones all ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyLifetime {
    soft_bytes: u64,
    hard_bytes: u64,
    soft_packets: u64,
}

impl KeyLifetime {
    /// Without a key there is nothing to change and, with the ceiling before authentication, little to count.
    pub(crate) const UNLIMITED: Self =
        Self { soft_bytes: u64::MAX, hard_bytes: u64::MAX, soft_packets: u64::MAX };

    pub(crate) fn of(policy: &RekeyPolicy, cipher: &CipherAlgorithm) -> Self {
        // The stream ciphers among the AEAD rows pad to 8 bytes and have no block of that size.
        let small_block = !cipher.is_aead() && cipher.block_len <= 8;
        let hard_bytes = if small_block { SMALL_BLOCK_HARD } else { LARGE_BLOCK_HARD };
        Self {
            soft_bytes: policy.bytes.min(if small_block {
                SMALL_BLOCK_HARD / 2
            } else {
                LARGE_BLOCK_HARD / 2
            }),
            hard_bytes,
            soft_packets: policy.packets.min(1 << 31),
        }
    }
}

/// What has travelled under one key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyUse {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    lifetime: KeyLifetime,
}

impl KeyUse {
    pub(crate) const fn new(lifetime: KeyLifetime) -> Self {
        Self { bytes: 0, packets: 0, lifetime }
    }

    /// Counts a packet. `false` if the key is used up.
    pub(crate) fn count(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        self.packets += 1;
        self.bytes <= self.lifetime.hard_bytes && self.packets <= PACKETS_HARD
    }

    /// Why the key is to be changed, if it is.
    pub(crate) fn due(&self) -> Option<RekeyReason> {
        if self.bytes >= self.lifetime.soft_bytes {
            // A limit of zero must not make an exchange due before anything has travelled.
            (self.packets > 0).then_some(RekeyReason::Bytes)
        } else if self.packets >= self.lifetime.soft_packets {
            (self.packets > 0).then_some(RekeyReason::Packets)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_crypto::cipher::CIPHERS;

    fn key_use(name: &str, policy: &RekeyPolicy) -> KeyUse {
        let cipher = CIPHERS.iter().find(|row| row.name == name).expect("a row");
        KeyUse::new(KeyLifetime::of(policy, cipher))
    }

    /// covers: R02
    #[test]
    fn limits_follow_the_block_length() {
        for (name, soft, hard) in [
            ("aes128-gcm@openssh.com", 1 << 30, LARGE_BLOCK_HARD),
            ("chacha20-poly1305@openssh.com", 1 << 30, LARGE_BLOCK_HARD),
            ("aes128-ctr", 1 << 30, LARGE_BLOCK_HARD),
            ("3des-cbc", 256 << 20, SMALL_BLOCK_HARD),
        ] {
            let mut used = key_use(name, &RekeyPolicy::default());
            used.packets = 1;
            used.bytes = soft - 1;
            assert_eq!(used.due(), None, "{name}");
            assert!(used.count(1));
            assert_eq!(used.due(), Some(RekeyReason::Bytes), "{name}");
            used.bytes = hard - 1;
            assert!(used.count(1), "{name}");
            assert!(!used.count(1), "{name}");
        }
    }

    /// covers: R02
    #[test]
    fn packets_are_limited_whatever_their_size() {
        let mut used = key_use("aes256-ctr", &RekeyPolicy { bytes: u64::MAX, ..RekeyPolicy::default() });
        used.packets = (1 << 31) - 2;
        assert!(used.count(16));
        assert_eq!(used.due(), None);
        assert!(used.count(16));
        assert_eq!(used.due(), Some(RekeyReason::Packets));
        used.packets = PACKETS_HARD - 1;
        assert!(used.count(16));
        assert!(!used.count(16));
    }

    #[test]
    fn a_limit_of_zero_waits_for_a_packet() {
        let policy = RekeyPolicy { bytes: 0, packets: 0, interval: None };
        let mut used = key_use("aes256-ctr", &policy);
        assert_eq!(used.due(), None);
        used.count(32);
        assert_eq!(used.due(), Some(RekeyReason::Bytes));
    }
}
