//! A transport of which every byte is followed: where it arrives, whether it is moved, and where it is read.

use crate::heap::Heap;
use konko_sansio::Machine;
use konko_transport::channel::identifier::ChannelId;
use konko_transport::channel::stream::{Progress, Stream};
use konko_transport::{Error, Side, Transport};
use std::ops::Range;
use std::time::Instant;

/// What a socket brings at once, at most.
const RECEIVED_AT_ONCE: usize = 256 * 1024;
/// How many of the latest places are remembered at which the transport has let input be written.
const PLACES: usize = 8;

/// What was counted at one end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Followed {
    /// How often input was given to it.
    pub inputs: u64,
    /// How often output was taken from it.
    pub outputs: u64,
    /// Payload bytes that were written to channels.
    pub written: u64,
    /// Payload bytes that were read from channels.
    pub read: u64,
    /// Received bytes that were moved in memory before they were read: to another place of the buffer, or to
    /// another one.
    pub input_moved: u64,
    /// Payload bytes that were read from elsewhere than where they had arrived.
    pub read_elsewhere: u64,
    /// Bytes to be sent that were moved in memory after they were sealed.
    pub output_moved: u64,
    /// What the transport took from the heap.
    pub heap: Heap,
    /// How many packets it sent and received.
    pub packets: u64,
}

impl Followed {
    /// What was counted since `earlier`; the heap's peak, and what is held of it, stay as they are.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            inputs: self.inputs - earlier.inputs,
            outputs: self.outputs - earlier.outputs,
            written: self.written - earlier.written,
            read: self.read - earlier.read,
            input_moved: self.input_moved - earlier.input_moved,
            read_elsewhere: self.read_elsewhere - earlier.read_elsewhere,
            output_moved: self.output_moved - earlier.output_moved,
            packets: self.packets - earlier.packets,
            heap: Heap {
                allocations: self.heap.allocations - earlier.heap.allocations,
                taken: self.heap.taken - earlier.heap.taken,
                ..self.heap
            },
        }
    }
}

/// A transport and what it was seen to do.
#[derive(Debug)]
pub struct Watched<S: Side> {
    transport: Transport<S>,
    followed: Followed,
    socket: Vec<u8>,
    /// Where the input ends that was not served yet.
    input_end: usize,
    places: Vec<Range<usize>>,
}

fn address(bytes: &[u8]) -> usize {
    bytes.as_ptr() as usize
}

impl<S: Side> Watched<S> {
    /// A transport, whose making is counted, too.
    pub fn new(transport: impl FnOnce() -> Transport<S>) -> Self {
        let mut followed = Followed::default();
        let transport = followed.heap.charge(transport);
        Self { transport, followed, socket: vec![0; RECEIVED_AT_ONCE], input_end: 0, places: Vec::new() }
    }

    /// The counts.
    pub fn followed(&self) -> Followed {
        let stats = self.transport.stats();
        Followed { packets: stats.packets_sent + stats.packets_received, ..self.followed }
    }

    /// Runs an operation of the application.
    pub fn with<R>(&mut self, operation: impl FnOnce(&mut Transport<S>) -> R) -> R {
        let output = self.output_place();
        let Self { transport, followed, .. } = self;
        let result = followed.heap.charge(|| operation(transport));
        self.look_at_output(&output, 0);
        result
    }

    /// Writes to a channel what it takes of `data`.
    pub fn write(&mut self, id: ChannelId, data: &[u8]) -> usize {
        let written = self.with(|transport| {
            match transport.channel(id).expect("a channel").write(Stream::Data, data) {
                Progress::Moved(written) => written,
                Progress::Blocked => 0,
                Progress::Ended => panic!("the channel has ended"),
            }
        });
        self.followed.written += written as u64;
        written
    }

    /// Takes the next chunk of a channel's data and drops it; says how long it was.
    pub fn read(&mut self, id: ChannelId, maximum: usize) -> usize {
        let places = std::mem::take(&mut self.places);
        let (read, elsewhere) = self.with(|transport| {
            match transport.channel(id).expect("a channel").read_chunk(Stream::Data, maximum) {
                Progress::Moved(chunk) => {
                    let (start, end) = (address(&chunk), address(&chunk) + chunk.len());
                    let arrived = places.iter().any(|place| place.start <= start && end <= place.end);
                    (chunk.len(), if arrived { 0 } else { chunk.len() })
                }
                Progress::Blocked => (0, 0),
                Progress::Ended => panic!("the channel has ended"),
            }
        });
        self.places = places;
        self.followed.read += read as u64;
        self.followed.read_elsewhere += elsewhere as u64;
        read
    }

    fn output_place(&self) -> Range<usize> {
        let output = self.transport.output();
        address(output)..address(output) + output.len()
    }

    /// What is left of the output that lay at `before`, when `sent` bytes have gone, lies where it lay.
    fn look_at_output(&mut self, before: &Range<usize>, sent: usize) {
        let left = before.len().saturating_sub(sent);
        if left > 0 && address(self.transport.output()) != before.start + sent {
            self.followed.output_moved += left as u64;
        }
    }

    /// How much input is taken now. To make room the transport may have to move what is left of the last input.
    fn room(&mut self) -> usize {
        let Self { transport, followed, .. } = self;
        let Some(buffer) = followed.heap.charge(|| transport.input_capacity()) else { return 0 };
        let place = address(buffer)..address(buffer) + buffer.capacity();
        if !buffer.is_empty() && place.start + buffer.len() != self.input_end {
            followed.input_moved += buffer.len() as u64;
        }
        self.input_end = place.start + buffer.len();
        let room = buffer.capacity() - buffer.len();
        self.remember(place);
        room
    }

    fn remember(&mut self, place: Range<usize>) {
        match self.places.iter().position(|known| known.contains(&place.start)) {
            Some(known) => {
                let known = self.places.remove(known);
                self.places.push(known.start.min(place.start)..known.end.max(place.end));
            }
            None => self.places.push(place),
        }
        if self.places.len() > PLACES {
            self.places.remove(0);
        }
    }
}

impl<S: Side> Machine for Watched<S> {
    type Error = Error;

    /// The socket's memory, not the transport's: it gets from there into the transport as a driver's reads do.
    fn input_buf(&mut self) -> &mut [u8] {
        let room = self.room().min(RECEIVED_AT_ONCE);
        &mut self.socket[..room]
    }

    fn handle_input(&mut self, now: Instant, filled: usize) -> Result<(), Error> {
        let output = self.output_place();
        let Self { transport, followed, socket, input_end, .. } = self;
        let result = followed.heap.charge(|| {
            transport.input_capacity().expect("room was offered").extend_from_slice(&socket[..filled]);
            transport.handle_input(now, filled)
        });
        *input_end += filled;
        followed.inputs += 1;
        self.look_at_output(&output, 0);
        result
    }

    fn handle_eof(&mut self, now: Instant) -> Result<(), Error> {
        self.transport.handle_eof(now)
    }

    fn output(&self) -> &[u8] {
        self.transport.output()
    }

    fn consume_output(&mut self, sent: usize) {
        let output = self.output_place();
        let Self { transport, followed, .. } = self;
        followed.heap.charge(|| transport.consume_output(sent));
        followed.outputs += u64::from(sent > 0);
        self.look_at_output(&output, sent);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.transport.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let Self { transport, followed, .. } = self;
        followed.heap.charge(|| transport.handle_timeout(now))
    }
}
