//! What a peer can make an application hold that looks at nothing.

use super::harness::{Pair, connected, connected_on, poll_once, run, server_config, settle};
use crate::channel::Channel;
use konko_sansio::Machine;
use konko_transport::channel::Stream;
use konko_transport::{Client, ClientConfig, ClientEvent, Event, Side};
use std::task::Poll;
use tokio::io::AsyncWriteExt;

/// How much of a channel's data waits to be read, and its window.
fn unread<S: Side>(connection: &crate::Connection<S>, channel: &Channel) -> (usize, usize) {
    connection.with(|transport, _| {
        let channel = transport.channel(channel.id()).expect("it is held");
        (channel.state().unread(Stream::Data), channel.state().window_size() as usize)
    })
}

/// Writes until nothing more is taken.
fn flood(channel: &Channel) {
    let mut writer = channel.writer();
    tokio::spawn(async move { while writer.write_all(&[0; 60_000]).await.is_ok() {} });
}

#[test]
fn no_more_is_held_than_the_windows() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let mut config = ClientConfig::default();
        config.channel.initial_window_size = 300_000;
        config.channel.maximum_total_window = 1_000_000;
        let pair = connected_on(one, other, config, server_config()).await;
        let mut channels = Vec::new();
        for _ in 0..20 {
            let (near, far) = pair.open().await;
            flood(&far);
            channels.push((near, far));
        }
        settle().await;
        let mut total = 0;
        for (near, _) in &channels {
            let (unread, window) = unread(&pair.client, near);
            assert_eq!(unread, window, "it is full, and no more than full");
            total += unread;
        }
        assert!(total <= 1_000_000 + 20 * 65_536, "{total} bytes");
        let received = pair.client.with(|transport, _| transport.stats().bytes_received) as usize;
        assert!(received < total + total / 50 + 20_000, "{received} bytes to give {total}");
        // Nor does the other end pile up what is not taken.
        let output = pair.server.with(|transport, _| transport.output().len());
        assert_eq!(output, 0);
        pair.check().await;
    });
}

/// A stream that takes no more is not written to any more either.
#[test]
fn no_more_is_sealed_than_there_is_room_for() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (other, switch) = super::switch::Switched::new(other);
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        let mut channels = Vec::new();
        for _ in 0..10 {
            channels.push(pair.open().await);
        }
        switch.set(super::switch::Writes::Stall);
        for (_, far) in &channels {
            flood(far);
        }
        settle().await;
        let output = pair.server.with(|transport, _| transport.output().len());
        assert!((400_000..600_000).contains(&output), "{output} bytes");
        switch.set(super::switch::Writes::Pass);
        settle().await;
        for (near, _) in &channels {
            let (unread, window) = unread(&pair.client, near);
            assert_eq!(unread, window, "all go on");
        }
    });
}

fn sent(pair: &Pair, requests: usize) {
    pair.server.with(|transport, _| {
        for _ in 0..requests {
            transport.global_request("x@y", b"", false).expect("sent");
        }
    });
}

/// The events that wait, of those only that `wanted` wants.
async fn fetched(client: &crate::Connection<Client>, wanted: impl Fn(&Event) -> bool) -> usize {
    let mut count = 0;
    while let Poll::Ready(event) = poll_once(&mut Box::pin(client.next_event())).await {
        match event {
            Some(ClientEvent::Common(event)) if wanted(&event) => count += 1,
            Some(_) => {}
            None => panic!("{:?}", client.error()),
        }
    }
    count
}

/// Reading pauses until somebody looks, and goes on then: nothing is lost.
#[test]
fn events_that_nobody_looks_at_pause_the_connection() {
    run(async {
        let (one, other) = tokio::io::duplex(4 * 1024);
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        let is_request = |event: &Event| matches!(event, Event::GlobalRequest(_));
        fetched(&pair.client, is_request).await;
        let mut requests = 0;
        while pair.server.with(|transport, _| transport.output().len()) < 20_000 {
            sent(&pair, 50);
            requests += 50;
            settle().await;
        }
        let held = pair.client.kept().events;
        assert!((1_000..1_300).contains(&held), "{held} events");
        assert!(requests > held);
        let mut come = 0;
        while come < requests {
            let more = fetched(&pair.client, is_request).await;
            assert!(more > 0, "{come} of {requests} have come");
            come += more;
            settle().await;
        }
        assert_eq!(come, requests);
        pair.check().await;
    });
}

/// What is merely told is not told where nobody looks.
#[test]
fn news_of_changed_keys_do_not_pile_up() {
    run(async {
        let pair = connected().await;
        for _ in 0..12 {
            sent(&pair, 50);
            settle().await;
        }
        let held = pair.client.kept().events;
        assert!((600..700).contains(&held), "{held} events");
        for _ in 0..3 {
            pair.client.with(|transport, now| transport.request_key_exchange(now));
            settle().await;
        }
        assert_eq!(pair.client.with(|transport, _| transport.stats().key_re_exchanges), 3);
        assert_eq!(pair.client.kept().events, held);
        let is_change = |event: &Event| matches!(event, Event::KeysChanged { first: false, .. });
        assert_eq!(fetched(&pair.client, is_change).await, 0);
        pair.client.with(|transport, now| transport.request_key_exchange(now));
        settle().await;
        assert_eq!(fetched(&pair.client, is_change).await, 1, "now somebody looks");
    });
}

#[test]
fn more_channel_requests_than_anybody_looks_at_end_the_connection() {
    run(async {
        let pair = connected().await;
        let (near, far) = pair.open().await;
        let mut requests = 0;
        while near.notify("window-change", &[0; 16]).is_ok() {
            requests += 1;
            settle().await;
        }
        assert!(requests < 1100, "{requests} requests");
        let why = pair.server.closed().await;
        assert!(why.to_string().contains("nobody has looked at"), "{why}");
        // Those that had come before can be looked at.
        let mut looked_at = 0;
        while let Some(event) = far.next_event().await {
            drop(event);
            looked_at += 1;
        }
        assert!((250..1100).contains(&looked_at), "{looked_at} events");
        pair.client.closed().await;
    });
}
