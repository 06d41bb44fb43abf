//! The client of SFTP against any server: a listing, a download and an upload come to an end, with no more data and no
//! more names than were asked for.
#![no_main]

use bytes::Bytes;
use konko_fuzz::choices::Choices;
use konko_sansio::Machine;
use konko_sftp::answer::Handle;
use konko_sftp::client::SftpClient;
use konko_sftp::config::ClientConfig;
use konko_sftp::download::{Download, Order, Until};
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::number::OpenFlags;
use konko_sftp::message::request::{Open, Opendir, Readlink, Stat};
use konko_sftp::read_dir::ReadDir;
use konko_sftp::upload::Upload;
use konko_wire::encode::{put_string, put_u32};
use libfuzzer_sys::fuzz_target;
use std::time::Instant;

fn reply(choices: &mut Choices<'_>, version_first: &mut bool) -> Vec<u8> {
    let mut body = Vec::new();
    if std::mem::take(version_first) {
        body.push(2);
        put_u32(&mut body, 3);
    } else {
        body.push([101, 102, 103, 104, 105, 201][choices.below(6)]);
        put_u32(&mut body, u32::from(choices.byte() % 32));
        match choices.byte() % 3 {
            0 => put_u32(&mut body, u32::from(choices.byte() % 10)),
            1 => put_string(&mut body, choices.short_bytes()),
            _ => {}
        }
        body.extend_from_slice(choices.short_bytes());
    }
    let mut packet = Vec::new();
    put_string(&mut packet, &body);
    packet
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let now = Instant::now();
    let mut client = SftpClient::new(ClientConfig::default());
    let mut stream = Vec::new();
    if choices.flag() {
        let mut version_first = true;
        for _ in 0..=choices.below(60) {
            stream.extend_from_slice(&reply(&mut choices, &mut version_first));
        }
    }
    stream.extend_from_slice(choices.rest());

    let lane = client.open_lane();
    let attributes = Attributes::default();
    let open = client.request(now, lane, &Open { filename: b"f", pflags: OpenFlags::READ, attributes });
    let opendir = client.request(now, lane, &Opendir { path: b"d" });
    let stat = client.request(now, lane, &Stat { path: b"f" });
    let link = client.request(now, lane, &Readlink { path: b"l" });
    let (mut download, mut listing, mut upload) = (None::<Download>, None::<ReadDir>, None::<Upload>);
    let size = 1 + data.len() % 61;
    let mut fed: u64 = 0;
    for piece in stream.chunks(size) {
        fed += piece.len() as u64;
        if client.handle_chunk(now, Bytes::copy_from_slice(piece)).is_err() {
            break;
        }
        while client.poll_event().is_some() {}
        if let Ok(open) = &open
            && download.is_none()
            && let Some(Ok(handle)) = client.reply(open)
        {
            let handle: Handle = handle;
            download =
                Some(Download::new(&mut client, handle.clone(), 0, Until::End(Some(1 << 20)), Order::File));
            upload = Some(Upload::new(&mut client, handle));
        }
        if let Ok(opendir) = &opendir
            && listing.is_none()
            && let Some(Ok(handle)) = client.reply(opendir)
        {
            listing = Some(ReadDir::new(&mut client, handle));
        }
        if let Some(download) = &mut download {
            download.pump(&mut client, now);
            let mut next = 0;
            while let Some(Ok(piece)) = download.next(&mut client, now) {
                assert!(piece.offset >= next, "in the order of the file");
                assert!(piece.data.len() as u64 <= fed, "no more than has come");
                next = piece.offset + piece.data.len() as u64;
                download.pump(&mut client, now);
            }
        }
        if let Some(upload) = &mut upload {
            let _ = upload.write(&mut client, now, 0, b"data").and_then(|_| upload.poll(&mut client, now));
        }
        if let Some(listing) = &mut listing {
            listing.pump(&mut client, now);
            while let Some(Ok(entries)) = listing.next(&mut client) {
                for entry in entries {
                    assert!(!entry.name.is_empty());
                }
            }
        }
        let _ = stat.as_ref().map(|ticket| client.reply(ticket));
        let _ = link.as_ref().map(|ticket| client.reply(ticket));
        let sent = client.output().len();
        client.consume_output(sent);
    }
});
