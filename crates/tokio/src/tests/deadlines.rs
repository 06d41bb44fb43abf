//! Peers that say nothing. The clock is the runtime's: no time passes here.

use super::harness::{
    accept, begin_log_in, connected, connected_on, poll_and_drop, run, server_config, settle, strangers,
};
use super::switch::{Switched, Writes};
use crate::connection::Connection;
use crate::error::Error;
use konko_transport::channel::{ChannelKind, OpenOptions};
use konko_transport::packet::PacketError;
use konko_transport::packet::RekeyPolicy;
use konko_transport::{ClientConfig, Event, ServerEvent, Side, Timer};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Waits for the end, which must come after `expected`.
async fn closed_after<S: Side>(connection: &Connection<S>, expected: Duration) -> Error {
    let begun = Instant::now();
    let why = connection.closed().await;
    let after = begun.elapsed();
    assert!(after >= expected.saturating_sub(SECOND) && after <= expected + SECOND, "{after:?}: {why}");
    why
}

fn is_packet_timeout(error: &Error) -> bool {
    matches!(error, Error::Transport(konko_transport::Error::Packet(PacketError::TimedOut { .. })))
}

#[test]
fn a_peer_that_does_not_identify_itself() {
    run(async {
        let (one, _other) = tokio::io::duplex(64 * 1024);
        let (client, driver) = Connection::client(one, ClientConfig::default().into());
        let driver = tokio::spawn(driver);
        assert!(is_packet_timeout(&closed_after(&client, 30 * SECOND).await));
        driver.await.expect("no panic");
    });
}

#[test]
fn a_peer_that_exchanges_no_keys() {
    run(async {
        let (one, mut other) = tokio::io::duplex(64 * 1024);
        let (server, driver) = Connection::server(one, server_config().into());
        tokio::spawn(driver);
        tokio::time::sleep(20 * SECOND).await;
        other.write_all(b"SSH-2.0-silent\r\n").await.expect("written");
        // The login grace time began with the connection.
        let why = closed_after(&server, 40 * SECOND).await;
        assert_eq!(why, Error::Transport(konko_transport::Error::TimedOut(Timer::Authentication)));

        let (one, mut other) = tokio::io::duplex(64 * 1024);
        let (client, driver) = Connection::client(one, ClientConfig::default().into());
        tokio::spawn(driver);
        other.write_all(b"SSH-2.0-silent\r\n").await.expect("written");
        assert!(is_packet_timeout(&closed_after(&client, 60 * SECOND).await));
    });
}

#[test]
fn a_server_that_does_not_answer_an_authentication() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let mut config = server_config();
        config.login_grace_time = None;
        let (client, driver, _server, other) = strangers(one, other, ClientConfig::default(), config);
        let drivers = (tokio::spawn(driver), tokio::spawn(other));
        begin_log_in(&client).await;
        let why = closed_after(&client, 60 * SECOND).await;
        assert_eq!(why, Error::Transport(konko_transport::Error::TimedOut(Timer::Authentication)));
        drivers.0.await.expect("no panic");
        drivers.1.await.expect("no panic");
    });
}

#[test]
fn a_client_that_does_not_authenticate() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (client, driver, server, other) = strangers(one, other, ClientConfig::default(), server_config());
        tokio::spawn(driver);
        tokio::spawn(other);
        let why = closed_after(&server, 60 * SECOND).await;
        assert_eq!(why, Error::Transport(konko_transport::Error::TimedOut(Timer::Authentication)));
        client.closed().await;
    });
}

/// The client's application does nothing all the while.
#[test]
fn a_silent_peer_is_given_up() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (other, switch) = Switched::new(other);
        let mut config = ClientConfig::default();
        config.keepalive.interval = Some(10 * SECOND);
        let pair = connected_on(one, other, config, server_config()).await;
        let server = pair.server.clone();
        tokio::spawn(async move {
            while let Some(event) = server.next_event().await {
                if let ServerEvent::Common(Event::GlobalRequest(question)) = event {
                    server.answer_global(question, None);
                }
            }
        });
        tokio::time::sleep(300 * SECOND).await;
        assert_eq!(pair.client.error(), None, "it answers");
        assert_eq!(pair.client.kept().events, 0, "the application hears nothing of it");
        switch.set(Writes::Stall);
        let why = tokio::time::timeout(50 * SECOND, pair.client.closed()).await.expect("in time");
        assert_eq!(why, Error::Transport(konko_transport::Error::TimedOut(Timer::Keepalive)));
    });
}

/// The deadline is set by a handle, and is earlier than what the driver sleeps for.
#[test]
fn a_re_exchange_that_the_peer_does_not_answer() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (other, switch) = Switched::new(other);
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        settle().await;
        switch.set(Writes::Stall);
        // No timer is left from the beginning.
        tokio::time::sleep(200 * SECOND).await;
        pair.client.with(|transport, now| transport.request_key_exchange(now));
        assert!(is_packet_timeout(&closed_after(&pair.client, 60 * SECOND).await));
    });
}

#[test]
fn keys_are_exchanged_again_after_some_time() {
    run(async {
        let mut config = ClientConfig::default();
        Arc::make_mut(&mut config.packet).rekey =
            RekeyPolicy { interval: Some(10 * SECOND), ..RekeyPolicy::default() };
        let (one, other) = tokio::io::duplex(64 * 1024);
        let pair = connected_on(one, other, config, server_config()).await;
        tokio::time::sleep(35 * SECOND).await;
        assert_eq!(pair.client.with(|transport, _| transport.stats().key_re_exchanges), 3);
        pair.check().await;
    });
}

#[test]
fn every_wait_ends_at_its_time() {
    run(async {
        let pair = connected().await;
        let (near, _far) = pair.open().await;
        let client = &pair.client;
        let timed_out = |error: Error| matches!(error, Error::TimedOut { after: SECOND, .. });
        let limit = Some(SECOND);
        let opening = client.open_channel(ChannelKind::Session, OpenOptions::default(), limit).await;
        assert!(timed_out(opening.map(drop).expect_err("not answered")));
        assert!(timed_out(near.request("exec", b"", limit).await.expect_err("not answered")));
        assert!(timed_out(client.global_request("x@y", b"", limit).await.expect_err("not answered")));
        assert_eq!(client.error(), None);
        poll_and_drop(near.next_event()).await;
        drop(accept(&pair.server).await);
        pair.check().await;
    });
}
