//! What a client may cost a server, at each limit, just below and just above it.

use konko_wire::number::DisconnectReason;

use crate::attempt::AttemptKind;
use crate::error::AuthError;
use crate::question::Prompts;
use crate::server::{MAXIMUM_HELD_REQUESTS, ServerAuth, ServerAuthConfig};
use crate::tests::connection::{
    Sink, attempt, dialogue_fields, info_response, key, key_fields, password_fields, request, server,
    server_with,
};

fn password(text: &[u8]) -> Vec<u8> {
    request(b"alice", b"password", &password_fields(text))
}

fn query(seed: u8) -> Vec<u8> {
    let fields = key_fields("ssh-ed25519", key(seed).public_key().blob(), None);
    request(b"alice", b"publickey", &fields)
}

/// Sends one request and rejects the attempt if it becomes one.
fn try_and_reject(server: &mut ServerAuth, payload: &[u8], out: &mut Sink) -> Result<(), AuthError> {
    match server.handle(payload, out)? {
        None => Ok(()),
        event => server.reject(attempt(Ok(event)), out),
    }
}

/// covers: A06
#[test]
fn the_sixth_failure_ends_the_connection_whatever_failed() {
    let bad_signature = key_fields("ssh-ed25519", key(1).public_key().blob(), Some(b"signature"));
    for payload in [
        password(b"wrong"),
        password(&[b'p'; 2000]),
        request(b"alice", b"keyboard-interactive", &dialogue_fields()),
        request(b"alice", b"publickey", &bad_signature),
        request(b"alice", b"unknown", &[]),
        request(b"\xff", b"password", &password_fields(b"pw")),
    ] {
        let (mut server, mut out) = (server(), Sink::default());
        for failures in 1..6 {
            try_and_reject(&mut server, &payload, &mut out).expect("below the limit");
            assert_eq!((server.failures(), out.numbers()), (failures, vec![51]));
        }
        let error = try_and_reject(&mut server, &payload, &mut out).expect_err("the limit");
        assert_eq!(error, AuthError::TooManyAttempts);
        assert!(out.0.is_empty());
        assert_eq!(error.to_string(), "Too many authentication failures");
        assert_eq!(error.disconnect_reason(), DisconnectReason::NO_MORE_AUTH_METHODS_AVAILABLE);
        // It stays so, also for a caller that did not look at the answer's result.
        assert!(matches!(server.poll_deferred(&mut out), Err(AuthError::TooManyAttempts)));
        assert!(matches!(server.handle(&payload, &mut out), Err(AuthError::TooManyAttempts)));
        assert!(out.0.is_empty() && !server.is_done());
    }
}

#[test]
fn the_last_attempt_may_still_succeed() {
    let (mut server, mut out) = (server(), Sink::default());
    for _ in 0..5 {
        try_and_reject(&mut server, &password(b"wrong"), &mut out).expect("below the limit");
    }
    let last = attempt(server.handle(&password(b"right"), &mut out));
    server.accept(last, &mut out).expect("accepted");
    assert!(server.is_done());
}

#[test]
fn wrong_numbers_of_responses_count_as_failures() {
    let (mut server, mut out) = (server(), Sink::default());
    let start = request(b"alice", b"keyboard-interactive", &dialogue_fields());
    let mut results = Vec::new();
    for _ in 0..6 {
        let attempt = attempt(server.handle(&start, &mut out));
        server.ask(attempt, Prompts::default(), &mut out).expect("asked");
        results.push(server.handle(&info_response(1, &[b"x"]), &mut out).map(|event| event.is_some()));
    }
    assert_eq!(results[..5], vec![Ok(false); 5]);
    assert_eq!(results[5], Err(AuthError::TooManyAttempts));
}

/// covers: A06
#[test]
fn the_method_none_does_not_fail_but_is_limited() {
    let (mut server, mut out) = (server(), Sink::default());
    for _ in 0..64 {
        try_and_reject(&mut server, &request(b"alice", b"none", &[]), &mut out).expect("below the limit");
    }
    assert_eq!((server.failures(), server.requests(), out.numbers()), (0, 64, vec![51; 64]));
    let error = try_and_reject(&mut server, &request(b"alice", b"none", &[]), &mut out);
    assert_eq!(error, Err(AuthError::TooManyAttempts));
    assert!(out.0.is_empty());
}

/// covers: A06
#[test]
fn partial_successes_are_limited_too() {
    let config = ServerAuthConfig { maximum_requests: 10, ..ServerAuthConfig::default() };
    let (mut server, mut out) = (server_with(config), Sink::default());
    for _ in 0..10 {
        let attempt = attempt(server.handle(&password(b"pw"), &mut out));
        server.accept_partially(attempt, &["password"], &mut out).expect("accepted");
    }
    assert!(matches!(server.handle(&password(b"pw"), &mut out), Err(AuthError::TooManyAttempts)));
}

/// covers: A22
#[test]
fn queries_do_not_fail_but_are_limited() {
    let unknown = request(b"alice", b"publickey", &key_fields("ssh-unknown", b"key", None));
    for accept in [true, false] {
        let (mut server, mut out) = (server(), Sink::default());
        for seed in 0..15 {
            let attempt = attempt(server.handle(&query(seed), &mut out));
            assert!(matches!(attempt.kind, AttemptKind::PublicKeyQuery { .. }));
            let answered =
                if accept { server.accept(attempt, &mut out) } else { server.reject(attempt, &mut out) };
            answered.expect("below the limit");
        }
        // One that is refused without asking counts like the others.
        try_and_reject(&mut server, &unknown, &mut out).expect("at the limit");
        assert_eq!(server.failures(), 0);
        out.0.clear();
        for payload in [query(16), unknown.clone()] {
            assert!(matches!(server.handle(&payload, &mut out), Err(AuthError::TooManyAttempts)));
        }
        assert!(out.0.is_empty());
    }
}

/// RFC 4252 §5.1: requests are answered one after the other, in their order.
#[test]
fn requests_wait_while_an_attempt_is_judged() {
    let (mut server, mut out) = (server(), Sink::default());
    let first = attempt(server.handle(&password(b"0"), &mut out));
    let waiting = [password(b"1"), request(b"alice", b"unknown", &[]), password(b"2"), password(b"3")];
    assert_eq!(waiting.len(), MAXIMUM_HELD_REQUESTS);
    for payload in &waiting {
        assert!(matches!(server.handle(payload, &mut out), Ok(None)));
    }
    assert!(matches!(server.poll_deferred(&mut out), Ok(None)), "the first is not answered yet");
    assert!(out.0.is_empty());

    server.reject(first, &mut out).expect("rejected");
    let text = |kind: &AttemptKind| match kind {
        AttemptKind::Password { password } => password.to_string(),
        other => panic!("{other:?}"),
    };
    let second = attempt(server.poll_deferred(&mut out));
    assert_eq!((text(&second.kind).as_str(), out.numbers()), ("1", vec![51]));
    server.reject(second, &mut out).expect("rejected");
    // A new one goes to the end of the queue, even if the caller did not ask for the held ones before.
    let third = attempt(server.handle(&password(b"4"), &mut out));
    assert_eq!((text(&third.kind).as_str(), out.numbers()), ("2", vec![51, 51]));
    server.reject(third, &mut out).expect("rejected");
    let fourth = attempt(server.poll_deferred(&mut out));
    assert_eq!(text(&fourth.kind), "3");
    server.accept(fourth, &mut out).expect("accepted");
    assert_eq!(out.numbers(), [51, 52]);
    // Success was the last word: what still waited is dropped.
    assert!(matches!(server.poll_deferred(&mut out), Ok(None)));
    assert!(out.0.is_empty() && server.requests() == 5);
}

#[test]
fn a_fifth_request_may_not_wait() {
    let (mut server, mut out) = (server(), Sink::default());
    let first = attempt(server.handle(&password(b"0"), &mut out));
    for _ in 0..MAXIMUM_HELD_REQUESTS {
        assert!(matches!(server.handle(&password(b"1"), &mut out), Ok(None)));
    }
    let error = server.handle(&password(b"1"), &mut out).expect_err("too many");
    assert!(matches!(error, AuthError::LimitExceeded(_)));
    server.accept(first, &mut out).expect("the first is still open");
}
