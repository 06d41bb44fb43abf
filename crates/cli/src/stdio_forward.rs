//! `-W`: standard input and output of this process forwarded to a host that the server reaches.

use crate::exit::Failure;
use crate::streams::{Output, StreamEnd, receive, send_stdin};
use konko::client::SshClient;
use konko::client::transport::channel::{ChannelEvent, ChannelKind, OpenOptions};
use konko::tokio::Channel;
use std::time::Duration;

/// Who asks for the connection; servers may log it. OpenSSH says the same.
const ORIGINATOR: &str = "127.0.0.1";

/// Forwards until both directions have ended, or the server closes the channel.
///
/// # Errors
///
/// [`Failure`] if the server does not connect, or the connection to it is lost.
pub async fn run(
    client: &SshClient,
    host: &str,
    port: u16,
    timeout: Option<Duration>,
) -> Result<u8, Failure> {
    let failed =
        |error: konko::client::Error| Failure::Client { host: host.to_owned(), error: Box::new(error) };
    let kind = ChannelKind::DirectTcpip {
        host: host.to_owned(),
        port,
        originator_address: ORIGINATOR.to_owned(),
        originator_port: 65535,
    };
    let opened = client.connection().open_channel(kind, OpenOptions::default(), timeout).await;
    let channel = opened.map_err(|error| failed(error.into()))?;
    let input = send_stdin(channel.writer(), None);
    let output = receive(channel.reader(), Output::Stdout);
    let both = async {
        let received = output.await;
        if let Ok(StreamEnd::Local(error)) = &received {
            tracing::debug!(%error, "standard output cannot be written");
            return received;
        }
        tokio::select! {
            _ = input => {}
            () = closed(&channel) => {}
        }
        received
    };
    let received = both.await;
    channel.close();
    match (received, client.is_closed()) {
        (Ok(StreamEnd::Remote(_)), true) => Err(failed(client.closed().await)),
        _ => Ok(0),
    }
}

async fn closed(channel: &Channel) {
    while let Some(event) = channel.next_event().await {
        match event {
            // Nothing is granted on a mere stream.
            ChannelEvent::Request(question) => channel.answer(question, false),
            ChannelEvent::Closed => return,
            _ => {}
        }
    }
}
