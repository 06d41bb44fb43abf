//! Rows about the process as a whole: its clock, its stack, its memory, and cryptography that fails.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use konko_crypto::hash::SHA256;
use konko_crypto::kex::{
    Agreement, Initiator, KexAlgorithm, KexError, KexMethod, SharedSecret, ValueEncoding,
};
use konko_packet::PacketConfig;
use konko_packet::rekey::RekeyPolicy;
use konko_sansio::Machine;
use konko_transport::dispatch::Role;
use konko_transport::keepalive::KeepaliveConfig;
use konko_wire::encode::put_string;

use crate::peer::messages::{self, message};
use crate::peer::null_rows::{CLIENT_VALUE, NULL_KEX, SERVER_VALUE};
use crate::peer::proposal::Proposal;
use crate::peer::scene::{Application, Scene};
use crate::peer::setups::{client_config, key, packet_config, server_config};

const CENTURY: Duration = Duration::from_secs(100 * 366 * 86_400);

/// covers: O07
#[test]
fn g_o07_deadlines_beyond_all_time_never_come() {
    let endless = |role| {
        let mut config = packet_config(role);
        config.identification_deadline = Duration::MAX;
        config.key_exchange_deadline = Duration::MAX;
        config.rekey = RekeyPolicy { interval: Some(Duration::MAX), ..RekeyPolicy::default() };
        config
    };
    let keepalive = KeepaliveConfig { interval: Some(Duration::MAX), maximum_missed: u32::MAX };
    let mut server = server_config(endless(Role::Server));
    server.login_grace_time = Some(Duration::MAX);
    server.failure_delay = Duration::MAX;
    server.keepalive = keepalive;
    let mut scene = Scene::server_with(server, Proposal::null(Role::Client));
    scene.pass(CENTURY);
    scene.log_in();
    scene.pass(CENTURY);
    scene.re_exchange();
    scene.assert_alive();

    let mut client = client_config(endless(Role::Client));
    client.authentication_timeout = Some(Duration::MAX);
    client.keepalive = keepalive;
    let mut scene = Scene::client_with(client, Proposal::null(Role::Server));
    scene.pass(CENTURY);
    scene.log_in();
    scene.pass(CENTURY);
    scene.re_exchange();
    scene.assert_alive();
}

/// A clock that jumps ahead makes due what is due, once.
///
/// covers: O07
#[test]
fn g_o07_a_clock_that_jumps_a_century_ahead() {
    let mut config = packet_config(Role::Server);
    config.rekey = RekeyPolicy::default();
    let mut scene = Scene::server_with(server_config(config), Proposal::null(Role::Client));
    scene.log_in();
    scene.now += CENTURY;
    scene.target.handle_timeout(scene.now).expect("no deadline of the connection has passed");
    scene.settle();
    assert_eq!(scene.numbers(), [20], "keys are exchanged anew, once");
    scene.now += CENTURY;
    assert!(scene.target.handle_timeout(scene.now).is_err(), "the peer has not answered in time");

    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.now += CENTURY;
    assert!(scene.target.handle_timeout(scene.now).is_err(), "the peer has not identified itself");
}

/// What a peer sends is taken apart without going deeper with every part of it. Without optimisation, frames are large.
///
/// covers: X05
#[test]
fn g_x05_a_small_stack_is_enough() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.log_in();
    let mut nested = b"end".to_vec();
    while nested.len() < 30_000 {
        let mut outer = Vec::new();
        put_string(&mut outer, &nested);
        nested = outer;
    }
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let thread = small.spawn(move || {
        let many: Vec<u8> = (0..20_000).flat_map(|_| scene.peer.packet(&messages::ignore(0))).collect();
        scene.feed(&many);
        scene.send(&message(2).string("").end());
        scene.send(&messages::global_request(&",".repeat(30_000), true));
        scene.send(&[&messages::global_request("x@konko.test", true)[..], &nested].concat());
        scene.send(&messages::channel_open(&"(".repeat(30_000), 1, 10, 10).end());
        scene.send(&[&messages::channel_open("session", 1, 10, 10).end()[..]].concat());
        scene.send(&[&messages::channel_request(0, "x", true).end()[..], &nested].concat());
        scene.assert_alive();
        scene.numbers()
    });
    let numbers = thread.expect("a thread").join().expect("no panic");
    assert_eq!(numbers, [82, 82, 92, 91, 100]);
}

/// Says to a copy of this program that it runs within limits.
const WITHIN_LIMITS: &str = "KONKO_TEST_WITHIN_LIMITS";

/// Runs tests of this program in another process, with these limits of the system.
fn run_within(limits: &str, tests: &[&str]) {
    let output = Command::new("sh")
        .args(["-c", &format!("{limits} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--test-threads=1"])
        .args(tests)
        .env(WITHIN_LIMITS, "1")
        .output()
        .expect("sh runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("running 0 tests"), "{text}");
}

/// No length or count that a peer names is allocated before as much has come: the rows about them pass with 64 MiB for
/// everything.
///
/// covers: X03
#[test]
fn g_x03_lengths_and_counts_within_64_mebibytes() {
    let rows = ["g_t05_", "g_t06_", "g_t09_", "g_k38_", "g_a07_", "g_c06_", "g_a29_", "g_h14_", "g_x03_a_"];
    run_within("ulimit -d 65536", &rows);
}

/// The limit that the row above relies on is one.
#[test]
fn g_x03_a_large_allocation_fails_within_the_limits() {
    let mut large: Vec<u8> = Vec::new();
    let reserved = large.try_reserve_exact(512 << 20);
    assert_eq!(reserved.is_err(), std::env::var_os(WITHIN_LIMITS).is_some());
}

/// Secrets need no memory that is locked.
///
/// covers: X08
#[test]
fn g_x08_no_memory_can_be_locked() {
    run_within("ulimit -l 0", &["the_byte_peer_logs_in_with_every_method_and_cipher"]);
}

/// Methods of GSS-API (RFC 4462) are not there: they are refused like any that is unknown, for every user alike, and no
/// token is waited for.
///
/// covers: A09
#[test]
fn g_a09_gssapi_is_refused_for_every_user_alike() {
    // RFC 4462 §3.2: the number of mechanisms, and the DER of each one's identifier; this is Kerberos 5.
    let kerberos = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2];
    for method in ["gssapi-with-mic", "gssapi-keyex", "gssapi"] {
        let answers = |user: &str| {
            let mut scene = Scene::server(Proposal::null(Role::Client));
            scene.serve_authentication();
            scene.log.clear();
            scene.take();
            scene.send(&messages::userauth_request(user, method).number(1).string(kerberos).end());
            scene.assert_alive();
            let answers = scene.take();
            assert_eq!(scene.log, [""; 0], "nobody is asked");
            // RFC 4462 §3.4 and §3.5: a token, and the end of the exchange.
            scene.send(&message(61).string("token").end());
            scene.send(&message(63).end());
            scene.send(&message(66).string("mic").end());
            assert!(!scene.target.is_authenticated());
            answers
        };
        let known = answers("alice");
        assert_eq!(known.iter().map(|payload| payload[0]).collect::<Vec<_>>(), [51]);
        assert_eq!(known, answers("nobody"));
    }
}

/// How many calls of the failing method may succeed.
static LEFT: AtomicUsize = AtomicUsize::new(0);

fn goes_well() -> bool {
    LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

struct Failing;

impl Initiator for Failing {
    fn public(&self) -> &[u8] {
        CLIENT_VALUE
    }

    fn finish(self: Box<Self>, _: &[u8]) -> Result<SharedSecret, KexError> {
        if goes_well() { Ok(SharedSecret::from_string(b"no secret")) } else { Err(KexError::InvalidValue) }
    }
}

/// The null method, but for failing when its calls are used up. The peer takes it for the null method.
static FAILING_KEX: KexAlgorithm = KexAlgorithm {
    name: NULL_KEX.name,
    hash: &SHA256,
    legacy: true,
    method: KexMethod::Agreement(Agreement {
        encoding: ValueEncoding::String,
        initiate: |_| Box::new(Failing),
        respond: |_, _| {
            let secret = SharedSecret::from_string(b"no secret");
            if goes_well() { Ok((SERVER_VALUE.to_vec(), secret)) } else { Err(KexError::InvalidValue) }
        },
    }),
};

fn with_failing(role: Role) -> PacketConfig {
    let mut config = packet_config(role);
    config.algorithms.kex.retain(|row| row.name != NULL_KEX.name);
    config.algorithms.kex.push(&FAILING_KEX);
    config
}

/// The next exchange fails, and nothing goes out but what ends the connection.
fn fails<S: Application>(scene: &mut Scene<S>) {
    scene.propose();
    scene.take();
    let told = scene.log.len();
    scene.exchange();
    let numbers: Vec<u8> = scene.sent.iter().map(|payload| payload[0]).collect();
    assert_eq!(numbers, [1]);
    scene.assert_disconnected(3);
    assert_eq!(scene.log.len(), told, "{:?}", scene.log);
}

/// What fails in the arithmetic of an exchange, the first one or a later one, ends the connection: nothing is signed,
/// nobody is asked about a host key, and no key is taken into use.
///
/// covers: K36
#[test]
fn g_k36_a_failed_agreement_ends_the_connection() {
    for exchanges in 0..3 {
        LEFT.store(exchanges, Ordering::SeqCst);
        let mut server =
            Scene::server_with(server_config(with_failing(Role::Server)), Proposal::null(Role::Client));
        if exchanges == 0 {
            server.identify();
        } else {
            server.log_in();
            (1..exchanges).for_each(|_| server.re_exchange());
            server.assert_alive();
        }
        fails(&mut server);

        LEFT.store(exchanges, Ordering::SeqCst);
        let mut client =
            Scene::client_with(client_config(with_failing(Role::Client)), Proposal::null(Role::Server));
        if exchanges == 0 {
            client.identify();
        } else {
            client.log_in();
            (1..exchanges).for_each(|_| client.re_exchange());
            client.assert_alive();
        }
        fails(&mut client);
    }
}

/// What a mistake of the peer costs: the attempt, the request, or the connection. Never more, and never less.
///
/// covers: X13
#[test]
fn g_x13_a_mistake_costs_what_it_is_part_of() {
    let junk = |algorithm: &str, blob: &[u8]| {
        messages::userauth_request("alice", "publickey").boolean(false).string(algorithm).string(blob).end()
    };
    let attempts = [
        messages::none_request("alice"),
        messages::password_request("alice", "wrong"),
        messages::userauth_request("alice", "telepathy").end(),
        junk("ssh-new", b"whatever"),
        junk("ssh-ed25519", b"junk"),
        junk("ssh-ed25519", &[0xff; 40]),
        messages::signed_request("alice", &key(1), b"something else"),
    ];
    for attempt in attempts {
        let mut scene = Scene::server(Proposal::null(Role::Client));
        scene.serve_authentication();
        scene.take();
        scene.send(&attempt);
        assert_eq!(scene.numbers(), [51], "{attempt:?}");
        scene.send(&messages::password_request("alice", "right"));
        assert!(scene.target.is_authenticated(), "{attempt:?}");
    }

    let logged_in = || {
        let mut scene = Scene::server(Proposal::null(Role::Client));
        scene.log_in();
        scene.send(&messages::channel_open("session", 3, 1 << 20, 1 << 15).end());
        assert_eq!(scene.numbers(), [91]);
        scene
    };
    let requests: [(Vec<u8>, u8); 4] = [
        (messages::global_request("x@konko.test", true), 82),
        (messages::channel_open("x@konko.test", 4, 10, 10).end(), 92),
        (messages::channel_request(0, "x@konko.test", true).end(), 100),
        (messages::channel_request(0, "x@konko.test", true).string([0xff; 9]).end(), 100),
    ];
    for (request, answer) in requests {
        let mut scene = logged_in();
        scene.accepts_channels = false;
        scene.send(&request);
        assert_eq!(scene.numbers(), [answer], "{request:?}");
        scene.assert_alive();
        scene.send(&messages::channel_request(0, "y@konko.test", true).end());
        assert_eq!(scene.numbers(), [100], "the channel goes on after {request:?}");
    }

    let endings = [
        vec![80],
        vec![90, 0, 0, 0, 200],
        vec![94, 0, 0],
        messages::channel_data(7, b"x"),
        messages::window_adjust(0, u32::MAX),
        messages::on_channel(97, 9),
        vec![20; 17],
        vec![21],
        vec![],
    ];
    for ending in endings {
        let mut scene = logged_in();
        scene.send(&ending);
        assert!(scene.error.is_some() && !scene.is_alive(), "{ending:?}");
        assert!(scene.disconnect_reason().is_some(), "{ending:?}");
        scene.feed(&[0; 100]);
        scene.send(&messages::global_request("x@konko.test", true));
        assert_eq!(scene.numbers(), [0; 0], "nothing more is answered");
    }
}
