//! Replies that wait to be sent. Its memory is written over again and again and never cleared, so that a file can be
//! read straight into a reply without the place being made first.

use crate::message::number::PacketType;
use crate::message::packet::{begin_packet, end_packet};
use crate::server::failure::Failure;
use konko_wire::encode::put_u32;

/// Memory that is kept in any case, in bytes.
const KEPT: usize = 64 * 1024;
/// How often in a row little of the memory must have been used before the rest is given back.
const QUIET_ROUNDS: u8 = 32;

/// Replies, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// All of it may be written to; `start..end` is to be sent.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where replies are encoded that are not read from a file.
    small: Vec<u8>,
    quiet_rounds: u8,
}

impl Output {
    pub(super) fn pending(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(super) const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Removes `sent` bytes from the front. At most what is there.
    pub(super) fn consume(&mut self, sent: usize) {
        self.start += sent.min(self.len());
        if self.start == self.end {
            let used = self.end;
            (self.start, self.end) = (0, 0);
            self.settle(used);
        }
    }

    /// Exchanges the memory for another, of whatever content, and returns where in what is given away the replies
    /// lie.
    pub(super) fn swap(&mut self, other: &mut Vec<u8>) -> std::ops::Range<usize> {
        std::mem::swap(&mut self.buffer, other);
        let range = self.start..self.end;
        (self.start, self.end) = (0, 0);
        self.settle(range.end);
        range
    }

    /// Gives memory back that is seldom used.
    fn settle(&mut self, used: usize) {
        if self.buffer.len() <= KEPT || used >= self.buffer.len() / 8 {
            self.quiet_rounds = 0;
            return;
        }
        self.quiet_rounds += 1;
        if self.quiet_rounds >= QUIET_ROUNDS {
            self.buffer.truncate(KEPT);
            self.buffer.shrink_to_fit();
            self.small = Vec::new();
            self.quiet_rounds = 0;
        }
    }

    /// Appends what `encode` appends, unless it fails.
    pub(super) fn put<E>(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        self.small.clear();
        encode(&mut self.small)?;
        let (start, end) = (self.end, self.end + self.small.len());
        self.make_room(end);
        self.buffer[start..end].copy_from_slice(&self.small);
        self.end = end;
        Ok(())
    }

    /// Appends a DATA of what `read` reads into the place that it is sent from, at most `length` bytes. None are an
    /// end, and a failure.
    pub(super) fn put_data(
        &mut self,
        id: u32,
        length: usize,
        read: impl FnOnce(&mut [u8]) -> Result<usize, Failure>,
    ) -> Result<(), Failure> {
        self.small.clear();
        let packet = begin_packet(&mut self.small, PacketType::DATA, id);
        put_u32(&mut self.small, 0);
        let data = self.end + self.small.len();
        self.make_room(data + length);
        let n = read(&mut self.buffer[data..data + length])?.min(length);
        if n == 0 && length > 0 {
            return Err(Failure::end());
        }
        let front = &mut self.buffer[self.end..data + n];
        front[..self.small.len()].copy_from_slice(&self.small);
        front[self.small.len() - 4..self.small.len()].copy_from_slice(&(n as u32).to_be_bytes());
        end_packet(front, packet);
        self.end = data + n;
        Ok(())
    }

    fn make_room(&mut self, end: usize) {
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_wire::encode::put_string;

    fn put(output: &mut Output, bytes: &[u8]) {
        let put: Result<(), Failure> = output.put(|out| {
            put_string(out, bytes);
            Ok(())
        });
        put.unwrap();
    }

    #[test]
    fn replies_lie_one_behind_the_other_whatever_was_there_before() {
        let mut output = Output::default();
        put(&mut output, &[9; 1000]);
        output.consume(1004);
        assert_eq!(output.len(), 0);
        put(&mut output, b"a");
        let failed = output.put(|out| {
            out.push(1);
            Err(Failure::end())
        });
        assert_eq!(failed, Err(Failure::end()));
        let read = |buffer: &mut [u8]| {
            buffer[..2].copy_from_slice(b"hi");
            Ok(2)
        };
        output.put_data(7, 500, read).unwrap();
        assert_eq!(output.put_data(8, 500, |_| Ok(0)), Err(Failure::end()));
        put(&mut output, b"");
        let expected = b"\0\0\0\x01a\0\0\0\x0b\x67\0\0\0\x07\0\0\0\x02hi\0\0\0\0";
        assert_eq!(output.pending(), expected);
        output.consume(5);
        let mut other = vec![1, 2, 3];
        let range = output.swap(&mut other);
        assert_eq!(other[range], expected[5..]);
        put(&mut output, b"b");
        assert_eq!(output.pending(), b"\0\0\0\x01b");
    }

    #[test]
    fn memory_that_is_seldom_used_is_given_back() {
        let mut output = Output::default();
        output.put_data(1, 1_000_000, |buffer| Ok(buffer.len())).unwrap();
        output.consume(usize::MAX);
        for _ in 0..QUIET_ROUNDS {
            assert!(output.buffer.capacity() >= 1_000_000);
            put(&mut output, b"small");
            output.consume(usize::MAX);
        }
        assert!(output.buffer.capacity() <= KEPT);
    }
}
