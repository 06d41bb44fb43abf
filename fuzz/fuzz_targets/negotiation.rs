//! Negotiation (RFC 4253 §7.1): two ends with any lists agree on what the RFC says, or both say that they cannot;
//! and any proposal at all is borne.
#![no_main]

use konko_crypto::cipher::CIPHERS;
use konko_crypto::kex::KexAlgorithm;
use konko_crypto::mac::MACS;
use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::{START, host_key, packet_config};
use konko_fuzz::null_rows::{NULL_CIPHER, NULL_KEX, NULL_MPINT_KEX, NULL_SHA512_KEX};
use konko_fuzz::payloads::packet;
use konko_fuzz::repeatable_random::RepeatableRandom;
use konko_keys::signature_algorithm::SIGNATURE_ALGORITHMS;
use konko_packet::{
    Algorithms, COMPRESSION_ALGORITHMS, Incompatibility, Negotiated, PacketConfig, PacketError,
    PacketProtocol, Received, Row,
};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

static KEX: &[&KexAlgorithm] = &[&NULL_KEX, &NULL_MPINT_KEX, &NULL_SHA512_KEX];

fn some<T>(all: &[&'static T], choices: &mut Choices<'_>) -> Vec<&'static T> {
    (0..1 + choices.below(4)).map(|_| all[choices.below(all.len())]).collect()
}

fn algorithms(choices: &mut Choices<'_>) -> Algorithms {
    let mut ciphers = CIPHERS.to_vec();
    ciphers.push(&NULL_CIPHER);
    Algorithms {
        kex: some(KEX, choices),
        host_key: some(SIGNATURE_ALGORITHMS, choices),
        cipher_client_to_server: some(&ciphers, choices),
        cipher_server_to_client: some(&ciphers, choices),
        mac_client_to_server: some(MACS, choices),
        mac_server_to_client: some(MACS, choices),
        compression_client_to_server: some(COMPRESSION_ALGORITHMS, choices),
        compression_server_to_client: some(COMPRESSION_ALGORITHMS, choices),
    }
}

/// RFC 4253 §7.1: the first of the client's that is also one of the server's.
fn first_common<T: Row>(client: &[&'static T], server: &[&'static T]) -> Option<&'static str> {
    let names: Vec<_> = server.iter().map(|row| row.name()).collect();
    client.iter().map(|row| row.name()).find(|name| names.contains(name))
}

/// What both should agree on: kex, host key, and for each direction cipher, MAC (empty for none) and compression.
fn expected(client: &Algorithms, server: &Algorithms) -> Option<[&'static str; 8]> {
    let own_integrity =
        |name: &str| name == NULL_CIPHER.name || CIPHERS.iter().any(|row| row.name == name && row.is_aead());
    let mac = |cipher: &str, common: Option<&'static str>| {
        if own_integrity(cipher) { Some("") } else { common }
    };
    // The server has one key.
    let server_host_key: Vec<_> =
        server.host_key.iter().copied().filter(|row| row.key_type == "ssh-ed25519").collect();
    let out = first_common(&client.cipher_client_to_server, &server.cipher_client_to_server)?;
    let back = first_common(&client.cipher_server_to_client, &server.cipher_server_to_client)?;
    Some([
        first_common(&client.kex, &server.kex)?,
        first_common(&client.host_key, &server_host_key)?,
        out,
        back,
        mac(out, first_common(&client.mac_client_to_server, &server.mac_client_to_server))?,
        mac(back, first_common(&client.mac_server_to_client, &server.mac_server_to_client))?,
        first_common(&client.compression_client_to_server, &server.compression_client_to_server)?,
        first_common(&client.compression_server_to_client, &server.compression_server_to_client)?,
    ])
}

fn names(negotiated: &Negotiated) -> [&'static str; 8] {
    [
        negotiated.kex.name,
        negotiated.host_key.name,
        negotiated.cipher_client_to_server.name,
        negotiated.cipher_server_to_client.name,
        negotiated.mac_client_to_server.map_or("", |row| row.name),
        negotiated.mac_server_to_client.map_or("", |row| row.name),
        negotiated.compression_client_to_server.name,
        negotiated.compression_server_to_client.name,
    ]
}

fn end(server: bool, algorithms: Algorithms, strict: bool) -> PacketProtocol {
    let config = PacketConfig { algorithms, require_strict_kex: strict, ..packet_config() };
    let (config, random) = (Arc::new(config), Box::new(RepeatableRandom(u64::from(server))));
    if server {
        PacketProtocol::server(config, random, *START, vec![host_key().public_key().clone()])
    } else {
        PacketProtocol::client(config, random, *START)
    }
}

fn put(to: &mut PacketProtocol, bytes: &[u8]) -> Result<(), PacketError> {
    for piece in bytes.chunks(2000) {
        let offered = to.input_buf();
        let Some(offered) = offered.get_mut(..piece.len()) else { return Ok(()) };
        offered.copy_from_slice(piece);
        to.commit_input(piece.len());
        while let Some(event) = to.poll(*START)? {
            match event {
                Received::HostKey(question) => to.accept_host_key(question),
                Received::SignatureWanted(question) => {
                    let signature = host_key().sign(question.algorithm, &question.data).expect("a signature");
                    to.provide_signature(question, signature);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn transfer(from: &mut PacketProtocol, to: &mut PacketProtocol) -> Result<(), PacketError> {
    let bytes = from.output().to_vec();
    from.consume_output(bytes.len());
    put(to, &bytes)
}

fn incompatible(result: &Result<(), PacketError>) -> bool {
    matches!(
        result,
        Err(PacketError::PeerIncompatible(Incompatibility::NoCommonAlgorithm { .. })
            | PacketError::Disconnected { .. })
    )
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    if choices.flag() {
        // A proposal of bytes, with a guess behind it.
        let server = choices.flag();
        let mut machine = end(server, algorithms(&mut choices), choices.flag());
        let mut proposal = vec![20];
        proposal.extend_from_slice(choices.long_bytes());
        let result = put(&mut machine, b"SSH-2.0-x\r\n")
            .and_then(|()| put(&mut machine, &packet(&proposal)))
            .and_then(|()| put(&mut machine, &packet(choices.rest())));
        if let Err(error) = result {
            assert_eq!(machine.poll(*START).err(), Some(error));
        }
        return;
    }
    let (of_client, of_server) = (algorithms(&mut choices), algorithms(&mut choices));
    let expected = expected(&of_client, &of_server);
    let mut client = end(false, of_client, choices.flag());
    let mut server = end(true, of_server, choices.flag());
    for _ in 0..4 {
        let there = transfer(&mut client, &mut server);
        let back = transfer(&mut server, &mut client);
        if expected.is_none() {
            assert!(incompatible(&there) || there.is_ok(), "{there:?}");
            assert!(incompatible(&back) || back.is_ok(), "{back:?}");
        } else {
            there.expect("lists with common entries");
            back.expect("lists with common entries");
        }
    }
    match expected {
        None => assert!(client.poll(*START).is_err() && server.poll(*START).is_err()),
        Some(expected) => {
            assert!(client.is_strict_kex() && server.is_strict_kex());
            assert_eq!(client.negotiated().map(names), Some(expected));
            assert_eq!(server.negotiated().map(names), Some(expected));
            assert_eq!(client.session_id(), server.session_id());
        }
    }
});
