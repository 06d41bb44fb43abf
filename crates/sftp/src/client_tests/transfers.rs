//! Downloads, uploads and listings: answers in any order, short, missing, wrong.

use konko_wire::encode::Encode;

use super::scripted_server::{Seen, Session};
use crate::answer::Handle;
use crate::config::ClientConfig;
use crate::download::{Download, Order, Until};
use crate::error::{Error, Misbehaviour};
use crate::message::attributes::Attributes;
use crate::message::number::{OpenFlags, PacketType, StatusCode};
use crate::message::reply::{Name, NameEntry};
use crate::message::request::{Open, Opendir, Read, Write};
use crate::metadata::DirectoryEntry;
use crate::read_dir::ReadDir;
use crate::upload::Upload;

fn opened(session: &mut Session) -> Handle {
    let lane = session.client.open_lane();
    let open = Open { filename: b"f", pflags: OpenFlags::READ, attributes: Attributes::default() };
    let ticket = session.client.request(session.now, lane, &open).unwrap();
    session.requests();
    session.handle(ticket.id(), b"h").unwrap();
    session.client.reply(&ticket).unwrap().unwrap()
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 % 251) as u8).collect()
}

/// A small generator, so that orders are random and the same each time.
struct Order64(u64);

impl Order64 {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Answers the READs as a server with `file` would, at most `most` bytes each, in random order; returns what was
/// put together.
fn download(
    session: &mut Session,
    file: &[u8],
    until: Until,
    order: Order,
    most: usize,
    seed: u64,
) -> Result<Vec<u8>, Error> {
    let handle = opened(session);
    let mut download = Download::new(&mut session.client, handle, 0, until, order);
    let mut random = Order64(seed);
    let mut waiting: Vec<Seen> = Vec::new();
    let mut got = vec![0xee; file.len()];
    let mut in_order = 0;
    loop {
        let now = session.now;
        while let Some(piece) = download.next(&mut session.client, now) {
            let piece = piece?;
            let data = piece.data.to_vec();
            let at = piece.offset as usize;
            if order == Order::File {
                assert_eq!(at, in_order);
                in_order += data.len();
            }
            got[at..at + data.len()].copy_from_slice(&data);
        }
        if download.is_finished() {
            break;
        }
        download.pump(&mut session.client, now);
        waiting.extend(session.requests());
        assert!(!waiting.is_empty(), "nothing is under way and nothing is finished");
        let seen = waiting.swap_remove(random.below(waiting.len()));
        let read = Read::decode(&seen.fields).unwrap();
        let at = read.offset as usize;
        if at >= file.len() {
            session.status(seen.id, StatusCode::EOF, "")?;
        } else {
            let end = file.len().min(at + most.min(read.length as usize));
            session.data(seen.id, &file[at..end])?;
        }
    }
    if let Some(end) = download.end() {
        got.truncate(end as usize);
    }
    let handle = download.finish(&mut session.client);
    assert_eq!(handle.as_bytes(), b"h");
    Ok(got)
}

// covers: G03
#[test]
fn a_file_comes_back_whole_whatever_the_order_and_the_length_of_answers() {
    for (round, size) in [0, 1, 32_767, 32_768, 32_769, 300_001].into_iter().enumerate() {
        let file = content(size);
        for order in [Order::Arrival, Order::File] {
            for most in [usize::MAX, 10_000] {
                let exact = Some(size as u64);
                let smaller = Some(size as u64 / 2);
                let larger = Some(size as u64 * 2 + 100_000);
                for until in [
                    Until::End(None),
                    Until::End(exact),
                    Until::End(smaller),
                    Until::End(larger),
                    Until::End(Some(0)),
                    Until::Offset(u64::MAX),
                ] {
                    let mut session = Session::plain();
                    let got = download(&mut session, &file, until, order, most, round as u64).unwrap();
                    assert!(got == file, "{size} {order:?} {most} {until:?}");
                }
            }
        }
    }
}

#[test]
fn a_part_is_read_and_no_more() {
    let file = content(200_000);
    for end in [0, 1, 32_768, 100_000] {
        let mut session = Session::with_limits(261_120, 261_120);
        let handle = opened(&mut session);
        let until = Until::Offset(end);
        let mut download = Download::new(&mut session.client, handle, 0, until, Order::File);
        let now = session.now;
        download.pump(&mut session.client, now);
        let asked: u64 = session
            .requests()
            .iter()
            .map(|seen| {
                let read = Read::decode(&seen.fields).unwrap();
                let (offset, length) = (read.offset as usize, read.length as usize);
                session.data(seen.id, &file[offset..offset + length]).unwrap();
                u64::from(read.length)
            })
            .sum();
        assert_eq!(asked, end);
        let now = session.now;
        while let Some(piece) = download.next(&mut session.client, now) {
            piece.unwrap();
        }
        assert!(download.is_finished());
    }
}

#[test]
fn a_small_file_of_known_size_costs_one_read() {
    let mut session = Session::with_limits(261_120, 261_120);
    let handle = opened(&mut session);
    let mut download = Download::new(&mut session.client, handle, 0, Until::Offset(4096), Order::Arrival);
    let now = session.now;
    download.pump(&mut session.client, now);
    let seen = session.requests();
    assert_eq!(seen.len(), 1);
    session.data(seen[0].id, &content(4096)).unwrap();
    let now = session.now;
    assert_eq!(download.next(&mut session.client, now).unwrap().unwrap().data.len(), 4096);
    download.pump(&mut session.client, now);
    assert!(download.is_finished() && session.requests().is_empty());
}

#[test]
fn what_is_under_way_is_bounded() {
    let mut session = Session::plain();
    let handle = opened(&mut session);
    let mut download = Download::new(&mut session.client, handle, 0, Until::End(None), Order::Arrival);
    let now = session.now;
    download.pump(&mut session.client, now);
    let bytes: u64 =
        session.requests().iter().map(|seen| u64::from(Read::decode(&seen.fields).unwrap().length)).sum();
    assert_eq!(bytes, 2 << 20, "about 2 MiB where the round trip is short");
}

#[test]
fn a_server_that_fails_on_pipelining_is_asked_one_by_one() {
    let file = content(300_000);
    let mut session = Session::plain();
    let handle = opened(&mut session);
    let until = Until::End(Some(300_000));
    let mut download = Download::new(&mut session.client, handle, 0, until, Order::File);
    let mut got = Vec::new();
    while !download.is_finished() {
        let now = session.now;
        download.pump(&mut session.client, now);
        let seen = session.requests();
        for (index, seen) in seen.iter().enumerate() {
            let read = Read::decode(&seen.fields).unwrap();
            let (at, length) = (read.offset as usize, read.length as usize);
            if index > 0 {
                session.status(seen.id, StatusCode::FAILURE, "busy").unwrap();
            } else if at >= file.len() {
                session.status(seen.id, StatusCode::EOF, "").unwrap();
            } else {
                session.data(seen.id, &file[at..file.len().min(at + length)]).unwrap();
            }
        }
        let now = session.now;
        while let Some(piece) = download.next(&mut session.client, now) {
            got.extend_from_slice(&piece.unwrap().data.to_vec());
        }
    }
    assert!(got == file);
}

#[test]
fn a_refused_read_is_an_error_with_its_offset() {
    let mut session = Session::plain();
    let handle = opened(&mut session);
    let until = Until::Offset(65_536);
    let mut download = Download::new(&mut session.client, handle, 0, until, Order::Arrival);
    for round in 0..2 {
        let now = session.now;
        download.pump(&mut session.client, now);
        for seen in session.requests() {
            let read = Read::decode(&seen.fields).unwrap();
            if read.offset == 0 {
                session.data(seen.id, &content(read.length as usize)).unwrap();
            } else {
                session.status(seen.id, StatusCode::FAILURE, "Input/output error").unwrap();
            }
        }
        let now = session.now;
        if round == 0 {
            assert!(download.next(&mut session.client, now).unwrap().is_ok());
            assert!(download.next(&mut session.client, now).is_none());
        } else {
            let error = download.next(&mut session.client, now).unwrap().unwrap_err();
            let text = "SSH_FXP_READ at byte 32768: SSH_FX_FAILURE (Input/output error)";
            assert_eq!(error.to_string(), text);
        }
    }
}

// covers: G08
#[test]
fn a_failed_write_is_never_hidden() {
    for failing in [0, 1, 31, 62, 63] {
        for seed in 0..4 {
            let mut session = Session::plain();
            let handle = opened(&mut session);
            let mut upload = Upload::new(&mut session.client, handle);
            let data = content(64 * 32_768);
            let now = session.now;
            let sent = upload.write(&mut session.client, now, 1_000_000, &data).unwrap();
            assert_eq!(sent, data.len());
            let mut seen = session.requests();
            assert_eq!(seen.len(), 64);
            let mut random = Order64(seed);
            let failing_offset = 1_000_000 + failing * 32_768;
            let mut failures = 0;
            while !seen.is_empty() {
                let seen = seen.swap_remove(random.below(seen.len()));
                let write = Write::decode(&seen.fields).unwrap();
                let at = (write.offset - 1_000_000) as usize;
                assert!(write.data == &data[at..at + 32_768]);
                // The one that was to fail, and some behind it.
                if write.offset == failing_offset || (write.offset > failing_offset && random.below(8) == 0) {
                    session.status(seen.id, StatusCode::FAILURE, "No space left on device").unwrap();
                    failures += 1;
                } else {
                    session.status(seen.id, StatusCode::OK, "").unwrap();
                }
                let now = session.now;
                if !upload.is_flushed() {
                    let polled = upload.poll(&mut session.client, now);
                    assert_eq!(polled.is_err(), upload.is_flushed(), "told when all are answered");
                }
            }
            assert!(failures > 0);
            let now = session.now;
            let error = upload.poll(&mut session.client, now).unwrap_err();
            assert_eq!(upload.failed_at(), Some(failing_offset));
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
            assert!(error.to_string().contains(&format!("at byte {failing_offset}")), "{error}");
            assert_eq!(upload.room(&session.client), 0);
        }
    }
}

#[test]
fn a_batch_is_sent_from_where_it_was_read_to() {
    for (len, filled) in [(100_000, 100_000), (100_000, 70_000), (100_000, 32_768), (100_000, 0), (1, 1)] {
        let mut session = Session::plain();
        let handle = opened(&mut session);
        let mut upload = Upload::new(&mut session.client, handle);
        let data = content(len);
        let mut batch = upload.batch(&mut session.client, 5, len);
        assert_eq!((batch.len(), batch.offset()), (len, 5));
        for (offset, slot) in batch.slots() {
            let at = offset as usize - 5;
            slot.copy_from_slice(&data[at..at + slot.len()]);
        }
        batch.truncate(filled);
        assert_eq!(batch.len(), filled);
        let now = session.now;
        upload.send(&mut session.client, now, batch).unwrap();
        let mut got = Vec::new();
        for seen in session.requests() {
            let write = Write::decode(&seen.fields).unwrap();
            assert_eq!(write.offset as usize, 5 + got.len());
            got.extend_from_slice(write.data);
            session.status(seen.id, StatusCode::OK, "").unwrap();
        }
        assert!(got == data[..filled]);
        let now = session.now;
        upload.poll(&mut session.client, now).unwrap();
        assert!(upload.is_flushed());
        assert_eq!(upload.acknowledged(), filled as u64);
    }
}

fn list(
    session: &mut Session,
    mut answer: impl FnMut(usize) -> Option<Vec<String>>,
) -> Result<Vec<DirectoryEntry>, Error> {
    let lane = session.client.open_lane();
    let ticket = session.client.request(session.now, lane, &Opendir { path: b"d" })?;
    session.requests();
    session.handle(ticket.id(), b"h")?;
    let handle = session.client.reply(&ticket).unwrap()?;
    let mut listing = ReadDir::new(&mut session.client, handle);
    let (mut entries, mut round) = (Vec::new(), 0);
    while !listing.is_finished() {
        let now = session.now;
        listing.pump(&mut session.client, now);
        for seen in session.requests() {
            match answer(round) {
                None => session.status(seen.id, StatusCode::EOF, "")?,
                Some(names) => {
                    let entry =
                        |name| NameEntry { filename: name, longname: b"", attributes: Attributes::default() };
                    let name = Name { entries: names.iter().map(|name| entry(name.as_bytes())).collect() };
                    let fields = name.to_vec();
                    session.reply(seen.id, PacketType::NAME, &konko_wire::decode::Rest(&fields))?;
                }
            }
            round += 1;
        }
        while let Some(batch) = listing.next(&mut session.client) {
            entries.extend(batch?);
        }
    }
    Ok(entries)
}

#[test]
fn a_listing_is_pipelined_and_whole() {
    let mut session = Session::plain();
    let entries =
        list(&mut session, |round| (round < 50).then(|| (0..100).map(|n| format!("{round}-{n}")).collect()));
    let entries = entries.unwrap();
    assert_eq!(entries.len(), 5000);
    assert_eq!(entries[4999].name, b"49-99");
    assert_eq!(session.client.requests(), 0);
}

// covers: G04
#[test]
fn a_listing_that_never_ends_ends() {
    let mut session = Session::plain();
    assert_eq!(list(&mut session, |_| Some(Vec::new())), Err(Misbehaviour::EmptyNames(16).into()));
    let config = ClientConfig { maximum_entries: 100_000, ..ClientConfig::default() };
    let mut session = Session::begun(config, &[]);
    let endless = list(&mut session, |_| Some(vec!["x".to_owned(); 2000]));
    assert_eq!(endless, Err(Misbehaviour::TooManyEntries(100_000).into()));
}
