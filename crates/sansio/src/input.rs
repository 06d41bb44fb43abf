//! The receive buffer: the socket writes into it, packets are split off it without a copy.

use bytes::BytesMut;

/// The room offered to the first read of a quiet connection.
const SMALLEST_ROOM: usize = 4 * 1024;
/// The room offered while the peer keeps filling what is offered.
const LARGEST_ROOM: usize = 512 * 1024;
/// How many used allocations are kept to be used again, once nobody holds a part of them: as many as a reader needs that
/// writes 2 MiB to a disk while more arrives.
const RETIRED: usize = 4;

/// Bytes that arrived and are not yet taken, and room for the next ones.
///
/// The room adapts: it doubles (up to 512 KiB) when a read fills it and halves (down to 4 KiB) when reads are
/// small, so that bulk transfers read much at a time and idle connections hold little. Memory is used again when
/// the packets that were split off it are gone.
#[derive(Debug)]
pub struct InputBuffer {
    /// `filled` bytes of input; behind them, while [`spare`](Self::spare) is lent, zeros.
    buffer: BytesMut,
    filled: usize,
    room: usize,
    retired: Vec<BytesMut>,
}

impl Default for InputBuffer {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), filled: 0, room: SMALLEST_ROOM, retired: Vec::new() }
    }
}

impl InputBuffer {
    /// Where the next received bytes go; never empty. It is zero-filled, which needs no `unsafe` and costs little
    /// beside a cipher's pass; [`spare_capacity`](Self::spare_capacity) spares even that.
    pub fn spare(&mut self) -> &mut [u8] {
        self.make_room();
        self.buffer.resize(self.filled + self.room, 0);
        &mut self.buffer[self.filled..]
    }

    /// The same room as capacity of a buffer, for a reader that can append to one. What was appended becomes input
    /// with [`commit`](Self::commit).
    pub fn spare_capacity(&mut self) -> &mut BytesMut {
        self.make_room();
        &mut self.buffer
    }

    /// Sees to it that there is room behind the input, and that nothing else is.
    fn make_room(&mut self) {
        self.buffer.truncate(self.filled);
        if self.room == SMALLEST_ROOM {
            self.retired = Vec::new();
            if self.filled == 0 && self.buffer.capacity() > 8 * self.room {
                self.buffer = BytesMut::new();
            }
        }
        if self.buffer.capacity() - self.filled >= self.room.div_ceil(2) || self.buffer.try_reclaim(self.room)
        {
            return;
        }
        // The input that moves along differs from time to time; the slack makes one allocation fit the next.
        let needed = self.filled + self.room;
        // The one used last is still in the cache.
        let reclaimed = self.retired.iter_mut().rposition(|buffer| buffer.try_reclaim(needed));
        let mut next = match reclaimed {
            Some(index) => self.retired.remove(index),
            None => BytesMut::with_capacity(needed.max(self.room + self.room / 4)),
        };
        next.extend_from_slice(&self.buffer);
        let mut used = std::mem::replace(&mut self.buffer, next);
        used.clear();
        if self.room > SMALLEST_ROOM {
            if self.retired.len() == RETIRED {
                self.retired.remove(0);
            }
            self.retired.push(used);
        }
    }

    /// Counts `received` bytes of the room as input. More than was there counts as all of it.
    pub fn commit(&mut self, received: usize) {
        let received = received.min(self.buffer.len() - self.filled);
        self.filled += received;
        self.buffer.truncate(self.filled);
        if received >= self.room / 2 {
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
            self.retired = Vec::new();
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
    fn appending_and_lending_are_the_same_room() {
        let mut buffer = InputBuffer::default();
        buffer.spare_capacity().extend_from_slice(b"abc");
        buffer.commit(3);
        buffer.spare()[..2].copy_from_slice(b"de");
        buffer.commit(2);
        buffer.spare();
        buffer.spare_capacity().extend_from_slice(b"f");
        buffer.commit(1);
        assert_eq!(buffer.filled(), b"abcdef");
    }

    #[test]
    fn memory_is_used_again_when_nobody_holds_it() {
        let mut buffer = InputBuffer::default();
        let mut addresses = std::collections::HashSet::new();
        let mut held = None;
        for _ in 0..200 {
            let room = buffer.spare();
            addresses.insert(room.as_ptr() as usize / LARGEST_ROOM / 4);
            let offered = room.len();
            buffer.commit(offered);
            held = Some(buffer.take(offered).freeze());
        }
        assert!(held.is_some_and(|bytes| !bytes.is_empty()));
        assert!(addresses.len() < 40, "{} allocations", addresses.len());
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
        assert_eq!(buffer.spare().len(), LARGEST_ROOM);
        for _ in 0..100 {
            buffer.spare();
            buffer.commit(10);
            buffer.take(10);
        }
        assert!(buffer.spare().len() <= SMALLEST_ROOM);
    }
}
