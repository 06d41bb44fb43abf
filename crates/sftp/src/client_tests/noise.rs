//! Random answers: nothing panics, nothing is waited for for ever.

use konko_sansio::Machine;

use super::scripted_server::Session;
use crate::call::Request;
use crate::client::SftpClient;
use crate::download::{Download, Order, Until};
use crate::message::attributes::Attributes;
use crate::message::extension::{CheckFileHandle, Statvfs, UsersGroupsById};
use crate::message::number::{OpenFlags, PacketType};
use crate::message::request::{Open, Opendir, Readlink, Realpath, Stat};
use crate::read_dir::ReadDir;
use crate::ticket::{Lane, Ticket};

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

fn ask<R: Request>(session: &mut Session, lane: Lane, request: &R) -> Ticket<R::Reply> {
    session.client.request(session.now, lane, request).unwrap()
}

/// A packet that may or may not be right, for one of the ids under way or another.
fn packet(random: &mut Random, ids: &[u32], out: &mut Vec<u8>) {
    const TYPES: [PacketType; 7] = [
        PacketType::STATUS,
        PacketType::HANDLE,
        PacketType::DATA,
        PacketType::NAME,
        PacketType::ATTRS,
        PacketType::EXTENDED_REPLY,
        PacketType::VERSION,
    ];
    let packet_type = TYPES[random.below(TYPES.len())];
    let id = if random.below(8) == 0 { random.below(1 << 20) as u32 } else { ids[random.below(ids.len())] };
    let mut fields = Vec::new();
    for _ in 0..random.below(12) {
        match random.below(4) {
            0 => fields.extend_from_slice(&(random.below(6) as u32).to_be_bytes()),
            1 => fields.extend_from_slice(&u32::MAX.to_be_bytes()),
            2 => fields.extend_from_slice(b"\0\0\0\x03abc"),
            _ => fields.push(random.below(256) as u8),
        }
    }
    let mut length = fields.len() as u32 + 5;
    if random.below(20) == 0 {
        length = random.below(1 << 16) as u32;
    }
    out.extend_from_slice(&length.to_be_bytes());
    out.push(packet_type.0);
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&fields);
}

/// Whether a transfer is told the end: finished, or an error.
fn end_of_download(client: &mut SftpClient, session_now: std::time::Instant, mut download: Download) -> bool {
    loop {
        match download.next(client, session_now) {
            Some(Ok(_)) => {}
            Some(Err(_)) => return true,
            None => return download.is_finished(),
        }
    }
}

#[test]
fn whatever_the_server_sends_everything_ends() {
    for seed in 0..3000 {
        let mut random = Random(seed);
        let extensions: [(&str, &str); 3] =
            [("statvfs@openssh.com", "2"), ("check-file", ""), ("users-groups-by-id@openssh.com", "1")];
        let mut session = Session::with_extensions(&extensions);
        let lane = session.client.open_lane();
        let open = Open { filename: b"f", pflags: OpenFlags::READ, attributes: Attributes::default() };
        let handle = ask(&mut session, lane, &open);
        let handle_id = handle.id();
        session.handle(handle_id, b"h").unwrap();
        let handle = session.client.reply(&handle).unwrap().unwrap();
        session.requests();
        let now = session.now;
        let mut download =
            Download::new(&mut session.client, handle.clone(), 0, Until::End(Some(100_000)), Order::File);
        download.pump(&mut session.client, now);
        let mut listing = ReadDir::new(&mut session.client, handle);
        listing.pump(&mut session.client, now);
        let stat = ask(&mut session, lane, &Stat { path: b"s" });
        let opendir = ask(&mut session, lane, &Opendir { path: b"d" });
        let realpath = ask(&mut session, lane, &Realpath { path: b"r" });
        let readlink = ask(&mut session, lane, &Readlink { path: b"l" });
        let statvfs = ask(&mut session, lane, &Statvfs { path: b"v" });
        let users = ask(&mut session, lane, &UsersGroupsById { uids: &[0; 4], gids: &[] });
        let check = CheckFileHandle {
            handle: b"h",
            hash_algorithms: b"md5",
            start_offset: 0,
            length: 0,
            block_size: 0,
        };
        let check = ask(&mut session, lane, &check);
        let ids: Vec<u32> = session.requests().iter().map(|seen| seen.id).collect();
        session.feed = 1 + random.below(64);
        for _ in 0..random.below(20) {
            let mut out = Vec::new();
            packet(&mut random, &ids, &mut out);
            if session.send(&out).is_err() {
                break;
            }
        }
        let now = session.now;
        assert!(session.client.handle_eof(now).is_err());
        let client = &mut session.client;
        assert!(client.reply(&stat).is_some() && client.reply(&opendir).is_some());
        assert!(client.reply(&realpath).is_some() && client.reply(&readlink).is_some());
        assert!(client.reply(&statvfs).is_some() && client.reply(&users).is_some());
        assert!(client.reply(&check).is_some());
        assert!(end_of_download(client, now, download));
        while let Some(Ok(_)) = listing.next(client) {}
        assert!(listing.is_finished() || listing.next(client).is_some_and(|entries| entries.is_err()));
    }
}
