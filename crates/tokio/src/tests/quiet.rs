//! Connections on which nothing happens hold next to nothing, and cost nothing.

use super::harness::{
    Pair, connected, connected_on, read_pattern, run, server_config, settle, write_pattern,
};
use crate::driver::Driver;
use crate::shared::Shared;
use konko_transport::{Client, ClientConfig, Server, Transport};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

const A_WHILE: Duration = Duration::from_secs(3);

/// Whether either end holds buffers.
fn holding(pair: &Pair) -> (bool, bool) {
    let client = pair.client.with(|transport, _| transport.holds_buffers());
    (client, pair.server.with(|transport: &mut Transport<Server>, _| transport.holds_buffers()))
}

/// Every idle connection has one of each.
#[test]
fn what_a_connection_needs_besides_its_machine_is_small() {
    let machine = size_of::<Transport<Client>>();
    let shared = size_of::<Shared<Client>>() - machine;
    assert!(shared <= 512, "{shared}");
    assert!(size_of::<Driver<Client>>() <= 64, "{}", size_of::<Driver<Client>>());
}

#[test]
fn nothing_of_the_login_is_kept() {
    run(async {
        let pair = connected().await;
        settle().await;
        assert_eq!(holding(&pair), (false, false));
        while pair.server.kept().events > 0 {
            pair.server.next_event().await;
        }
        assert_eq!((pair.client.kept().capacity, pair.server.kept().capacity), (0, 0));
        pair.check().await;
    });
}

#[test]
fn buffers_are_given_back_after_a_while_and_taken_again() {
    run(async {
        let pair = connected().await;
        let (near, far) = pair.open().await;
        for len in [100, 3_000_000, 20, 5_000, 200_000] {
            let (written, read) =
                tokio::join!(write_pattern(near.writer(), len), read_pattern(far.reader(), len, 70_000));
            written.expect("written");
            read.expect("read");
            assert_eq!(holding(&pair), (true, true));
            tokio::time::sleep(A_WHILE).await;
            assert_eq!(holding(&pair), (false, false));
        }
    });
}

/// A stream that counts how often it is asked for input.
struct Counted {
    stream: DuplexStream,
    reads: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[test]
fn a_quiet_connection_is_not_looked_at() {
    run(async {
        let reads = Arc::new(AtomicUsize::new(0));
        let (one, other) = tokio::io::duplex(64 * 1024);
        let one = Counted { stream: one, reads: Arc::clone(&reads) };
        let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
        pair.check().await;
        tokio::time::sleep(A_WHILE).await;
        let before = reads.load(Ordering::Relaxed);
        // The first keys are not changed for an hour.
        tokio::time::sleep(Duration::from_secs(10 * 60)).await;
        assert_eq!(reads.load(Ordering::Relaxed), before);
        pair.check().await;
    });
}
