//! The identification string (RFC 4253 §4.2), of a client and of a server, in pieces: how the bytes are cut makes
//! no difference, and what is kept is bounded.
#![no_main]

use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::{START, host_key, packet_config};
use konko_fuzz::repeatable_random::RepeatableRandom;
use konko_packet::{PacketError, PacketProtocol};
use konko_wire::identification::{Identification, MAXIMUM_LEN};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fn machine(server: bool) -> PacketProtocol {
    let (config, random) = (Arc::new(packet_config()), Box::new(RepeatableRandom(1)));
    if server {
        PacketProtocol::server(config, random, *START, vec![host_key().public_key().clone()])
    } else {
        PacketProtocol::client(config, random, *START)
    }
}

/// The peer's identification string, or why there is none yet or ever.
fn read(
    server: bool,
    stream: &[u8],
    mut piece: impl FnMut() -> usize,
) -> Result<Option<Vec<u8>>, PacketError> {
    let mut machine = machine(server);
    let mut rest = stream;
    while !rest.is_empty() {
        let offered = machine.input_buf();
        assert!(!offered.is_empty(), "no input is wanted");
        let length = piece().clamp(1, rest.len()).min(offered.len());
        offered[..length].copy_from_slice(&rest[..length]);
        machine.commit_input(length);
        rest = &rest[length..];
        let polled = machine.poll(*START);
        let kept: usize = machine.pre_identification_lines().iter().map(String::len).sum();
        assert!(kept <= 16 * 1024, "{kept} bytes of lines are kept");
        assert!(machine.pre_identification_lines().iter().all(|line| !line.contains(char::is_control)));
        if let Some(identification) = machine.peer_identification() {
            return Ok(Some(identification.as_bytes().to_vec()));
        }
        polled?;
    }
    Ok(None)
}

fuzz_target!(|data: &[u8]| {
    let (mut pieces, mut stream) = Choices::pair(data);
    let server = stream.flag();
    let stream = stream.rest();
    if stream.is_empty() {
        return;
    }
    let whole = read(server, stream, || usize::MAX);
    let cut = read(server, stream, || usize::from(pieces.byte()));
    if let Ok(Some(line)) = &whole {
        assert!(line.len() + 2 <= MAXIMUM_LEN);
        assert!(line.starts_with(b"SSH-2.0-") || (!server && line.starts_with(b"SSH-1.99-")));
        assert!(!server || stream.starts_with(line), "a server takes no line before");
        let parsed = Identification::parse(line, true).expect("it was parsed before");
        assert_eq!(parsed.as_bytes(), line);
    }
    // An error that comes with the last byte of a line may be found before that byte comes, so only a success is
    // compared in full.
    match (&whole, &cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(whole, cut),
        (whole, cut) => assert_eq!(whole.is_err(), cut.is_err(), "{whole:?} and {cut:?}"),
    }
    let _ = Identification::parse(stream, server);
});
