//! Packets out (RFC 4253 §6): a message is encoded where it is sealed and sent from there.

use crate::compression::{self, CompressionAlgorithm, Deflater};
use crate::config::Limits;
use crate::direction_keys::DirectionKeys;
use crate::error::PacketError;
use crate::rekey::{KeyLifetime, KeyUse, RekeyPolicy};
use konko_crypto::cipher::none::NoneSeal;
use konko_crypto::protection::Seal;
use konko_crypto::random::SecureRandom;
use konko_sansio::OutputBuffer;
use konko_wire::encode::{Encode, MessageSink};
use konko_wire::message::transport::{Encoded, Pong};
use std::collections::VecDeque;
use zeroize::Zeroizing;

/// The length field and the padding length, which are written when the payload is there.
const HEADER_LEN: usize = 5;
const LENGTH_LEN: usize = 4;
const MINIMUM_PADDING: usize = 4;
/// RFC 4253 §6: "The minimum size of a packet is 16 (or the cipher block size, whichever is larger) bytes (plus
/// 'mac')."
const MINIMUM_PACKET_LEN: usize = 16;
/// The largest payload that is sent; beyond it, no peer need accept it.
const MAXIMUM_PAYLOAD_LEN: usize = 256 * 1024 - 1024;

/// Random bytes for padding, drawn many at a time.
struct PaddingPool {
    bytes: [u8; 256],
    used: usize,
}

impl PaddingPool {
    fn take(&mut self, n: usize, random: &mut dyn SecureRandom) -> &[u8] {
        let n = n.min(self.bytes.len());
        if self.bytes.len() - self.used < n {
            random.fill(&mut self.bytes);
            self.used = 0;
        }
        let start = self.used;
        self.used += n;
        &self.bytes[start..start + n]
    }
}

/// Messages that wait for the end of a key exchange, in the order in which they were sent.
#[derive(Default)]
struct Deferred {
    messages: VecDeque<Zeroizing<Vec<u8>>>,
    bytes: usize,
}

/// The sending half, and where upper layers send their messages.
///
/// While keys are exchanged, messages of upper layers wait in a bounded list, and [`room`](MessageSink::room) is
/// zero so that no data comes to wait there. A list over its bound ends the connection at the next
/// [`poll`](crate::packet::PacketProtocol::poll).
pub struct Outbound {
    output: OutputBuffer,
    seal: Box<dyn Seal>,
    block_len: usize,
    tag_len: usize,
    aligned_from: usize,
    sequence_number: u32,
    used: KeyUse,
    deflater: Option<Deflater>,
    compression: &'static CompressionAlgorithm,
    random: Box<dyn SecureRandom>,
    padding: PaddingPool,
    deferred: Deferred,
    /// How many of the deferred messages were sent before the user was authenticated.
    deferred_before_authentication: usize,
    authenticated: bool,
    exchanging: bool,
    /// Whether no keys have been in use yet.
    first_exchange: bool,
    closed: bool,
    failure: Option<PacketError>,
    output_room: usize,
    maximum_output_len: usize,
    maximum_deferred_messages: usize,
    maximum_deferred_bytes: usize,
    /// Whether the sequence number has come around.
    wrapped: bool,
    pub(crate) total_bytes: u64,
    pub(crate) total_packets: u64,
}

impl Outbound {
    pub(crate) fn new(limits: &Limits, random: Box<dyn SecureRandom>) -> Self {
        let mut outbound = Self {
            output: OutputBuffer::default(),
            seal: Box::new(NoneSeal),
            block_len: 8,
            tag_len: 0,
            aligned_from: 0,
            sequence_number: 0,
            used: KeyUse::new(KeyLifetime::UNLIMITED),
            deflater: None,
            compression: &compression::NONE,
            random,
            padding: PaddingPool { bytes: [0; 256], used: 256 },
            deferred: Deferred::default(),
            deferred_before_authentication: 0,
            authenticated: false,
            exchanging: false,
            first_exchange: true,
            closed: false,
            failure: None,
            output_room: limits.output_room,
            maximum_output_len: limits.maximum_output_len,
            maximum_deferred_messages: limits.maximum_deferred_messages,
            maximum_deferred_bytes: limits.maximum_deferred_bytes,
            wrapped: false,
            total_bytes: 0,
            total_packets: 0,
        };
        outbound.use_seal(Box::new(NoneSeal));
        outbound
    }

    /// Whether keys are being exchanged, so that messages of upper layers wait.
    pub fn is_exchanging(&self) -> bool {
        self.exchanging
    }

    pub(crate) fn random(&mut self) -> &mut dyn SecureRandom {
        self.random.as_mut()
    }

    pub(crate) fn used(&self) -> &KeyUse {
        &self.used
    }

    pub(crate) fn buffer(&self) -> &OutputBuffer {
        &self.output
    }

    pub(crate) fn buffer_mut(&mut self) -> &mut OutputBuffer {
        &mut self.output
    }

    /// What went wrong while sending, if anything.
    pub(crate) fn failure(&self) -> Option<&PacketError> {
        self.failure.as_ref()
    }

    pub(crate) fn has_wrapped(&self) -> bool {
        self.wrapped
    }

    #[cfg(test)]
    pub(crate) fn set_sequence_number(&mut self, sequence_number: u32) {
        self.sequence_number = sequence_number;
    }

    /// Sends bytes that are not a packet: the identification string.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.output.tail().extend_from_slice(bytes);
    }

    /// From our `SSH_MSG_KEXINIT` on, messages of upper layers wait.
    pub(crate) fn begin_exchange(&mut self) {
        self.exchanging = true;
    }

    /// Nothing more is sent.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.deferred = Deferred::default();
    }

    /// Puts the keys of our `SSH_MSG_NEWKEYS` to use.
    pub(crate) fn install_keys(
        &mut self,
        keys: &DirectionKeys,
        policy: &RekeyPolicy,
        reset_sequence_number: bool,
    ) -> Result<(), PacketError> {
        self.use_seal(keys.seal()?);
        self.first_exchange = false;
        self.used = KeyUse::new(KeyLifetime::of(policy, keys.cipher));
        self.compression = keys.compression;
        let authenticated = self.authenticated && self.deferred_before_authentication == 0;
        self.deflater = keys.compression.runs(authenticated).then(Deflater::new);
        if reset_sequence_number {
            self.sequence_number = 0;
        }
        Ok(())
    }

    /// Sends what has waited for the end of the key exchange.
    pub(crate) fn end_exchange(&mut self) {
        self.exchanging = false;
        let deferred = std::mem::take(&mut self.deferred);
        for message in deferred.messages {
            self.seal_message(&Encoded(&message));
            if self.deferred_before_authentication > 0 {
                self.deferred_before_authentication -= 1;
                self.start_delayed_compression();
            }
        }
        self.deferred_before_authentication = 0;
    }

    /// `SSH_MSG_USERAUTH_SUCCESS` was sent or received: delayed compression begins with the next message.
    pub(crate) fn authentication_succeeded(&mut self) {
        self.authenticated = true;
        self.deferred_before_authentication = self.deferred.messages.len();
        if !self.exchanging {
            self.start_delayed_compression();
        }
    }

    /// Gives memory back.
    pub(crate) fn release(&mut self) {
        self.output.release();
        if let Some(deflater) = &mut self.deflater {
            deflater.release();
        }
    }

    fn start_delayed_compression(&mut self) {
        let due = self.authenticated && self.deferred_before_authentication == 0;
        if due && self.deflater.is_none() && self.compression.runs(true) {
            self.deflater = Some(Deflater::new());
        }
    }

    fn use_seal(&mut self, seal: Box<dyn Seal>) {
        self.block_len = seal.block_len().max(1);
        self.tag_len = seal.tag_len();
        self.aligned_from = seal.aligned_from();
        self.seal = seal;
    }

    fn fail(&mut self, error: PacketError) {
        if self.failure.is_none() {
            self.failure = Some(error);
        }
    }

    /// Sends a message now, whether keys are being exchanged or not.
    pub(crate) fn send_now<M: Encode + ?Sized>(&mut self, message: &M) {
        if !self.closed {
            self.seal_message(message);
        }
    }

    fn seal_message<M: Encode + ?Sized>(&mut self, message: &M) {
        let out = self.output.tail();
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        message.encode(out);
        self.seal_tail(start);
    }

    /// Makes a packet of the payload that stands at the end of the output, behind room for the header at `start`.
    fn seal_tail(&mut self, start: usize) {
        let out = self.output.tail();
        let payload_start = start + HEADER_LEN;
        let payload_len = out.len() - payload_start;
        if payload_len == 0 || payload_len > MAXIMUM_PAYLOAD_LEN {
            out.truncate(start);
            return self.fail(PacketError::ApiMisuse("a message is empty or too long for a packet"));
        }
        if let Some(deflater) = &mut self.deflater {
            match deflater.compress(&out[payload_start..]) {
                Ok(compressed) => {
                    out.truncate(payload_start);
                    out.extend_from_slice(compressed);
                }
                Err(error) => {
                    out.truncate(start);
                    return self.fail(error);
                }
            }
        }
        let unpadded = out.len() - start;
        let mut padding = self.block_len - (unpadded - self.aligned_from) % self.block_len;
        if padding < MINIMUM_PADDING {
            padding += self.block_len;
        }
        while unpadded + padding < MINIMUM_PACKET_LEN {
            padding += self.block_len;
        }
        out.extend_from_slice(self.padding.take(padding, self.random.as_mut()));
        let packet_len = out.len() - start;
        out.resize(out.len() + self.tag_len, 0);
        let (packet, tag) = out[start..].split_at_mut(packet_len);
        packet[..LENGTH_LEN].copy_from_slice(&((packet_len - LENGTH_LEN) as u32).to_be_bytes());
        packet[LENGTH_LEN] = padding as u8;
        self.seal.seal(self.sequence_number, packet, tag);
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.wrapped |= self.sequence_number == 0;
        let len = packet_len + self.tag_len;
        self.total_bytes += len as u64;
        self.total_packets += 1;
        if !self.used.count(len) {
            self.fail(PacketError::LimitExceeded("what one key may protect; the peer does not change keys"));
        }
        if self.output.len() > self.maximum_output_len {
            self.fail(PacketError::LimitExceeded("output that the peer does not read"));
        }
    }

    /// Moves the message at the end of the output to the list of those that wait.
    fn defer_tail(&mut self, start: usize) {
        let out = self.output.tail();
        let message = Zeroizing::new(out.split_off(start + HEADER_LEN));
        out.truncate(start);
        // OpenSSH answers no ping while keys are exchanged, so that pings cannot fill the list.
        if message.first() == Some(&Pong::NUMBER) {
            return;
        }
        self.deferred.bytes += message.len();
        self.deferred.messages.push_back(message);
        if self.deferred.messages.len() > self.maximum_deferred_messages
            || self.deferred.bytes > self.maximum_deferred_bytes
        {
            self.deferred = Deferred::default();
            self.fail(PacketError::LimitExceeded("messages that wait for the end of a key exchange"));
        }
    }
}

/// RFC 4253 §7.1: between `SSH_MSG_KEXINIT` and `SSH_MSG_NEWKEYS` the transport layer's own messages may be sent, but
/// "SSH_MSG_SERVICE_REQUEST and SSH_MSG_SERVICE_ACCEPT MUST NOT be sent". Strict key exchange forbids the others too,
/// in the first exchange; whether the peer is strict is not known when that begins. (The messages of the exchange
/// itself do not come by here.)
fn may_be_sent_while_exchanging(number: u8, first: bool) -> bool {
    matches!(number, 1) || (!first && matches!(number, 2..=4))
}

impl MessageSink for Outbound {
    fn send<M: Encode + ?Sized>(&mut self, message: &M) {
        if self.closed || self.failure.is_some() {
            return;
        }
        let out = self.output.tail();
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_LEN]);
        message.encode(out);
        let number = out.get(start + HEADER_LEN).copied();
        if self.exchanging && !number.is_some_and(|n| may_be_sent_while_exchanging(n, self.first_exchange)) {
            self.defer_tail(start);
        } else {
            self.seal_tail(start);
        }
    }

    fn room(&self) -> usize {
        if self.exchanging || self.closed { 0 } else { self.output_room.saturating_sub(self.output.len()) }
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound")
            .field("output", &self.output.len())
            .field("sequence_number", &self.sequence_number)
            .field("exchanging", &self.exchanging)
            .field("deferred", &self.deferred.messages.len())
            .finish_non_exhaustive()
    }
}
