//! EOF and CLOSE in every order, with a re-exchange of keys at any moment; and channels that are let go early.

use crate::endpoints::Setup;
use crate::flow::Flow;
use crate::world::World;
use konko_channel::{ChannelKind, OpenOptions, Progress, Stream};
use konko_tests::{Conditions, End};
use std::time::Duration;

/// What the two ends do with the one channel, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Eof(End),
    Close(End),
}

/// All orders of both ends' EOF (or none) and CLOSE.
fn orders() -> Vec<Vec<Act>> {
    use Act::{Close, Eof};
    let mut all = Vec::new();
    for mask in 0..4 {
        let mut acts = vec![Close(End::A), Close(End::B)];
        if mask & 1 != 0 {
            acts.push(Eof(End::A));
        }
        if mask & 2 != 0 {
            acts.push(Eof(End::B));
        }
        permute(&mut acts, 0, &mut all);
    }
    all.retain(|acts| {
        let at = |act| acts.iter().position(|other| *other == act);
        [End::A, End::B].into_iter().all(|end| at(Eof(end)).is_none_or(|eof| Some(eof) < at(Close(end))))
    });
    all
}

fn permute(acts: &mut Vec<Act>, from: usize, all: &mut Vec<Vec<Act>>) {
    if from == acts.len() {
        all.push(acts.clone());
        return;
    }
    for at in from..acts.len() {
        acts.swap(from, at);
        permute(acts, from + 1, all);
        acts.swap(from, at);
    }
}

/// Runs an order; a re-exchange is begun by `end` at step `index`, and the steps do not wait for each other if
/// `hasty`. Returns how many steps there were.
fn run(acts: &[Act], rekey: Option<(End, usize)>, hasty: bool) {
    let mut world = World::new(&Setup::new(14), &Conditions { piece: 1..=200, ..Conditions::default() });
    world.client_opens(
        Flow { stays_open: true, ..Flow::of(b"from the client".to_vec()) },
        Flow { stays_open: true, ..Flow::of(b"from the server".to_vec()) },
    );
    world.run();
    let (here, there) = (world.client.own[0], world.server.others[0]);
    for index in 0..=acts.len() {
        let now = world.now();
        match rekey {
            Some((End::A, at)) if at == index => world.pair.a.transport.request_key_exchange(now),
            Some((End::B, at)) if at == index => world.pair.b.transport.request_key_exchange(now),
            _ => {}
        }
        let (a, b) = (&mut world.pair.a.transport, &mut world.pair.b.transport);
        match acts.get(index) {
            Some(Act::Eof(End::A)) => drop(a.channel(here).map(|mut channel| channel.send_eof())),
            Some(Act::Eof(End::B)) => drop(b.channel(there).map(|mut channel| channel.send_eof())),
            Some(Act::Close(End::A)) => a.channel(here).iter_mut().for_each(|channel| channel.close()),
            Some(Act::Close(End::B)) => b.channel(there).iter_mut().for_each(|channel| channel.close()),
            None => {}
        }
        if !hasty {
            world.run();
        }
    }
    world.run();
    world.assert_alive();
    for (writer, reader) in world.exchanges() {
        assert!(reader.received == writer.source && reader.closed, "{acts:?}, {rekey:?}");
    }
    assert_eq!(world.client.re_exchanges, u64::from(rekey.is_some()));

    // The numbers are free again when both have let go, and the connection serves the next channel.
    world.pair.a.transport.release_channel(here);
    world.pair.b.transport.release_channel(there);
    assert!(world.pair.a.transport.channel(here).is_none());
    world.client_opens(Flow::of(b"again".to_vec()), Flow::of(b"and again".to_vec()));
    world.run();
    world.assert_alive();
    assert_eq!(world.server.flows[&world.server.others[1]].received, b"again");
}

/// covers: R04
#[test]
fn eof_and_close_in_any_order_survive_a_re_exchange_at_any_step() {
    let orders = orders();
    assert_eq!(orders.len(), 2 + 3 + 3 + 6);
    for acts in orders {
        for hasty in [false, true] {
            run(&acts, None, hasty);
            for end in [End::A, End::B] {
                for index in 0..=acts.len() {
                    run(&acts, Some((end, index)), hasty);
                }
            }
        }
    }
}

/// A re-exchange begun at every byte that one end receives of a whole short channel.
///
/// covers: R04
#[test]
fn a_re_exchange_at_every_byte_of_a_channels_life_loses_nothing() {
    let begin = |at: Option<(End, u64)>| {
        let mut world = World::new(&Setup::new(15), &Conditions { piece: 1..=1, ..Conditions::default() });
        world.run();
        let (a, b) = (world.pair.a.received, world.pair.b.received);
        world.client_opens(Flow::of(vec![3; 70]), Flow::of(vec![4; 70]));
        if let Some((end, at)) = at {
            let World { pair, client, server } = &mut world;
            let reached = pair.drive_until(Duration::from_secs(1), |a_end, b_end, now| {
                client.step_client(&mut a_end.transport, now);
                server.step_server(&mut b_end.transport, now);
                match end {
                    End::A => a_end.received >= a + at,
                    End::B => b_end.received >= b + at,
                }
            });
            assert!(reached);
            let now = pair.now();
            match end {
                End::A => pair.a.transport.request_key_exchange(now),
                End::B => pair.b.transport.request_key_exchange(now),
            }
        }
        world.run();
        world.assert_complete();
        (world.pair.a.received - a, world.pair.b.received - b, world.client.re_exchanges)
    };
    let (to_client, to_server, none) = begin(None);
    assert_eq!(none, 0);
    for at in (0..=to_client).step_by(5) {
        assert_eq!(begin(Some((End::A, at))).2, 1);
    }
    for at in (0..=to_server).step_by(5) {
        assert_eq!(begin(Some((End::B, at))).2, 1);
    }
}

#[test]
fn an_open_that_is_confirmed_after_its_channel_was_let_go_is_closed() {
    let mut world = World::new(&Setup::new(16), &Conditions::default());
    world.run();
    let a = &mut world.pair.a.transport;
    let released = a.open_channel(ChannelKind::Session, OpenOptions::default()).expect("a channel");
    a.release_channel(released);
    let closed = a.open_channel(ChannelKind::Session, OpenOptions::default()).expect("a channel");
    a.channel(closed).expect("it is there").close();
    world.run();
    world.assert_alive();
    assert!(world.pair.a.transport.channel(released).is_none(), "a channel that was let go is kept");
    assert_eq!(world.server.others.len(), 2);
    for id in world.server.others.clone() {
        assert!(world.server.flows[&id].closed, "the server is left with an open channel");
        let read =
            world.pair.b.transport.channel(id).map(|mut channel| channel.read(Stream::Data, &mut [0; 9]));
        assert_eq!(read, Some(Progress::Ended));
    }
}
