//! What may arrive when: every message number in every state of both sides.

use super::pair::{Pair, Side, quick};
use crate::error::PacketError;
use crate::received::Received;
use konko_wire::encode::Encode;
use konko_wire::message::transport::{Debug, ExtInfo, Ignore, Unimplemented};
use konko_wire::message::userauth::UserauthSuccess;
use std::time::Instant;

/// Where the receiving side stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The peer's first packet is awaited.
    First,
    /// The method's message is due, in the first exchange.
    Method,
    /// The peer's first `SSH_MSG_NEWKEYS` is due.
    NewKeys,
    /// The packet directly after it.
    AfterNewKeys,
    /// Later, not authenticated.
    Unauthenticated,
    /// Authenticated; for a client also while only itself has sent `SSH_MSG_KEXINIT`.
    Authenticated,
    /// The method's message is due, in a re-exchange.
    MethodAgain,
    /// The peer's `SSH_MSG_NEWKEYS` is due, in a re-exchange.
    NewKeysAgain,
}

const STATES: [State; 8] = [
    State::First,
    State::Method,
    State::NewKeys,
    State::AfterNewKeys,
    State::Unauthenticated,
    State::Authenticated,
    State::MethodAgain,
    State::NewKeysAgain,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The connection ends.
    Refused,
    /// Taken without a trace.
    Taken,
    /// Handed up.
    HandedUp,
    /// Answered with `SSH_MSG_UNIMPLEMENTED`.
    Unimplemented,
    /// Its body decides; not tried here.
    Depends,
    /// The peer is said to have ended the connection.
    Ended,
}

/// The columns are those of [`STATES`]. `D` refused, `d` refused where both sides are strict, else taken, `L` taken,
/// `P` handed up, `U` unimplemented, `X` ends, `?` depends. What happens at 50 and above once keys are in use is for
/// upper layers to decide, and at 192 and 193.
const SERVER: &str = "
    0 0         D D D D D D D D
    1 1         X X X X X X X X
    2 4         L d d L L L L L
    5 5         D D D P P P D D
    6 6         D D D D D D D D
    7 7         D D D L D D D D
    8 8         D D D D D D D D
    9 19        D D D U U U D D
    20 20       ? D D ? ? ? D D
    21 21       D D L D D D D L
    22 29       D D D U U U D D
    30 30       D ? D D D D ? D
    31 49       D D D D D D D D
    50 191      D D D P P P D D
    192 192     D D D P P P L L
    193 193     D D D P P P P P
    194 255     D D D P P P D D
";

const CLIENT: &str = "
    0 0         D D D D D D D D
    1 1         X X X X X X X X
    2 4         L d d L L L L L
    5 5         D D D D D D D D
    6 6         D D D P P P D D
    7 7         D D D L D D D D
    8 8         D D D D D D D D
    9 19        D D D U U U D D
    20 20       ? D D ? ? ? D D
    21 21       D D L D D D D L
    22 29       D D D U U U D D
    30 30       D D D D D D D D
    31 31       D ? D D D D ? D
    32 49       D D D D D D D D
    50 191      D D D P P P D D
    192 192     D D D P P P L L
    193 193     D D D P P P P P
    194 255     D D D P P P D D
";

fn verdict(table: &str, state: State, number: u8, strict: bool) -> Verdict {
    let column = STATES.iter().position(|other| *other == state).expect("a column");
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (low, high): (u8, u8) = (fields[0].parse().expect("low"), fields[1].parse().expect("high"));
        if (low..=high).contains(&number) {
            return match fields[2 + column] {
                "D" => Verdict::Refused,
                "d" if strict => Verdict::Refused,
                "d" | "L" => Verdict::Taken,
                "P" => Verdict::HandedUp,
                "U" => Verdict::Unimplemented,
                "X" => Verdict::Ended,
                "?" => Verdict::Depends,
                other => panic!("{other}"),
            };
        }
    }
    panic!("no line for {number}")
}

/// A body that is well formed for the number.
fn body(number: u8) -> Vec<u8> {
    match number {
        1 => vec![1, 0, 0, 0, 11, 0, 0, 0, 3, b'b', b'y', b'e', 0, 0, 0, 0],
        2 => Ignore { data: b"x" }.to_vec(),
        3 => Unimplemented { sequence_number: 77 }.to_vec(),
        4 => Debug { always_display: true, message: b"\x1b[2J", language_tag: b"" }.to_vec(),
        7 => ExtInfo { extensions: vec![("a", b"b")] }.to_vec(),
        21 => vec![21],
        _ => vec![number, 0, 0, 0, 0],
    }
}

/// A packet in clear text.
pub(super) fn clear(payload: &[u8]) -> Vec<u8> {
    let padding = 16 - (payload.len() + 5) % 8;
    let mut packet = ((payload.len() + padding + 1) as u32).to_be_bytes().to_vec();
    packet.push(padding as u8);
    packet.extend_from_slice(payload);
    packet.resize(packet.len() + padding, 0);
    packet
}

/// Splits a side's first output, which is in clear text, into its identification line and its packets.
pub(super) fn split_clear(output: &[u8]) -> Vec<Vec<u8>> {
    let line = output.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut pieces = vec![output[..line].to_vec()];
    let mut rest = &output[line..];
    while rest.len() >= 5 {
        let len = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize + 4;
        let Some((packet, behind)) = rest.split_at_checked(len) else { break };
        pieces.push(packet.to_vec());
        rest = behind;
    }
    pieces
}

/// The side under test and the one that will send, in a state.
struct Scene {
    victim: Side,
    sender: Side,
    now: Instant,
    /// Bytes that come before the injected message and are not under the sender's control any more.
    clear_text: bool,
}

fn scene(server: bool, state: State, strict: bool) -> Scene {
    let mut pair = if strict { Pair::new(quick()) } else { Pair::not_strict(quick()) };
    let now = pair.now;
    let clear_text = matches!(state, State::First | State::Method | State::NewKeys);
    pair.client.answers = state != State::NewKeys;
    match state {
        State::First | State::Method => {
            let sender = if server { &mut pair.client } else { &mut pair.server };
            let pieces = split_clear(&sender.output());
            let victim = if server { &mut pair.server } else { &mut pair.client };
            victim.receive(&pieces[0], now);
            if state == State::Method {
                victim.receive(&pieces[1], now);
            }
        }
        State::NewKeys if server => pair.run(),
        State::NewKeys => {
            pair.client.answers = true;
            let hello = pair.client.output();
            pair.server.receive(&hello, now);
            let hello = pair.server.output();
            pair.client.receive(&hello, now);
            let init = pair.client.output();
            pair.server.receive(&init, now);
            let pieces = split_clear(&[b"\n", &pair.server.output()[..]].concat()[..]);
            pair.client.receive(&pieces[1], now);
        }
        State::AfterNewKeys => {
            pair.run();
            // Nobody has counted a packet since: a server's own extensions would stand in its place.
            let victim = if server { &mut pair.server } else { &mut pair.client };
            victim.protocol.after_first_new_keys = true;
            victim.protocol.ext_info_received = 0;
        }
        State::Unauthenticated | State::Authenticated => {
            pair.run();
            if state == State::Authenticated {
                pair = pair.established();
            }
            pair.client.inject(&[2]);
            pair.server.inject(&[2]);
            pair.run();
        }
        State::MethodAgain | State::NewKeysAgain => {
            pair = pair.established();
            to_re_exchange(&mut pair, server, state);
        }
    }
    pair.assert_healthy();
    let Pair { client, server: other, .. } = pair;
    let (victim, sender) = if server { (other, client) } else { (client, other) };
    Scene { victim, sender, now, clear_text }
}

/// Brings the victim where the peer's method message or `SSH_MSG_NEWKEYS` is due.
fn to_re_exchange(pair: &mut Pair, server: bool, state: State) {
    let now = pair.now;
    if server {
        pair.client.protocol.request_key_exchange(now);
        let proposal = pair.client.output();
        pair.server.receive(&proposal, now);
        if state == State::NewKeysAgain {
            let proposal = pair.server.output();
            pair.client.receive(&proposal, now);
            let init = pair.client.output();
            pair.server.receive(&init, now);
        }
    } else {
        pair.server.protocol.request_key_exchange(now);
        let proposal = pair.server.output();
        pair.client.receive(&proposal, now);
        if state == State::NewKeysAgain {
            let init = pair.client.output();
            let server = &mut pair.server.protocol;
            server.input_buf()[..init.len()].copy_from_slice(&init);
            server.commit_input(init.len());
            let Ok(Some(Received::SignatureWanted(question))) = server.poll(now) else {
                panic!("no question")
            };
            let signature =
                pair.server.keys[0].sign(question.algorithm, &question.data).expect("a signature");
            server.key_exchange.reply_only(&signature, &mut server.outbound);
            let reply = pair.server.output();
            pair.client.receive(&reply, now);
        }
    }
}

fn outcome(mut scene: Scene, number: u8, payload: &[u8]) -> Verdict {
    let before = scene.victim.payloads.len();
    scene.victim.output();
    if scene.clear_text {
        scene.victim.receive(&clear(payload), scene.now);
    } else {
        scene.sender.output();
        scene.sender.inject(payload);
        let bytes = scene.sender.output();
        scene.victim.receive(&bytes, scene.now);
    }
    let (victim, sender) = (&mut scene.victim, &mut scene.sender);
    if victim.disconnected {
        assert_eq!(number, 1);
        return Verdict::Ended;
    }
    if let Some(error) = &victim.error {
        assert!(
            matches!(error, PacketError::UnexpectedMessage { .. } | PacketError::PeerMisbehaved(_)),
            "{error}"
        );
        assert!(!victim.protocol.output().is_empty(), "the peer is told");
        assert_eq!(victim.payloads.len(), before);
        return Verdict::Refused;
    }
    if victim.payloads.len() > before {
        assert_eq!(victim.payloads.last().map(Vec::as_slice), Some(payload));
        return Verdict::HandedUp;
    }
    let reply = victim.output();
    if reply.is_empty() {
        return Verdict::Taken;
    }
    let unimplemented = victim.protocol.stats().packets_sent;
    sender.receive(&reply, scene.now);
    assert!(unimplemented > 0);
    Verdict::Unimplemented
}

/// covers: K02, K03, K04, K10, K12, T07, T23
#[test]
fn every_number_in_every_state() {
    for (server, table) in [(true, SERVER), (false, CLIENT)] {
        for strict in [true, false] {
            for state in STATES {
                // A strict first exchange is told apart by the first packet, which is not there in the first state.
                for number in 0..=255 {
                    let expected = verdict(table, state, number, strict);
                    if expected == Verdict::Depends || (number == 21 && expected == Verdict::Taken) {
                        continue;
                    }
                    let found = outcome(scene(server, state, strict), number, &body(number));
                    assert_eq!(
                        found, expected,
                        "server {server}, strict {strict}, {state:?}, message {number}"
                    );
                }
            }
        }
    }
}

/// covers: K01, K05
#[test]
fn strict_key_exchange_begins_with_its_first_packet() {
    for (server, strict) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut pair = if strict { Pair::new(quick()) } else { Pair::not_strict(quick()) };
        let now = pair.now;
        let (victim, sender) =
            if server { (&mut pair.server, &mut pair.client) } else { (&mut pair.client, &mut pair.server) };
        let pieces = split_clear(&sender.output());
        victim.receive(&pieces[0], now);
        victim.receive(&clear(&body(2)), now);
        assert_eq!(victim.error, None);
        victim.receive(&pieces[1], now);
        assert_eq!(victim.error.is_some(), strict);
    }
}

/// covers: T25
#[test]
fn fixed_messages_have_no_more_bytes_than_they_should() {
    for server in [true, false] {
        for more in [1, 64] {
            let mut payload = vec![21];
            payload.resize(1 + more, 0);
            let mut scene = scene(server, State::NewKeys, true);
            scene.victim.receive(&clear(&payload), scene.now);
            assert!(matches!(
                scene.victim.error,
                Some(PacketError::Decode { message: "SSH_MSG_NEWKEYS", .. })
            ));
        }
    }
}

/// covers: T27
#[test]
fn a_short_debug_message_is_refused() {
    let mut scene = scene(true, State::Authenticated, true);
    scene.sender.inject(&[4, 1, 0, 0]);
    let bytes = scene.sender.output();
    scene.victim.receive(&bytes, scene.now);
    assert!(matches!(scene.victim.error, Some(PacketError::Decode { message: "SSH_MSG_DEBUG", .. })));
}

/// covers: T26, I09
#[test]
fn every_form_of_disconnect_is_an_end() {
    let long = [&[1, 255, 255, 255, 255, 0, 3, 0, 0][..], &[0x1b; 0x30000], &[0; 4]].concat();
    for payload in [&[1][..], &[1, 0], &[1, 0, 0, 0, 2], &[1, 0, 0, 0, 2, 0, 0, 0, 9, b'x'], &long] {
        let mut scene = scene(true, State::Authenticated, true);
        scene.sender.inject(payload);
        let bytes = scene.sender.output();
        scene.victim.receive(&bytes, scene.now);
        assert!(scene.victim.disconnected);
        let Some(PacketError::Disconnected { description, .. }) = &scene.victim.error else {
            panic!("no end")
        };
        assert!(description.len() <= 1024 && !description.contains('\x1b'));
        assert!(scene.victim.protocol.output().is_empty());
    }
}

/// covers: K32, K31
#[test]
fn extensions_come_when_rfc_8308_says_and_no_more_often() {
    // A client takes a second message directly before success.
    let second = |after: &[u8], service: bool| {
        let mut pair = Pair::new(quick());
        pair.run();
        if service {
            pair.server.send(&[6, 0, 0, 0, 0]);
        }
        pair.server.inject(&body(7));
        pair.server.send(after);
        pair.run();
        pair
    };
    let good = second(&UserauthSuccess {}.to_vec(), true);
    assert_eq!(good.client.error, None);
    assert_eq!(good.client.ext_infos, 2);
    assert!(second(&[51, 0, 0, 0, 0, 0], true).client.error.is_some());
    assert!(second(&UserauthSuccess {}.to_vec(), false).client.error.is_some());
    let mut third = second(&UserauthSuccess {}.to_vec(), true);
    third.server.inject(&body(7));
    third.run();
    assert!(third.client.error.is_some());
    // A count beyond the body.
    let mut pair = Pair::new(quick());
    pair.run();
    pair.server.protocol.after_first_new_keys = true;
    pair.client.inject(&[7, 255, 255, 255, 255]);
    pair.run();
    assert!(matches!(pair.server.error, Some(PacketError::Decode { message: "SSH_MSG_EXT_INFO", .. })));
}
