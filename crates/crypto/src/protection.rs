//! What protects a packet on its way (RFC 4253 §6): encryption and integrity fused into one object a direction.
//!
//! A *packet* here is `packet_length ‖ padding_length ‖ payload ‖ padding` in one contiguous region; the tag
//! (AEAD tag or MAC) follows it on the wire.

/// The tag (MAC) of a packet does not match its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagMismatch;

impl std::fmt::Display for TagMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the integrity tag of a packet does not match")
    }
}

impl std::error::Error for TagMismatch {}

/// Protects outgoing packets.
pub trait Seal: Send {
    /// The multiple that the protected part is padded to: the cipher's block size, at least 8.
    fn block_len(&self) -> usize;
    /// Bytes of tag that follow the packet on the wire.
    fn tag_len(&self) -> usize;
    /// The offset from which the packet's length must be a multiple of `block_len`: 4 where the length field
    /// stays outside (AEAD and encrypt-then-MAC), else 0.
    fn aligned_from(&self) -> usize;
    /// Encrypts `packet` in place and writes its tag. `tag` is `tag_len` bytes long.
    fn seal(&mut self, sequence_number: u32, packet: &mut [u8], tag: &mut [u8]);
}

/// Opens incoming packets.
pub trait Open: Send {
    /// As [`Seal::block_len`].
    fn block_len(&self) -> usize;
    /// As [`Seal::tag_len`].
    fn tag_len(&self) -> usize;
    /// As [`Seal::aligned_from`].
    fn aligned_from(&self) -> usize;
    /// How many bytes must have arrived before the length of a packet can be known: 4, or a whole block.
    fn prefix_len(&self) -> usize;
    /// Reveals `packet_length` from the first `prefix_len` bytes of a packet. Called exactly once a packet,
    /// with the same memory that `open` will see; an implementation may decrypt the prefix in place here and
    /// then must not decrypt it again in `open`. The value is not authenticated yet.
    fn open_length(&mut self, sequence_number: u32, prefix: &mut [u8]) -> u32;
    /// Verifies the tag and decrypts `packet` (all of it, length field included) in place. On success everything
    /// from byte 4 on is plain text; the first four bytes are unspecified.
    fn open(&mut self, sequence_number: u32, packet: &mut [u8], tag: &[u8]) -> Result<(), TagMismatch>;
}
