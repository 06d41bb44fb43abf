//! Rows A and C: user authentication.

use std::time::Duration;

use konko_packet::PacketError;
use konko_transport::dispatch::Role;
use konko_transport::{Client, Error, Server, Timer};
use konko_userauth::Method;

use crate::peer::messages::{self, message, userauth_request};
use crate::peer::proposal::Proposal;
use crate::peer::scene::Scene;
use crate::peer::setups::{ecdsa_key, key, packet_config, password, server_config};

fn authenticating() -> Scene<Server> {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.serve_authentication();
    scene.take();
    scene
}

/// covers: A02, A03
#[test]
fn g_a02_the_connection_protocol_is_closed_before_authentication() {
    let opens = [
        messages::channel_open("session", 0, 1000, 1000).end(),
        messages::channel_request(0, "exec", true).string("id").end(),
        message(80).string("tcpip-forward").boolean(true).string("").number(0).end(),
        messages::channel_data(0, b"id\n"),
        messages::global_request("keepalive@openssh.com", true),
    ];
    let steps: [fn(&mut Scene<Server>); 3] =
        [Scene::handshake, Scene::<Server>::serve_authentication, |scene| {
            scene.serve_authentication();
            scene.send(&messages::password_request("alice", "wrong"));
        }];
    for payload in &opens {
        for step in steps {
            let mut scene = Scene::server(Proposal::null(Role::Client));
            step(&mut scene);
            scene.log.clear();
            scene.send(payload);
            scene.assert_disconnected(2);
            assert_eq!(scene.log, [""; 0]);
        }
    }
}

/// covers: A03
#[test]
fn g_a03_nothing_but_a_proof_lets_anybody_in() {
    let unsigned = userauth_request("alice", "publickey")
        .boolean(true)
        .string("ssh-ed25519")
        .string(key(1).public_key().blob())
        .end();
    let empty_signature = userauth_request("alice", "publickey")
        .boolean(true)
        .string("ssh-ed25519")
        .string(key(1).public_key().blob())
        .string("")
        .end();
    let requests = [
        messages::none_request("alice"),
        messages::none_request(""),
        messages::password_request("alice", ""),
        messages::password_request("", "right"),
        messages::password_request("Alice", "right"),
        messages::password_request("alice\0", "right"),
        messages::key_query("alice", &key(1)),
        unsigned,
        empty_signature,
        userauth_request("alice", "").end(),
        userauth_request("alice", "hostbased").end(),
        userauth_request("alice", "gssapi-with-mic").number(u32::MAX).end(),
    ];
    for request in requests {
        let mut scene = authenticating();
        scene.send(&request);
        assert!(!scene.target.is_authenticated(), "{request:?}");
        assert!(!scene.numbers().contains(&52));
        if scene.is_alive() {
            scene.send(&messages::channel_open("session", 0, 1000, 1000).end());
            scene.assert_disconnected(2);
        }
        assert!(!scene.log.iter().any(|entry| entry.starts_with("open") || entry == "authenticated"));
    }
}

/// covers: A03
#[test]
fn g_a03_no_other_service_and_no_request_before_one() {
    for name in ["ssh-connection", "", "ssh-userauth ", "ssh-userauth\0", "x@konko.test"] {
        let mut scene = Scene::server(Proposal::null(Role::Client));
        scene.handshake();
        scene.send(&messages::service_request(name));
        scene.assert_disconnected(7);
    }
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.handshake();
    scene.send(&messages::password_request("alice", "right"));
    scene.assert_disconnected(2);
    assert!(!scene.log.iter().any(|entry| entry.starts_with("attempt")));
}

/// covers: A04, A25
#[test]
fn g_a04_what_is_accepted_is_what_was_proved() {
    let mut scene = authenticating();
    let session_id = scene.target.session_id().expect("one").to_vec();
    // A is asked about and B signs with A's name on it; the signature is B's.
    scene.send(&messages::key_query("alice", &key(1)));
    assert_eq!(scene.numbers(), [60]);
    let data = messages::signed_data(&session_id, "alice", "ssh-connection", &key(1));
    let algorithm = konko_keys::signature_algorithm::by_name("ssh-ed25519").expect("a row");
    let forged = userauth_request("alice", "publickey")
        .boolean(true)
        .string("ssh-ed25519")
        .string(key(1).public_key().blob())
        .string(key(2).sign(algorithm, &data).expect("signs"))
        .end();
    scene.log.clear();
    scene.send(&forged);
    assert_eq!(scene.numbers(), [51]);
    assert_eq!(scene.log, [""; 0], "the application judges what is not proved");
    // Then B proves itself: the application hears of B.
    let data = messages::signed_data(&session_id, "alice", "ssh-connection", &key(2));
    scene.send(&messages::signed_request("alice", &key(2), &data));
    assert!(scene.target.is_authenticated());
    let proved = key(2).public_key().fingerprint().to_string();
    assert!(scene.log[0].contains("PublicKey {") && scene.log[0].contains(&proved), "{:?}", scene.log);
}

/// covers: A25
#[test]
fn g_a25_a_signature_is_good_for_one_connection_user_service_and_key() {
    let mut other = authenticating();
    let other_session = other.target.session_id().expect("one").to_vec();
    other.send(&messages::ignore(0));
    // With another identification string the exchange hash is another one.
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.peer.identification = b"SSH-2.0-other".to_vec();
    scene.serve_authentication();
    let session = scene.target.session_id().expect("one").to_vec();
    assert_ne!(session, other_session);
    scene.log.clear();
    let wrong = [
        messages::signed_data(&other_session, "alice", "ssh-connection", &key(1)),
        messages::signed_data(&session, "bob", "ssh-connection", &key(1)),
        messages::signed_data(&session, "alice", "ssh-userauth", &key(1)),
        messages::signed_data(&session, "alice", "ssh-connection", &key(2)),
        messages::signed_data(&[], "alice", "ssh-connection", &key(1)),
    ];
    for data in wrong {
        scene.take();
        scene.send(&messages::signed_request("alice", &key(1), &data));
        assert_eq!(scene.numbers(), [51]);
        assert_eq!(scene.log, [""; 0]);
    }
    let data = messages::signed_data(&session, "alice", "ssh-connection", &key(1));
    scene.send(&messages::signed_request("alice", &key(1), &data));
    assert!(scene.target.is_authenticated());
}

/// covers: A25
#[test]
fn g_a25_a_proof_for_another_server_is_refused() {
    let method = "publickey-hostbound-v00@openssh.com";
    let algorithm = konko_keys::signature_algorithm::by_name("ssh-ed25519").expect("a row");
    let mut scene = authenticating();
    let session_id = scene.target.session_id().expect("one").to_vec();
    let shown = scene.target.first_host_key().expect("one").to_vec();
    let bound = |named: &[u8], signed: &[u8]| {
        let request = |host_key: &[u8]| {
            userauth_request("alice", method)
                .boolean(true)
                .string("ssh-ed25519")
                .string(key(1).public_key().blob())
                .string(host_key)
        };
        let mut data = u32::try_from(session_id.len()).expect("short").to_be_bytes().to_vec();
        data.extend(&session_id);
        data.extend(request(signed).end());
        request(named).string(key(1).sign(algorithm, &data).expect("signs")).end()
    };
    let other = key(2).public_key().blob().to_vec();
    for (named, signed) in [(&other, &other), (&shown, &other), (&other, &shown), (&shown, &Vec::new())] {
        scene.take();
        scene.log.clear();
        scene.send(&bound(named, signed));
        assert_eq!(scene.numbers(), [51]);
        assert_eq!(scene.log, [""; 0], "the application judges what is not proved");
    }
    scene.send(&bound(&shown, &shown));
    assert!(scene.target.is_authenticated());
}

/// covers: A05
#[test]
fn g_a05_a_partial_success_is_one_users() {
    for next in [messages::password_request("bob", "right"), messages::none_request("bob")] {
        let mut scene = authenticating();
        scene.send(&messages::password_request("alice", "half"));
        assert_eq!(scene.sent.last().map(|payload| payload.last().copied()), Some(Some(1)));
        scene.send(&next);
        scene.assert_disconnected(2);
        assert!(!scene.target.is_authenticated());
    }
    // And the method that has succeeded is not good a second time.
    let mut scene = authenticating();
    scene.send(&messages::password_request("alice", "half"));
    scene.take();
    scene.send(&messages::password_request("alice", "right"));
    assert_eq!(scene.take(), [messages::userauth_failure("publickey", false)]);
}

/// What the application refuses once too often, at once or after its delay, ends the connection.
///
/// covers: A06
#[test]
fn g_a06_the_last_refusal_is_said_by_disconnect() {
    for delay in [0, 250] {
        let mut config = server_config(packet_config(Role::Server));
        config.failure_delay = Duration::from_millis(delay);
        let mut scene = Scene::server_with(config, Proposal::null(Role::Client));
        scene.serve_authentication();
        for _ in 0..6 {
            scene.send(&messages::password_request("alice", "wrong"));
            scene.pass(Duration::from_millis(delay));
        }
        assert!(scene.target.is_ended(), "after a delay of {delay} ms: {:?}", scene.error);
        scene.assert_disconnected(14);
    }
}

/// covers: A06, A22
#[test]
fn g_a06_requests_of_every_kind_are_counted() {
    let kinds: [Vec<u8>; 5] = [
        messages::password_request("alice", "wrong"),
        messages::key_query("alice", &ecdsa_key()),
        messages::keyboard_interactive_request("alice"),
        messages::none_request("alice"),
        userauth_request("alice", "x@konko.test").end(),
    ];
    for request in kinds {
        let mut scene = authenticating();
        let mut sent = 0;
        while scene.is_alive() {
            scene.send(&request);
            sent += 1;
            assert!(sent <= 65, "no limit");
        }
        assert_eq!(scene.error, Some(Error::Auth(konko_userauth::AuthError::TooManyAttempts)));
    }
    // Not by changing from one to the other either.
    let mut scene = authenticating();
    let mut sent = 0;
    while scene.is_alive() {
        scene.send(&if sent % 2 == 0 {
            messages::none_request("alice")
        } else {
            messages::key_query("alice", &key(1))
        });
        sent += 1;
        assert!(sent <= 65, "no limit");
    }
    scene.assert_disconnected(14);
}

/// covers: A07
#[test]
fn g_a07_the_number_of_responses_is_not_trusted() {
    for (count, texts) in [(0, 0), (2, 2), (101, 101), (1 << 28, 1), (u32::MAX, 0), (1, 0)] {
        let mut scene = authenticating();
        scene.send(&messages::keyboard_interactive_request("alice"));
        scene.log.clear();
        scene.take();
        let response = (0..texts).fold(message(61).number(count), |fields, _| fields.string("right"));
        scene.send(&response.end());
        assert!(!scene.target.is_authenticated());
        assert_eq!(scene.log, [""; 0], "{count}");
        let numbers = scene.numbers();
        assert!(numbers == [51] || numbers == [1], "{count}: {numbers:?}");
    }
    // A new request ends a dialogue: its answer is out of place then.
    let mut scene = authenticating();
    scene.send(&messages::keyboard_interactive_request("alice"));
    scene.send(&messages::password_request("alice", "wrong"));
    scene.send(&messages::info_response(&["right"]));
    scene.assert_disconnected(2);
}

/// The requests of a user with that name and key.
type Dialogue = fn(&str, &[u8]) -> Vec<Vec<u8>>;

/// covers: A12
#[test]
fn g_a12_unknown_users_are_answered_like_known_ones() {
    let blob = key(1).public_key().blob().to_vec();
    let dialogues: [Dialogue; 7] = [
        |user, _| vec![messages::none_request(user)],
        |user, _| vec![messages::password_request(user, "wrong"), messages::password_request(user, "wrong")],
        |user, _| vec![messages::keyboard_interactive_request(user), messages::info_response(&["wrong"])],
        |user, _| vec![messages::password_request(user, &"x".repeat(30_000))],
        |user, _| {
            vec![
                userauth_request(user, "publickey").boolean(false).string("ssh-ed25519").string("junk").end(),
            ]
        },
        |user, blob| {
            vec![userauth_request(user, "publickey").boolean(false).string("ssh-rsa").string(blob).end()]
        },
        |user, _| vec![userauth_request(user, "password").boolean(true).string("wrong").string("new").end()],
    ];
    for dialogue in dialogues {
        let answers = |user: &str| {
            let mut scene = authenticating();
            for payload in dialogue(user, &blob) {
                scene.send(&payload);
            }
            scene.take()
        };
        let (known, unknown) = (answers("alice"), answers("nobody"));
        assert!(!known.is_empty());
        assert_eq!(known, unknown);
    }
}

/// covers: A13
#[test]
fn g_a13_a_guessed_secret_is_refused_no_sooner_than_configured() {
    for password_method in [true, false] {
        let mut config = server_config(packet_config(Role::Server));
        config.failure_delay = Duration::from_millis(250);
        let mut scene = Scene::server_with(config, Proposal::null(Role::Client));
        scene.serve_authentication();
        if password_method {
            scene.send(&messages::password_request("alice", "wrong"));
        } else {
            scene.send(&messages::keyboard_interactive_request("alice"));
            scene.take();
            scene.send(&messages::info_response(&["wrong"]));
        }
        scene.take();
        // What comes meanwhile waits for its turn and does not shorten it.
        scene.send(&messages::password_request("alice", "wrong"));
        scene.pass(Duration::from_millis(249));
        assert_eq!(scene.numbers(), [0; 0]);
        scene.pass(Duration::from_millis(1));
        assert_eq!(scene.numbers(), [51]);
        scene.pass(Duration::from_millis(249));
        assert_eq!(scene.numbers(), [0; 0]);
        scene.pass(Duration::from_millis(1));
        assert_eq!(scene.numbers(), [51]);
    }
}

/// covers: A24
#[test]
fn g_a24_requests_after_success_are_ignored_and_counted() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    scene.log.clear();
    for _ in 0..100 {
        scene.send(&messages::password_request("alice", "right"));
    }
    scene.assert_alive();
    assert_eq!(scene.numbers(), [0; 0]);
    assert_eq!(scene.log, [""; 0]);
    for _ in 0..10_000 {
        scene.send(&messages::password_request("alice", "right"));
    }
    scene.assert_disconnected(2);
}

/// covers: A27
#[test]
fn g_a27_the_login_grace_time_ends_every_step() {
    let steps: [fn(&mut Scene<Server>); 9] = [
        |_| {},
        |scene| scene.feed(b"SSH-2.0-x"),
        Scene::identify,
        |scene| {
            scene.identify();
            scene.propose();
        },
        |scene| {
            scene.identify();
            scene.propose();
            scene.exchange();
        },
        Scene::handshake,
        Scene::<Server>::serve_authentication,
        |scene| {
            scene.serve_authentication();
            scene.send(&messages::keyboard_interactive_request("alice"));
        },
        |scene| {
            scene.serve_authentication();
            scene.holds_questions = true;
            scene.send(&messages::password_request("alice", "right"));
        },
    ];
    for (index, step) in steps.into_iter().enumerate() {
        let mut scene = Scene::server(Proposal::null(Role::Client));
        step(&mut scene);
        // Traffic does not put it off: a message every ten seconds.
        for _ in 0..5 {
            scene.pass(Duration::from_secs(10));
            if index >= 5 && scene.is_alive() {
                scene.send(&messages::ignore(1));
            }
        }
        scene.pass(Duration::from_secs(10));
        let by_timer = matches!(
            scene.error,
            Some(Error::TimedOut(Timer::Authentication) | Error::Packet(PacketError::TimedOut { .. }))
        );
        assert!(by_timer, "{index}: {:?}", scene.error);
        assert_eq!(scene.disconnect_reason(), Some(11), "{index}");
        assert_eq!(konko_sansio::Machine::poll_timeout(&scene.target), None);
    }
}

/// covers: A29
#[test]
fn g_a29_long_names_are_refused_and_not_kept() {
    let mut config = server_config(packet_config(Role::Server));
    config.auth.maximum_attempts = 20;
    for len in [255, 256, 1024, 60_000] {
        let mut scene = Scene::server_with(config.clone(), Proposal::null(Role::Client));
        scene.serve_authentication();
        scene.log.clear();
        scene.take();
        scene.send(&messages::none_request(&"u".repeat(len)));
        assert_eq!(scene.numbers(), [51]);
        assert_eq!(scene.log.len(), usize::from(len <= 255));
        scene.send(&userauth_request("u", vec![b'm'; len]).end());
        assert!(scene.log.iter().all(|entry| entry.len() < 1024));
    }
}

/// covers: I07
#[test]
fn g_i07_an_unknown_kind_of_key_costs_one_request_only() {
    let mut scene = authenticating();
    let blob = message(0).string("x@konko.test").string([1; 40]).end()[1..].to_vec();
    scene.send(
        &userauth_request("alice", "publickey").boolean(false).string("x@konko.test").string(&blob).end(),
    );
    scene.send(
        &userauth_request("alice", "publickey").boolean(false).string("ssh-ed25519").string(&blob).end(),
    );
    assert_eq!(scene.numbers(), [51, 51]);
    scene.send(&messages::key_query("alice", &key(1)));
    assert_eq!(scene.numbers(), [60]);
}

fn asking(method: Method) -> Scene<Client> {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.serve_authentication();
    scene.ask(method);
    scene.log.clear();
    scene
}

/// covers: C04
#[test]
fn g_c04_success_without_a_request_or_for_none_is_told_apart() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.serve_authentication();
    scene.send(&[52]);
    scene.assert_disconnected(2);
    assert!(!scene.target.is_authenticated());
    let mut scene = asking(password("right"));
    scene.send(&messages::userauth_failure("password", false));
    scene.send(&[52]);
    scene.assert_disconnected(2);
}

/// covers: C05
#[test]
fn g_c05_a_key_that_was_not_asked_about_is_not_acceptable() {
    let query = || {
        let public = key(1).public_key().clone();
        Method::PublicKey {
            key: public,
            algorithm: &konko_keys::signature_algorithm::SSH_ED25519,
            query_first: true,
        }
    };
    for (algorithm, blob) in [
        ("ssh-ed25519", key(2).public_key().blob().to_vec()),
        ("ssh-rsa", key(1).public_key().blob().to_vec()),
        ("ssh-ed25519", Vec::new()),
    ] {
        let mut scene = asking(query());
        scene.send(&message(60).string(algorithm).string(&blob).end());
        scene.assert_disconnected(2);
        assert_eq!(scene.log, [""; 0]);
    }
}

/// covers: C06
#[test]
fn g_c06_the_number_of_prompts_is_not_trusted() {
    let dialogue = || Method::KeyboardInteractive { submethods: String::new() };
    for count in [101, 1 << 28, u32::MAX] {
        let mut scene = asking(dialogue());
        scene.send(&message(60).string("").string("").string("").number(count).end());
        scene.assert_disconnected(2);
    }
    let mut scene = asking(dialogue());
    let mut rounds = 0;
    while scene.is_alive() {
        scene.send(&messages::info_request(0));
        rounds += 1;
        assert!(rounds < 100, "no limit of empty rounds");
    }
    scene.assert_disconnected(2);
}

/// covers: C09
#[test]
fn g_c09_banners_are_limited_in_number_and_size() {
    for len in [0, 100, 20_000] {
        let mut scene = asking(password("right"));
        let mut banners = 0;
        while scene.is_alive() {
            scene.send(&message(53).string(vec![b'x'; len]).string("").end());
            banners += 1;
            assert!(banners < 1000, "no limit");
        }
        scene.assert_disconnected(2);
    }
}

/// A client gives up on a server that never answers one of its messages.
#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let mut scene = asking(password("right"));
    scene.pass(Duration::from_secs(60));
    assert_eq!(scene.error, Some(Error::TimedOut(Timer::Authentication)));
}

/// FIXME-LEAD: the timer of the last message runs on while a person thinks.
#[test]
fn a_person_who_thinks_is_not_given_up() {
    let mut scene = asking(Method::KeyboardInteractive { submethods: String::new() });
    scene.send(&messages::info_request(1));
    assert!(scene.log.iter().any(|entry| entry.starts_with("Prompts")), "{:?}", scene.log);
    scene.pass(Duration::from_secs(3600));
    scene.assert_alive();
    // So after a refusal, while another password is typed.
    let mut scene = asking(password("wrong"));
    scene.send(&messages::userauth_failure("password", false));
    scene.pass(Duration::from_secs(3600));
    scene.assert_alive();
}
