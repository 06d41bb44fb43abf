//! The client's bytes, in the pieces in which they came, cut into packets. What a WRITE carries is never copied:
//! it is handed on as parts of those pieces.

use crate::message::number::PacketType;
use crate::message::packet::LENGTH_FIELD;
use crate::server::error::ServerError;
use bytes::{Buf, Bytes, BytesMut};
use konko_wire::decode::DecodeError;
use std::collections::VecDeque;

/// Type and request id.
const SMALLEST_PACKET: usize = 5;
/// The fields of a WRITE before its data, with the longest handle that is taken: type, id, handle, offset, length.
const LONGEST_WRITE_HEAD: usize = 5 + 4 + 256 + 8 + 4;

/// A packet of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientPacket {
    /// What the length field counted; of a WRITE only what comes before the data.
    pub(super) head: Bytes,
    /// The data of a WRITE.
    pub(super) data: Vec<Bytes>,
}

/// Bytes that came and were not yet taken.
#[derive(Debug)]
pub(super) struct Input {
    pieces: VecDeque<Bytes>,
    len: usize,
    maximum_packet: u32,
}

impl Input {
    pub(super) const fn new(maximum_packet: u32) -> Self {
        Self { pieces: VecDeque::new(), len: 0, maximum_packet }
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len();
            self.pieces.push_back(piece);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a whole packet is there; an error if what is there can be none.
    pub(super) fn has_packet(&self) -> Result<bool, ServerError> {
        Ok(self.packet_len()?.is_some_and(|len| self.len >= LENGTH_FIELD + len))
    }

    /// The next packet, if it is there as a whole. Of `write_data` the data is split off.
    pub(super) fn next(&mut self) -> Result<Option<ClientPacket>, ServerError> {
        let Some(len) = self.packet_len()? else { return Ok(None) };
        if self.len < LENGTH_FIELD + len {
            return Ok(None);
        }
        self.skip(LENGTH_FIELD);
        let mut first = [0];
        self.peek(&mut first);
        if PacketType(first[0]) != PacketType::WRITE {
            return Ok(Some(ClientPacket { head: self.take(len), data: Vec::new() }));
        }
        let Ok((head_len, data_len)) = self.write_lens(len) else {
            // It does not parse; as a whole it will be refused as such.
            return Ok(Some(ClientPacket { head: self.take(len), data: Vec::new() }));
        };
        let packet = ClientPacket { head: self.take(head_len), data: self.take_pieces(data_len) };
        // Clients of Go's pkg/sftp send the rest of their buffer behind the data of a file's last WRITE. OpenSSH's
        // server does not look at what is behind, nor do we.
        self.skip(len - head_len - data_len);
        Ok(Some(packet))
    }

    /// What the length field counts, if it has come.
    fn packet_len(&self) -> Result<Option<usize>, ServerError> {
        let mut field = [0; LENGTH_FIELD];
        if !self.peek(&mut field) {
            return Ok(None);
        }
        let length = u32::from_be_bytes(field);
        if length > self.maximum_packet {
            return Err(ServerError::PacketTooLong { length, maximum: self.maximum_packet });
        }
        if (length as usize) < SMALLEST_PACKET {
            return Err(ServerError::PacketTooShort { length });
        }
        Ok(Some(length as usize))
    }

    /// How many bytes of a WRITE of `len` come before its data, and how many are its data.
    fn write_lens(&self, len: usize) -> Result<(usize, usize), DecodeError> {
        let mut head = [0; LONGEST_WRITE_HEAD];
        let head = &mut head[..len.min(LONGEST_WRITE_HEAD)];
        self.peek(head);
        let mut reader = konko_wire::decode::Reader::new(head);
        reader.read_bytes(SMALLEST_PACKET)?;
        reader.read_string()?;
        reader.read_u64()?;
        let data_len = reader.read_u32()? as usize;
        let head_len = head.len() - reader.remaining();
        if data_len <= len - head_len { Ok((head_len, data_len)) } else { Err(DecodeError::Truncated) }
    }

    /// Copies the first bytes; whether there are as many.
    fn peek(&self, out: &mut [u8]) -> bool {
        let mut filled = 0;
        for piece in &self.pieces {
            if filled == out.len() {
                break;
            }
            let n = piece.len().min(out.len() - filled);
            out[filled..filled + n].copy_from_slice(&piece[..n]);
            filled += n;
        }
        filled == out.len()
    }

    fn skip(&mut self, n: usize) {
        drop(self.take_pieces(n));
    }

    /// Takes `n` bytes, of which there are as many, in one piece: without a copy if they lie in one.
    fn take(&mut self, n: usize) -> Bytes {
        let mut pieces = self.take_pieces(n);
        if pieces.len() == 1 {
            return pieces.swap_remove(0);
        }
        let mut whole = BytesMut::with_capacity(n);
        for piece in pieces {
            whole.extend_from_slice(&piece);
        }
        whole.freeze()
    }

    /// Takes `n` bytes, or all if there are fewer.
    fn take_pieces(&mut self, mut n: usize) -> Vec<Bytes> {
        let mut taken = Vec::new();
        while n > 0 {
            let Some(front) = self.pieces.front_mut() else { break };
            let part = front.split_to(n.min(front.remaining()));
            n -= part.len();
            self.len -= part.len();
            taken.push(part);
            if front.is_empty() {
                self.pieces.pop_front();
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::packet::put_packet;
    use crate::message::request::{Stat, Write};

    fn stream() -> Vec<u8> {
        let mut stream = Vec::new();
        put_packet(&mut stream, PacketType::STAT, 1, &Stat { path: b"/a" });
        let data: Vec<u8> = (0..100).collect();
        put_packet(&mut stream, PacketType::WRITE, 2, &Write { handle: b"12345678", offset: 7, data: &data });
        put_packet(&mut stream, PacketType::WRITE, 3, &Write { handle: b"12345678", offset: 7, data: b"" });
        stream
    }

    // covers: F08
    #[test]
    fn packets_come_out_the_same_wherever_the_stream_is_cut() {
        let stream = stream();
        for cut in 0..=stream.len() {
            let mut input = Input::new(1000);
            let mut packets = Vec::new();
            for piece in [&stream[..cut], &stream[cut..]] {
                input.push(Bytes::copy_from_slice(piece));
                while let Some(packet) = input.next().unwrap() {
                    packets.push((packet.head, packet.data.concat()));
                }
            }
            assert_eq!(packets.len(), 3);
            assert_eq!(packets[0].0.len(), 5 + 4 + 2);
            assert_eq!(packets[1].1, (0..100).collect::<Vec<u8>>());
            assert_eq!(packets[1].0.len(), 5 + 12 + 8 + 4);
            assert_eq!(packets[2].1, b"");
            assert!(input.is_empty());
        }
    }

    // covers: F07
    #[test]
    fn lengths_are_checked_before_anything_is_there() {
        for length in [0u32, 1, 4] {
            let mut input = Input::new(1000);
            input.push(Bytes::copy_from_slice(&length.to_be_bytes()));
            assert_eq!(input.next(), Err(ServerError::PacketTooShort { length }));
        }
        for length in [1001, u32::MAX] {
            let mut input = Input::new(1000);
            input.push(Bytes::copy_from_slice(&length.to_be_bytes()));
            assert_eq!(input.next(), Err(ServerError::PacketTooLong { length, maximum: 1000 }));
        }
        let mut input = Input::new(1000);
        input.push(Bytes::copy_from_slice(&1000u32.to_be_bytes()));
        assert_eq!(input.next(), Ok(None));
    }

    // covers: F08
    #[test]
    fn what_is_behind_the_data_of_a_write_is_left_out() {
        let mut stream = stream()[15..].to_vec();
        let length = 4 + 5 + 12 + 8 + 3;
        stream[length] -= 10;
        let mut input = Input::new(1000);
        input.push(Bytes::from(stream));
        assert_eq!(input.next().unwrap().unwrap().data.concat(), (0..90).collect::<Vec<u8>>());
        assert_eq!(input.next().unwrap().unwrap().head[1..5], [0, 0, 0, 3]);
        assert!(input.is_empty());
    }

    #[test]
    fn a_write_of_more_than_there_is_stays_whole() {
        let mut stream = stream()[15..].to_vec();
        let lie = 4 + 5 + 12 + 8 + 3;
        stream[lie] += 1;
        let mut input = Input::new(1000);
        input.push(Bytes::from(stream));
        let packet = input.next().unwrap().unwrap();
        assert!(packet.data.is_empty());
        assert_eq!(packet.head.len(), 29 + 100);
    }
}
