//! The send buffer: packets are built and sealed at its tail, the socket reads from its front.

/// How often in a row the buffer must end small before its memory is given back.
const QUIET_ROUNDS: u8 = 32;
/// Memory that is kept in any case.
const KEPT: usize = 4 * 1024;
/// What is taken at first, so that small messages do not make the buffer grow step by step.
const SMALLEST: usize = 512;

/// Bytes to send.
#[derive(Debug, Default)]
pub struct OutputBuffer {
    buffer: Vec<u8>,
    start: usize,
    quiet_rounds: u8,
}

impl OutputBuffer {
    /// What to send next.
    pub fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// How many bytes are to be sent.
    pub fn len(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Whether nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes `sent` bytes from the front. At most what is there.
    pub fn consume(&mut self, sent: usize) {
        self.start += sent.min(self.len());
        if self.start == self.buffer.len() {
            self.emptied();
        } else if self.start > 64 * 1024 && self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
    }

    fn emptied(&mut self) {
        let used = self.buffer.len();
        self.buffer.clear();
        self.start = 0;
        if self.buffer.capacity() > KEPT && used < self.buffer.capacity() / 8 {
            self.quiet_rounds += 1;
            if self.quiet_rounds >= QUIET_ROUNDS {
                self.buffer.shrink_to(KEPT);
                self.quiet_rounds = 0;
            }
        } else {
            self.quiet_rounds = 0;
        }
    }

    /// The buffer itself, to append to. What lies before the current length must stay as it is.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        if self.buffer.capacity() == 0 {
            self.buffer.reserve(SMALLEST);
        }
        &mut self.buffer
    }

    /// Exchanges the buffer for `other` (which is cleared first) and returns where in `other` the bytes to send
    /// begin: for a driver that writes outside its lock.
    pub fn swap(&mut self, other: &mut Vec<u8>) -> usize {
        other.clear();
        std::mem::swap(&mut self.buffer, other);
        std::mem::take(&mut self.start)
    }

    /// Gives memory back while nothing is to be sent.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.buffer = Vec::new();
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_whatever_is_consumed() {
        let mut output = OutputBuffer::default();
        let mut got = Vec::new();
        let mut sent = Vec::new();
        for round in 0..200usize {
            let piece: Vec<u8> = (0..round * 31).map(|i| (i % 253) as u8).collect();
            output.tail().extend_from_slice(&piece);
            sent.extend_from_slice(&piece);
            let n = output.len().min(round * 29);
            got.extend_from_slice(&output.pending()[..n]);
            output.consume(n);
        }
        let mut other = Vec::new();
        let start = output.swap(&mut other);
        got.extend_from_slice(&other[start..]);
        assert_eq!(got, sent);
        assert!(output.is_empty());
    }
}
