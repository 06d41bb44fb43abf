//! The bytes between a channel and a stream, with the ends of each direction kept apart.

use crate::handler::ForwardStream;
use konko_tokio::{Channel, ChannelReader, ChannelWriter};
use konko_transport::channel::event::ChannelEvent;
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

/// The most bytes that are moved at once.
const PIECE: usize = 64 * 1024;
/// How long the stream may take to accept what came before the channel was closed.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Carries bytes both ways until both directions have ended or one side is gone, then closes both.
///
/// EOF of the channel becomes the end of the stream's input, and the other way round; the other direction goes on.
pub(crate) async fn splice(channel: Channel, stream: impl ForwardStream) {
    let (read_half, write_half) = tokio::io::split(stream);
    let mut up = pin!(to_stream(channel.reader(), write_half));
    let mut down = pin!(to_channel(read_half, channel.writer()));
    let mut closed = pin!(serve_events(&channel));
    let (mut up_ended, mut down_ended) = (false, false);
    while !(up_ended && down_ended) {
        tokio::select! {
            result = &mut up, if !up_ended => {
                up_ended = true;
                if result.is_err() {
                    // The stream takes no more, but may still have something to say.
                    channel.discard_data();
                }
            }
            result = &mut down, if !down_ended => {
                down_ended = true;
                if result.is_err() {
                    break;
                }
            }
            () = &mut closed => {
                if !up_ended {
                    let _ = tokio::time::timeout(DRAIN_TIME, &mut up).await;
                }
                break;
            }
        }
    }
    channel.close();
}

async fn to_stream(mut reader: ChannelReader, mut stream: WriteHalf<impl ForwardStream>) -> io::Result<()> {
    while let Some(chunk) = reader.read_chunk(PIECE).await? {
        stream.write_all(&chunk).await?;
    }
    stream.shutdown().await
}

async fn to_channel(mut stream: ReadHalf<impl ForwardStream>, mut writer: ChannelWriter) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let len = stream.read(&mut piece).await?;
        if len == 0 {
            return writer.shutdown().await;
        }
        writer.write_all(piece.get(..len).unwrap_or_default()).await?;
    }
}

/// Refuses requests, as none has a meaning here, until the channel has closed.
async fn serve_events(channel: &Channel) {
    loop {
        match channel.next_event().await {
            Some(ChannelEvent::Request(question)) => channel.answer(question, false),
            Some(ChannelEvent::Closed) | None => return,
            Some(_) => {}
        }
    }
}
