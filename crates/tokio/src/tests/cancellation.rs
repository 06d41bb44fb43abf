//! Futures that are dropped, at every place where they can be.

use super::harness::{
    Checker, MIB, Pair, accept, connected, poll_and_drop, poll_once, run, settle, write_pattern,
};
use konko_transport::channel::{ChannelEvent, ChannelKind, OpenOptions};
use konko_transport::{ClientEvent, Event, ServerEvent};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Nothing is kept of what has ended.
fn assert_clean(pair: &Pair, slots: usize) {
    for kept in [pair.client.kept(), pair.server.kept()] {
        assert_eq!((kept.slots, kept.waiters, kept.replies), (slots, 0, false), "{kept:?}");
    }
}

// covers: X04, X09
#[test]
fn an_open_that_is_dropped_is_closed_when_it_is_confirmed() {
    run(async {
        let pair = connected().await;
        for _ in 0..3 {
            poll_and_drop(pair.client.open_channel(ChannelKind::Session, OpenOptions::default(), None)).await;
            let late = accept(&pair.server).await;
            loop {
                match late.next_event().await {
                    Some(ChannelEvent::Closed) => break,
                    Some(_) => {}
                    None => panic!("the end is an event"),
                }
            }
        }
        settle().await;
        assert_clean(&pair, 0);
        assert!(pair.client.with(|transport, _| format!("{transport:?}").contains("channels: 0")));
        pair.check().await;
    });
}

// covers: X04, X09
#[test]
fn an_open_that_is_dropped_after_it_was_confirmed_is_closed() {
    run(async {
        let pair = connected().await;
        let mut opening =
            Box::pin(pair.client.open_channel(ChannelKind::Session, OpenOptions::default(), None));
        assert!(poll_once(&mut opening).await.is_pending());
        let mut far = accept(&pair.server).await;
        settle().await;
        drop(opening);
        assert_eq!(far.read(&mut [0]).await.expect("closed in order"), 0);
        drop(far);
        settle().await;
        assert_clean(&pair, 0);
        pair.check().await;
    });
}

// covers: X04
#[test]
fn the_answers_to_dropped_requests_are_not_taken_for_later_ones() {
    run(async {
        let pair = connected().await;
        let (near, far) = pair.open().await;
        let answer = async |granted| match far.next_event().await {
            Some(ChannelEvent::Request(question)) => far.answer(question, granted),
            other => panic!("{other:?}"),
        };
        for granted in [true, false] {
            // Dropped before the answer; dropped when it has come; and one that is waited for.
            poll_and_drop(near.request("first", b"", None)).await;
            let mut second = Box::pin(near.request("second", b"", None));
            assert!(poll_once(&mut second).await.is_pending());
            let third = near.request("third", b"", None);
            let answers = async {
                answer(!granted).await;
                answer(!granted).await;
                settle().await;
                drop(second);
                answer(granted).await;
            };
            let (third, ()) = tokio::join!(third, answers);
            assert_eq!(third, Ok(granted));
        }
        assert_clean(&pair, 1);
        pair.check().await;
    });
}

// covers: X04
#[test]
fn the_answers_to_dropped_global_requests_are_not_taken_for_later_ones() {
    run(async {
        let pair = connected().await;
        let answer = async |reply: Option<&[u8]>| loop {
            match pair.server.next_event().await {
                Some(ServerEvent::Common(Event::GlobalRequest(question))) => {
                    break pair.server.answer_global(question, reply);
                }
                Some(_) => {}
                None => panic!("{:?}", pair.server.error()),
            }
        };
        poll_and_drop(pair.client.global_request("first", b"", None)).await;
        let mut second = Box::pin(pair.client.global_request("second", b"", None));
        assert!(poll_once(&mut second).await.is_pending());
        let answers = async {
            answer(None).await;
            answer(Some(b"not this")).await;
            settle().await;
            drop(second);
            answer(Some(b"data")).await;
        };
        let (third, ()) = tokio::join!(pair.client.global_request("third", b"", None), answers);
        assert_eq!(third.expect("answered").as_deref(), Some(&b"data"[..]));
        assert_clean(&pair, 0);
        // Nor does anybody else hear of them.
        poll_and_drop(async {
            loop {
                if let Some(ClientEvent::Common(Event::GlobalReply { id, .. })) =
                    pair.client.next_event().await
                {
                    break id;
                }
            }
        })
        .await;
    });
}

// covers: X04
#[test]
fn what_a_dropped_read_would_have_read_is_read_later() {
    run(async {
        let pair = connected().await;
        let (mut near, far) = pair.open().await;
        let mut stderr = near.stderr();
        poll_and_drop(near.read(&mut [0; 10])).await;
        poll_and_drop(near.reader().read_chunk(10)).await;
        poll_and_drop(stderr.read(&mut [0; 10])).await;
        poll_and_drop(near.next_event()).await;
        far.writer().write_all(b"data").await.expect("written");
        far.stderr_writer().write_all(b"error").await.expect("written");
        // Something has come by now, and nobody polls those who were woken.
        let mut reading = Box::pin(near.read_u8());
        let first = loop {
            if let Poll::Ready(byte) = poll_once(&mut reading).await {
                break byte.expect("read");
            }
            settle().await;
        };
        drop(reading);
        assert_eq!(first, b'd');
        drop(far);
        let (mut data, mut error) = (String::new(), String::new());
        near.read_to_string(&mut data).await.expect("read");
        stderr.read_to_string(&mut error).await.expect("read");
        assert_eq!((&*data, &*error), ("ata", "error"));
    });
}

// covers: X04
#[test]
fn a_dropped_write_has_written_nothing() {
    run(async {
        let pair = connected().await;
        let (mut near, far) = pair.open().await;
        let mut sent = 0;
        let piece = [7; 50_000];
        loop {
            match poll_once(&mut Box::pin(near.write(&piece))).await {
                Poll::Ready(n) => sent += n.expect("written"),
                // The driver may have to make room first.
                Poll::Pending => {
                    settle().await;
                    match poll_once(&mut Box::pin(near.write(&piece))).await {
                        Poll::Ready(n) => sent += n.expect("written"),
                        Poll::Pending => break,
                    }
                }
            }
        }
        assert!(sent >= 2 * MIB, "the window is used up");
        near.send_eof();
        let mut all = Vec::new();
        far.reader().read_to_end(&mut all).await.expect("read");
        assert_eq!(all.len(), sent);
        drop((near, far));
        settle().await;
        assert_clean(&pair, 0);
        pair.check().await;
    });
}

/// Everything is dropped again and again while data flows: none of it is lost or doubled.
///
/// covers: X04
#[test]
fn selects_lose_nothing() {
    run(async {
        let pair = connected().await;
        let (near, far) = pair.open().await;
        const LEN: usize = 6 * MIB;
        let writing = tokio::spawn(write_pattern(far.writer(), LEN));
        let mut tick = tokio::time::interval(Duration::from_nanos(1));
        let mut reader = near.reader();
        let (mut checker, mut piece, mut rounds) = (Checker::default(), vec![0; 3_000], 0_u32);
        while checker.position < LEN {
            rounds += 1;
            tokio::select! {
                biased;
                _ = std::future::ready(()), if rounds.is_multiple_of(3) => {}
                event = near.next_event() => panic!("{event:?}"),
                error = pair.client.closed() => panic!("{error}"),
                n = reader.read(&mut piece) => checker.check(&piece[..n.expect("read")]),
                _ = near.request("x", b"", None), if rounds.is_multiple_of(7) => {}
                _ = tick.tick() => {}
            }
            while let Poll::Ready(Some(ChannelEvent::Request(question))) =
                poll_once(&mut Box::pin(far.next_event())).await
            {
                far.answer(question, true);
            }
        }
        writing.await.expect("no panic").expect("written");
        settle().await;
        while let Poll::Ready(Some(ChannelEvent::Request(question))) =
            poll_once(&mut Box::pin(far.next_event())).await
        {
            far.answer(question, true);
        }
        settle().await;
        drop(reader);
        assert!(!pair.client.kept().replies, "{:?}", pair.client.kept());
        pair.check().await;
    });
}

/// A task that waited and is no more leaves nothing behind, however long nothing happens.
#[test]
fn tasks_that_gave_up_waiting_leave_nothing() {
    run(async {
        let pair = connected().await;
        let (near, _far) = pair.open().await;
        let client = &pair.client;
        while let Poll::Ready(event) = poll_once(&mut Box::pin(client.next_event())).await {
            drop(event);
        }
        for _ in 0..50 {
            let (one, other) = (client.clone(), near.clone());
            let task = tokio::spawn(async move {
                tokio::join!(
                    one.closed(),
                    one.next_event(),
                    other.next_event(),
                    other.request("x", b"", None)
                )
            });
            settle().await;
            assert_eq!(client.kept().waiters, 4);
            task.abort();
            assert!(task.await.expect_err("aborted").is_cancelled());
        }
        assert_eq!(client.kept().waiters, 0);
    });
}

/// Two waits of one task: when one of them is dropped the other is still woken.
///
/// covers: X04
#[test]
fn a_dropped_wait_does_not_take_another_ones_waker_away() {
    run(async {
        let pair = connected().await;
        let (near, far) = pair.open().await;
        let mut stays = Box::pin(near.next_event());
        let mut goes = Box::pin(near.next_event());
        assert!(poll_once(&mut stays).await.is_pending());
        assert!(poll_once(&mut goes).await.is_pending());
        drop(goes);
        far.send_eof();
        assert!(matches!(stays.await, Some(ChannelEvent::Eof)));
    });
}

/// Output that a handle moves on wakes a writer whose announcement comes after its channel was let go.
///
/// covers: X04, X09
#[test]
fn a_channel_that_is_let_go_leaves_no_slot() {
    run(async {
        let pair = connected().await;
        for _ in 0..20 {
            let (mut near, far) = pair.open().await;
            let piece = vec![0; 600_000];
            while let Poll::Ready(written) = poll_once(&mut Box::pin(near.write(&piece))).await {
                written.expect("written");
            }
            drop(near);
            drop(far);
        }
        settle().await;
        assert_clean(&pair, 0);
    });
}
