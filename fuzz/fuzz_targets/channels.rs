//! The connection protocol alone: any messages of the peer, any calls of the application. What is kept stays within
//! the windows, what is sent within the peer's.
#![no_main]

use bytes::Bytes;
use konko_channel::{
    ChannelError, ChannelEvent, ChannelId, ChannelKind, Channels, ConnectionEvent, OpenQuestion, Progress,
    STDERR, Stream,
};
use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::channel_config;
use konko_fuzz::payloads::{Sent, connection};
use konko_wire::number::OpenFailureReason;
use libfuzzer_sys::fuzz_target;

#[derive(Default)]
struct Bench {
    ids: Vec<ChannelId>,
    opens: Vec<OpenQuestion>,
    received: usize,
    read: usize,
}

fn serve(channels: &mut Channels, bench: &mut Bench, sent: &mut Sent, choices: &mut Choices<'_>) {
    while let Some(event) = channels.poll_event() {
        match event {
            ConnectionEvent::OpenRequested(question) => bench.opens.push(question),
            ConnectionEvent::GlobalRequest(question) => {
                let reply = choices.flag().then(|| choices.short_bytes());
                channels.answer_global(question, reply, sent);
            }
            ConnectionEvent::Channel(id) => {
                while let Some(event) = channels.channel(id).and_then(|channel| channel.poll_event()) {
                    if let ChannelEvent::Request(question) = event {
                        let understood = question.parse().is_ok();
                        channels.answer(question, understood, sent);
                    }
                }
            }
            ConnectionEvent::GlobalReply { .. } => {}
        }
    }
}

fn act(channels: &mut Channels, bench: &mut Bench, sent: &mut Sent, choices: &mut Choices<'_>) {
    let what = choices.byte() % 12;
    match what {
        0 => {
            if let Ok(id) = channels.open(ChannelKind::Session, sent) {
                bench.ids.push(id);
            }
            return;
        }
        1 => {
            if let Some(question) = bench.opens.pop() {
                if choices.byte() < 0xf0 {
                    bench.ids.push(channels.accept(question, sent));
                } else {
                    channels.reject(question, OpenFailureReason::CONNECT_FAILED, "no", sent);
                }
            }
            return;
        }
        2 => {
            sent.room = usize::from(choices.u16());
            return channels.output_room();
        }
        3 => {
            // Refused beyond the limit of unanswered requests.
            let _ = channels.global_request("x@fuzz.invalid", choices.short_bytes(), choices.flag(), sent);
            return;
        }
        _ => {}
    }
    let Some(id) = bench.ids.get(choices.below(bench.ids.len())).copied() else { return };
    let stream = if choices.byte() < 0xc0 { Stream::Data } else { STDERR };
    let Some(channel) = channels.channel(id) else {
        bench.ids.retain(|other| *other != id);
        return;
    };
    match what {
        4 | 5 => {
            let (before, data) = (channel.send_window(), choices.long_bytes());
            if let Progress::Moved(moved) = channel.write(stream, data, sent) {
                assert!(moved > 0 || data.is_empty());
                assert!(moved <= before as usize, "{moved} bytes were sent into a window of {before}");
            }
        }
        6 => {
            let mut buffer = [0; 512];
            let length = usize::from(choices.u16()) % buffer.len();
            if let Progress::Moved(moved) = channel.read(stream, &mut buffer[..length], sent) {
                bench.read += moved;
            }
        }
        7 => {
            if let Progress::Moved(chunk) = channel.read_chunk(stream, usize::from(choices.u16()), sent) {
                bench.read += chunk.len();
            }
        }
        // Refused while the channel is not open, or too much is unanswered.
        8 => drop(channel.send_eof(sent)),
        9 => channel.close(sent),
        10 => drop(channel.request("exec", choices.short_bytes(), choices.flag(), sent)),
        _ => match choices.byte() % 3 {
            0 => channel.discard(stream, sent),
            1 => channel.merge_extended(),
            _ => {
                channel.release(sent);
                bench.ids.retain(|other| *other != id);
            }
        },
    }
}

fn check(channels: &mut Channels, bench: &Bench) {
    let config = channel_config();
    assert!(channels.len() <= config.maximum_channels);
    let floor = config.maximum_channels as u64 * 64 * 1024;
    assert!(channels.total_window() <= config.maximum_total_window + floor);
    let ids: Vec<_> = channels.ids().collect();
    let mut unread = 0;
    for id in ids {
        let channel = channels.channel(id).expect("a channel that is listed");
        unread += channel.unread(Stream::Data) + channel.unread(STDERR);
    }
    assert!(unread as u64 <= config.maximum_total_window + floor, "{unread} bytes are kept");
    assert!(bench.read + unread <= bench.received, "bytes that never came");
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let mut channels = Channels::new(channel_config());
    let mut bench = Bench::default();
    let mut sent = Sent { room: 100_000, ..Sent::default() };
    let mut ended = false;
    while !choices.is_empty() {
        if choices.flag() && !ended {
            let payload = connection(&mut choices);
            bench.received += payload.len();
            match channels.handle(Bytes::from(payload), &mut sent) {
                Ok(()) | Err(ChannelError::Unimplemented(_)) => {}
                Err(ChannelError::ApiMisuse(what)) => panic!("the peer is taken for the application: {what}"),
                Err(_) => {
                    channels.connection_lost();
                    ended = true;
                }
            }
        } else {
            act(&mut channels, &mut bench, &mut sent, &mut choices);
        }
        if choices.byte() < 0xc0 {
            serve(&mut channels, &mut bench, &mut sent, &mut choices);
        }
        check(&mut channels, &bench);
        sent.payloads.clear();
    }
});
