//! A link that is long and wide: what is under way follows what it holds.

use crate::endpoints::Setup;
use crate::flow::Flow;
use crate::world::World;
use konko_channel::ChannelConfig;
use konko_tests::{Conditions, Seed};
use std::time::Duration;

const MIB: usize = 1 << 20;

/// How long a connection takes, in the link's own time, to bring `len` bytes to the client.
fn time_of(len: usize, round_trip: Duration, maximum_window_size: u32) -> Duration {
    let mut setup = Setup::new(77);
    setup.channel = ChannelConfig { maximum_window_size, ..ChannelConfig::default() };
    let way = round_trip / 2;
    let conditions = Conditions {
        piece: 200_000..=262_144,
        delay: way..=way,
        capacity: 64 * MIB,
        ..Conditions::default()
    };
    let mut world = World::new(&setup, &conditions);
    world.client_opens(Flow::default(), Flow::default());
    world.run();
    let begin = world.now();
    world.client_opens(Flow::default(), Flow::of(Seed::new(7).bytes(len)));
    world.run();
    world.assert_complete();
    world.now() - begin
}

#[test]
fn a_transfer_far_away_takes_what_the_link_holds_and_not_what_the_first_window_lets_through() {
    let round_trip = Duration::from_millis(100);
    let fixed = time_of(24 * MIB, round_trip, 2 << 20);
    let growing = time_of(24 * MIB, round_trip, 64 << 20);
    assert!(fixed >= 10 * round_trip, "{fixed:?}");
    assert!(growing <= fixed * 2 / 3, "{growing:?} against {fixed:?}");
}
