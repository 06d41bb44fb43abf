//! Answers are made of bytes here: what a right agent says, what a wrong one says, and every piece of both.

use super::*;
use konko_wire::encode::{put_string, put_u32};

fn feed(client: &mut AgentClient, bytes: &[u8]) -> Result<(), AgentError> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let room = client.input_buf();
        assert!(!room.is_empty(), "the connection has not ended");
        let n = room.len().min(rest.len());
        room[..n].copy_from_slice(&rest[..n]);
        client.handle_input(Instant::now(), n)?;
        rest = &rest[n..];
    }
    Ok(())
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_string(&mut out, message);
    out
}

fn sent(client: &mut AgentClient) -> Vec<u8> {
    let bytes = client.output().to_vec();
    client.consume_output(bytes.len());
    bytes
}

fn list(entries: &[(&[u8], &str)]) -> Vec<u8> {
    let mut message = vec![12];
    put_u32(&mut message, entries.len() as u32);
    for (blob, comment) in entries {
        put_string(&mut message, blob);
        put_string(&mut message, comment.as_bytes());
    }
    message
}

fn signature(algorithm: &str) -> Vec<u8> {
    let mut blob = Vec::new();
    put_string(&mut blob, algorithm.as_bytes());
    put_string(&mut blob, b"value");
    let mut message = vec![14];
    put_string(&mut message, &blob);
    message
}

/// RFC 9987 §5.4 to §5.8, byte by byte.
#[test]
fn requests_are_laid_out_as_the_document_says() {
    let mut client = AgentClient::new();
    client.identities().expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x01\x0b");
    client.sign(b"KEY", b"data", "rsa-sha2-512").expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x14\x0d\0\0\0\x03KEY\0\0\0\x04data\0\0\0\x04");
    client.sign(b"K", b"d", "rsa-sha2-256-cert-v01@openssh.com").expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x0f\x0d\0\0\0\x01K\0\0\0\x01d\0\0\0\x02");
    client.sign(b"K", b"d", "ssh-ed25519").expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x0f\x0d\0\0\0\x01K\0\0\0\x01d\0\0\0\0");
    client.remove(b"KEY").expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x08\x12\0\0\0\x03KEY");
    client.remove_all().expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x01\x13");
    client.lock(b"pass").expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x09\x16\0\0\0\x04pass");
    client.unlock(b"pass").expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x09\x17\0\0\0\x04pass");
    client.add_smartcard(b"lib", b"1234", &[]).expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x10\x14\0\0\0\x03lib\0\0\0\x041234");
    client
        .add_smartcard(b"lib", b"", &[Constraint::Lifetime { seconds: 1 }, Constraint::Confirm])
        .expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x12\x1a\0\0\0\x03lib\0\0\0\0\x01\0\0\0\x01\x02");
    client.remove_smartcard(b"lib", b"").expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x0c\x15\0\0\0\x03lib\0\0\0\0");
    client.query().expect("asked");
    assert_eq!(sent(&mut client), b"\0\0\0\x0a\x1b\0\0\0\x05query");
    let bind = SessionBind {
        host_key: b"H".into(),
        session_id: b"S".into(),
        signature: b"G".into(),
        is_forwarding: true,
    };
    client.bind(&bind).expect("asked");
    let expected = b"\0\0\0\x2d\x1b\0\0\0\x18session-bind@openssh.com\0\0\0\x01H\0\0\0\x01S\0\0\0\x01G\x01";
    assert_eq!(sent(&mut client), expected);
}

/// covers: E13
#[test]
fn several_requests_are_on_the_way_at_once_and_answers_belong_to_the_oldest() {
    let mut client = AgentClient::new();
    let first = client.identities().expect("asked");
    let second = client.sign(b"K", b"d", "ssh-ed25519").expect("asked");
    let third = client.remove(b"K").expect("asked");
    let fourth = client.identities().expect("asked");
    client.forget(&fourth);
    assert!(client.take(&first).is_none());
    let answers = [
        frame(&list(&[(b"K", "comment")])),
        frame(&signature("ssh-ed25519")),
        frame(&[5]),
        frame(&list(&[])),
    ];
    for byte in answers.concat() {
        feed(&mut client, &[byte]).expect("taken");
    }
    assert!(!client.is_waiting());
    let refused = client.take(&third).expect("it has come");
    assert_eq!(refused, Err(AgentError::Refused { request: "SSH_AGENTC_REMOVE_IDENTITY" }));
    let Signature(blob) = client.take(&second).expect("it has come").expect("a signature");
    assert_eq!(blob, b"\0\0\0\x0bssh-ed25519\0\0\0\x05value");
    let identities = client.take(&first).expect("it has come").expect("a list");
    assert_eq!((identities[0].blob.as_slice(), identities[0].comment.as_str()), (&b"K"[..], "comment"));
    assert!(client.take(&first).is_none(), "an answer is given once");
    assert!(client.take(&fourth).is_none(), "nobody wanted it");
}

/// covers: E02
#[test]
fn a_reply_of_the_wrong_type_ends_the_connection() {
    type Ask = fn(&mut AgentClient) -> Result<u64, AgentError>;
    let asks: [(Ask, &[u8]); 4] = [
        (|client| client.identities().map(|ticket| ticket.id), &[12]),
        (|client| client.sign(b"K", b"d", "ssh-ed25519").map(|ticket| ticket.id), &[14]),
        (|client| client.remove_all().map(|ticket| ticket.id), &[6]),
        (|client| client.extension("x", b"").map(|ticket| ticket.id), &[6, 28, 29]),
    ];
    let mut response = vec![29];
    put_string(&mut response, b"x");
    let replies = [list(&[]), signature("ssh-ed25519"), vec![6], vec![28], response];
    for (ask, right) in asks {
        for reply in &replies {
            let mut client = AgentClient::new();
            ask(&mut client).expect("asked");
            let result = feed(&mut client, &frame(reply));
            if right.contains(&reply[0]) {
                assert_eq!(result, Ok(()));
            } else {
                assert!(matches!(result, Err(AgentError::WrongReply { number, .. }) if number == reply[0]));
                assert!(client.identities().is_err(), "the connection has ended");
                assert!(client.input_buf().is_empty());
            }
        }
        for number in (0..=255u8).filter(|number| ![5, 6, 12, 14, 28, 29].contains(number)) {
            let mut client = AgentClient::new();
            ask(&mut client).expect("asked");
            let result = feed(&mut client, &frame(&[number]));
            assert!(matches!(result, Err(AgentError::WrongReply { .. })), "{number}");
        }
    }
}

/// covers: E01, E02
#[test]
fn hostile_lengths_counts_and_ends_are_errors() {
    let mut unasked = AgentClient::new();
    assert!(matches!(feed(&mut unasked, &frame(&[6])), Err(AgentError::PeerMisbehaved(_))));

    for length in [0u32, 256 * 1024 + 1, u32::MAX] {
        let mut client = AgentClient::new();
        let ticket = client.identities().expect("asked");
        assert!(feed(&mut client, &length.to_be_bytes()).is_err(), "{length}");
        assert!(client.take(&ticket).is_some_and(|outcome| outcome.is_err()));
    }
    for count in [2049u32, u32::MAX] {
        let mut client = AgentClient::new();
        client.identities().expect("asked");
        let mut message = vec![12];
        put_u32(&mut message, count);
        let result = feed(&mut client, &frame(&message));
        assert_eq!(result, Err(AgentError::Decode("SSH_AGENTC_REQUEST_IDENTITIES", DecodeError::TooMany)));
    }
    let whole = list(&[(b"KEY", "one"), (b"KEY2", "two")]);
    for length in 1..whole.len() {
        let mut client = AgentClient::new();
        client.identities().expect("asked");
        assert!(feed(&mut client, &frame(&whole[..length])).is_err(), "cut off at {length}");
    }
    let mut longer = AgentClient::new();
    longer.identities().expect("asked");
    assert!(feed(&mut longer, &frame(&[whole.as_slice(), &[0]].concat())).is_err());
}

/// An old agent ignores the flags and signs with SHA-1.
#[test]
fn a_signature_under_another_algorithm_is_not_passed_on() {
    let mut client = AgentClient::new();
    let ticket = client.sign(b"K", b"d", "rsa-sha2-512").expect("asked");
    feed(&mut client, &frame(&signature("ssh-rsa"))).expect("the connection goes on");
    let expected = "rsa-sha2-512".to_owned();
    assert_eq!(client.take(&ticket), Some(Err(AgentError::WrongAlgorithm { expected })));
    let security_key = client.sign(b"K", b"d", "sk-ssh-ed25519-cert-v01@openssh.com").expect("asked");
    feed(&mut client, &frame(&signature("sk-ssh-ed25519@openssh.com"))).expect("taken");
    assert!(matches!(client.take(&security_key), Some(Ok(_))));
}

#[test]
fn the_end_of_the_stream_reaches_everybody_who_waits() {
    let now = Instant::now();
    let mut quiet = AgentClient::new();
    assert_eq!(quiet.handle_eof(now), Ok(()));
    assert_eq!(quiet.identities().err(), Some(AgentError::Closed));

    let mut client = AgentClient::new();
    let tickets = [client.identities().expect("asked"), client.identities().expect("asked")];
    assert_eq!(client.handle_eof(now), Err(AgentError::Closed));
    for ticket in tickets {
        assert_eq!(client.take(&ticket), Some(Err(AgentError::Closed)));
    }
}

#[test]
fn what_is_on_the_way_and_what_is_sent_is_bounded() {
    let mut client = AgentClient::new();
    for _ in 0..MAXIMUM_IN_FLIGHT {
        client.identities().expect("asked");
    }
    assert!(matches!(client.identities(), Err(AgentError::LimitExceeded(_))));
    // What is answered and not taken counts, too.
    feed(&mut client, &frame(&[5])).expect("taken");
    assert!(matches!(client.identities(), Err(AgentError::LimitExceeded(_))));

    let mut client = AgentClient::new();
    let most = MAXIMUM_MESSAGE - 1 - 3 * 4 - 1;
    assert!(client.sign(b"K", &vec![0; most], "ssh-ed25519").is_ok());
    assert!(matches!(
        client.sign(b"K", &vec![0; most + 1], "ssh-ed25519"),
        Err(AgentError::LimitExceeded(_))
    ));
}

/// covers: I07
#[test]
fn a_key_of_unknown_type_does_not_harm_the_others() {
    let mut unknown = Vec::new();
    put_string(&mut unknown, b"ssh-quantum@example");
    let mut client = AgentClient::new();
    let ticket = client.identities().expect("asked");
    let message =
        list(&[(&unknown, "from the future"), (b"", "nothing at all"), (b"\xff\xff\xff\xff", "noise")]);
    feed(&mut client, &frame(&message)).expect("taken");
    let identities = client.take(&ticket).expect("it has come").expect("a list");
    assert_eq!(identities.len(), 3);
    assert_eq!(identities[0].key_type(), Some("ssh-quantum@example"));
    assert!(identities.iter().all(|identity| identity.decode().is_err()));
    assert_eq!(identities[1].key_type(), None);
}

#[test]
fn the_names_of_extensions_are_read_in_every_layout_that_agents_write() {
    let mut plain = Vec::new();
    for name in ["query", "session-bind@openssh.com"] {
        put_string(&mut plain, name.as_bytes());
    }
    let mut wrapped = Vec::new();
    put_string(&mut wrapped, &plain);
    let counted = [&[0, 0, 0, 2], plain.as_slice()].concat();
    for layout in [plain, wrapped, counted] {
        let names = extension_names(&ExtensionAnswer(layout.clone())).expect("names");
        assert_eq!(names, ["query", "session-bind@openssh.com"], "{layout:?}");
    }
    assert_eq!(extension_names(&ExtensionAnswer(Vec::new())), Ok(Vec::new()));
    assert!(extension_names(&ExtensionAnswer(vec![0, 0, 0, 9, 1])).is_err());
}
