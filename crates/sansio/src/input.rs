//! The receive buffer: the socket writes into it, packets are split off it without a copy.

use bytes::BytesMut;

/// The room offered to the first read of a quiet connection.
const SMALLEST_ROOM: usize = 4 * 1024;
/// The room offered while the peer keeps filling what is offered.
const LARGEST_ROOM: usize = 512 * 1024;

/// Bytes that arrived and are not yet taken, and room for the next ones.
///
/// The room adapts: it doubles (up to 512 KiB) when a read fills it and halves (down to 4 KiB) when reads are
/// small, so that bulk transfers read much at a time and idle connections hold little. The room is zero-filled
/// before it is offered, which needs no `unsafe` and costs little beside a cipher's pass.
#[derive(Debug)]
pub struct InputBuffer {
    /// Initialised memory: `filled` bytes of input, then room.
    buffer: BytesMut,
    filled: usize,
    room: usize,
}

impl Default for InputBuffer {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), filled: 0, room: SMALLEST_ROOM }
    }
}

impl InputBuffer {
    /// Where the next received bytes go; never empty.
    pub fn spare(&mut self) -> &mut [u8] {
        if self.filled == 0 && self.buffer.capacity() > 8 * self.room {
            self.buffer = BytesMut::new();
        }
        if self.buffer.len() - self.filled < self.room / 2 {
            self.buffer.truncate(self.filled);
            self.buffer.reserve(self.room);
            self.buffer.resize(self.filled + self.room, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// Counts `received` bytes of [`spare`](Self::spare) as input. More than was offered counts as all of it.
    pub fn commit(&mut self, received: usize) {
        let offered = self.buffer.len() - self.filled;
        let received = received.min(offered);
        self.filled += received;
        if received == offered {
            self.room = (self.room * 2).min(LARGEST_ROOM);
        } else if received < self.room / 16 {
            self.room = (self.room / 2).max(SMALLEST_ROOM);
        }
    }

    /// The input that is not yet taken. Mutable, because it is decrypted where it lies.
    pub fn filled(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.filled]
    }

    /// How many bytes of input are not yet taken.
    pub fn len(&self) -> usize {
        self.filled
    }

    /// Whether there is no input.
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Splits the first `n` bytes of the input off, without copying them. At most what is there.
    pub fn take(&mut self, n: usize) -> BytesMut {
        let n = n.min(self.filled);
        self.filled -= n;
        self.buffer.split_to(n)
    }

    /// Gives memory back while nothing is buffered.
    pub fn release(&mut self) {
        if self.filled == 0 {
            self.buffer = BytesMut::new();
            self.room = SMALLEST_ROOM;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(buffer: &mut InputBuffer, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let spare = buffer.spare();
            let n = rest.len().min(spare.len());
            spare[..n].copy_from_slice(&rest[..n]);
            buffer.commit(n);
            rest = &rest[n..];
        }
    }

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut buffer = InputBuffer::default();
        let sent: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        let mut got = Vec::new();
        let mut held = Vec::new();
        for (index, piece) in sent.chunks(70_001).enumerate() {
            receive(&mut buffer, piece);
            while buffer.len() > 32_768 {
                let taken = buffer.take(32_768);
                got.extend_from_slice(&taken);
                if index % 3 == 0 {
                    held.push(taken.freeze());
                }
            }
        }
        let rest = buffer.len();
        got.extend_from_slice(&buffer.take(rest));
        assert_eq!(got, sent);
        assert!(held.iter().all(|bytes| bytes.len() == 32_768));
    }

    #[test]
    fn the_room_follows_the_traffic() {
        let mut buffer = InputBuffer::default();
        assert_eq!(buffer.spare().len(), SMALLEST_ROOM);
        for _ in 0..20 {
            let offered = buffer.spare().len();
            buffer.commit(offered);
            buffer.take(offered);
        }
        assert!(buffer.spare().len() >= LARGEST_ROOM / 2);
        for _ in 0..100 {
            buffer.spare();
            buffer.commit(10);
            buffer.take(10);
        }
        assert!(buffer.spare().len() <= SMALLEST_ROOM);
    }
}
