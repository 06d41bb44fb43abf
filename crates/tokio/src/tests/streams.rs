//! Streams that are not sockets.

use super::harness::{
    MIB, PATIENCE, Pair, connected, connected_on, read_pattern, run, server_config, write_pattern,
};
use super::switch::Halting;
use konko_transport::ClientConfig;
use tokio::io::AsyncReadExt;

async fn both_ways(pair: &Pair, len: usize) {
    let (near, far) = pair.open().await;
    let written = async {
        tokio::try_join!(write_pattern(near.writer(), len), write_pattern(far.writer(), len))?;
        Ok::<_, std::io::Error>(())
    };
    let read = async {
        tokio::try_join!(read_pattern(near.reader(), len, 9_000), read_pattern(far.reader(), len, 9_000))
    };
    tokio::try_join!(written, read).expect("carried");
}

/// A connection within a connection, as through a jump host.
#[test]
fn a_channel_carries_a_connection() {
    run(async {
        let outer = connected().await;
        let (near, far) = outer.open().await;
        let mut end = far.reader();
        let inner = connected_on(near, far, ClientConfig::default(), server_config()).await;
        both_ways(&inner, 4 * MIB).await;
        let Pair { client, server, client_driver, server_driver } = inner;
        drop((client, server));
        client_driver.await.expect("no panic");
        server_driver.await.expect("no panic");
        assert_eq!(end.read(&mut [0]).await.expect("closed in order"), 0);
        assert_eq!(
            (outer.client.error(), outer.server.error()),
            (None, None),
            "the outer connection goes on"
        );
        outer.check().await;
    });
}

/// With the outer connection the inner one ends, and says so.
#[test]
fn a_cut_jump_cuts_the_connection_within() {
    run(async {
        let outer = connected().await;
        let (near, far) = outer.open().await;
        let inner = connected_on(near, far, ClientConfig::default(), server_config()).await;
        let (mut near, _far) = inner.open().await;
        let reading = tokio::spawn(async move { near.read(&mut [0]).await });
        tokio::task::yield_now().await;
        outer.server_driver.abort();
        assert!(reading.await.expect("no panic").is_err());
        inner.client.closed().await;
        inner.server.closed().await;
    });
}

#[test]
fn a_stream_that_moves_one_byte_at_a_time_carries_a_connection() {
    run(async {
        let (one, other) = tokio::io::duplex(50);
        let pair =
            connected_on(Halting::new(one), Halting::new(other), ClientConfig::default(), server_config())
                .await;
        both_ways(&pair, 60_000).await;
        pair.client.with(|transport, now| transport.request_key_exchange(now));
        both_ways(&pair, 20_000).await;
        let Pair { client, server, client_driver, server_driver } = pair;
        drop(client);
        client_driver.await.expect("no panic");
        let error = tokio::time::timeout(PATIENCE, server.closed()).await.expect("it hears of the end");
        assert!(error.to_string().contains("disconnected by user"), "{error}");
        server_driver.await.expect("no panic");
    });
}
