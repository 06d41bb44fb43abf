//! The received stream, cut into packets. File data goes through as slices of the chunks it came in.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Chunks below this many bytes are copied onto the tail, so that single bytes do not pin a large buffer each.
const COPIED_BELOW: usize = 512;

/// Bytes of a file, in one or several pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    chunks: Vec<Bytes>,
    len: usize,
}

impl Payload {
    /// How many bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces, in order.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// The pieces, in order.
    pub fn into_chunks(self) -> Vec<Bytes> {
        self.chunks
    }

    /// Keeps the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        let mut left = len;
        self.chunks.retain_mut(|chunk| {
            chunk.truncate(left);
            left -= chunk.len();
            !chunk.is_empty()
        });
        self.len = len - left;
    }

    /// All of it in one vector.
    pub fn to_vec(&self) -> Vec<u8> {
        self.chunks.concat()
    }
}

/// What has arrived and is not taken.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    chunks: VecDeque<Bytes>,
    tail: BytesMut,
    available: usize,
}

impl Incoming {
    /// Appends what arrived.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.available += chunk.len();
        if chunk.len() < COPIED_BELOW {
            self.tail.extend_from_slice(&chunk);
        } else {
            self.end_tail();
            self.chunks.push_back(chunk);
        }
    }

    /// How many bytes there are.
    pub(crate) const fn available(&self) -> usize {
        self.available
    }

    /// The first `N` bytes, left where they are; `None` while there are fewer.
    pub(crate) fn peek<const N: usize>(&self) -> Option<[u8; N]> {
        if self.available < N {
            return None;
        }
        let mut bytes = [0; N];
        let mut filled = 0;
        for chunk in self.chunks.iter().map(|chunk| &chunk[..]).chain([&self.tail[..]]) {
            let len = chunk.len().min(N - filled);
            bytes[filled..filled + len].copy_from_slice(&chunk[..len]);
            filled += len;
            if filled == N {
                break;
            }
        }
        Some(bytes)
    }

    /// Drops the first `n` bytes, at most what is there.
    pub(crate) fn skip(&mut self, n: usize) {
        let mut left = n.min(self.available);
        while left > 0 {
            left -= self.take_piece(left).len();
        }
    }

    /// Takes the first `n` bytes in one piece, copied only if they came in several. At most what is there.
    pub(crate) fn take_whole(&mut self, n: usize) -> Bytes {
        let n = n.min(self.available);
        if n == 0 {
            return Bytes::new();
        }
        let first = self.take_piece(n);
        if first.len() == n {
            return first;
        }
        let mut whole = BytesMut::with_capacity(n);
        whole.extend_from_slice(&first);
        while whole.len() < n {
            whole.extend_from_slice(&self.take_piece(n - whole.len()));
        }
        whole.freeze()
    }

    /// Takes the first `n` bytes as they came. At most what is there.
    pub(crate) fn take_payload(&mut self, n: usize) -> Payload {
        let n = n.min(self.available);
        let mut payload = Payload::default();
        while payload.len < n {
            let piece = self.take_piece(n - payload.len);
            payload.len += piece.len();
            payload.chunks.push(piece);
        }
        payload
    }

    /// At least one byte and at most `n` of the front; the caller knows that there are some.
    fn take_piece(&mut self, n: usize) -> Bytes {
        if self.chunks.is_empty() {
            self.end_tail();
        }
        let Some(front) = self.chunks.front_mut() else { return Bytes::new() };
        let len = front.remaining().min(n);
        let piece = front.split_to(len);
        if front.is_empty() {
            self.chunks.pop_front();
        }
        self.available -= len;
        piece
    }

    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push_back(self.tail.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_come_out_as_they_went_in() {
        let sent: Vec<u8> = (0..20_000u32).map(|i| (i % 251) as u8).collect();
        for size in [1, 3, 511, 512, 4096, 20_000] {
            let mut incoming = Incoming::default();
            for piece in sent.chunks(size) {
                incoming.push(Bytes::copy_from_slice(piece));
            }
            assert_eq!(incoming.peek::<5>().unwrap(), sent[..5]);
            incoming.skip(5);
            assert_eq!(incoming.take_whole(2000), sent[5..2005]);
            let mut payload = incoming.take_payload(10_000);
            assert_eq!(payload.to_vec(), sent[2005..12_005]);
            payload.truncate(777);
            assert_eq!((payload.len(), payload.to_vec()), (777, sent[2005..2782].to_vec()));
            assert_eq!(incoming.take_whole(usize::MAX), sent[12_005..]);
            assert_eq!((incoming.available(), incoming.peek::<1>()), (0, None));
        }
    }

    #[test]
    fn large_chunks_are_not_copied() {
        let chunk = Bytes::from(vec![7; 4096]);
        let mut incoming = Incoming::default();
        incoming.push(chunk.clone());
        incoming.skip(96);
        let payload = incoming.take_payload(4000);
        assert_eq!(payload.chunks()[0].as_ptr(), chunk[96..].as_ptr());
    }
}
