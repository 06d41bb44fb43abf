//! How packets lie in the stream (draft-ietf-secsh-filexfer-02 §3): a length, a type, for all but the first two a
//! request id, and the fields.

use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{Encode, put_u32};

use crate::message::number::PacketType;

/// The bytes of the length field.
pub const LENGTH_FIELD: usize = 4;

/// Appends a whole packet: length, type, request id and `fields`.
pub fn put_packet<M: Encode + ?Sized>(out: &mut Vec<u8>, packet_type: PacketType, id: u32, fields: &M) {
    let start = begin_packet(out, packet_type, id);
    fields.encode(out);
    end_packet(out, start);
}

/// Appends the front of a packet whose fields the caller appends next, before [`end_packet`] with what this
/// returns.
pub fn begin_packet(out: &mut Vec<u8>, packet_type: PacketType, id: u32) -> usize {
    let start = out.len();
    put_u32(out, 0);
    out.push(packet_type.0);
    put_u32(out, id);
    start
}

/// Writes the length of the packet that begins at `start` of `out` and ends where `out` ends.
pub fn end_packet(out: &mut [u8], start: usize) {
    let length = u32::try_from(out.len() - start - LENGTH_FIELD).unwrap_or(u32::MAX);
    out[start..start + LENGTH_FIELD].copy_from_slice(&length.to_be_bytes());
}

/// A packet without its length field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is.
    pub packet_type: PacketType,
    /// Which request it is, or answers.
    pub id: u32,
    /// What follows.
    pub fields: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Splits the bytes that the length field counted. Not for INIT and VERSION, which have no id.
    pub fn split(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let packet_type = PacketType(reader.read_u8()?);
        let id = reader.read_u32()?;
        Ok(Self { packet_type, id, fields: reader.rest() })
    }
}

impl std::fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packet({}, id {}, {} bytes)", self.packet_type, self.id, self.fields.len())
    }
}
