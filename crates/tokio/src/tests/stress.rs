//! Everything at once, on threads.

use super::harness::{
    Pair, connected_on, poll_once, read_pattern, run_on_threads, server_config, sockets, write_pattern,
};
use crate::channel::Channel;
use crate::connection::Connection;
use konko_transport::channel::{ChannelEvent, ChannelKind, OpenOptions};
use konko_transport::{Client, ClientConfig, Event, Server, ServerEvent};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Sends back what comes, and grants what is asked, until the channel is closed.
async fn echo(channel: Channel) {
    let (mut reader, mut writer) = (channel.reader(), channel.writer());
    let copying = tokio::spawn(async move {
        // The client may let the channel go at any time.
        if tokio::io::copy(&mut reader, &mut writer).await.is_ok() {
            let _ = writer.shutdown().await;
        }
    });
    while let Some(event) = channel.next_event().await {
        if let ChannelEvent::Request(question) = event {
            let granted = question.request_type() == "grant";
            channel.answer(question, granted);
        }
    }
    drop(channel);
    copying.await.expect("no panic");
}

async fn serve(server: Connection<Server>) {
    let mut channels = tokio::task::JoinSet::new();
    while let Some(event) = server.next_event().await {
        match event {
            ServerEvent::Common(Event::OpenRequested(question)) => {
                channels.spawn(echo(server.accept_channel(question)));
            }
            ServerEvent::Common(Event::GlobalRequest(question)) => {
                let body = question.body().clone();
                server.answer_global(question, Some(&body));
            }
            _ => {}
        }
        while let Some(ended) = channels.try_join_next() {
            ended.expect("no panic");
        }
    }
    while let Some(ended) = channels.join_next().await {
        ended.expect("no panic");
    }
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

async fn opened(client: &Connection<Client>) -> Channel {
    client.open_channel(ChannelKind::Session, OpenOptions::default(), None).await.expect("opened")
}

async fn operate(client: Connection<Client>, seed: u64, operations: u32) {
    let mut numbers = Numbers(seed);
    let mut channel = opened(&client).await;
    for _ in 0..operations {
        match numbers.below(12) {
            0 => channel = opened(&client).await,
            1 => {
                let opening = client.open_channel(ChannelKind::Session, OpenOptions::default(), None);
                let _ = poll_once(&mut Box::pin(opening)).await;
            }
            2 => assert_eq!(channel.request("grant", b"", None).await, Ok(true)),
            3 => assert_eq!(channel.request("refuse", b"", None).await, Ok(false)),
            4 => {
                let _ = poll_once(&mut Box::pin(channel.request("refuse", b"", None))).await;
                assert_eq!(channel.request("grant", b"", None).await, Ok(true));
            }
            5 => {
                let body = numbers.below(u64::MAX).to_be_bytes();
                let _ = poll_once(&mut Box::pin(client.global_request("x@y", b"another", None))).await;
                let reply = client.global_request("x@y", &body, None).await.expect("answered");
                assert_eq!(reply.as_deref(), Some(&body[..]));
            }
            6 => client.with(|transport, now| transport.request_key_exchange(now)),
            7 => drop((client.clone(), channel.clone(), channel.reader())),
            8 => {
                let _ = poll_once(&mut Box::pin(client.closed())).await;
                let _ = poll_once(&mut Box::pin(channel.next_event())).await;
            }
            // A channel that is let go in the midst of its data.
            9 => {
                let channel = opened(&client).await;
                let writing = tokio::spawn(write_pattern(channel.writer(), 500_000));
                read_pattern(channel.reader(), 1_000, 900).await.expect("echoed");
                writing.abort();
            }
            _ => {
                let len = numbers.below(30_000) as usize + 1;
                let channel = opened(&client).await;
                let (writing, reading) =
                    (write_pattern(channel.writer(), len), read_pattern(channel.reader(), len, 4_000));
                let (written, read) = tokio::join!(tokio::spawn(writing), tokio::spawn(reading));
                written.expect("no panic").expect("written");
                read.expect("no panic").expect("echoed");
            }
        }
    }
}

async fn everything_at_once(pair: Pair, seed: u64) {
    let serving = tokio::spawn(serve(pair.server.clone()));
    let client = pair.client.clone();
    let events = tokio::spawn(async move { while client.next_event().await.is_some() {} });
    let mut tasks = tokio::task::JoinSet::new();
    for task in 1..=8 {
        tasks.spawn(operate(pair.client.clone(), seed.wrapping_mul(task) | 1, 120));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    // What was dropped last is closed as soon as the peer has said so.
    let mut interval = tokio::time::interval(Duration::from_millis(1));
    loop {
        let kept = pair.client.kept();
        if kept.slots == 0 && !kept.replies && pair.server.kept().slots == 0 {
            break;
        }
        interval.tick().await;
    }
    assert_eq!(pair.client.error(), None);
    let Pair { client, client_driver, server_driver, .. } = pair;
    client.disconnect(konko_transport::wire::number::DisconnectReason::BY_APPLICATION, "done");
    events.await.expect("no panic");
    serving.await.expect("no panic");
    client_driver.await.expect("no panic");
    server_driver.await.expect("no panic");
}

#[test]
fn eight_tasks_do_everything_at_once() {
    for seed in [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03] {
        run_on_threads(async {
            let (one, other) = sockets().await;
            let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
            everything_at_once(pair, seed).await;
        });
        // A pipe that holds little makes the drivers wait for each other all the time.
        run_on_threads(async {
            let (one, other) = tokio::io::duplex(3_000);
            let pair = connected_on(one, other, ClientConfig::default(), server_config()).await;
            everything_at_once(pair, seed).await;
        });
    }
}
