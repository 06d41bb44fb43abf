//! Packets in: bytes under every cipher and MAC, changed on their way. Up to the change every payload arrives as it
//! was sent; after it none does, unless the packets carry no protection at all.
#![no_main]

use konko_crypto::cipher::CIPHERS;
use konko_crypto::mac::MACS;
use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::{START, host_key, packet_config};
use konko_fuzz::null_rows::NULL_CIPHER;
use konko_fuzz::repeatable_random::RepeatableRandom;
use konko_packet::{COMPRESSION_ALGORITHMS, PacketConfig, PacketError, PacketProtocol, Received};
use konko_wire::encode::MessageSink;
use konko_wire::message::transport::Encoded;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fn put(to: &mut PacketProtocol, mut bytes: &[u8]) -> Result<Vec<Received>, PacketError> {
    let mut received = Vec::new();
    loop {
        while let Some(event) = to.poll(*START)? {
            received.push(event);
        }
        let offered = to.input_buf();
        let length = offered.len().min(bytes.len());
        if length == 0 {
            return Ok(received);
        }
        offered[..length].copy_from_slice(&bytes[..length]);
        to.commit_input(length);
        bytes = &bytes[length..];
    }
}

fn transfer(from: &mut PacketProtocol, to: &mut PacketProtocol) {
    let bytes = from.output().to_vec();
    from.consume_output(bytes.len());
    for event in put(to, &bytes).expect("two ends of the same mind") {
        match event {
            Received::HostKey(question) => to.accept_host_key(question),
            Received::SignatureWanted(question) => {
                let signature = host_key().sign(question.algorithm, &question.data).expect("a signature");
                to.provide_signature(question, signature);
            }
            _ => {}
        }
    }
    while let Some(event) = to.poll(*START).expect("two ends of the same mind") {
        assert!(!matches!(event, Received::HostKey(_) | Received::SignatureWanted(_)));
    }
}

/// Two ends that use the rows chosen, after authentication.
fn established(choices: &mut Choices<'_>) -> (PacketProtocol, PacketProtocol, bool) {
    let mut config = packet_config();
    config.rekey = PacketConfig::default().rekey;
    let row = choices.below(CIPHERS.len() + 1);
    let cipher = CIPHERS.get(row).copied().unwrap_or(&NULL_CIPHER);
    config.algorithms = config
        .algorithms
        .with_ciphers(vec![cipher])
        .with_macs(vec![MACS[choices.below(MACS.len())]])
        .with_compression(vec![COMPRESSION_ALGORITHMS[choices.below(COMPRESSION_ALGORITHMS.len())]]);
    let config = Arc::new(config);
    let mut client = PacketProtocol::client(Arc::clone(&config), Box::new(RepeatableRandom(1)), *START);
    let keys = vec![host_key().public_key().clone()];
    let mut server = PacketProtocol::server(config, Box::new(RepeatableRandom(2)), *START, keys);
    for _ in 0..4 {
        transfer(&mut client, &mut server);
        transfer(&mut server, &mut client);
    }
    assert!(!client.is_exchanging_keys() && !server.is_exchanging_keys());
    client.authentication_succeeded();
    server.authentication_succeeded();
    (client, server, row < CIPHERS.len())
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let (mut client, mut server, protected) = established(&mut choices);

    // Some packets as they are sent, and where each ends.
    let mut sent = Vec::new();
    let mut ends = Vec::new();
    let count = choices.below(6);
    for _ in 0..count {
        let mut payload = vec![94];
        payload.extend_from_slice(choices.short_bytes());
        client.outbound().send(&Encoded(&payload));
        sent.push(payload);
        ends.push(client.output().len());
    }
    let mut stream = client.output().to_vec();
    let untouched = stream.clone();
    for _ in 0..choices.below(4) {
        let (at, mask) = (usize::from(choices.u16()), choices.byte());
        if let Some(byte) = stream.get_mut(at) {
            *byte ^= mask;
        }
    }
    stream.truncate(stream.len() - (usize::from(choices.byte()) / 4).min(stream.len()));
    stream.extend_from_slice(choices.rest());

    let same = stream.iter().zip(&untouched).take_while(|(given, sent)| given == sent).count();
    let whole = ends.iter().filter(|end| **end <= same).count();

    let mut arrived = Vec::new();
    let mut error = None;
    for piece in stream.chunks(1021) {
        match put(&mut server, piece) {
            Ok(received) => arrived.extend(received),
            Err(found) => {
                error = Some(found);
                break;
            }
        }
    }
    let payloads: Vec<_> = arrived
        .iter()
        .filter_map(
            |event| if let Received::Payload(payload) = event { Some(&payload.bytes[..]) } else { None },
        )
        .collect();
    if error.is_none() {
        assert!(payloads.len() >= whole, "{} of {whole} packets arrived", payloads.len());
    }
    if protected {
        assert!(payloads.len() <= whole, "a packet that was changed has arrived");
        assert!(payloads.iter().zip(&sent).all(|(arrived, sent)| arrived == sent));
    }
    if let Some(error) = error {
        assert_eq!(server.poll(*START).err(), Some(error));
        assert!(server.input_buf().is_empty());
    } else {
        assert!(!server.input_buf().is_empty());
    }
    assert!(server.output().len() <= konko_fuzz::rules::MOST_OUTPUT);
});
