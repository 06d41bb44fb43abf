//! Packets in (RFC 4253 §6): from received bytes to payloads, opened where they lie.

use crate::compression;
use crate::compression::{CompressionAlgorithm, Inflater};
use crate::config::Limits;
use crate::direction_keys::DirectionKeys;
use crate::error::PacketError;
use crate::received::Payload;
use crate::rekey::{KeyLifetime, KeyUse, RekeyPolicy};
use bytes::{Buf, Bytes, BytesMut};
use konko_crypto::cipher::none::NoneOpen;
use konko_crypto::protection::Open;
use konko_sansio::InputBuffer;
use zeroize::{Zeroize, Zeroizing};

/// RFC 4253 §6: "The length of the packet in bytes, not including 'mac' or the 'packet_length' field itself."
const LENGTH_LEN: usize = 4;
/// The length field and the padding length.
const HEADER_LEN: usize = 5;
/// RFC 4253 §6: "There MUST be at least four bytes of padding."
const MINIMUM_PADDING: usize = 4;
/// The shortest packet: a padding length and four bytes of padding. Payloads of no byte are refused later, when
/// the packet is authentic.
const MINIMUM_PACKET_LENGTH: u32 = 5;

/// The receiving half.
pub(crate) struct Inbound {
    pub(crate) input: InputBuffer,
    open: Box<dyn Open>,
    /// The length of the packet at the front of the input, without its tag, once it is known.
    packet_len: Option<usize>,
    sequence_number: u32,
    used: KeyUse,
    maximum_packet_len: u32,
    inflater: Option<Inflater>,
    compression: &'static CompressionAlgorithm,
    /// Bytes that are still to be swallowed before the error may show.
    refusal: Option<(usize, PacketError)>,
    leaks_by_length: bool,
    pub(crate) total_bytes: u64,
    pub(crate) total_packets: u64,
}

impl Inbound {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            input: InputBuffer::default(),
            open: Box::new(NoneOpen),
            packet_len: None,
            sequence_number: 0,
            used: KeyUse::new(KeyLifetime::UNLIMITED),
            maximum_packet_len: limits.maximum_packet_len_before_authentication,
            inflater: None,
            compression: &compression::NONE,
            refusal: None,
            leaks_by_length: false,
            total_bytes: 0,
            total_packets: 0,
        }
    }

    pub(crate) fn used(&self) -> &KeyUse {
        &self.used
    }

    /// The error that waits for bytes to swallow, if any.
    pub(crate) fn refusal(&self) -> Option<&PacketError> {
        self.refusal.as_ref().map(|(_, error)| error)
    }

    /// Puts the keys of the peer's `SSH_MSG_NEWKEYS` to use.
    pub(crate) fn install_keys(
        &mut self,
        keys: &DirectionKeys,
        policy: &RekeyPolicy,
        reset_sequence_number: bool,
        authenticated: bool,
    ) -> Result<(), PacketError> {
        self.open = keys.open()?;
        self.used = KeyUse::new(KeyLifetime::of(policy, keys.cipher));
        self.leaks_by_length = keys.leaks_by_length();
        self.compression = keys.compression;
        self.inflater = keys.compression.runs(authenticated).then(Inflater::new);
        if reset_sequence_number {
            self.sequence_number = 0;
        }
        Ok(())
    }

    /// Raises the limits and, unless that has to wait for the next keys, starts delayed compression.
    pub(crate) fn authentication_succeeded(&mut self, limits: &Limits, start_compression: bool) {
        self.maximum_packet_len = limits.maximum_packet_len;
        if start_compression && self.inflater.is_none() && self.compression.runs(true) {
            self.inflater = Some(Inflater::new());
        }
    }

    /// The next payload, once its packet is complete.
    pub(crate) fn next_payload(&mut self) -> Result<Option<Payload>, PacketError> {
        if self.refusal.is_some() {
            return self.swallow();
        }
        let packet_len = match self.packet_len {
            Some(packet_len) => packet_len,
            None => match self.read_length()? {
                Some(packet_len) => packet_len,
                None => return Ok(None),
            },
        };
        let tag_len = self.open.tag_len();
        if self.input.len() < packet_len + tag_len {
            return Ok(None);
        }
        self.packet_len = None;
        let mut packet = self.input.take(packet_len + tag_len);
        let (contents, tag) = packet.split_at_mut(packet_len);
        let sequence_number = self.sequence_number;
        if self.open.open(sequence_number, contents, tag).is_err() {
            return self.refuse(PacketError::TagMismatch, packet_len + tag_len);
        }
        packet.truncate(packet_len);
        self.sequence_number = sequence_number.wrapping_add(1);
        self.total_bytes += (packet_len + tag_len) as u64;
        self.total_packets += 1;
        if !self.used.count(packet_len + tag_len) {
            return Err(PacketError::LimitExceeded(
                "what one key may protect; the peer does not change keys",
            ));
        }
        self.payload(sequence_number, packet).map(Some)
    }

    /// The sequence number that the next packet will have.
    pub(crate) fn next_sequence_number(&self) -> u32 {
        self.sequence_number
    }

    #[cfg(test)]
    pub(crate) fn set_sequence_number(&mut self, sequence_number: u32) {
        self.sequence_number = sequence_number;
    }

    fn read_length(&mut self) -> Result<Option<usize>, PacketError> {
        let prefix_len = self.open.prefix_len();
        let Some(prefix) = self.input.filled().get_mut(..prefix_len) else { return Ok(None) };
        let length = self.open.open_length(self.sequence_number, prefix);
        let packet_len = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(LENGTH_LEN);
        // RFC 4253 §6: the length of everything but the MAC "MUST be a multiple of the cipher block size or 8,
        // whichever is larger"; where the length field is not encrypted it does not count.
        let aligned =
            packet_len.saturating_sub(self.open.aligned_from()).is_multiple_of(self.open.block_len());
        let acceptable = (MINIMUM_PACKET_LENGTH..=self.maximum_packet_len).contains(&length);
        if !acceptable || !aligned || packet_len < prefix_len {
            return self.refuse(PacketError::PacketLength(length), 0).map(|_| None);
        }
        self.packet_len = Some(packet_len);
        Ok(Some(packet_len))
    }

    /// Takes padding and compression off an authentic packet.
    fn payload(&mut self, sequence_number: u32, mut packet: BytesMut) -> Result<Payload, PacketError> {
        let padding_len = packet.get(LENGTH_LEN).copied().map_or(0, usize::from);
        if padding_len < MINIMUM_PADDING {
            return Err(PacketError::PeerMisbehaved("a packet with less than four bytes of padding"));
        }
        let end = packet.len().checked_sub(padding_len).filter(|end| *end > HEADER_LEN);
        let end = end.ok_or(PacketError::PeerMisbehaved("a packet without a payload"))?;
        packet.truncate(end);
        packet.advance(HEADER_LEN);
        if let Some(inflater) = &mut self.inflater {
            let limit = self.maximum_packet_len as usize;
            let payload = inflater.decompress(&packet, limit)?;
            if payload.is_empty() {
                return Err(PacketError::PeerMisbehaved("a packet without a payload"));
            }
            let bytes = if carries_secrets(&payload) { wiping(payload) } else { Bytes::from(payload) };
            return Ok(Payload { sequence_number, bytes });
        }
        let bytes = if carries_secrets(&packet) {
            let payload = packet.to_vec();
            packet[..].zeroize();
            wiping(payload)
        } else {
            packet.freeze()
        };
        Ok(Payload { sequence_number, bytes })
    }

    /// Fails, at once or, where that would tell an attacker what a block decrypts to, after as many bytes as the
    /// longest packet has.
    fn refuse(&mut self, error: PacketError, taken: usize) -> Result<Option<Payload>, PacketError> {
        if !self.leaks_by_length {
            return Err(error);
        }
        let longest = self.maximum_packet_len as usize + LENGTH_LEN + self.open.tag_len();
        let swallowed = longest.saturating_sub(taken);
        self.refusal = Some((swallowed, PacketError::TagMismatch));
        self.swallow()
    }

    fn swallow(&mut self) -> Result<Option<Payload>, PacketError> {
        let Some((left, error)) = &mut self.refusal else { return Ok(None) };
        let swallowed = self.input.len().min(*left);
        self.input.take(swallowed);
        *left -= swallowed;
        if *left == 0 { Err(error.clone()) } else { Ok(None) }
    }
}

/// RFC 4250 §4.1.1: 50 to 79 are messages of user authentication; passwords travel there.
fn carries_secrets(payload: &[u8]) -> bool {
    matches!(payload.first(), Some(50..=79))
}

/// Bytes whose memory is wiped when the last handle to them is dropped.
fn wiping(payload: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(payload))
}

#[cfg(test)]
mod tests;
