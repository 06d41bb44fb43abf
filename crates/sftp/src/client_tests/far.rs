//! A server whose answers take a tenth of a second, and as many of them as there are requests: round trips are counted.

use std::time::Duration;

use bytes::Bytes;
use konko_wire::decode::Rest;
use konko_wire::encode::Encode;

use super::scripted_server::{Seen, Session};
use crate::answer::Handle;
use crate::download::{Download, Order, Until};
use crate::message::attributes::Attributes;
use crate::message::extension::{Limits, LimitsReply};
use crate::message::number::{OpenFlags, PacketType, StatusCode};
use crate::message::packet::put_packet;
use crate::message::reply::{Data, ExtendedReply, Status};
use crate::message::request::{Open, Opendir, Read};
use crate::read_dir::ReadDir;
use crate::upload::Upload;

const ROUND_TRIP: Duration = Duration::from_millis(100);
const MIB: u64 = 1 << 20;

/// A session with OpenSSH's limits.
fn session() -> Session {
    let mut session = Session::with_extensions(&[(Limits::NAME, "1")]);
    let seen = session.requests();
    let reply = LimitsReply {
        max_packet_length: 262_144,
        max_read_length: 261_120,
        max_write_length: 261_120,
        max_open_handles: 0,
    };
    let fields = reply.to_vec();
    session.now += ROUND_TRIP;
    session.reply(seen[0].id, ExtendedReply::TYPE, &ExtendedReply { fields: Rest(&fields) }).unwrap();
    session
}

fn opened(session: &mut Session) -> Handle {
    let lane = session.client.open_lane();
    let open = Open { filename: b"f", pflags: OpenFlags::READ, attributes: Attributes::default() };
    let ticket = session.client.request(session.now, lane, &open).unwrap();
    session.requests();
    session.now += ROUND_TRIP;
    session.handle(ticket.id(), b"h").unwrap();
    session.client.reply(&ticket).unwrap().unwrap()
}

/// Answers a READ of a file of `len` zeros, without letting time pass.
fn answer_read(session: &mut Session, seen: &Seen, len: u64, zeros: &[u8]) {
    let read = Read::decode(&seen.fields).unwrap();
    let mut out = Vec::new();
    if read.offset >= len {
        let status = Status { code: StatusCode::EOF, message: b"", language_tag: b"" };
        put_packet(&mut out, Status::TYPE, seen.id, &status);
    } else {
        let data = &zeros[..(len - read.offset).min(u64::from(read.length)) as usize];
        put_packet(&mut out, Data::TYPE, seen.id, &Data { data });
    }
    session.client.handle_chunk(session.now, Bytes::from(out)).unwrap();
}

#[test]
fn a_download_has_all_under_way_that_it_may_after_one_round_trip() {
    let mut session = session();
    let handle = opened(&mut session);
    let (len, zeros) = (256 * MIB, vec![0; 261_120]);
    let until = Until::End(Some(len));
    let mut download = Download::new(&mut session.client, handle, 0, until, Order::Arrival);
    let now = session.now;
    download.pump(&mut session.client, now);
    let (mut under_way, mut got) = (Vec::new(), 0);
    while !download.is_finished() {
        let seen = session.requests();
        let lengths = seen.iter().filter_map(|seen| Read::decode(&seen.fields).ok());
        under_way.push(lengths.map(|read| u64::from(read.length)).sum::<u64>());
        session.now += ROUND_TRIP;
        let now = session.now;
        for seen in seen {
            answer_read(&mut session, &seen, len, &zeros);
            while let Some(piece) = download.next(&mut session.client, now) {
                got += piece.unwrap().data.len() as u64;
            }
            download.pump(&mut session.client, now);
        }
    }
    assert_eq!(got, len);
    assert!(under_way.len() <= 4, "{under_way:?}");
    assert!(under_way[0] <= 8 * MIB, "little, until the link is known: {under_way:?}");
    assert!(under_way[1] >= 120 * MIB, "{under_way:?}");
    assert!(under_way.iter().all(|bytes| *bytes <= 128 * MIB), "the bound holds: {under_way:?}");
}

#[test]
fn an_upload_has_all_under_way_that_it_may_after_one_round_trip() {
    let mut session = session();
    let handle = opened(&mut session);
    let (len, zeros) = (256 * MIB, vec![0; 1 << 20]);
    let mut upload = Upload::new(&mut session.client, handle);
    let (mut offset, mut under_way) = (0, Vec::new());
    while offset < len || !upload.is_flushed() {
        let now = session.now;
        let before = offset;
        let mut seen = Vec::new();
        while offset < len {
            let data = &zeros[..(len - offset).min(MIB) as usize];
            let sent = upload.write(&mut session.client, now, offset, data).unwrap();
            if sent == 0 {
                break;
            }
            offset += sent as u64;
            seen.extend(session.requests().into_iter().map(|seen| seen.id));
        }
        under_way.push(offset - before);
        session.now += ROUND_TRIP;
        let (now, mut out) = (session.now, Vec::new());
        for id in seen {
            out.clear();
            let status = Status { code: StatusCode::OK, message: b"", language_tag: b"" };
            put_packet(&mut out, Status::TYPE, id, &status);
            session.client.handle_chunk(now, Bytes::copy_from_slice(&out)).unwrap();
            upload.poll(&mut session.client, now).unwrap();
        }
    }
    assert_eq!(upload.acknowledged(), len);
    assert!(under_way.len() <= 4, "{under_way:?}");
    assert!(under_way[0] <= 8 * MIB && under_way[1] >= 120 * MIB, "{under_way:?}");
    assert!(under_way.iter().all(|bytes| *bytes <= 128 * MIB), "{under_way:?}");
}

#[test]
fn a_directory_of_two_answers_is_listed_in_one_round_trip() {
    let mut session = session();
    let lane = session.client.open_lane();
    let ticket = session.client.request(session.now, lane, &Opendir { path: b"d" }).unwrap();
    session.requests();
    session.now += ROUND_TRIP;
    session.handle(ticket.id(), b"h").unwrap();
    let handle = session.client.reply(&ticket).unwrap().unwrap();
    let mut listing = ReadDir::new(&mut session.client, handle);
    let now = session.now;
    listing.pump(&mut session.client, now);
    let seen = session.requests();
    assert!(seen.len() > 2 && seen.iter().all(|seen| seen.packet_type == PacketType::READDIR));
}
