//! Ends that one of the two wants.

use super::harness::{
    MIB, Pair, connected, connected_on, poll_once, run, run_on_threads, server_config, settle, sockets,
    write_pattern,
};
use super::switch::{Switched, Writes};
use crate::error::Error;
use konko_transport::ClientConfig;
use konko_transport::packet::PacketError;
use konko_transport::wire::number::DisconnectReason;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The words of the peer that has ended the connection.
pub(super) fn words(error: Error) -> (DisconnectReason, String) {
    match error {
        Error::Transport(konko_transport::Error::Packet(PacketError::Disconnected {
            reason,
            description,
        })) => (reason, description),
        other => panic!("{other:?}"),
    }
}

// covers: X09
#[test]
fn dropping_the_last_handle_tells_the_peer_and_ends_the_drivers() {
    run(async {
        let Pair { client, server, client_driver, server_driver } = connected().await;
        let pair = Pair { client, server, client_driver, server_driver };
        let (near, mut far) = pair.open().await;
        let Pair { client, server, client_driver, server_driver } = pair;
        let mut writer = near.writer();
        drop((client.clone(), client));
        settle().await;
        assert_eq!(near.connection_error(), None, "a channel is a handle of its connection");
        drop(near);
        settle().await;
        writer.write_all(b"last words").await.expect("a writer is a handle of its channel");
        writer.shutdown().await.expect("sent");
        drop(writer);
        client_driver.await.expect("no panic");
        let mut heard = String::new();
        far.read_to_string(&mut heard).await.expect("the channel was closed in order");
        assert_eq!(heard, "last words");
        assert_eq!(words(server.closed().await).0, DisconnectReason::BY_APPLICATION);
        server_driver.await.expect("it ends, handles or not");
        while server.next_event().await.is_some() {}
    });
}

/// A driver that sleeps, and whose peer says nothing, hears of it at once.
#[test]
fn a_sleeping_driver_is_woken_to_end() {
    run(async {
        for drops in [true, false] {
            let (one, other) = tokio::io::duplex(64 * 1024);
            let (other, switch) = Switched::new(other);
            let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
            let Pair { client, server, .. } = pair;
            // No timer is left from the beginning.
            tokio::time::sleep(Duration::from_secs(200)).await;
            switch.set(Writes::Stall);
            let asked = tokio::time::Instant::now();
            if drops {
                drop(client);
                settle().await;
                assert_eq!(words(server.error().expect("told")).0, DisconnectReason::BY_APPLICATION);
            } else {
                client.disconnect(DisconnectReason::BY_APPLICATION, "stop");
                client.closed().await;
            }
            assert!(asked.elapsed() <= Duration::from_secs(1));
        }
    });
}

/// Also where the driver has not been polled once.
#[test]
fn a_connection_without_handles_says_good_bye_and_ends() {
    run(async {
        let (one, mut other) = tokio::io::duplex(64 * 1024);
        let (client, driver) = crate::Connection::client(one, ClientConfig::default().into());
        drop(client);
        driver.await;
        let mut said = Vec::new();
        other.read_to_end(&mut said).await.expect("the stream is closed");
        assert!(said.starts_with(b"SSH-2.0-"));
    });
}

#[test]
fn a_disconnect_comes_through_whatever_is_unread() {
    run_on_threads(async {
        for _ in 0..10 {
            let (one, other) = sockets().await;
            let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
            let (mut near, far) = pair.open().await;
            let flood =
                tokio::spawn(async move { while far.writer().write_all(&[0; 50_000]).await.is_ok() {} });
            near.read_exact(&mut [0; 100_000]).await.expect("read");
            pair.client.disconnect(DisconnectReason::BY_APPLICATION, "enough");
            // Closing the socket at once would throw away what the peer has not read yet.
            let Pair { client, server, client_driver, server_driver } = pair;
            drop(near);
            drop(client);
            assert_eq!(words(server.closed().await).1, "enough");
            flood.await.expect("no panic");
            client_driver.await.expect("no panic");
            server_driver.await.expect("no panic");
        }
    });
}

/// What ended the connection says more than that the stream took no more.
#[test]
fn the_peers_words_count_more_than_a_failed_write() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (one, switch) = Switched::new(one);
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        let (mut near, _far) = pair.open().await;
        switch.set(Writes::Fail);
        pair.server.disconnect(DisconnectReason::HOST_NOT_ALLOWED_TO_CONNECT, "maintenance");
        // No driver has had its turn: the client writes first.
        assert!(poll_once(&mut Box::pin(near.write(b"x"))).await.is_ready());
        let (reason, description) = words(pair.client.error().expect("ended"));
        assert_eq!((reason, &*description), (DisconnectReason::HOST_NOT_ALLOWED_TO_CONNECT, "maintenance"));
        let refused = near.write(b"x").await.expect_err("ended");
        assert!(refused.to_string().contains("maintenance"), "{refused}");
        assert_eq!(words(pair.client.closed().await).1, "maintenance");
        pair.client_driver.await.expect("no panic");
    });
}

/// Even where so much waits to be sent that nothing is read any more.
#[test]
fn the_peers_words_are_read_behind_a_full_output() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (one, switch) = Switched::new(one);
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        let (near, _far) = pair.open().await;
        switch.set(Writes::Stall);
        for _ in 0..20 {
            near.notify("x@y", &[0; 60_000]).expect("sent");
        }
        settle().await;
        pair.server.disconnect(DisconnectReason::BY_APPLICATION, "maintenance");
        settle().await;
        assert_eq!(pair.client.error(), None, "it does not read");
        switch.set(Writes::Fail);
        assert_eq!(words(pair.client.closed().await).1, "maintenance");
    });
}

/// A peer that takes nothing more cannot hold the driver, nor may those who read think that all has come.
#[test]
fn a_stalled_stream_does_not_hold_the_end_up() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (one, switch) = Switched::new(one);
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        let (mut near, _far) = pair.open().await;
        let mut reader = near.reader();
        let reading = tokio::spawn(async move { reader.read(&mut [0]).await });
        settle().await;
        switch.set(Writes::Stall);
        pair.client.disconnect(DisconnectReason::BY_APPLICATION, "stop");
        assert!(reading.await.expect("no panic").is_err());
        assert_eq!(near.read(&mut [0]).await.expect_err("cut").kind(), ErrorKind::ConnectionAborted);
        assert!(near.write(b"x").await.is_err());
        assert!(near.shutdown().await.is_err(), "the peer never hears of an EOF");
        let asked = tokio::time::Instant::now();
        let closed = pair.client.closed();
        assert!(poll_once(&mut Box::pin(closed)).await.is_pending(), "the last bytes are not sent");
        assert_eq!(pair.client.closed().await, Error::Transport(konko_transport::Error::Closed));
        assert!(asked.elapsed() <= Duration::from_secs(3));
        pair.client_driver.await.expect("no panic");
        assert!(pair.server.closed().await.to_string().contains("closed"), "and the stream is let go");
    });
}

/// Also where the driver that is done is not dropped.
#[test]
fn a_driver_that_gives_up_tells_those_who_wait() {
    run(async {
        let (one, _other) = tokio::io::duplex(10);
        let (client, mut driver) = crate::Connection::client(one, ClientConfig::default().into());
        let mut closed = Box::pin(client.closed());
        client.disconnect(DisconnectReason::BY_APPLICATION, "stop");
        (&mut driver).await;
        assert!(poll_once(&mut closed).await.is_ready(), "although nobody has read the last bytes");
        drop(driver);
    });
}

/// A driver that waits for the peer to close reads what still comes, but not for ever.
#[test]
fn a_peer_that_never_stops_cannot_hold_the_driver() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (client, driver) = crate::Connection::client(one, ClientConfig::default().into());
        let (mut said, mut saying) = tokio::io::split(other);
        let driver = tokio::spawn(driver);
        let flood = tokio::spawn(async move {
            while saying.write_all(b"SSH").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        settle().await;
        client.disconnect(DisconnectReason::BY_APPLICATION, "stop");
        said.read_to_end(&mut Vec::new()).await.expect("it is told that nothing comes any more");
        driver.await.expect("no panic");
        flood.await.expect("no panic");
    });
}

/// After an EOF the end of the connection does not matter.
#[test]
fn a_stream_that_ended_stays_ended() {
    run(async {
        let pair = connected().await;
        let (mut near, far) = pair.open().await;
        write_pattern(far.writer(), MIB).await.expect("written");
        far.send_eof();
        settle().await;
        pair.server_driver.abort();
        pair.client.closed().await;
        let mut all = Vec::new();
        assert_eq!(near.read_to_end(&mut all).await.expect("it had ended"), MIB);
        let mut piece = [0; 10];
        assert_eq!(near.read(&mut piece).await.expect("still"), 0);
        assert_eq!(near.stderr().read(&mut piece).await.expect("it has, too"), 0);
    });
}
