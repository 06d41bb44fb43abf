//! Data that flows, through re-exchanges and beside channels that do not.

use super::harness::{
    MIB, Pair, connected, connected_on, read_pattern, run, run_on_threads, server_config, settle, sockets,
    write_pattern,
};
use crate::channel::Channel;
use konko_transport::packet::RekeyPolicy;
use konko_transport::{ClientConfig, Event, ServerEvent};
use std::io::ErrorKind;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Carries `len` bytes each way at once.
async fn both_ways(near: &Channel, far: &Channel, len: usize) {
    let tasks = [
        tokio::spawn(write_pattern(near.writer(), len)),
        tokio::spawn(write_pattern(far.writer(), len)),
        tokio::spawn(read_pattern(near.reader(), len, 5_000)),
        tokio::spawn(read_pattern(far.reader(), len, 30_001)),
    ];
    for task in tasks {
        task.await.expect("no panic").expect("no error");
    }
}

#[test]
fn both_directions_at_once_on_threads() {
    run_on_threads(async {
        let (one, other) = sockets().await;
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        let (near, far) = pair.open().await;
        both_ways(&near, &far, 64 * MIB).await;
    });
}

#[test]
fn both_directions_at_once_on_one_thread() {
    run(async {
        let pair = connected().await;
        let (near, far) = pair.open().await;
        both_ways(&near, &far, 8 * MIB).await;
    });
}

/// Fifty channels, one of which nobody reads.
#[test]
fn a_channel_that_nobody_reads_holds_up_no_other() {
    run(async {
        let pair = connected().await;
        let (unread, flooding) = pair.open().await;
        let flood = tokio::spawn(write_pattern(flooding.writer(), 4 * MIB));
        settle().await;
        assert!(!flood.is_finished(), "it waits for its window");
        let mut tasks = Vec::new();
        for _ in 0..49 {
            let (near, far) = pair.open().await;
            tasks.push(tokio::spawn(write_pattern(near.writer(), MIB / 4)));
            tasks.push(tokio::spawn(write_pattern(far.writer(), MIB / 4)));
            tasks.push(tokio::spawn(read_pattern(near.reader(), MIB / 4, 4_096)));
            tasks.push(tokio::spawn(read_pattern(far.reader(), MIB / 4, 32_768)));
        }
        for task in tasks {
            task.await.expect("no panic").expect("no error");
        }
        pair.check().await;
        assert!(!flood.is_finished(), "its window is as full as before");
        drop(flooding);
        // Then it comes, whole, and wakes the writer as it is read.
        read_pattern(unread.reader(), 4 * MIB, 100_000).await.expect("read");
        flood.await.expect("no panic").expect("written");
        assert_eq!(unread.reader().read(&mut [0]).await.expect("the end"), 0);
    });
}

#[test]
fn data_and_standard_error_come_apart_and_end_together() {
    run(async {
        let pair = connected().await;
        let (mut near, mut far) = pair.open().await;
        let errors = tokio::spawn(read_pattern(near.stderr(), 3 * MIB, 10_000));
        let ending = tokio::spawn({
            let mut reader = near.reader();
            async move { reader.read(&mut [0]).await }
        });
        write_pattern(far.stderr_writer(), 3 * MIB).await.expect("written");
        far.shutdown().await.expect("sent");
        errors.await.expect("no panic").expect("read");
        assert_eq!(ending.await.expect("no panic").expect("the end"), 0);
        assert_eq!(near.stderr().read(&mut [0]).await.expect("the end"), 0);
        // The other direction is open still.
        near.write_all(b"on").await.expect("written");
        let mut two = [0; 2];
        far.read_exact(&mut two).await.expect("read");
        assert_eq!(&two, b"on");
        assert_eq!(far.write(b"x").await.expect_err("after EOF").kind(), ErrorKind::BrokenPipe);
    });
}

/// Two tasks read the same stream: each byte comes to one of them, and both hear of the end.
#[test]
fn two_readers_of_one_stream_share_it() {
    run(async {
        let pair = connected().await;
        let (near, far) = pair.open().await;
        let count = |channel: &Channel| {
            let mut reader = channel.reader();
            tokio::spawn(async move {
                let mut len = 0;
                while let Some(chunk) = reader.read_chunk(1_000).await.expect("read") {
                    len += chunk.len();
                    tokio::task::yield_now().await;
                }
                len
            })
        };
        let readers = [count(&near), count(&near)];
        write_pattern(far.writer(), MIB).await.expect("written");
        far.send_eof();
        let mut len = 0;
        for reader in readers {
            len += reader.await.expect("no panic");
        }
        assert_eq!(len, MIB);
    });
}

/// Waits until keys were exchanged again.
async fn keys_changed(pair: &Pair) {
    loop {
        match pair.server.next_event().await {
            Some(ServerEvent::Common(Event::KeysChanged { first: false, .. })) => return,
            Some(_) => {}
            None => panic!("{:?}", pair.server.error()),
        }
    }
}

/// The drivers re-exchange keys; neither application is inside a call.
#[test]
fn keys_are_exchanged_again_while_the_applications_are_away() {
    run(async {
        let pair = connected().await;
        for round in 0..4 {
            if round % 2 == 0 {
                pair.client.with(|transport, now| transport.request_key_exchange(now));
            } else {
                pair.server.with(|transport, now| transport.request_key_exchange(now));
            }
            keys_changed(&pair).await;
        }
        pair.check().await;
    });
}

/// Either end asks for new keys every so many bytes, of its own or by the policy.
async fn with_re_exchanges(pair: Pair, asked_for: usize) {
    let (near, far) = pair.open().await;
    const LEN: usize = 6 * MIB;
    let reading = [
        tokio::spawn(read_pattern(near.reader(), LEN, 30_000)),
        tokio::spawn(read_pattern(far.reader(), LEN, 30_000)),
    ];
    let writing = tokio::spawn(write_pattern(far.writer(), LEN));
    for _ in 0..asked_for {
        pair.client.with(|transport, now| transport.request_key_exchange(now));
        keys_changed(&pair).await;
        pair.server.with(|transport, now| transport.request_key_exchange(now));
        keys_changed(&pair).await;
    }
    write_pattern(near.writer(), LEN).await.expect("written");
    writing.await.expect("no panic").expect("written");
    for reading in reading {
        reading.await.expect("no panic").expect("read");
    }
    let changed = pair.client.with(|transport, _| transport.stats().key_re_exchanges);
    // Where they are changed by bytes alone, up to a window's worth may be under way before the next time.
    let at_least = if asked_for == 0 { LEN as u64 / (3 * MIB as u64) } else { asked_for as u64 };
    assert!(changed >= at_least, "keys were changed {changed} times");
    pair.check().await;
}

#[test]
fn keys_are_exchanged_again_amid_the_traffic() {
    run(async { with_re_exchanges(connected().await, 10).await });
    run_on_threads(async {
        let (one, other) = sockets().await;
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        with_re_exchanges(pair, 10).await;
    });
}

#[test]
fn keys_are_exchanged_again_after_few_bytes() {
    let policy = RekeyPolicy { bytes: MIB as u64 / 4, ..RekeyPolicy::default() };
    let configs = || {
        let (mut client, mut server) = (ClientConfig::default(), server_config());
        Arc::make_mut(&mut client.packet).rekey = policy.clone();
        Arc::make_mut(&mut server.packet).rekey = policy.clone();
        (client, server)
    };
    run(async {
        let (one, other) = tokio::io::duplex(20_000);
        let (client, server) = configs();
        with_re_exchanges(connected_on(one, other, client, server).await, 0).await;
    });
    run_on_threads(async {
        let (one, other) = sockets().await;
        let (client, server) = configs();
        with_re_exchanges(connected_on(one, other, client, server).await, 0).await;
    });
}
