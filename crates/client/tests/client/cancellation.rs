//! What the client does, dropped after every number of polls.

use crate::scripted_server::{ScriptedServer, client, options};
use konko_client::{ExitStatus, SshClient};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

/// Polls that many times at most, with everybody else getting on in between, and drops it then. Whether it was ready.
async fn polled<T>(times: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    for _ in 0..times {
        let polled = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
        if let Poll::Ready(value) = polled {
            return Some(value);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// More polls than anything here takes.
const ENOUGH: usize = 100_000;

async fn assert_works(client: &SshClient) {
    let output = client.command("out:whole err:too status:3 eof close").output().await.expect("ended");
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"whole"[..], &b"too"[..]));
    assert_eq!(output.status, ExitStatus::Code(3));
}

// covers: X04
#[tokio::test]
async fn a_login_may_be_given_up_at_every_poll() {
    let server = Arc::new(ScriptedServer::default());
    let mut given_up = 0;
    let client = loop {
        if let Some(client) = polled(given_up, server.connect(&options())).await {
            break client.expect("logged in");
        }
        given_up += 1;
        assert!(given_up < ENOUGH);
    };
    assert!(given_up > 1, "{given_up}");
    assert_works(&client).await;
}

// covers: X04
#[tokio::test]
async fn what_is_given_up_at_every_poll_leaves_the_connection_in_order() {
    let client = client().await;
    let mut given_up = 0;
    while polled(given_up, client.command("out:dropped err:too status:1 eof close").output()).await.is_none()
    {
        given_up += 1;
        assert!(given_up < ENOUGH);
        assert_works(&client).await;
    }
    assert!(given_up > 2, "{given_up}");
    given_up = 0;
    while polled(given_up, client.ping()).await.is_none() {
        given_up += 1;
        assert!(given_up < ENOUGH);
        assert_works(&client).await;
    }
    assert!(given_up > 0, "{given_up}");
    client.ping().await.expect("alive");
}
