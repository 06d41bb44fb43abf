//! A link that is long and wide: what is under way follows what it holds. Time is the link's own, so that round trips
//! can be counted.

use crate::endpoints::Setup;
use crate::world::World;
use konko_channel::{ChannelConfig, ChannelEvent, ChannelId, ChannelKind, OpenOptions, Progress, Stream};
use konko_tests::Conditions;
use konko_transport::{Event, ServerEvent, Side, Transport};
use std::time::Duration;

const MIB: u64 = 1 << 20;
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// Which way the data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Down,
    Up,
}

/// One end of one channel, which writes so many zeros and counts what comes.
#[derive(Debug, Default)]
struct Station {
    channel: Option<ChannelId>,
    is_open: bool,
    left: u64,
    got: u64,
}

impl Station {
    /// Writes and reads what can be; whether anything moved.
    fn work<S: Side>(&mut self, transport: &mut Transport<S>, zeros: &[u8]) -> bool {
        let Some(mut channel) = self.channel.and_then(|id| transport.channel(id)) else { return false };
        let mut moved = false;
        while let Some(event) = channel.poll_event() {
            self.is_open |= matches!(event, ChannelEvent::Opened);
            moved = true;
        }
        while self.is_open && self.left > 0 {
            let len = self.left.min(zeros.len() as u64) as usize;
            let Progress::Moved(written) = channel.write(Stream::Data, &zeros[..len]) else { break };
            self.left -= written as u64;
            moved = true;
        }
        while let Progress::Moved(chunk) = channel.read_chunk(Stream::Data, usize::MAX) {
            self.got += chunk.len() as u64;
            moved = true;
        }
        moved
    }
}

/// How many round trips it takes from asking for a channel until `len` bytes have come through it.
fn round_trips(way: Way, len: u64, round_trip: Duration, channel: ChannelConfig) -> f64 {
    let mut setup = Setup::new(77);
    setup.channel = channel;
    let half = round_trip / 2;
    let conditions = Conditions {
        piece: 200_000..=262_144,
        delay: half..=half,
        capacity: 256 << 20,
        ..Conditions::default()
    };
    let mut world = World::new(&setup, &conditions);
    world.run();
    world.assert_alive();
    let World { pair, client, .. } = &mut world;
    let (down, up) = if way == Way::Down { (len, 0) } else { (0, len) };
    let opened = pair.a.transport.open_channel(ChannelKind::Session, OpenOptions::default());
    let mut near = Station { channel: Some(opened.expect("a channel")), left: up, ..Station::default() };
    let mut far = Station { left: down, ..Station::default() };
    let zeros = vec![0; 256 * 1024];
    let (begin, mut end) = (pair.now(), None);
    pair.drive_with(|a, b, now| {
        let mut moved = client.step_client(&mut a.transport, now);
        while let Some(event) = b.transport.poll_event() {
            moved = true;
            if let ServerEvent::Common(Event::OpenRequested(question)) = event {
                far.channel = Some(b.transport.accept_channel(question));
                far.is_open = true;
            }
        }
        moved |= near.work(&mut a.transport, &zeros);
        moved |= far.work(&mut b.transport, &zeros);
        if near.got + far.got == len {
            end.get_or_insert(now);
        }
        moved
    });
    world.assert_alive();
    let end = end.expect("not all has come");
    (end - begin).as_secs_f64() / round_trip.as_secs_f64()
}

/// The first window goes with the opening of the channel and fills at once. The next one is what the link was seen to
/// hold, so that from the second round trip on as much is under way as the limit allows: seven eighths of 128 MiB.
#[test]
fn a_gigabyte_over_100_ms_is_there_after_a_dozen_round_trips() {
    let down = round_trips(Way::Down, 1024 * MIB, ROUND_TRIP, ChannelConfig::default());
    assert!(down <= 12.0, "{down}");
}

#[test]
fn a_server_lets_uploads_grow_in_the_same_way() {
    let up = round_trips(Way::Up, 512 * MIB, ROUND_TRIP, ChannelConfig::default());
    assert!(up <= 7.5, "{up}");
}

#[test]
fn at_20_ms_a_link_is_filled_as_soon() {
    let down = round_trips(Way::Down, 256 * MIB, Duration::from_millis(20), ChannelConfig::default());
    assert!(down <= 6.0, "{down}");
}

/// Or a little less, since adjustments come in quarters of it.
#[test]
fn a_fixed_window_goes_through_once_a_round_trip() {
    let fixed = ChannelConfig { maximum_window_size: 2 << 20, ..ChannelConfig::default() };
    let down = round_trips(Way::Down, 32 * MIB, ROUND_TRIP, fixed);
    assert!((16.0..=22.0).contains(&down), "{down}");
}

/// A limit of the connection holds whatever the link could carry.
#[test]
fn windows_keep_to_the_budget_of_the_connection() {
    let budget = ChannelConfig { maximum_total_window: 16 << 20, ..ChannelConfig::default() };
    let down = round_trips(Way::Down, 142 * MIB, ROUND_TRIP, budget);
    // 2 MiB, and then 14 MiB a round trip.
    assert!((10.5..=13.0).contains(&down), "{down}");
}

/// Where an answer comes back within a millisecond a larger window would only be a longer queue.
#[test]
fn a_short_link_keeps_its_window() {
    let down = round_trips(Way::Down, 32 * MIB, Duration::from_millis(1), ChannelConfig::default());
    assert!((16.0..=22.0).contains(&down), "{down}");
}
