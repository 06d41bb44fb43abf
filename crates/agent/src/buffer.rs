//! Bytes that may be private keys or passphrases, on their way in or out: wiped as soon as they have been used,
//! and wherever they lay when the buffer grew. And the frames in them (RFC 9987 §5).

use crate::error::AgentError;
use crate::number::MAXIMUM_MESSAGE;
use zeroize::{Zeroize, Zeroizing};

/// The least room for the next read.
const ROOM: usize = 4 * 1024;
/// Memory that an empty buffer keeps.
const KEPT: usize = 64 * 1024;
/// The length field.
const HEADER: usize = 4;

/// A queue of bytes that leaves nothing behind.
#[derive(Default)]
pub(crate) struct WipingBuffer {
    /// Initialised throughout; zeros outside `start..end`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl WipingBuffer {
    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Appends one message under its length.
    pub(crate) fn push_frame(&mut self, message: &[u8]) {
        self.reserve(HEADER + message.len());
        self.append(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.append(message);
    }

    fn append(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Removes the first `n` bytes, or all there are.
    pub(crate) fn consume(&mut self, n: usize) {
        let n = n.min(self.len());
        self.bytes[self.start..self.start + n].zeroize();
        self.start += n;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > KEPT {
                self.bytes = Vec::new();
            }
        }
    }

    /// Where the next received bytes go: no more than doubles what has been received.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        self.reserve(self.len().clamp(ROOM, MAXIMUM_MESSAGE));
        &mut self.bytes[self.end..]
    }

    /// Counts `received` bytes of the room as input.
    pub(crate) fn commit(&mut self, received: usize) {
        self.end += received.min(self.bytes.len() - self.end);
    }

    fn reserve(&mut self, more: usize) {
        if self.bytes.len() - self.end >= more {
            return;
        }
        let (start, len) = (self.start, self.len());
        if self.bytes.len() - len >= more {
            self.bytes.copy_within(start..self.end, 0);
            self.bytes[len..self.end].zeroize();
        } else {
            let mut grown = vec![0; len + more];
            grown[..len].copy_from_slice(self.pending());
            std::mem::replace(&mut self.bytes, grown).zeroize();
        }
        (self.start, self.end) = (0, len);
    }

    /// The length that the next message announces, as soon as it is there.
    ///
    /// # Errors
    ///
    /// A length of zero or beyond [`MAXIMUM_MESSAGE`].
    pub(crate) fn next_length(&self) -> Result<Option<usize>, AgentError> {
        let Some(header) = self.pending().first_chunk::<HEADER>() else { return Ok(None) };
        match u32::from_be_bytes(*header) as usize {
            0 => Err(AgentError::PeerMisbehaved("a message of no bytes")),
            length @ 1..=MAXIMUM_MESSAGE => Ok(Some(length)),
            _ => Err(AgentError::LimitExceeded("a message of more than 256 KiB")),
        }
    }

    /// Takes the next message, if all of it is there.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, AgentError> {
        let Some(length) = self.next_length()? else { return Ok(None) };
        let Some(message) = self.pending().get(HEADER..HEADER + length) else { return Ok(None) };
        let message = Zeroizing::new(message.to_vec());
        self.consume(HEADER + length);
        Ok(Some(message))
    }
}

impl Drop for WipingBuffer {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl std::fmt::Debug for WipingBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WipingBuffer({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(buffer: &mut WipingBuffer, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = buffer.spare();
            let n = room.len().min(bytes.len());
            room[..n].copy_from_slice(&bytes[..n]);
            buffer.commit(n);
            bytes = &bytes[n..];
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in_and_nothing_stays_behind() {
        let mut buffer = WipingBuffer::default();
        let mut sent = Vec::new();
        let mut got = Vec::new();
        for length in [1usize, 3000, 70_000, 5, 200_000, 4096, 4092, 1].repeat(5) {
            let message = vec![0xA5; length];
            let mut frame = (length as u32).to_be_bytes().to_vec();
            frame.extend_from_slice(&message);
            sent.push(message);
            let (first, second) = frame.split_at(frame.len() / 3);
            receive(&mut buffer, first);
            while let Some(message) = buffer.next_frame().expect("a frame") {
                got.push(message.to_vec());
            }
            receive(&mut buffer, second);
            if got.len() % 2 == 0 {
                got.push(buffer.next_frame().expect("a frame").expect("it is whole").to_vec());
            }
            let outside = buffer.bytes[..buffer.start].iter().chain(&buffer.bytes[buffer.end..]);
            assert!(outside.copied().all(|byte| byte == 0));
        }
        while let Some(message) = buffer.next_frame().expect("a frame") {
            got.push(message.to_vec());
        }
        assert_eq!(got, sent);
    }

    /// covers: E01, E14
    #[test]
    fn the_length_is_judged_before_anything_is_allocated_for_it() {
        for (length, accepted) in [
            (0u32, false),
            (1, true),
            (MAXIMUM_MESSAGE as u32, true),
            (MAXIMUM_MESSAGE as u32 + 1, false),
            (u32::MAX, false),
        ] {
            let mut buffer = WipingBuffer::default();
            receive(&mut buffer, &length.to_be_bytes());
            assert_eq!(buffer.next_length().is_ok(), accepted, "{length}");
            assert_eq!(buffer.next_frame().is_ok(), accepted, "{length}");
            assert!(buffer.spare().len() <= ROOM);
        }
    }
}
