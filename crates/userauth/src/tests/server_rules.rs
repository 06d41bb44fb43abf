//! What a server makes of a client that breaks the rules, of requests that nobody needs to judge, and of a caller
//! that gives answers that do not fit.

use konko_keys::signature_algorithm::SSH_ED25519;
use konko_wire::decode::{DecodeError, Rest};
use konko_wire::encode::{Encode, put_string};
use konko_wire::message::userauth::UserauthRequest;
use konko_wire::number::DisconnectReason;

use crate::attempt::{Attempt, AttemptKind};
use crate::error::AuthError;
use crate::method_name::MethodName;
use crate::question::{Prompt, Prompts};
use crate::server::{ServerAuth, ServerAuthConfig};
use crate::signed_request::SignedRequest;
use crate::tests::connection::{
    SESSION_ID, Sink, attempt, dialogue_fields, failure, info_response, key, key_fields, password_fields,
    request, rsa_blob, server, server_with,
};

const ALL: &str = "publickey,password,keyboard-interactive,hostbased";

fn password_request() -> Vec<u8> {
    request(b"alice", b"password", &password_fields(b"pw"))
}

fn one_prompt() -> Prompts {
    let prompts = vec![Prompt { text: "Token: ".to_owned(), echo: true }];
    Prompts { prompts, ..Prompts::default() }
}

/// A server that judges `payload`.
fn judging(payload: &[u8]) -> (ServerAuth, Attempt, Sink) {
    let (mut server, mut out) = (server(), Sink::default());
    let attempt = attempt(server.handle(payload, &mut out));
    (server, attempt, out)
}

fn asking() -> ServerAuth {
    let (mut server, attempt, mut out) =
        judging(&request(b"alice", b"keyboard-interactive", &dialogue_fields()));
    server.ask(attempt, one_prompt(), &mut out).expect("asked");
    server
}

fn demanding_change() -> ServerAuth {
    let (mut server, attempt, mut out) = judging(&password_request());
    server.require_password_change(attempt, "Expired", &mut out).expect("demanded");
    server
}

fn done() -> ServerAuth {
    let (mut server, attempt, mut out) = judging(&password_request());
    server.accept(attempt, &mut out).expect("accepted");
    server
}

/// covers: A01
#[test]
fn every_illegal_message_is_refused_and_the_rule_is_named() {
    type State = (&'static str, fn() -> ServerAuth);
    let states: [State; 5] = [
        ("idle", server),
        ("judging", || judging(&password_request()).0),
        ("asking", asking),
        ("demanding a change", demanding_change),
        ("done", done),
    ];
    for (name, state) in states {
        for number in 0..=u8::MAX {
            let expected = match number {
                50 => continue,
                61 if name == "asking" => continue,
                51 => AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_FAILURE is for servers to send"),
                52 => AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_SUCCESS is for servers to send"),
                53 => AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_BANNER is for servers to send"),
                60 => AuthError::PeerMisbehaved("message 60 of authentication is for servers to send"),
                61 => {
                    AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_INFO_RESPONSE with no information requested")
                }
                63..=66 => AuthError::PeerMisbehaved("a GSSAPI message without a GSSAPI exchange"),
                54..=59 | 62 | 67..=79 => AuthError::UnassignedNumber(number),
                0..=49 | 80.. => AuthError::PeerMisbehaved("a message that is not one of authentication"),
            };
            let (mut server, mut out) = (state(), Sink::default());
            let before = server.is_done();
            match server.handle(&[number], &mut out) {
                Err(error) => assert_eq!(error, expected, "{name}"),
                Ok(event) => panic!("message {number} in the state {name} led to {event:?}"),
            }
            assert_eq!(server.is_done(), before, "{name}");
            assert!(out.0.is_empty(), "{name}");
        }
        let empty = state().handle(&[], &mut Sink::default());
        assert!(matches!(empty, Err(AuthError::PeerMisbehaved(_))), "{name}");
    }
}

/// covers: A24
#[test]
fn requests_after_success_are_ignored() {
    let (mut server, mut out) = (done(), Sink::default());
    for _ in 0..200 {
        assert!(matches!(server.handle(&password_request(), &mut out), Ok(None)));
    }
    assert!(out.0.is_empty() && server.is_done());
}

#[test]
fn truncated_and_overlong_requests_are_refused() {
    for payload in [password_request(), request(b"alice", b"keyboard-interactive", &dialogue_fields())] {
        for len in 1..payload.len() {
            let result = server().handle(&payload[..len], &mut Sink::default());
            assert!(matches!(result, Err(AuthError::Decode(_, DecodeError::Truncated))), "{len}: {result:?}");
        }
        let mut long = payload;
        long.push(0);
        let result = server().handle(&long, &mut Sink::default());
        assert!(matches!(result, Err(AuthError::Decode(_, DecodeError::TrailingBytes))), "{result:?}");
    }
}

#[test]
fn another_service_is_not_available() {
    for service_name in [&b"ssh-userauth"[..], b"", b"ssh-connection ", b"\xff"] {
        let payload = UserauthRequest {
            user_name: b"alice",
            service_name,
            method_name: b"none",
            method_fields: Rest(&[]),
        }
        .to_vec();
        let mut out = Sink::default();
        let error = server().handle(&payload, &mut out).expect_err("refused");
        assert_eq!(error, AuthError::ServiceNotAvailable);
        assert_eq!(error.disconnect_reason(), DisconnectReason::SERVICE_NOT_AVAILABLE);
        assert!(out.0.is_empty());
    }
}

/// covers: A10 A08
#[test]
fn unknown_methods_get_the_list() {
    let long = vec![b'x'; 64 * 1024];
    for name in [
        &b"gssapi-with-mic"[..],
        b"host-based",
        b"publickey-hostbound-v00@openssh.com",
        b"",
        b"Password",
        b"password\0",
        b"\xff\xfe",
        &long,
    ] {
        let (mut server, mut out) = (server(), Sink::default());
        assert!(matches!(server.handle(&request(b"alice", name, b"anything"), &mut out), Ok(None)));
        assert_eq!(failure(&mut out), (ALL.to_owned(), false));
        assert_eq!(server.failures(), 1);
    }
}

#[test]
fn a_method_that_is_not_offered_is_refused_unread() {
    let mut server = ServerAuth::new(ServerAuthConfig::default());
    server.set_session_id(SESSION_ID);
    let mut out = Sink::default();
    assert!(matches!(server.handle(&request(b"alice", b"password", b"\0"), &mut out), Ok(None)));
    assert_eq!(failure(&mut out), ("publickey".to_owned(), false));
}

#[test]
fn user_names_that_are_nobodys_are_refused_like_wrong_passwords() {
    for (name, good) in [
        (vec![b'u'; 254], true),
        (vec![b'u'; 255], true),
        (vec![b'u'; 256], false),
        (vec![b'u'; 255 * 1024], false),
        (b"\xff".to_vec(), false),
    ] {
        let (mut server, mut out) = (server(), Sink::default());
        let result = server.handle(&request(&name, b"password", &password_fields(b"pw")), &mut out);
        if good {
            assert_eq!(attempt(result).user_name.as_bytes(), name);
        } else {
            assert!(matches!(result, Ok(None)));
            assert_eq!(failure(&mut out), (ALL.to_owned(), false));
        }
        assert_eq!(server.failures(), u32::from(!good));
    }
}

/// covers: A05
#[test]
fn the_user_name_stays_the_same() {
    let (mut server, first, mut out) = judging(&password_request());
    server.reject(first, &mut out).expect("rejected");
    let result = server.handle(&request(b"bob", b"password", &password_fields(b"pw")), &mut out);
    assert_eq!(
        result.expect_err("refused"),
        AuthError::PeerMisbehaved("the user name changed between requests")
    );
}

/// covers: A05
#[test]
fn a_changed_user_name_resets_everything_but_the_counts() {
    let config = ServerAuthConfig { user_name_may_change: true, ..ServerAuthConfig::default() };
    let (mut server, mut out) = (server_with(config), Sink::default());
    let first = attempt(server.handle(&password_request(), &mut out));
    server.require_password_change(first, "Expired", &mut out).expect("demanded");
    out.0.clear();

    // A demand made to alice is none to bob.
    let mut change = vec![1];
    put_string(&mut change, b"old");
    put_string(&mut change, b"new");
    assert!(matches!(server.handle(&request(b"bob", b"password", &change), &mut out), Ok(None)));
    assert_eq!((failure(&mut out), server.failures()), ((ALL.to_owned(), false), 1));

    let second = attempt(server.handle(&request(b"carol", b"password", &password_fields(b"pw")), &mut out));
    server.accept_partially(second, &["publickey"], &mut out).expect("accepted");
    out.0.clear();
    for name in [&b"dave"[..], b"\xff"] {
        let error = server.handle(&request(name, b"none", &[]), &mut out).expect_err("refused");
        assert_eq!(error, AuthError::PeerMisbehaved("the user name changed after a partial success"));
    }
}

#[test]
fn passwords_that_are_too_long_or_not_utf8_do_not_reach_the_application() {
    for (password, good) in [
        (vec![], true),
        (vec![b'p'; 1023], true),
        (vec![b'p'; 1024], true),
        (vec![b'p'; 1025], false),
        (vec![b'p'; 200 * 1024], false),
        (b"\xff".to_vec(), false),
    ] {
        let (mut server, mut out) = (server(), Sink::default());
        let result = server.handle(&request(b"alice", b"password", &password_fields(&password)), &mut out);
        if good {
            let kind = attempt(result).kind;
            assert!(matches!(kind, AttemptKind::Password { password: got } if got.as_bytes() == password));
        } else {
            assert!(matches!(result, Ok(None)));
            assert_eq!((failure(&mut out), server.failures()), ((ALL.to_owned(), false), 1));
        }
    }
}

/// covers: A11
#[test]
fn a_password_change_that_was_not_demanded_is_refused() {
    let mut change = vec![1];
    put_string(&mut change, b"old");
    put_string(&mut change, b"new");
    let change = request(b"alice", b"password", &change);
    let (mut fresh, mut out) = (server(), Sink::default());
    assert!(matches!(fresh.handle(&change, &mut out), Ok(None)));
    assert_eq!((failure(&mut out), fresh.failures()), ((ALL.to_owned(), false), 1));

    // A request in between withdraws the demand.
    let mut server = demanding_change();
    let between = attempt(server.handle(&password_request(), &mut out));
    server.reject(between, &mut out).expect("rejected");
    out.0.clear();
    assert!(matches!(server.handle(&change, &mut out), Ok(None)));
    assert_eq!(failure(&mut out), (ALL.to_owned(), false));

    let mut server = demanding_change();
    assert!(matches!(attempt(server.handle(&change, &mut out)).kind, AttemptKind::PasswordChange { .. }));
}

/// covers: A23 I07
#[test]
fn keys_that_need_no_judgement_are_refused() {
    let ed25519 = key(1).public_key().blob().to_vec();
    let mut long = ed25519.clone();
    long.push(0);
    for (algorithm, blob) in [
        ("ssh-unknown", ed25519.clone()),
        ("", ed25519.clone()),
        ("ssh-rsa", rsa_blob(2048)),
        ("rsa-sha2-256", ed25519.clone()),
        ("rsa-sha2-256", rsa_blob(1024)),
        ("rsa-sha2-256", rsa_blob(2040)),
        ("ssh-ed25519", b"garbage".to_vec()),
        ("ssh-ed25519", vec![]),
        ("ssh-ed25519", ed25519[..ed25519.len() - 1].to_vec()),
        ("ssh-ed25519", long),
    ] {
        for signature in [None, Some(&b"signature"[..])] {
            let (mut server, mut out) = (server(), Sink::default());
            let payload = request(b"alice", b"publickey", &key_fields(algorithm, &blob, signature));
            assert!(matches!(server.handle(&payload, &mut out), Ok(None)), "{algorithm} {blob:?}");
            assert_eq!(failure(&mut out), (ALL.to_owned(), false));
            assert_eq!(server.failures(), u32::from(signature.is_some()), "only a proof counts");
        }
    }
    for (algorithm, blob) in [("ssh-ed25519", ed25519), ("rsa-sha2-256", rsa_blob(2048))] {
        let (mut server, mut out) = (server(), Sink::default());
        let payload = request(b"alice", b"publickey", &key_fields(algorithm, &blob, None));
        let query = attempt(server.handle(&payload, &mut out));
        assert!(matches!(query.kind, AttemptKind::PublicKeyQuery { .. }), "{algorithm}");
        server.accept(query, &mut out).expect("answered");
        // RFC 4252 §7: SSH_MSG_USERAUTH_PK_OK repeats algorithm and key.
        let mut expected = vec![60];
        put_string(&mut expected, algorithm.as_bytes());
        put_string(&mut expected, &blob);
        assert_eq!(out.0, [expected]);
        assert!(!server.is_done());
    }
}

/// The signature blob that key 1 makes over these values.
fn signature(session_id: &[u8], user_name: &str, service_name: &str, algorithm: &str, seed: u8) -> Vec<u8> {
    let public_key = key(seed);
    let public_key = public_key.public_key().blob();
    let data = SignedRequest { session_id, user_name, service_name, algorithm, public_key, host_key: None }
        .to_bytes();
    key(1).sign(&SSH_ED25519, &data).expect("a signature")
}

/// covers: A04 A25
#[test]
fn a_signature_binds_session_user_service_algorithm_and_key() {
    let good = signature(SESSION_ID, "alice", "ssh-connection", "ssh-ed25519", 1);
    let mut renamed = Vec::new();
    put_string(&mut renamed, b"rsa-sha2-256");
    renamed.extend(&good[4 + "ssh-ed25519".len()..]);
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    let mut long = good.clone();
    long.push(0);
    for (what, blob) in [
        ("session", signature(b"another session", "alice", "ssh-connection", "ssh-ed25519", 1)),
        ("user", signature(SESSION_ID, "bob", "ssh-connection", "ssh-ed25519", 1)),
        ("service", signature(SESSION_ID, "alice", "ssh-userauth", "ssh-ed25519", 1)),
        ("algorithm", signature(SESSION_ID, "alice", "ssh-connection", "rsa-sha2-256", 1)),
        ("key", signature(SESSION_ID, "alice", "ssh-connection", "ssh-ed25519", 2)),
        ("the name inside", renamed),
        ("a bit", flipped),
        ("length", long),
        ("nothing", vec![]),
    ] {
        let (mut server, mut out) = (server(), Sink::default());
        let fields = key_fields("ssh-ed25519", key(1).public_key().blob(), Some(&blob));
        let result = server.handle(&request(b"alice", b"publickey", &fields), &mut out);
        assert!(matches!(result, Ok(None)), "{what}: {result:?}");
        assert_eq!((failure(&mut out), server.failures()), ((ALL.to_owned(), false), 1), "{what}");
    }
    // The signature of one key does not prove another, even after the other was queried and found acceptable.
    let (mut server, mut out) = (server(), Sink::default());
    let fields = key_fields("ssh-ed25519", key(2).public_key().blob(), None);
    let query = attempt(server.handle(&request(b"alice", b"publickey", &fields), &mut out));
    server.accept(query, &mut out).expect("answered");
    let fields = key_fields("ssh-ed25519", key(2).public_key().blob(), Some(&good));
    assert!(matches!(server.handle(&request(b"alice", b"publickey", &fields), &mut out), Ok(None)));
    let fields = key_fields("ssh-ed25519", key(1).public_key().blob(), Some(&good));
    let proof = attempt(server.handle(&request(b"alice", b"publickey", &fields), &mut out));
    assert!(
        matches!(&proof.kind, AttemptKind::PublicKey { key: proved, .. } if proved == key(1).public_key())
    );
}

/// covers: A07
#[test]
fn the_number_of_responses_must_be_that_of_the_prompts() {
    for payload in [
        info_response(0, &[]),
        info_response(2, &[b"a", b"b"]),
        info_response(1, &[b"\xff"]),
        info_response(1, &[&[b'x'; 1025]]),
    ] {
        let (mut server, mut out) = (asking(), Sink::default());
        assert!(matches!(server.handle(&payload, &mut out), Ok(None)));
        assert_eq!((failure(&mut out), server.failures()), ((ALL.to_owned(), false), 1));
        // The dialogue is over.
        assert!(matches!(server.handle(&payload, &mut out), Err(AuthError::PeerMisbehaved(_))));
    }
    for (payload, error) in [
        (info_response(1, &[]), DecodeError::Truncated),
        (info_response(1, &[b"a", b"b"]), DecodeError::TrailingBytes),
        (info_response(101, &[]), DecodeError::TooMany),
        (info_response(1 << 28, &[]), DecodeError::TooMany),
        (info_response(u32::MAX, &[]), DecodeError::TooMany),
    ] {
        let result = asking().handle(&payload, &mut Sink::default());
        assert!(matches!(result, Err(AuthError::Decode(_, got)) if got == error), "{result:?}");
    }
}

/// RFC 4252 §5.1: a request that needs further messages is aborted by the next one, without a failure.
#[test]
fn a_new_request_abandons_a_dialogue() {
    let (mut server, mut out) = (asking(), Sink::default());
    let next = attempt(server.handle(&password_request(), &mut out));
    assert!(out.0.is_empty());
    assert!(matches!(next.kind, AttemptKind::Password { .. }));
    let late = server.handle(&info_response(1, &[b"a"]), &mut out);
    assert!(matches!(late, Err(AuthError::PeerMisbehaved(_))));
}

#[test]
fn none_is_refused_after_a_partial_success() {
    let (mut server, first, mut out) = judging(&password_request());
    server.accept_partially(first, &["publickey"], &mut out).expect("accepted");
    assert_eq!(failure(&mut out), ("publickey".to_owned(), true));
    assert!(matches!(server.handle(&request(b"alice", b"none", &[]), &mut out), Ok(None)));
    assert_eq!((failure(&mut out), server.failures()), (("publickey".to_owned(), false), 0));
}

/// An answer that does not fit is refused to the caller, and to the client too: it must get one.
#[test]
fn answers_that_do_not_fit_reject_the_attempt() {
    let query = request(b"alice", b"publickey", &key_fields("ssh-ed25519", key(1).public_key().blob(), None));
    let dialogue = request(b"alice", b"keyboard-interactive", &dialogue_fields());
    let prompts = |count, text: &str| Prompts {
        prompts: vec![Prompt { text: text.to_owned(), echo: false }; count],
        ..Prompts::default()
    };
    type Answer = Box<dyn Fn(&mut ServerAuth, Attempt, &mut Sink) -> Result<(), AuthError>>;
    let partially = |methods: &'static [&'static str]| -> Answer {
        Box::new(move |server, attempt, out| server.accept_partially(attempt, methods, out))
    };
    let ask = |prompts: Prompts| -> Answer {
        Box::new(move |server, attempt, out| server.ask(attempt, prompts.clone(), out))
    };
    let change =
        || -> Answer { Box::new(|server, attempt, out| server.require_password_change(attempt, "", out)) };
    for (payload, answer) in [
        (&query, partially(&["password"])),
        (&request(b"alice", b"none", &[]), partially(&["password"])),
        (&password_request(), partially(&[])),
        (&password_request(), partially(&["none"])),
        (&password_request(), partially(&["publickey", "gssapi-with-mic"])),
        (&password_request(), ask(prompts(1, "?"))),
        (&query, ask(prompts(1, "?"))),
        (&dialogue, ask(prompts(101, "?"))),
        (&dialogue, ask(prompts(1, ""))),
        (&dialogue, change()),
        (&query, change()),
    ] {
        let (mut server, attempt, mut out) = judging(payload);
        let answered = answer(&mut server, attempt, &mut out);
        assert!(matches!(answered, Err(AuthError::ApiMisuse(_))), "{answered:?}");
        assert_eq!(failure(&mut out), (ALL.to_owned(), false));
        assert!(!server.is_done());
    }
    let (mut server, attempt, mut out) = judging(&dialogue);
    server.ask(attempt, prompts(100, "?"), &mut out).expect("as many as a message may carry");
    assert_eq!(out.numbers(), [60]);
}

/// covers: A26
#[test]
fn attempts_belong_to_one_state_of_one_connection() {
    let mut other =
        ServerAuth::new(ServerAuthConfig { methods: MethodName::ALL.to_vec(), ..Default::default() });
    other.set_session_id(b"another session");
    let foreign = attempt(other.handle(&password_request(), &mut Sink::default()));
    let (mut server, mut own, mut out) = judging(&password_request());
    assert!(matches!(server.accept(foreign, &mut out), Err(AuthError::ApiMisuse(_))));
    assert!(out.0.is_empty() && !server.is_done());
    // What the application does to the question does not change who is meant.
    own.user_name = "root".to_owned();
    server.accept(own, &mut out).expect("its own attempt is still open");
    assert_eq!((out.numbers(), server.user_name()), (vec![52], Some("alice")));

    // A query cannot be turned into a proof.
    let fields = key_fields("ssh-ed25519", key(1).public_key().blob(), None);
    let (mut server, mut query, mut out) = judging(&request(b"alice", b"publickey", &fields));
    query.kind =
        AttemptKind::PublicKey { key: key(1).public_key().clone(), algorithm: &SSH_ED25519, assertion: None };
    server.accept(query, &mut out).expect("answered");
    assert_eq!((out.numbers(), server.is_done()), (vec![60], false));
}

#[test]
fn nothing_is_judged_before_the_session_is_known() {
    let mut server = ServerAuth::new(ServerAuthConfig::default());
    let result = server.handle(&request(b"alice", b"none", &[]), &mut Sink::default());
    assert!(matches!(result, Err(AuthError::ApiMisuse(_))));
}
