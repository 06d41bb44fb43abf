//! What a client makes of a server that breaks the rules, and of a caller that does.

use konko_keys::signature_algorithm::{RSA_SHA2_256, SSH_ED25519};
use konko_wire::decode::DecodeError;
use konko_wire::encode::{Encode, put_string};
use konko_wire::message::userauth::{UserauthBanner, UserauthFailure, UserauthPkOk};
use konko_wire::name_list::NameList;
use konko_wire::number::DisconnectReason;
use zeroize::Zeroizing;

use crate::client::{ClientAuth, ClientAuthConfig};
use crate::client_method::Method;
use crate::error::AuthError;
use crate::event::ClientAuthEvent;
use crate::tests::connection::{Sink, client, client_with, key, key_method};

const SUCCESS: &[u8] = &[52];

fn failure_payload(partial_success: bool) -> Vec<u8> {
    UserauthFailure { methods_that_can_continue: NameList::of("password,publickey"), partial_success }
        .to_vec()
}

fn banner(len: usize) -> Vec<u8> {
    UserauthBanner { message: &vec![b'x'; len], language_tag: b"" }.to_vec()
}

fn pk_ok(seed: u8, algorithm: &[u8]) -> Vec<u8> {
    UserauthPkOk { algorithm, public_key: key(seed).public_key().blob() }.to_vec()
}

fn change_request() -> Vec<u8> {
    let mut payload = vec![60];
    put_string(&mut payload, b"Expired");
    put_string(&mut payload, b"");
    payload
}

/// An SSH_MSG_USERAUTH_INFO_REQUEST that claims `count` prompts and has `prompts`.
fn info_request(count: u32, prompts: usize) -> Vec<u8> {
    let mut payload = vec![60];
    for text in [&b""[..], b"", b""] {
        put_string(&mut payload, text);
    }
    payload.extend(count.to_be_bytes());
    for _ in 0..prompts {
        put_string(&mut payload, b"?");
        payload.push(0);
    }
    payload
}

fn dialogue() -> Method {
    Method::KeyboardInteractive { submethods: String::new() }
}

fn password() -> Method {
    Method::Password(Zeroizing::new("pw".to_owned()))
}

fn waiting(method: Method) -> ClientAuth {
    let mut client = client();
    client.begin("alice", method, &mut Sink::default()).expect("an attempt may begin");
    client
}

fn asking_signature() -> ClientAuth {
    let mut client = waiting(key_method(1, true));
    client.handle(&pk_ok(1, b"ssh-ed25519"), &mut Sink::default()).expect("PK_OK for what was asked");
    client
}

fn proving() -> ClientAuth {
    let mut client = waiting(key_method(1, false));
    let Some(ClientAuthEvent::SignatureWanted(question)) = client.poll_event() else { panic!("no question") };
    let signature = key(1).sign(&SSH_ED25519, &question.data).expect("a signature");
    client.provide_signature(question, signature, &mut Sink::default()).expect("the question is open");
    client
}

fn asking_prompts() -> ClientAuth {
    let mut client = waiting(dialogue());
    client.handle(&info_request(1, 1), &mut Sink::default()).expect("prompts");
    client
}

fn asking_password() -> ClientAuth {
    let mut client = waiting(password());
    client.handle(&change_request(), &mut Sink::default()).expect("a demand");
    client
}

fn done() -> ClientAuth {
    let mut client = waiting(Method::None);
    client.handle(SUCCESS, &mut Sink::default()).expect("success");
    client
}

/// covers: C04 C05
#[test]
fn every_illegal_message_is_refused_and_the_rule_is_named() {
    type State = (&'static str, fn() -> ClientAuth);
    let nothing_sent: [State; 6] = [
        ("idle", client),
        ("signature", asking_signature),
        ("signature without query", || waiting(key_method(1, false))),
        ("prompts", asking_prompts),
        ("password change", asking_password),
        ("done", done),
    ];
    for (name, state) in nothing_sent {
        for (payload, rule) in [
            (failure_payload(false), "SSH_MSG_USERAUTH_FAILURE with no request outstanding"),
            (failure_payload(true), "SSH_MSG_USERAUTH_FAILURE with no request outstanding"),
            (
                SUCCESS.to_vec(),
                if name == "done" {
                    "a second SSH_MSG_USERAUTH_SUCCESS"
                } else {
                    "SSH_MSG_USERAUTH_SUCCESS with no request outstanding"
                },
            ),
            (pk_ok(1, b"ssh-ed25519"), "message 60 with no request outstanding"),
            (info_request(1, 1), "message 60 with no request outstanding"),
        ] {
            refused(state(), name, &payload, AuthError::PeerMisbehaved(rule));
        }
    }
    refused(done(), "done", &banner(1), AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_BANNER after success"));

    let waiting_states: [State; 5] = [
        ("none", || waiting(Method::None)),
        ("password", || waiting(password())),
        ("query", || waiting(key_method(1, true))),
        ("proof", proving),
        ("dialogue", || waiting(dialogue())),
    ];
    for (name, state) in nothing_sent.into_iter().chain(waiting_states) {
        refused(
            state(),
            name,
            &[50],
            AuthError::PeerMisbehaved("SSH_MSG_USERAUTH_REQUEST is for clients to send"),
        );
        let rule = "SSH_MSG_USERAUTH_INFO_RESPONSE is for clients to send";
        refused(state(), name, &[61], AuthError::PeerMisbehaved(rule));
        for number in 63..=66 {
            let rule = "a GSSAPI message without a GSSAPI exchange";
            refused(state(), name, &[number], AuthError::PeerMisbehaved(rule));
        }
        for number in (54..=59).chain([62]).chain(67..=79) {
            refused(state(), name, &[number], AuthError::UnassignedNumber(number));
        }
        for payload in [&[][..], &[0], &[49], &[80], &[255]] {
            let rule = "a message that is not one of authentication";
            refused(state(), name, payload, AuthError::PeerMisbehaved(rule));
        }
    }
}

/// covers: C05
#[test]
fn message_60_must_belong_to_the_method() {
    let none = "message 60 in answer to the method none";
    let proof = "SSH_MSG_USERAUTH_PK_OK in answer to a signed request";
    for payload in [pk_ok(1, b"ssh-ed25519"), change_request(), info_request(1, 1)] {
        refused(waiting(Method::None), "none", &payload, AuthError::PeerMisbehaved(none));
        refused(proving(), "proof", &payload, AuthError::PeerMisbehaved(proof));
    }
    let other_key = "SSH_MSG_USERAUTH_PK_OK for a key that was not offered";
    let other_algorithm = "SSH_MSG_USERAUTH_PK_OK for an algorithm that was not offered";
    let query = || waiting(key_method(1, true));
    refused(query(), "query", &pk_ok(2, b"ssh-ed25519"), AuthError::PeerMisbehaved(other_key));
    refused(query(), "query", &pk_ok(1, b"rsa-sha2-256"), AuthError::PeerMisbehaved(other_algorithm));
    let success = "SSH_MSG_USERAUTH_SUCCESS in answer to a key query";
    refused(query(), "query", SUCCESS, AuthError::PeerMisbehaved(success));
    for (method, payload) in [
        (key_method(1, true), info_request(1, 1)),
        (password(), info_request(1, 1)),
        (dialogue(), change_request()),
        (dialogue(), pk_ok(1, b"ssh-ed25519")),
    ] {
        let result = waiting(method).handle(&payload, &mut Sink::default());
        assert!(matches!(result, Err(AuthError::Decode(..))), "{result:?}");
    }
}

#[track_caller]
fn refused(mut client: ClientAuth, state: &str, payload: &[u8], expected: AuthError) {
    while client.poll_event().is_some() {}
    let before = client.is_done();
    let mut out = Sink::default();
    match client.handle(payload, &mut out) {
        Err(error) => assert_eq!(error, expected, "{state}"),
        Ok(event) => panic!("{payload:?} in the state {state} led to {event:?}"),
    }
    assert_eq!(client.is_done(), before, "{state}");
    assert!(out.0.is_empty() && client.poll_event().is_none(), "{state}");
    assert_eq!(expected.disconnect_reason(), DisconnectReason::PROTOCOL_ERROR);
}

#[test]
fn superfluous_and_missing_bytes_are_refused() {
    for (payload, error) in [
        (vec![52, 0], DecodeError::TrailingBytes),
        (failure_payload(false)[..5].to_vec(), DecodeError::Truncated),
        (banner(3)[..6].to_vec(), DecodeError::Truncated),
    ] {
        let result = waiting(Method::None).handle(&payload, &mut Sink::default());
        assert!(matches!(result, Err(AuthError::Decode(_, got)) if got == error), "{result:?}");
    }
}

/// covers: C06 A07
#[test]
fn the_number_of_prompts_is_not_trusted() {
    for (count, prompts, error) in [
        (1, 0, DecodeError::Truncated),
        (100, 99, DecodeError::Truncated),
        (101, 101, DecodeError::TooMany),
        (1 << 28, 0, DecodeError::TooMany),
        (u32::MAX, 0, DecodeError::TooMany),
        (0, 1, DecodeError::TrailingBytes),
    ] {
        let result = waiting(dialogue()).handle(&info_request(count, prompts), &mut Sink::default());
        assert!(matches!(result, Err(AuthError::Decode(_, got)) if got == error), "{count}: {result:?}");
    }
    let event = waiting(dialogue()).handle(&info_request(100, 100), &mut Sink::default());
    assert!(matches!(event, Ok(Some(ClientAuthEvent::Prompts(question))) if question.prompts.len() == 100));
}

/// covers: C06
#[test]
fn rounds_are_limited() {
    for prompts in [0, 1] {
        let limit = 3;
        let mut client =
            client_with(ClientAuthConfig { maximum_info_rounds: limit, ..ClientAuthConfig::default() });
        let mut out = Sink::default();
        client.begin("alice", dialogue(), &mut out).expect("an attempt may begin");
        out.0.clear();
        for _ in 0..limit {
            let event = client.handle(&info_request(prompts, prompts as usize), &mut out).expect("a round");
            if let Some(ClientAuthEvent::Prompts(question)) = event {
                client.answer_prompts(question, vec![Zeroizing::default()], &mut out).expect("answered");
            }
        }
        assert_eq!(out.numbers(), [61; 3]);
        let error = client.handle(&info_request(prompts, prompts as usize), &mut out);
        assert!(matches!(error, Err(AuthError::LimitExceeded("the rounds of keyboard-interactive"))));
        assert!(out.0.is_empty());
    }
}

/// covers: C09
#[test]
fn banners_are_limited_in_number_and_length() {
    let config =
        ClientAuthConfig { maximum_banners: 3, maximum_banner_bytes: 100, ..ClientAuthConfig::default() };
    let mut out = Sink::default();
    let mut many = client_with(config.clone());
    for _ in 0..3 {
        assert!(matches!(many.handle(&banner(0), &mut out), Ok(Some(ClientAuthEvent::Banner(_)))));
    }
    let error = many.handle(&banner(0), &mut out);
    assert!(matches!(error, Err(AuthError::LimitExceeded("the number of banners"))));

    for (second, fits) in [(59, true), (60, true), (61, false)] {
        let mut long = client_with(config.clone());
        long.handle(&banner(40), &mut out).expect("it fits");
        let result = long.handle(&banner(second), &mut out);
        match result {
            Ok(_) => assert!(fits, "{second}"),
            Err(error) => {
                assert!(!fits, "{second}");
                assert_eq!(error, AuthError::LimitExceeded("the length of all banners"));
            }
        }
    }
    let mut default = client();
    assert!(matches!(default.handle(&banner(250 * 1024), &mut out), Err(AuthError::LimitExceeded(_))));
}

/// A server that refuses for ever, or grants a part of success for ever.
///
/// covers: C07
#[test]
fn requests_are_limited() {
    for partial_success in [false, true] {
        let mut client = client();
        let mut out = Sink::default();
        for _ in 0..64 {
            client.begin("alice", password(), &mut out).expect("an attempt may begin");
            client.handle(&failure_payload(partial_success), &mut out).expect("a failure");
        }
        assert_eq!((client.requests(), out.numbers().len()), (64, 64));
        for method in [password(), Method::None, key_method(1, false), key_method(1, true), dialogue()] {
            let error = client.begin("alice", method, &mut out);
            assert!(matches!(error, Err(AuthError::LimitExceeded("the number of authentication requests"))));
        }
        assert!(out.0.is_empty());
    }
}

/// A proof after its query is a request too.
#[test]
fn a_proof_counts_as_a_request() {
    let mut client = client_with(ClientAuthConfig { maximum_requests: 1, ..ClientAuthConfig::default() });
    let mut out = Sink::default();
    client.begin("alice", key_method(1, true), &mut out).expect("an attempt may begin");
    client.handle(&pk_ok(1, b"ssh-ed25519"), &mut out).expect("PK_OK");
    let Some(ClientAuthEvent::SignatureWanted(question)) = client.poll_event() else { panic!("no question") };
    out.0.clear();
    let error = client.provide_signature(question, vec![0; 83], &mut out);
    assert!(matches!(error, Err(AuthError::LimitExceeded(_))));
    assert!(out.0.is_empty());
}

#[test]
fn one_attempt_at_a_time() {
    for (state, name) in [
        (waiting(password()), "waiting"),
        (asking_signature(), "signature"),
        (asking_prompts(), "prompts"),
        (asking_password(), "password change"),
        (done(), "done"),
    ] {
        let (mut client, mut out) = (state, Sink::default());
        let error = client.begin("alice", Method::None, &mut out);
        assert!(matches!(error, Err(AuthError::ApiMisuse(_))), "{name}");
        assert!(out.0.is_empty(), "{name}");
    }
}

/// covers: C08
#[test]
fn lengths_are_checked_before_anything_is_sent() {
    let mut out = Sink::default();
    for (len, fits) in [(0, true), (254, true), (255, true), (256, false), (1 << 20, false)] {
        let begun = client().begin(&"u".repeat(len), Method::None, &mut out);
        assert_eq!(begun.is_ok(), fits, "{len}");
        assert_eq!(out.numbers().len(), usize::from(fits), "{len}");
    }
    // number, user name, service, method, flag and length of the password
    let overhead = 1 + (4 + 5) + (4 + 14) + (4 + 8) + 1 + 4;
    let longest = 32_768 - overhead;
    for (len, fits) in
        [(0, true), (longest - 1, true), (longest, true), (longest + 1, false), (1 << 20, false)]
    {
        let mut client = client();
        let begun = client.begin("alice", Method::Password(Zeroizing::new("p".repeat(len))), &mut out);
        assert_eq!(begun.is_ok(), fits, "{len}");
        assert_eq!(out.numbers().len(), usize::from(fits), "{len}");
        // What did not begin does not stand in the way.
        assert_eq!(client.begin("alice", Method::None, &mut out).is_ok(), !fits, "{len}");
        out.0.clear();
    }
}

#[test]
fn key_and_algorithm_must_fit_and_the_session_must_be_known() {
    let mut out = Sink::default();
    let public = key(1).public_key().clone();
    let method = Method::PublicKey { key: public, algorithm: &RSA_SHA2_256, query_first: true };
    assert!(matches!(client().begin("alice", method, &mut out), Err(AuthError::ApiMisuse(_))));
    let mut early = ClientAuth::new(ClientAuthConfig::default());
    assert!(matches!(early.begin("alice", key_method(1, false), &mut out), Err(AuthError::ApiMisuse(_))));
    assert!(out.0.is_empty());
}

/// An answer to a question of another connection, or of one that is over, changes nothing.
#[test]
fn questions_belong_to_one_state_of_one_connection() {
    let mut out = Sink::default();
    let mut foreign = ClientAuth::new(ClientAuthConfig::default());
    foreign.set_session_id(b"another session");
    foreign.begin("alice", key_method(1, false), &mut out).expect("an attempt may begin");
    let Some(ClientAuthEvent::SignatureWanted(question)) = foreign.poll_event() else {
        panic!("no question")
    };
    let mut client = waiting(key_method(1, false));
    let error = client.provide_signature(question, vec![0; 83], &mut out);
    assert!(matches!(error, Err(AuthError::ApiMisuse(_))));
    assert!(out.0.is_empty());
    let Some(ClientAuthEvent::SignatureWanted(question)) = client.poll_event() else { panic!("no question") };
    client.provide_signature(question, vec![0; 83], &mut out).expect("its own question is still open");
    assert_eq!(out.numbers(), [50]);
}

#[test]
fn server_sig_algs_are_kept_for_the_caller() {
    let mut client = client();
    assert_eq!(client.server_sig_algs(), None);
    client.set_server_sig_algs(Some(vec!["ssh-ed25519".to_owned()]));
    assert_eq!(client.server_sig_algs(), Some(&["ssh-ed25519".to_owned()][..]));
}
