//! Data to be sent, gathered from several slices straight into one message: a header and what follows it share a
//! packet, and nothing is copied twice.

use crate::stream::Stream;
use konko_wire::encode::{Encode, put_u32};
use konko_wire::message::channel::{ChannelData, ChannelExtendedData};
use std::io::IoSlice;

/// A position in a list of slices.
#[derive(Debug, Clone, Copy)]
pub struct Gather<'a> {
    slices: &'a [IoSlice<'a>],
    /// How much of the first slice is done.
    skip: usize,
}

impl<'a> Gather<'a> {
    /// At the beginning.
    pub const fn new(slices: &'a [IoSlice<'a>]) -> Self {
        Self { slices, skip: 0 }
    }

    /// How many bytes there are from here on.
    pub fn len(&self) -> usize {
        let total = self.slices.iter().fold(0usize, |sum, slice| sum.saturating_add(slice.len()));
        total.saturating_sub(self.skip)
    }

    /// The message with the next `len` bytes; at most [`len`](Self::len) and 2^32-1.
    pub const fn message(self, recipient_channel: u32, stream: Stream, len: usize) -> GatheredData<'a> {
        GatheredData { recipient_channel, stream, gather: self, len }
    }

    /// Leaves the next `len` bytes behind.
    pub fn advance(&mut self, len: usize) {
        self.for_each(len, |_| {});
    }

    fn for_each(&mut self, mut len: usize, mut act: impl FnMut(&[u8])) {
        while let Some((first, rest)) = self.slices.split_first() {
            let left = first.get(self.skip..).unwrap_or_default();
            if left.len() > len {
                act(&left[..len]);
                self.skip += len;
                return;
            }
            act(left);
            len -= left.len();
            self.slices = rest;
            self.skip = 0;
        }
    }
}

/// SSH_MSG_CHANNEL_DATA or SSH_MSG_CHANNEL_EXTENDED_DATA (RFC 4254 §5.2) of a piece of a gather list.
#[derive(Debug)]
pub struct GatheredData<'a> {
    recipient_channel: u32,
    stream: Stream,
    gather: Gather<'a>,
    len: usize,
}

impl Encode for GatheredData<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self.stream {
            Stream::Data => {
                out.push(ChannelData::NUMBER);
                put_u32(out, self.recipient_channel);
            }
            Stream::Extended(data_type) => {
                out.push(ChannelExtendedData::NUMBER);
                put_u32(out, self.recipient_channel);
                put_u32(out, data_type.0);
            }
        }
        put_u32(out, self.len as u32);
        let mut gather = self.gather;
        gather.for_each(self.len, |bytes| out.extend_from_slice(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::STDERR;
    use konko_wire::number::ExtendedDataType;

    #[test]
    fn pieces_cross_slices() {
        let slices = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cdef")];
        let mut gather = Gather::new(&slices);
        assert_eq!(gather.len(), 6);
        let data = gather.message(7, Stream::Data, 3).to_vec();
        assert_eq!(data, ChannelData { recipient_channel: 7, data: b"abc" }.to_vec());
        gather.advance(3);
        assert_eq!(gather.len(), 3);
        let data = gather.message(7, STDERR, 3).to_vec();
        let stderr =
            ChannelExtendedData { recipient_channel: 7, data_type: ExtendedDataType::STDERR, data: b"def" };
        assert_eq!(data, stderr.to_vec());
        gather.advance(3);
        assert_eq!(gather.len(), 0);
    }
}
