//! A link that ends anywhere: both ends learn of it.

use crate::endpoints::Setup;
use crate::flow::Flow;
use crate::world::World;
use konko_tests::Conditions;
use konko_wire::number::DisconnectReason;

/// Logs in, runs something on a channel and says good-bye.
fn session(there: Conditions, back: Conditions) -> World {
    let mut world = World::with_directions(&Setup::new(9).with_keepalive(), there, back);
    world.client_opens(Flow::of(b"a command".to_vec()), Flow::of(b"its output".to_vec()));
    world.run();
    world.pair.a.transport.disconnect(DisconnectReason::BY_APPLICATION, "done");
    world.pair.close(konko_tests::End::A);
    world.run();
    world
}

/// covers: T22
#[test]
fn a_link_that_ends_at_any_byte_is_an_error_at_both_ends() {
    let conditions = || Conditions { piece: 1..=64, ..Conditions::default() };
    let whole = session(conditions(), conditions());
    let lengths = [whole.pair.link.a_to_b.sent(), whole.pair.link.b_to_a.sent()];
    assert!(whole.exchanges().iter().all(|(writer, reader)| writer.source == reader.received));
    assert!(whole.pair.a.transport.is_ended() && whole.pair.b.transport.is_ended());

    for (direction, length) in lengths.into_iter().enumerate() {
        for end in 0..length {
            let mut both = [conditions(), conditions()];
            both[direction].end_after = Some(end);
            let [there, back] = both;
            let mut world = session(there, back);
            world.run_to_the_end();
            world.assert_prefixes();
            assert!(world.pair.a.transport.error().is_some() && world.pair.b.transport.error().is_some());
            assert_eq!(world.pair.a.transport.phase(), konko_transport::dispatch::Phase::Ended);
        }
    }
}
