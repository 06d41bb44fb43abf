//! A channel that nobody reads.

use crate::endpoints::Setup;
use crate::flow::Flow;
use crate::world::World;
use konko_channel::{ChannelConfig, Stream};
use konko_tests::{Conditions, Seed};

const WINDOW: u32 = 50_000;

#[test]
fn a_channel_that_nobody_reads_stalls_nothing_else_and_holds_its_window() {
    let mut setup = Setup::new(8);
    setup.channel = ChannelConfig {
        initial_window_size: WINDOW,
        maximum_window_size: WINDOW,
        ..ChannelConfig::default()
    };
    let mut seed = Seed::new(8);
    let mut world = World::new(&setup, &Conditions { piece: 1..=20_000, ..Conditions::default() });
    let unread = Flow { idle_reader: true, stays_open: true, ..Flow::default() };
    world.client_opens(Flow { stays_open: true, ..Flow::of(seed.bytes(400_000)) }, unread.clone());
    world.client_opens(unread, Flow { stays_open: true, ..Flow::of(seed.bytes(400_000)) });
    for _ in 0..3 {
        let (there, back) = (Flow::of(seed.bytes(300_000)), Flow::of(seed.bytes(300_000)));
        world.client_opens(there, back);
    }
    world.client.rekey_every = Some(100_000);
    world.run();
    world.assert_alive();
    world.assert_prefixes();
    for (writer, reader) in world.exchanges() {
        if reader.idle_reader {
            assert_eq!(writer.written, WINDOW as usize, "the window is used up and not passed");
            assert!(reader.received.is_empty());
        } else {
            assert_eq!(reader.received.len(), writer.source.len(), "another channel is stalled");
        }
    }
    for (writer, reader) in [(0, 0), (1, 1)] {
        let (of_client, of_server) = (world.client.own[writer], world.server.others[reader]);
        let kept = if writer == 0 {
            world.pair.b.transport.channel(of_server).map(|channel| channel.state().unread(Stream::Data))
        } else {
            world.pair.a.transport.channel(of_client).map(|channel| channel.state().unread(Stream::Data))
        };
        assert_eq!(kept, Some(WINDOW as usize));
    }

    // As soon as somebody reads, all of it comes.
    for party in [&mut world.client, &mut world.server] {
        party.flows.values_mut().for_each(|flow| flow.idle_reader = false);
    }
    world.run();
    for (writer, reader) in world.exchanges() {
        assert!(reader.received == writer.source);
    }
}
