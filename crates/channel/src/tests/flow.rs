//! Windows, packets, room, and who is woken when.

use super::{Pair, Side};
use crate::config::ChannelConfig;
use crate::event::{ChannelEvent, ConnectionEvent};
use crate::identifier::ChannelId;
use crate::open::ChannelKind;
use crate::stream::{Progress, STDERR, Stream};
use konko_wire::message::channel::{ChannelData, ChannelExtendedData, ChannelWindowAdjust};
use konko_wire::number::ExtendedDataType;
use proptest::prelude::*;
use std::io::IoSlice;

/// covers: H01
#[test]
fn tiny_packets_are_obeyed_and_get_on() {
    for packet in [1, 8, u32::MAX] {
        let mut side = Side::new(ChannelConfig::default());
        let id = side.open_against(100_000, packet);
        assert_eq!(side.write(id, &[3; 70_000]), Progress::Moved(70_000));
        let largest = side.out.messages.iter().map(|m| m.len() - 9).max();
        assert_eq!(largest, Some(packet.min(32 * 1024) as usize));
        assert_eq!(side.out.messages.iter().map(|m| m.len() - 9).sum::<usize>(), 70_000);
    }
}

#[test]
fn a_writer_stops_at_the_window_and_is_woken_once() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(10, 100);
    let recipient_channel = id.number();
    assert_eq!(side.write(id, b"0123456789abc"), Progress::Moved(10));
    assert_eq!(side.write(id, b"abc"), Progress::Blocked);
    assert_eq!(side.event_names(id), "Opened");
    side.take(&ChannelWindowAdjust { recipient_channel, bytes_to_add: 0 }).expect("legal");
    assert_eq!(side.event_names(id), "");
    for _ in 0..100_000 {
        side.take(&ChannelWindowAdjust { recipient_channel, bytes_to_add: 1 }).expect("legal");
    }
    assert_eq!(side.event_names(id), "Writable");
    assert_eq!(side.channel(id).send_window(), 100_000);
    assert_eq!(side.write(id, b""), Progress::Moved(0));
}

#[test]
fn writers_wait_for_room_first_come_first_served() {
    let mut side = Side::new(ChannelConfig::default());
    let ids: Vec<_> = (0..3).map(|_| side.open_against(1000, 100)).collect();
    for id in &ids {
        side.events(*id);
    }
    while side.channels.poll_event().is_some() {}
    side.out.room = 0;
    for id in [ids[1], ids[0], ids[1]] {
        assert_eq!(side.write(id, b"x"), Progress::Blocked);
    }
    assert!(side.channels.poll_event().is_none());
    side.out.room = 1;
    side.channels.output_room();
    let woken: Vec<ChannelId> = std::iter::from_fn(|| side.channels.poll_event())
        .map(|event| match event {
            ConnectionEvent::Channel(id) => id,
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    assert_eq!(woken, [ids[1], ids[0]]);
    assert_eq!(side.event_names(ids[1]), "Writable");
    assert_eq!(side.write(ids[1], b"xy"), Progress::Moved(1));
    assert_eq!(side.write(ids[0], b"xy"), Progress::Blocked);
    side.channels.output_room();
    assert_eq!(side.event_names(ids[0]), "Writable");
}

#[test]
fn an_adjustment_that_finds_no_room_wakes_the_writer_when_there_is() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(0, 100);
    side.events(id);
    assert_eq!(side.write(id, b"x"), Progress::Blocked);
    side.out.room = 0;
    side.take(&ChannelWindowAdjust { recipient_channel: id.number(), bytes_to_add: 5 }).expect("legal");
    assert_eq!(side.event_names(id), "");
    side.out.room = 10;
    side.channels.output_room();
    assert_eq!(side.event_names(id), "Writable");
}

#[test]
fn events_that_nobody_polls_are_announced_once() {
    let (mut pair, left, right) = Pair::session();
    pair.left.write(left, b"x");
    pair.carry();
    assert!(matches!(pair.right.channels.poll_event(), Some(ConnectionEvent::Channel(_))));
    // The application reads without looking at the channel's events: no second announcement of the first.
    assert_eq!(pair.right.read(right, 10), Progress::Moved("x".into()));
    assert_eq!(pair.right.read(right, 10), Progress::Blocked);
    assert!(pair.right.channels.poll_event().is_none());
    pair.left.write(left, b"y");
    pair.carry();
    // One `Readable` is still waiting to be polled and serves for both.
    assert_eq!(pair.right.event_names(right), "Readable");
    assert_eq!(pair.right.read(right, 10), Progress::Moved("y".into()));
    assert_eq!(pair.right.read(right, 10), Progress::Blocked);
    pair.left.write(left, b"z");
    pair.carry();
    assert!(matches!(pair.right.channels.poll_event(), Some(ConnectionEvent::Channel(_))));
    assert_eq!(pair.right.event_names(right), "Readable");
}

/// A write longer than a uint32 can say. covers: H17
#[test]
fn a_write_beyond_four_gibibytes_counts_right() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(u32::MAX, u32::MAX);
    let piece = vec![0; 1 << 24];
    let slices: Vec<_> = (0..257).map(|_| IoSlice::new(&piece)).collect();
    side.out.room = 1 << 20;
    let moved = side.channels.channel(id).expect("open").write_vectored(Stream::Data, &slices, &mut side.out);
    assert_eq!(moved, Progress::Moved(1 << 20));
    assert_eq!(side.out.messages.len(), 32);
    assert_eq!(side.channel(id).send_window(), u32::MAX - (1 << 20));
}

#[test]
fn a_header_and_its_payload_share_a_packet() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(1000, 1000);
    let slices = [IoSlice::new(b"head"), IoSlice::new(b"payload")];
    side.channels.channel(id).expect("open").write_vectored(Stream::Data, &slices, &mut side.out);
    assert_eq!(side.out.messages.len(), 1);
    assert!(side.out.messages[0].ends_with(b"headpayload"));
}

/// covers: H05
#[test]
fn data_that_nobody_reads_gives_its_window_back() {
    let config = ChannelConfig { initial_window_size: 100_000, ..ChannelConfig::default() };
    let tcp = ChannelKind::DirectTcpip {
        host: "h".into(),
        port: 1,
        originator_address: String::new(),
        originator_port: 0,
    };
    let cases = [
        (ChannelKind::Session, [0, 2, u32::MAX]),
        (tcp, [0, 1, u32::MAX]),
        (ChannelKind::AgentConnection, [1, 2, u32::MAX]),
    ];
    for (kind, types) in cases {
        for number in types {
            let mut pair = Pair::new(config.clone());
            let (left, right) = pair.open(kind.clone());
            let stream = Stream::Extended(ExtendedDataType(number));
            let mut left_to_send = 1_000_000;
            while left_to_send > 0 {
                match pair.left.write_to(left, stream, &vec![0; left_to_send]) {
                    Progress::Moved(len) => left_to_send -= len,
                    other => panic!("stuck: {other:?}"),
                }
                pair.carry();
            }
            assert_eq!(pair.right.read_from(right, stream, 10), Progress::Ended);
            assert_eq!(pair.right.event_names(right), "");
        }
    }
}

/// covers: H05
#[test]
fn a_discarded_stream_gives_back_what_had_come_and_what_comes() {
    let config = ChannelConfig { initial_window_size: 10_000, ..ChannelConfig::default() };
    let mut pair = Pair::new(config);
    let (left, right) = pair.open(ChannelKind::Session);
    assert_eq!(pair.left.write_to(left, STDERR, &[0; 20_000]), Progress::Moved(10_000));
    pair.carry();
    assert_eq!(pair.left.write(left, b"x"), Progress::Blocked);
    pair.right.channels.channel(right).expect("open").discard(STDERR, &mut pair.right.out);
    pair.carry();
    assert_eq!(pair.left.event_names(left), "Writable");
    for _ in 0..10 {
        assert_eq!(pair.left.write_to(left, STDERR, &[0; 6_000]), Progress::Moved(6_000));
        pair.carry();
    }
    assert_eq!(pair.left.write(left, b"x"), Progress::Moved(1));
    pair.carry();
    assert_eq!(pair.right.read_all(right, Stream::Data).0, b"x");
    assert_eq!(pair.right.read_from(right, STDERR, 1), Progress::Ended);
}

#[test]
fn merged_standard_error_comes_in_the_order_of_arrival() {
    let (mut pair, left, right) = Pair::session();
    pair.left.write_to(left, STDERR, b"1");
    pair.left.write(left, b"0");
    pair.carry();
    assert_eq!(pair.right.read_from(right, STDERR, 1), Progress::Moved("1".into()));
    pair.left.write_to(left, STDERR, b"1");
    pair.carry();
    pair.right.channel(right).merge_extended();
    for text in ["a", "b", "c", "d"] {
        let stream = if text < "c" { STDERR } else { Stream::Data };
        pair.left.write_to(left, stream, text.as_bytes());
        pair.left.write_to(left, STDERR, b"e");
    }
    pair.carry();
    assert_eq!(pair.right.read_all(right, Stream::Data), (b"01aebecede".to_vec(), Progress::Blocked));
    assert_eq!(pair.right.read_from(right, STDERR, 1), Progress::Ended);
    pair.left.write_to(left, STDERR, b"f");
    pair.carry();
    assert!(matches!(pair.right.events(right).last(), Some(ChannelEvent::Readable(Stream::Data))));
}

/// covers: H19
#[test]
fn an_unread_channel_holds_a_window_and_stops_nobody() {
    let config = ChannelConfig { initial_window_size: 50_000, ..ChannelConfig::default() };
    let mut pair = Pair::new(config);
    let (stalled, unread) = pair.open(ChannelKind::Session);
    let (busy, read) = pair.open(ChannelKind::Session);
    let (mut sent, mut got) = (0, 0);
    while got < 20_000_000 {
        pair.left.write(stalled, &[0; 30_000]);
        if let Progress::Moved(len) = pair.left.write(busy, &[1; 300_000]) {
            sent += len;
        }
        pair.carry();
        let (data, _) = pair.right.read_all(read, Stream::Data);
        got += data.len();
        pair.carry();
        assert_eq!(sent, got);
    }
    assert_eq!(pair.right.channel(unread).unread(Stream::Data), 50_000);
    assert_eq!(pair.left.write(stalled, b"x"), Progress::Blocked);
}

/// covers: H18
#[test]
fn both_sides_writing_without_reading_are_told_to_wait_and_then_get_on() {
    let config =
        ChannelConfig { initial_window_size: 1000, maximum_window_size: 1000, ..ChannelConfig::default() };
    let mut pair = Pair::new(config);
    let channels: Vec<_> = (0..100).map(|_| pair.open(ChannelKind::Session)).collect();
    let mut moved = vec![[0usize; 4]; channels.len()];
    let goal = 20_000;
    for round in 0.. {
        assert!(round < 200, "no progress: {moved:?}");
        for ((left, right), counts) in channels.iter().zip(&mut moved) {
            for (side, id, count) in [(&mut pair.left, left, 0), (&mut pair.right, right, 1)] {
                while let Progress::Moved(len) = side.write(*id, &vec![0; (goal - counts[count]).max(1)]) {
                    counts[count] += len;
                    if counts[count] >= goal {
                        break;
                    }
                }
            }
        }
        pair.carry();
        for ((left, right), counts) in channels.iter().zip(&mut moved) {
            counts[3] += pair.left.read_all(*left, Stream::Data).0.len();
            counts[2] += pair.right.read_all(*right, Stream::Data).0.len();
        }
        pair.carry();
        if moved.iter().all(|counts| counts[2] >= goal && counts[3] >= goal) {
            break;
        }
    }
}

// covers: I15
#[test]
fn a_window_of_one_byte_gets_on() {
    let config = ChannelConfig { initial_window_size: 1, maximum_window_size: 1, ..ChannelConfig::default() };
    let mut pair = Pair::new(config);
    let (left, right) = pair.open(ChannelKind::Session);
    for byte in 0..=255 {
        assert_eq!(pair.left.write(left, &[byte, 0]), Progress::Moved(1));
        pair.carry();
        assert_eq!(pair.right.read(right, 10), Progress::Moved(vec![byte].into()));
        pair.carry();
    }
}

#[test]
fn windows_grow_with_use_and_keep_to_their_sum() {
    let config = ChannelConfig {
        maximum_window_size: 64 << 20,
        maximum_total_window: 64 << 20,
        ..ChannelConfig::default()
    };
    let mut pair = Pair::new(config);
    let (left, right) = pair.open(ChannelKind::Session);
    let block = vec![0; 1 << 20];
    let mut grown_after = Vec::new();
    for mebibytes in 1..=200 {
        let before = pair.right.channel(right).window_size();
        let mut sent = 0;
        while sent < block.len() {
            let Progress::Moved(len) = pair.left.write(left, &block[sent..]) else { panic!("stuck") };
            sent += len;
            pair.carry();
            pair.right.read_all(right, Stream::Data);
            pair.carry();
        }
        if pair.right.channel(right).window_size() > before {
            grown_after.push(mebibytes);
        }
    }
    // After half a window's worth; seven eighths of the sum are for growing.
    assert_eq!(grown_after, [1]);
    assert_eq!(pair.right.channel(right).window_size(), 56 << 20);
    let mut sizes = Vec::new();
    for _ in 0..6 {
        let (_, right) = pair.open(ChannelKind::Session);
        sizes.push(pair.right.channel(right).window_size());
    }
    assert_eq!(sizes, [2 << 20, 2 << 20, 2 << 20, 2 << 20, 64 << 10, 64 << 10]);
    assert_eq!(pair.right.channels.total_window(), (64 << 20) + (128 << 10));
    pair.left.release(left);
    pair.carry();
    pair.right.release(right);
    assert_eq!(pair.right.channels.len(), 6);
    let (_, right) = pair.open(ChannelKind::Session);
    assert_eq!(pair.right.channel(right).window_size(), 2 << 20);
}

#[test]
fn large_data_is_not_copied_and_adjustments_are_rare() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(0, 100);
    let mut adjustments = 0;
    for _ in 0..64 {
        let payload = bytes::Bytes::from(konko_wire::encode::Encode::to_vec(&ChannelData {
            recipient_channel: id.number(),
            data: &[9; 32_768],
        }));
        let address = payload.as_ptr().wrapping_add(9);
        side.channels.handle(payload, &mut side.out).expect("within");
        match side.read(id, usize::MAX) {
            Progress::Moved(chunk) => assert_eq!(chunk.as_ptr(), address),
            other => panic!("unexpected {other:?}"),
        }
        adjustments += side.out.numbers().len();
    }
    assert_eq!(adjustments, 4);
}

proptest! {
    /// Whatever is written arrives, in order, whatever the sizes of windows, packets, writes and reads.
    #[test]
    fn bytes_arrive_as_they_were_written(
        window in 1u32..200_000,
        packet in 1u32..40_000,
        writes in prop::collection::vec((0usize..5_000, any::<bool>()), 1..40),
        reads in prop::collection::vec(1usize..6_000, 1..10),
    ) {
        let config = ChannelConfig {
            initial_window_size: window,
            maximum_packet_size: packet,
            ..ChannelConfig::default()
        };
        let mut pair = Pair::new(config);
        let (left, right) = pair.open(ChannelKind::Session);
        let mut expected = [Vec::new(), Vec::new()];
        let mut found = [Vec::new(), Vec::new()];
        let mut sizes = reads.into_iter().cycle();
        for (index, (len, stderr)) in writes.into_iter().enumerate() {
            let stream = if stderr { STDERR } else { Stream::Data };
            let data: Vec<u8> = (0..len).map(|i| (i * 7 + index) as u8).collect();
            expected[usize::from(stderr)].extend_from_slice(&data);
            let mut rest = &data[..];
            while !rest.is_empty() {
                if let Progress::Moved(len) = pair.left.write_to(left, stream, rest) {
                    rest = &rest[len..];
                }
                pair.carry();
                for (stream, found) in [Stream::Data, STDERR].into_iter().zip(&mut found) {
                    let mut buf = vec![0; sizes.next().unwrap_or(1)];
                    let channel = pair.right.channels.channel(right).expect("open");
                    if let Progress::Moved(len) = channel.read(stream, &mut buf, &mut pair.right.out) {
                        found.extend_from_slice(&buf[..len]);
                    }
                }
                pair.carry();
            }
        }
        pair.left.release(left);
        pair.carry();
        for (stream, found) in [Stream::Data, STDERR].into_iter().zip(&mut found) {
            let (rest, end) = pair.right.read_all(right, stream);
            found.extend_from_slice(&rest);
            prop_assert_eq!(end, Progress::Ended);
        }
        prop_assert!(found == expected);
    }
}

/// The tail of a stream in small pieces does not fill memory with buffers. covers: H19
#[test]
fn single_bytes_are_joined() {
    let mut side = Side::new(ChannelConfig::default());
    let id = side.open_against(0, 1);
    for _ in 0..3000 {
        let (recipient_channel, data_type) = (id.number(), ExtendedDataType::STDERR);
        side.take(&ChannelExtendedData { recipient_channel, data_type, data: b"e" }).expect("within");
    }
    assert_eq!(side.read_from(id, STDERR, usize::MAX), Progress::Moved(vec![b'e'; 3000].into()));
}
