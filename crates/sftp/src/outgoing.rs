//! The stream to send, as a list of buffers: small requests share one, batches of WRITEs are handed over whole.

use std::collections::VecDeque;

/// A shared buffer of this many bytes is full.
const SHARED_SIZE: usize = 64 * 1024;
/// How many used buffers are kept to be used again.
const KEPT: usize = 4;

/// Bytes to send.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    buffers: VecDeque<Buffer>,
    /// How much of the first buffer is sent.
    start: usize,
    len: usize,
    used: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    shared: bool,
}

impl Outgoing {
    /// What to send next; empty when there is nothing at all.
    pub(crate) fn front(&self) -> &[u8] {
        self.buffers.front().map_or(&[], |buffer| &buffer.bytes[self.start..])
    }

    /// How many bytes there are in all.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Removes `sent` bytes from the front. At most what is there.
    pub(crate) fn consume(&mut self, sent: usize) {
        let mut left = sent.min(self.len);
        self.len -= left;
        while let Some(front) = self.buffers.front() {
            let rest = front.bytes.len() - self.start;
            if left < rest {
                self.start += left;
                return;
            }
            left -= rest;
            self.start = 0;
            if let Some(buffer) = self.buffers.pop_front()
                && !buffer.shared
                && self.used.len() < KEPT
            {
                self.used.push(buffer.bytes);
            }
        }
    }

    /// Lets `write` append a small packet.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.buffers.back().is_some_and(|buffer| buffer.shared && buffer.bytes.len() < SHARED_SIZE) {
            self.buffers.push_back(Buffer { bytes: Vec::new(), shared: true });
        }
        if let Some(buffer) = self.buffers.back_mut() {
            let before = buffer.bytes.len();
            write(&mut buffer.bytes);
            self.len += buffer.bytes.len() - before;
        }
    }

    /// Appends whole packets without copying them.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.buffers.push_back(Buffer { bytes, shared: false });
        }
    }

    /// A buffer that was used before, with whatever is in it, or a new one.
    pub(crate) fn used(&mut self) -> Vec<u8> {
        self.used.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_whatever_is_consumed() {
        let mut outgoing = Outgoing::default();
        let (mut sent, mut got) = (Vec::new(), Vec::new());
        for round in 0..500usize {
            let piece: Vec<u8> = (0..round * 7).map(|i| (i % 253) as u8).collect();
            sent.extend_from_slice(&piece);
            if round % 3 == 0 {
                outgoing.push(piece);
            } else {
                outgoing.append(|out| out.extend_from_slice(&piece));
            }
            let n = outgoing.front().len().min(round * 5);
            got.extend_from_slice(&outgoing.front()[..n]);
            outgoing.consume(n);
            assert_eq!(outgoing.len(), sent.len() - got.len());
        }
        while !outgoing.front().is_empty() {
            let n = outgoing.front().len();
            got.extend_from_slice(outgoing.front());
            outgoing.consume(n);
        }
        assert_eq!(got, sent);
        assert_eq!(outgoing.len(), 0);
        assert!(!outgoing.used().is_empty());
    }

    #[test]
    fn one_consume_may_span_buffers() {
        let mut outgoing = Outgoing::default();
        outgoing.push(vec![1; 10]);
        outgoing.append(|out| out.extend_from_slice(&[2; 10]));
        outgoing.push(vec![3; 10]);
        outgoing.consume(25);
        assert_eq!(outgoing.front(), [3; 5]);
    }
}
