//! Data that has arrived and is not read yet. How much there may be is the window's business, not this one's.

use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;

/// Chunks below this many bytes are copied onto the tail, so that a peer that sends single bytes cannot pin a
/// large buffer for each; larger ones are shared with the buffer they arrived in.
const COPIED_BELOW: usize = 512;
/// A tail of this many bytes is full.
const TAIL_SIZE: usize = 4096;
/// An empty list keeps room for this many chunks.
const KEPT_CAPACITY: usize = 256;

/// Unread data in order of arrival.
#[derive(Debug, Default)]
pub struct Chunks {
    queue: VecDeque<Bytes>,
    tail: BytesMut,
    len: usize,
}

impl Chunks {
    /// How many bytes there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Appends a chunk.
    pub fn push(&mut self, chunk: Bytes) {
        self.len += chunk.len();
        if chunk.len() < COPIED_BELOW {
            self.tail.extend_from_slice(&chunk);
            if self.tail.len() >= TAIL_SIZE {
                self.end_tail();
            }
        } else {
            self.end_tail();
            self.queue.push_back(chunk);
        }
    }

    /// Appends all of `other`.
    pub fn append(&mut self, other: Self) {
        self.end_tail();
        self.len += other.len;
        self.queue.extend(other.queue);
        if !other.tail.is_empty() {
            self.queue.push_back(other.tail.freeze());
        }
    }

    /// Copies as much as fits into `buf`; returns how much.
    pub fn read(&mut self, buf: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < buf.len() {
            let Some(front) = self.front() else { break };
            let len = front.len().min(buf.len() - filled);
            buf[filled..filled + len].copy_from_slice(&front[..len]);
            front.advance(len);
            filled += len;
            if front.is_empty() {
                self.drop_front();
            }
        }
        self.len -= filled;
        filled
    }

    /// Takes the next bytes as they arrived, at most `max`.
    pub fn take(&mut self, max: usize) -> Option<Bytes> {
        let front = self.front()?;
        let len = front.len().min(max);
        let chunk = front.split_to(len);
        if front.is_empty() {
            self.drop_front();
        }
        self.len -= len;
        Some(chunk)
    }

    /// Drops everything; returns how many bytes that was.
    pub fn clear(&mut self) -> usize {
        std::mem::take(self).len
    }

    /// Gives back the memory that holds nothing.
    pub fn give_back(&mut self) {
        self.queue.shrink_to_fit();
        if self.tail.is_empty() {
            self.tail = BytesMut::new();
        }
    }

    fn front(&mut self) -> Option<&mut Bytes> {
        if self.queue.is_empty() {
            self.end_tail();
        }
        self.queue.front_mut()
    }

    fn drop_front(&mut self) {
        self.queue.pop_front();
        if self.queue.is_empty() {
            self.queue.shrink_to(KEPT_CAPACITY);
        }
    }

    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            self.queue.push_back(self.tail.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_chunks_are_joined_and_large_ones_shared() {
        let mut chunks = Chunks::default();
        for _ in 0..1000 {
            chunks.push(Bytes::from_static(b"x"));
        }
        let large = Bytes::from(vec![7; 4000]);
        chunks.push(large.clone());
        assert_eq!(chunks.len(), 5000);
        assert_eq!(chunks.take(usize::MAX).map(|c| c.len()), Some(1000));
        assert_eq!(chunks.take(usize::MAX).map(|c| c.as_ptr()), Some(large.as_ptr()));
        assert_eq!(chunks.len(), 0);
        assert_eq!(chunks.take(1), None);
    }

    proptest! {
        #[test]
        fn bytes_come_out_as_they_went_in(
            pushes in prop::collection::vec(0usize..1500, 0..40),
            reads in prop::collection::vec(1usize..3000, 1..20),
        ) {
            let mut chunks = Chunks::default();
            let mut expected = Vec::new();
            for (index, len) in pushes.into_iter().enumerate() {
                let chunk: Vec<u8> = (0..len).map(|i| (i + index) as u8).collect();
                expected.extend_from_slice(&chunk);
                chunks.push(chunk.into());
            }
            let mut found = Vec::new();
            for len in reads.into_iter().cycle() {
                let mut buf = vec![0; len];
                let n = chunks.read(&mut buf);
                found.extend_from_slice(&buf[..n]);
                prop_assert_eq!(chunks.len(), expected.len() - found.len());
                if n == 0 { break }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
