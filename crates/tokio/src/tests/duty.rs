//! Who reads the stream: the driver, or a reader that has come for what the stream brings.

use super::harness::{
    MIB, PATIENCE, Pair, begin_log_in, connected_on, poll_once, read_pattern, run, server_config,
};
use super::harness::{accept, settle, strangers, write_pattern};
use konko_transport::channel::stream::Stream;
use konko_transport::channel::{ChannelKind, OpenOptions};
use konko_transport::userauth::event::ServerAuthEvent;
use konko_transport::{ClientConfig, ClientEvent, Event, ServerEvent};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Wide enough that the peer never waits for the stream.
const WIDE: usize = 4 * MIB;

async fn wide_pair() -> Pair {
    let (one, other) = tokio::io::duplex(WIDE);
    connected_on(one, other, ClientConfig::default(), server_config()).await
}

/// A driver that counts how often it is polled.
async fn counting(driver: impl Future<Output = ()>, polls: Arc<AtomicUsize>) {
    let mut driver = pin!(driver);
    poll_fn(|cx| {
        polls.fetch_add(1, Ordering::Relaxed);
        driver.as_mut().poll(cx)
    })
    .await;
}

#[test]
fn what_a_reader_comes_for_it_reads_itself() {
    run(async {
        let (one, other) = tokio::io::duplex(WIDE);
        let (client, client_driver, server, server_driver) =
            strangers(one, other, ClientConfig::default(), server_config());
        let polls = Arc::new(AtomicUsize::new(0));
        tokio::spawn(counting(client_driver, Arc::clone(&polls)));
        tokio::spawn(server_driver);
        begin_log_in(&client).await;
        while let Some(event) = server.next_event().await {
            if let ServerEvent::Auth(ServerAuthEvent::Attempt(attempt)) = event {
                server.with(|transport, _| transport.accept_auth(attempt)).expect("accepted");
                break;
            }
        }
        while let Some(event) = client.next_event().await {
            if matches!(event, ClientEvent::Common(Event::Authenticated)) {
                break;
            }
        }
        let opening = client.open_channel(ChannelKind::Session, OpenOptions::default(), None);
        let (near, far) = tokio::join!(opening, accept(&server));
        let near = near.expect("opened");
        let mut first = near.reader();
        let mut byte = [0];
        let mut waiting = Box::pin(first.read(&mut byte));
        assert!(poll_once(&mut waiting).await.is_pending());
        settle().await;
        let before = polls.load(Ordering::Relaxed);
        write_pattern(far.writer(), 2 * MIB - 1).await.expect("the window takes it");
        assert_eq!(waiting.await.expect("read"), 1);
        let mut rest = vec![0; 2 * MIB - 2];
        near.reader().read_exact(&mut rest).await.expect("read");
        let polled = polls.load(Ordering::Relaxed) - before;
        assert!(polled <= 3, "the driver was woken {polled} times for one reader's data");
    });
}

/// The driver has left the stream to a reader that then stays away: whoever else waits gets what is theirs.
#[test]
fn a_reader_that_stays_away_holds_up_nobody() {
    run(async {
        for gone in [false, true] {
            let pair = wide_pair().await;
            let (near, far) = pair.open().await;
            let (other_near, other_far) = pair.open().await;
            let mut reader = near.reader();
            let mut byte = [0];
            let mut waiting = Box::pin(reader.read(&mut byte));
            assert!(poll_once(&mut waiting).await.is_pending());
            let mut other_reader = other_near.reader();
            let mut other = Box::pin(read_pattern(&mut other_reader, 5, 5));
            assert!(poll_once(&mut other).await.is_pending());
            // More than one read of the stream takes, and behind it what the other waits for.
            write_pattern(far.writer(), MIB).await.expect("the window takes it");
            write_pattern(other_far.writer(), 5).await.expect("the window takes it");
            let begin = tokio::time::Instant::now();
            if gone {
                drop(waiting);
            } else {
                assert_eq!(waiting.await.expect("read"), 1);
            }
            other.await.expect("the other's data");
            let waited = begin.elapsed();
            assert!(waited < Duration::from_millis(50), "{waited:?}");
        }
    });
}

/// What has arrived for one channel is taken before more is read for the others: otherwise all windows fill, and what is
/// taken last has long left the cache.
#[test]
fn many_busy_channels_leave_little_unread() {
    const CHANNELS: usize = 100;
    const ROUNDS: usize = 10;
    const PIECE: usize = 32 * 1024;
    run(async {
        let (one, other) = tokio::io::duplex(2 * CHANNELS * ROUNDS * PIECE);
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        let (mut nears, mut writers) = (Vec::new(), Vec::new());
        for _ in 0..CHANNELS {
            let (near, far) = pair.open().await;
            nears.push(near);
            writers.push(far.writer());
        }
        let ids: Arc<[_]> = nears.iter().map(|near| near.id()).collect();
        let mut readers = tokio::task::JoinSet::new();
        for near in nears {
            let (client, ids) = (pair.client.clone(), Arc::clone(&ids));
            readers.spawn(async move {
                let (mut reader, mut got, mut most) = (near.reader(), 0, 0);
                while got < ROUNDS * PIECE {
                    got += reader.read_chunk(PIECE).await.expect("read").expect("more").len();
                    let unread = client.with(|transport, _| {
                        let channels = ids
                            .iter()
                            .filter_map(|id| Some(transport.channel(*id)?.state().unread(Stream::Data)));
                        channels.sum::<usize>()
                    });
                    most = most.max(unread);
                }
                most
            });
        }
        // All of them wait.
        settle().await;
        for _ in 0..ROUNDS {
            for writer in &mut writers {
                writer.write_all(&[0x5a; PIECE]).await.expect("the window takes it");
            }
        }
        let most = readers.join_all().await.into_iter().max().expect("readers");
        assert!(most <= MIB, "{most} bytes waited to be read");
    });
}

/// A reader that takes little at a time and long over it is not what the driver waits for.
#[test]
fn events_come_while_a_reader_dawdles() {
    run(async {
        let pair = wide_pair().await;
        let (near, far) = pair.open().await;
        let dawdling = tokio::spawn(async move {
            let (mut reader, mut piece) = (near.reader(), [0; 1000]);
            while let Ok(1000) = reader.read_exact(&mut piece).await {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        });
        write_pattern(far.writer(), MIB).await.expect("the window takes it");
        let begin = tokio::time::Instant::now();
        for _ in 0..10 {
            let reply = pair.client.global_request("nothing@konko.invalid", b"", Some(PATIENCE));
            let answering = async {
                while let Some(event) = pair.server.next_event().await {
                    if let ServerEvent::Common(Event::GlobalRequest(question)) = event {
                        return pair.server.answer_global(question, Some(b"yes"));
                    }
                }
            };
            let (reply, ()) = tokio::join!(reply, answering);
            assert_eq!(reply.expect("answered").as_deref(), Some(&b"yes"[..]));
        }
        let waited = begin.elapsed();
        assert!(waited < Duration::from_millis(50), "{waited:?}");
        dawdling.abort();
    });
}
