//! RFC 4252 and RFC 4256: user authentication.

use konko_transport::dispatch::Role;
use konko_transport::{Client, Server};
use konko_userauth::Method;

use crate::peer::messages::{self, message, userauth_request};
use crate::peer::proposal::Proposal;
use crate::peer::scene::Scene;
use crate::peer::setups::{key, packet_config, server_config};

/// What the server of these tests offers.
const ALL_METHODS: &str = "publickey,password,keyboard-interactive,hostbased";

fn server() -> Scene<Server> {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.serve_authentication();
    scene.take();
    scene
}

fn client(method: Method) -> Scene<Client> {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.serve_authentication();
    scene.ask(method);
    scene.take();
    scene
}

// RFC 4252 §5: the server "MUST flush any accumulated authentication states if they change. If it is unable to flush an
// authentication state, it MUST disconnect if the 'user name' or 'service name' changes."
#[test]
fn rfc4252_5_a_change_of_user_after_partial_success_disconnects() {
    let mut scene = server();
    scene.send(&messages::password_request("alice", "half"));
    scene.take();
    scene.send(&messages::none_request("bob"));
    scene.assert_disconnected(2);
}

// RFC 4252 §5: "if the service does not exist, authentication MUST NOT be accepted."
#[test]
fn rfc4252_5_an_unknown_service_is_never_granted() {
    let mut scene = server();
    scene.send(
        &message(50)
            .string("alice")
            .string("x@konko.test")
            .string("password")
            .boolean(false)
            .string("right")
            .end(),
    );
    assert!(!scene.target.is_authenticated());
    scene.assert_disconnected(7);
}

// RFC 4252 §5.1: "If the server rejects the authentication request, it MUST respond with" SSH_MSG_USERAUTH_FAILURE;
// 'partial success' "MUST be FALSE if the request was not successfully processed."
#[test]
fn rfc4252_5_1_a_refusal_is_said() {
    let mut scene = server();
    scene.send(&messages::password_request("alice", "wrong"));
    assert_eq!(scene.take(), [messages::userauth_failure(ALL_METHODS, false)]);
}

// RFC 4252 §5.1: "The value of 'partial success' MUST be TRUE if the authentication request to which this is a response
// was successful." "Already successfully completed authentications SHOULD NOT be included in the name-list"
#[test]
fn rfc4252_5_1_a_partial_success_is_said() {
    let mut scene = server();
    scene.send(&messages::password_request("alice", "half"));
    assert_eq!(scene.take(), [messages::userauth_failure("publickey", true)]);
    let session_id = scene.target.session_id().expect("one").to_vec();
    let data = messages::signed_data(&session_id, "alice", "ssh-connection", &key(1));
    scene.send(&messages::signed_request("alice", &key(1), &data));
    assert_eq!(scene.take(), [vec![52]]);
}

// RFC 4252 §5.1: "SSH_MSG_USERAUTH_SUCCESS MUST be sent only once. When SSH_MSG_USERAUTH_SUCCESS has been sent, any
// further authentication requests received after that SHOULD be silently ignored."
#[test]
fn rfc4252_5_1_success_is_sent_once() {
    let mut scene = server();
    let request = messages::password_request("alice", "right");
    let both = [scene.peer.packet(&request), scene.peer.packet(&request)].concat();
    scene.feed(&both);
    scene.send(&request);
    assert_eq!(scene.take(), [vec![52]]);
    scene.assert_alive();
}

// RFC 4252 §5.1: "The server MUST process each request completely and acknowledge any failed requests with a
// SSH_MSG_USERAUTH_FAILURE message before processing the next request." (§5.1 on pipelined requests)
#[test]
fn rfc4252_5_1_requests_are_served_one_by_one() {
    let mut scene = server();
    scene.holds_questions = true;
    scene.send(&messages::password_request("alice", "first"));
    scene.send(&messages::password_request("alice", "second"));
    assert_eq!(scene.attempts.len(), 1);
    let attempt = scene.attempts.pop().expect("the first");
    scene.target.reject_auth(attempt, scene.now, scene.now).expect("refuses");
    scene.settle();
    assert_eq!(scene.numbers(), [51]);
    assert_eq!(scene.attempts.len(), 1);
}

// RFC 4252 §5.1: "A request that requires further messages to be exchanged will be aborted by a subsequent request.
// [...] A SSH_MSG_USERAUTH_FAILURE message MUST NOT be sent for an aborted method."
#[test]
fn rfc4252_5_1_an_aborted_method_is_not_answered() {
    let mut scene = server();
    scene.send(&messages::keyboard_interactive_request("alice"));
    scene.take();
    scene.send(&messages::password_request("alice", "wrong"));
    assert_eq!(scene.numbers(), [51], "one answer, to the second request");
}

// RFC 4252 §5.2: "This method name MUST NOT be listed as supported by the server." (none)
#[test]
fn rfc4252_5_2_none_is_refused_and_not_listed() {
    let mut scene = server();
    scene.send(&messages::none_request("alice"));
    assert_eq!(scene.take(), [messages::userauth_failure(ALL_METHODS, false)]);
}

// RFC 4252 §6: "Messages of number 80 and higher are reserved for protocols running after this authentication protocol,
// so receiving one of them before authentication is complete is an error, to which the server MUST respond by
// disconnecting, preferably with a proper disconnect message"
#[test]
fn rfc4252_6_messages_from_80_on_disconnect_before_authentication() {
    for number in 80..=255 {
        let mut scene = server();
        scene.send(&[number, 0, 0, 0, 0]);
        scene.assert_disconnected(2);
    }
}

// RFC 4252 §7: "If the server does not support some algorithm, it MUST simply reject the request."
#[test]
fn rfc4252_7_an_unknown_algorithm_is_simply_rejected() {
    for (algorithm, blob) in [("x@konko.test", &b"blob"[..]), ("ssh-dss", b""), ("ssh-ed25519", b"no key")] {
        let mut scene = server();
        scene.send(
            &userauth_request("alice", "publickey").boolean(false).string(algorithm).string(blob).end(),
        );
        assert_eq!(scene.numbers(), [51]);
        scene.assert_alive();
    }
}

// RFC 4252 §7: "The server MUST respond to this message with either SSH_MSG_USERAUTH_FAILURE or with" PK_OK, which
// carries "public key algorithm name from the request" and "public key blob from the request".
#[test]
fn rfc4252_7_a_query_is_answered_with_what_was_asked() {
    let mut scene = server();
    scene.send(&messages::key_query("alice", &key(1)));
    let expected = message(60).string("ssh-ed25519").string(key(1).public_key().blob()).end();
    assert_eq!(scene.take(), [expected]);
    assert!(!scene.target.is_authenticated());
    scene.send(&messages::key_query("bob", &key(1)));
    assert!(!scene.numbers().contains(&60));
}

// RFC 4252 §7: "When the server receives this message, it MUST check whether the supplied key is acceptable for
// authentication, and if so, it MUST check whether the signature is correct."
#[test]
fn rfc4252_7_a_signature_is_checked() {
    let mut scene = server();
    let session_id = scene.target.session_id().expect("one").to_vec();
    let data = messages::signed_data(&session_id, "alice", "ssh-connection", &key(1));
    let mut request = messages::signed_request("alice", &key(1), &data);
    *request.last_mut().expect("a signature") ^= 1;
    scene.send(&request);
    assert_eq!(scene.numbers(), [51]);
    scene.send(&messages::signed_request("alice", &key(1), &data));
    assert_eq!(scene.numbers(), [52]);
}

// RFC 4252 §8: "if the password has expired, the server SHOULD indicate this by responding with
// SSH_MSG_USERAUTH_PASSWD_CHANGEREQ. In any case, the server MUST NOT allow an expired password to be used for
// authentication."
#[test]
fn rfc4252_8_an_expired_password_lets_nobody_in() {
    let mut scene = server();
    scene.send(&messages::password_request("alice", "old"));
    assert_eq!(scene.take(), [message(60).string("a new one").string("").end()]);
    assert!(!scene.target.is_authenticated());
}

// RFC 4252 §5.4: "The SSH server may send an SSH_MSG_USERAUTH_BANNER message at any time after this authentication
// protocol starts and before authentication is successful."
#[test]
fn rfc4252_5_4_a_banner_is_shown_and_none_follows_success() {
    let banner = message(53).string("Be good.\r\n").string("").end();
    let mut scene = client(Method::None);
    scene.send(&banner);
    assert_eq!(scene.log.last().map(String::as_str), Some("Banner(\"Be good.\\r\\n\")"));
    scene.send(&[52]);
    scene.send(&banner);
    scene.assert_disconnected(2);
    let mut scene = server();
    scene.target.send_banner("Be good.\r\n");
    scene.settle();
    assert_eq!(scene.take(), [banner]);
    scene.send(&messages::password_request("alice", "right"));
    scene.target.send_banner("too late");
    scene.settle();
    assert_eq!(scene.take(), [vec![52]]);
}

// RFC 4252 §4: "the implementation SHOULD limit the number of failed authentication attempts a client may perform [...]
// If the threshold is exceeded, the server SHOULD disconnect."
#[test]
fn rfc4252_4_failed_attempts_are_limited() {
    let mut config = server_config(packet_config(Role::Server));
    config.auth.maximum_attempts = 3;
    let mut scene = Scene::server_with(config, Proposal::null(Role::Client));
    scene.serve_authentication();
    for _ in 0..3 {
        scene.send(&userauth_request("alice", "x@konko.test").end());
    }
    scene.assert_disconnected(14);
}

// RFC 4256 §3.4: "If the num-responses field does not match the num-prompts field in the request message, the server
// MUST send a failure message."
#[test]
fn rfc4256_3_4_a_wrong_number_of_responses_fails() {
    for responses in [&[][..], &["right", "right"]] {
        let mut scene = server();
        scene.send(&messages::keyboard_interactive_request("alice"));
        assert_eq!(scene.numbers(), [60]);
        scene.send(&messages::info_response(responses));
        assert_eq!(scene.numbers(), [51]);
    }
}

// RFC 4256 §3.4: "In the case that the server sends a `0' num-prompts field in the request message, the client MUST send
// a response message with a `0' num-responses field to complete the exchange."
#[test]
fn rfc4256_3_4_no_prompts_are_answered_with_no_responses() {
    let mut scene = client(Method::KeyboardInteractive { submethods: String::new() });
    scene.send(&messages::info_request(0));
    assert_eq!(scene.take(), [messages::info_response(&[])]);
    scene.send(&[52]);
    assert!(scene.target.is_authenticated());
}
