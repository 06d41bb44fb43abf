//! Ends that nobody wants.

use super::harness::{Pair, connected, connected_on, poll_once, run, server_config, settle};
use super::switch::{Switched, Writes};
use crate::error::Error;
use konko_transport::ClientConfig;
use konko_transport::channel::{ChannelEvent, ChannelKind, OpenOptions};
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

/// Fills the window, and waits on.
fn fill(mut writer: impl tokio::io::AsyncWrite + Unpin + Send + 'static) -> JoinHandle<std::io::Error> {
    tokio::spawn(async move {
        loop {
            if let Err(error) = writer.write_all(&[0; 60_000]).await {
                return error;
            }
        }
    })
}

/// Waits for everything there is to wait for, and cuts the connection at one of its ends.
async fn all_waits_end(cut: impl FnOnce(&Pair)) {
    let pair = connected().await;
    let (near, far) = pair.open().await;
    let (asked, _answerer) = pair.open().await;
    let mut reader = near.reader();
    let reading = tokio::spawn(async move { reader.read(&mut [0]).await });
    let mut stderr = near.stderr();
    let errors = tokio::spawn(async move { stderr.read_chunk(10).await });
    let writing = fill(near.writer());
    let client = pair.client.clone();
    let events = tokio::spawn(async move { while client.next_event().await.is_some() {} });
    let client = pair.client.clone();
    let global = tokio::spawn(async move { client.global_request("x@y", b"", None).await });
    let client = pair.client.clone();
    let opening = tokio::spawn(async move {
        client.open_channel(ChannelKind::Session, OpenOptions::default(), None).await.map(|_| ())
    });
    let asking = tokio::spawn({
        let asked = asked.clone();
        async move { asked.request("exec", b"", None).await }
    });
    let channel_events = tokio::spawn({
        let near = near.clone();
        async move {
            let last = near.next_event().await;
            (last, near.next_event().await)
        }
    });
    settle().await;
    let waits = [
        reading.is_finished(),
        errors.is_finished(),
        writing.is_finished(),
        events.is_finished(),
        global.is_finished(),
        opening.is_finished(),
        asking.is_finished(),
        channel_events.is_finished(),
    ];
    assert_eq!(waits, [false; 8]);
    cut(&pair);
    // A stream that was cut does not look like one that ended.
    assert_eq!(reading.await.expect("no panic").expect_err("cut").kind(), ErrorKind::ConnectionAborted);
    errors.await.expect("no panic").expect_err("cut");
    assert_eq!(writing.await.expect("no panic").kind(), ErrorKind::ConnectionAborted);
    events.await.expect("the events end");
    let why = pair.client.closed().await;
    assert_eq!(global.await.expect("no panic"), Err(why.clone()));
    assert_eq!(opening.await.expect("no panic"), Err(why.clone()));
    assert_eq!(asking.await.expect("no panic"), Err(why.clone()));
    assert!(matches!(channel_events.await.expect("no panic"), (Some(ChannelEvent::Closed), None)));
    // And whatever is begun after that.
    assert_eq!(near.request("x", b"", None).await, Err(why.clone()));
    assert_eq!(near.notify("x", b""), Err(why.clone()));
    assert_eq!(pair.client.global_request("x", b"", None).await, Err(why.clone()));
    assert_eq!(pair.client.error(), Some(why));
    assert!(near.writer().shutdown().await.is_err());
    assert!(pair.client.next_event().await.is_none());
    // The other end hears of it although handles of this one are left.
    let why = pair.server.closed().await;
    assert_eq!(far.connection_error(), Some(why));
    let mut reader = far.reader();
    let cut = loop {
        match reader.read(&mut [0; 10_000]).await {
            Ok(0) => panic!("it did not end in order"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(cut.kind(), ErrorKind::ConnectionAborted);
}

#[test]
fn waits_end_when_the_driver_is_dropped() {
    run(all_waits_end(|pair| pair.client_driver.abort()));
}

#[test]
fn waits_end_when_the_peer_vanishes() {
    run(all_waits_end(|pair| pair.server_driver.abort()));
}

#[test]
fn a_driver_that_was_never_polled_ends_all_waits_when_it_is_dropped() {
    run(async {
        let (one, mut other) = tokio::io::duplex(64);
        let (client, driver) = crate::Connection::client(one, ClientConfig::default().into());
        let mut closed = Box::pin(client.closed());
        assert!(poll_once(&mut closed).await.is_pending());
        drop(driver);
        assert_eq!(closed.await, Error::Transport(konko_transport::Error::Closed));
        assert_eq!(other.read(&mut [0]).await.expect("closed"), 0);
    });
}

#[test]
fn errors_of_the_stream_come_to_the_handles() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (one, switch) = Switched::new(one);
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        let (near, _far) = pair.open().await;
        let mut reader = near.reader();
        let reading = tokio::spawn(async move { reader.read(&mut [0]).await });
        // A writer that waits for the stream, not for the window.
        switch.set(Writes::Stall);
        let writing = fill(near.writer());
        settle().await;
        switch.set(Writes::Fail);
        assert_eq!(writing.await.expect("no panic").kind(), ErrorKind::BrokenPipe);
        assert_eq!(reading.await.expect("no panic").expect_err("cut").kind(), ErrorKind::BrokenPipe);
        let why = pair.client.closed().await;
        assert!(matches!(why, Error::Io { kind: ErrorKind::BrokenPipe, .. }), "{why:?}");
        pair.client_driver.await.expect("no panic");
        pair.server.closed().await;
    });
}

/// A writer that waits for its window goes on when there is one, and gives up when there never will be.
#[test]
fn a_blocked_writer_wakes() {
    run(async {
        let pair = connected().await;
        // On window.
        let (near, far) = pair.open().await;
        let writing = fill(near.writer());
        settle().await;
        assert!(!writing.is_finished());
        let sent = pair.client.with(|transport, _| transport.stats().bytes_sent);
        far.reader().read_exact(&mut vec![0; 1_500_000]).await.expect("read");
        settle().await;
        assert!(pair.client.with(|transport, _| transport.stats().bytes_sent) > sent + 1_000_000);
        // The peer's EOF is not the end of this direction.
        far.send_eof();
        settle().await;
        assert!(!writing.is_finished());
        // On the peer's CLOSE.
        far.close();
        assert_eq!(writing.await.expect("no panic").kind(), ErrorKind::BrokenPipe);
        // On our own, and on our own EOF.
        for closes in [true, false] {
            let (near, _far) = pair.open().await;
            let writing = fill(near.writer());
            settle().await;
            if closes {
                near.close()
            } else {
                near.send_eof()
            }
            assert_eq!(writing.await.expect("no panic").kind(), ErrorKind::BrokenPipe);
        }
        pair.check().await;
    });
}

#[test]
fn a_writer_that_waits_for_the_stream_wakes() {
    run(async {
        let (one, other) = tokio::io::duplex(64 * 1024);
        let (one, switch) = Switched::new(one);
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        let (mut near, mut far) = pair.open().await;
        switch.set(Writes::Stall);
        let mut sent = 0;
        while let std::task::Poll::Ready(n) = poll_once(&mut Box::pin(near.write(&[7; 9_000]))).await {
            sent += n.expect("written");
        }
        assert!(sent < 2 * 1024 * 1024, "it is not the window that is used up");
        let more = tokio::spawn(async move { near.write_all(&[7; 9_000]).await.map(|()| near) });
        settle().await;
        assert!(!more.is_finished());
        switch.set(Writes::Pass);
        let near = more.await.expect("no panic").expect("written");
        near.send_eof();
        let mut all = Vec::new();
        assert_eq!(far.read_to_end(&mut all).await.expect("read"), sent + 9_000);
    });
}
