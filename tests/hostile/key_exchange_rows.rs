//! Rows K, second part: what is exchanged, signed and put to use.

use konko_packet::PacketError;
use konko_transport::dispatch::Role;
use konko_transport::{Client, Error};
use konko_wire::decode::Reader;

use crate::peer::messages::{self, message};
use crate::peer::proposal::Proposal;
use crate::peer::scene::{Application, Scene};
use crate::peer::setups::{client_config, ecdsa_key, key, packet_config, password};
use crate::transport_rows::{MODES, server_in_mode};

/// Somebody in the middle adds packets in clear and takes as many of those behind NEWKEYS away.
///
/// covers: K01
#[test]
fn g_k01_packets_added_in_clear_end_a_strict_exchange() {
    for added in [messages::ignore(0), message(3).number(0).end(), vec![9], messages::debug(b"x")] {
        for count in 1..=3 {
            for before_proposal in [true, false] {
                let mut scene = Scene::client(Proposal::real(Role::Server));
                scene.identify();
                if !before_proposal {
                    scene.propose();
                }
                for _ in 0..count {
                    // The peer knows nothing of them.
                    let number = scene.peer.next_out;
                    scene.send(&added);
                    scene.peer.next_out = number;
                }
                if before_proposal && scene.is_alive() {
                    scene.propose();
                }
                scene.assert_disconnected(2);
                assert_eq!(scene.log, [""; 0]);
            }
        }
    }
}

/// covers: K01
#[test]
fn g_k01_packets_taken_away_behind_newkeys_break_the_next_tag() {
    for (cipher, mac, ..) in MODES.into_iter().filter(|mode| !mode.0.starts_with("null")) {
        for lost in 1..=3 {
            let mut scene = server_in_mode(cipher, mac);
            scene.handshake();
            for _ in 0..lost {
                scene.peer.packet(&messages::ext_info(&[]));
            }
            scene.take();
            scene.send(&messages::service_request("ssh-userauth"));
            // Where the length is encrypted, too, it may come out as one that waits for more.
            scene.feed(&[0; 70_000]);
            assert!(!scene.sent.iter().any(|payload| payload[0] == 6), "{cipher} {mac}: SERVICE_ACCEPT");
            let reason = scene.disconnect_reason();
            assert!(matches!(reason, Some(2 | 5)), "{cipher} {mac} {:?}", scene.error);
        }
    }
}

/// covers: K02, K03
#[test]
fn g_k02_nothing_said_in_clear_is_ever_applied() {
    let forged = [
        messages::ext_info(&[("server-sig-algs", "ssh-rsa")]),
        messages::service_request("ssh-userauth"),
        messages::none_request("alice"),
        messages::password_request("alice", "right"),
    ];
    for payload in &forged {
        for strict in [true, false] {
            for step in 0..3 {
                let proposal = Proposal::null(Role::Client);
                let mut scene = Scene::server(if strict { proposal } else { proposal.not_strict() });
                scene.identify();
                if step > 0 {
                    scene.propose();
                }
                if step > 1 {
                    scene.exchange();
                }
                scene.send(payload);
                scene.assert_disconnected(2);
                assert_eq!(scene.log, [""; 0]);
            }
        }
    }
    let mut scene = Scene::client(Proposal::null(Role::Server).not_strict());
    scene.identify();
    scene.propose();
    scene.send(&forged[0]);
    scene.assert_disconnected(2);
    assert!(scene.target.server_sig_algs().is_none());
}

/// covers: K06, I08, R06
#[test]
fn g_k06_a_hundred_re_exchanges_begun_by_either_side_or_both() {
    fn play<S: Application>(mut scene: Scene<S>) {
        for round in 0..100 {
            if round % 3 != 0 {
                scene.target.request_key_exchange(scene.now);
                scene.settle();
            }
            if round % 3 != 1 {
                scene.propose();
                // RFC 4253 §7.1 lets these pass in a re-exchange, strict or not.
                scene.send(&messages::ignore(5));
                scene.send(&messages::debug(b"between"));
            } else {
                scene.propose();
            }
            scene.exchange();
            scene.send(&messages::ignore(5));
            scene.new_keys();
            assert_eq!((scene.peer.next_out, scene.peer.next_in), (0, 0), "each direction counts from zero");
            scene.send(&messages::global_request("x@konko.test", true));
            scene.assert_alive();
            assert_eq!(scene.numbers().last(), Some(&82));
            // The request and its answer.
            assert_eq!((scene.peer.next_out, scene.peer.next_in), (1, 1));
        }
        assert_eq!(scene.target.stats().key_re_exchanges, 100);
    }
    let mut server = Scene::server(Proposal::real(Role::Client));
    server.log_in();
    play(server);
    let mut client = Scene::client(Proposal::real(Role::Server));
    client.log_in();
    play(client);
}

/// The cipher is one that leaves everything legible, so that a password that was sent would be seen.
///
/// covers: K10, C10
#[test]
fn g_k10_no_credential_leaves_before_the_host_key_is_accepted() {
    const SECRET: &str = "correct horse battery staple";
    let forged: [&[u8]; 6] = [
        &messages::service_accept("ssh-userauth"),
        &messages::userauth_failure("password", false),
        &messages::info_request(1),
        &message(60).string("change it").string("").end(),
        &[52],
        &[21],
    ];
    let sees = |wire: &[u8], text: &[u8]| wire.windows(text.len()).any(|window| window == text);
    for payload in forged {
        for step in 0..4 {
            let mut scene = Scene::client(Proposal::null(Role::Server));
            scene.target.authenticate("alice", password(SECRET), scene.now).expect("is put off");
            scene.holds_questions = true;
            scene.identify();
            if step > 0 {
                scene.propose();
            }
            if step > 1 {
                scene.exchange();
                assert!(scene.host_key_question.is_some());
            }
            if step > 2 {
                scene.new_keys();
            }
            scene.send(payload);
            assert!(!sees(&scene.wire, SECRET.as_bytes()));
            assert!(!sees(&scene.wire, b"ssh-userauth"), "SERVICE_REQUEST before the host key is accepted");
            if let Some(question) = scene.host_key_question.take() {
                scene.target.reject_host_key(question, scene.now);
                scene.settle();
                assert!(!scene.is_alive());
                assert!(!sees(&scene.wire, SECRET.as_bytes()));
                assert!(!sees(&scene.wire, b"ssh-userauth"));
            }
        }
    }
    // That the secret would have been seen:
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.target.authenticate("alice", password(SECRET), scene.now).expect("is put off");
    scene.serve_authentication();
    assert!(sees(&scene.wire, SECRET.as_bytes()));
}

/// The parts of a reply.
struct Reply {
    host_key: Vec<u8>,
    value: Vec<u8>,
    signature: Vec<u8>,
}

/// What is done to a reply, and its name.
type Edit<'a> = (&'static str, Box<dyn Fn(&mut Reply) + 'a>);

/// A client that gets this instead of the reply that is right.
fn forge(proposal: Proposal, edit: impl Fn(&mut Reply)) -> Scene<Client> {
    let mut scene = Scene::client(proposal);
    scene.identify();
    scene.propose();
    let right = scene.peer.method_message();
    let mut reader = Reader::new(&right[1..]);
    let mut part = || reader.read_string().expect("a string").to_vec();
    let mut reply = Reply { host_key: part(), value: part(), signature: part() };
    edit(&mut reply);
    scene.send(&message(31).string(&reply.host_key).string(&reply.value).string(&reply.signature).end());
    scene
}

/// covers: K11, K25
#[test]
fn g_k11_replies_that_do_not_prove_the_host_key() {
    let data = [7; 32];
    let algorithm = konko_keys::signature_algorithm::by_name("ssh-ed25519").expect("a row");
    let over_other_data = key(0).sign(algorithm, &data).expect("signs");
    let ecdsa = konko_keys::signature_algorithm::by_name("ecdsa-sha2-nistp256").expect("a row");
    let of_other_type = ecdsa_key().sign(ecdsa, &data).expect("signs");
    let empty_signature = message(0).string("ssh-ed25519").string("").end()[1..].to_vec();
    let edits: Vec<Edit<'_>> = vec![
        ("no key", Box::new(|reply| reply.host_key.clear())),
        ("no signature", Box::new(|reply| reply.signature.clear())),
        (
            "a key of another type",
            Box::new(|reply| reply.host_key = ecdsa_key().public_key().blob().to_vec()),
        ),
        ("another key", Box::new(|reply| reply.host_key = key(1).public_key().blob().to_vec())),
        ("a signature over something else", Box::new(|reply| reply.signature.clone_from(&over_other_data))),
        ("a signature of another type", Box::new(|reply| reply.signature.clone_from(&of_other_type))),
        ("an empty signature with a name", Box::new(|reply| reply.signature.clone_from(&empty_signature))),
        ("a key and more", Box::new(|reply| reply.host_key.push(0))),
        ("a signature and more", Box::new(|reply| reply.signature.push(0))),
        ("a bit of the signature", Box::new(|reply| *reply.signature.last_mut().expect("a byte") ^= 1)),
        ("a bit of the key", Box::new(|reply| *reply.host_key.last_mut().expect("a byte") ^= 1)),
        ("another value", Box::new(|reply| reply.value[0] ^= 1)),
        ("no value", Box::new(|reply| reply.value.clear())),
    ];
    for (name, edit) in edits {
        for proposal in [Proposal::null(Role::Server), Proposal::real(Role::Server)] {
            let mut scene = forge(proposal, &edit);
            assert!(!scene.is_alive(), "{name}");
            assert!(matches!(scene.disconnect_reason(), Some(2 | 3)), "{name}: {:?}", scene.error);
            assert_eq!(scene.log, [""; 0], "{name}: the application was asked");
        }
    }
    let right = forge(Proposal::null(Role::Server), |_| {});
    assert_eq!(right.log.len(), 1);
}

/// covers: K11
#[test]
fn g_k11_a_second_reply_is_not_taken() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.identify();
    scene.propose();
    let reply = scene.peer.method_message();
    scene.send(&reply);
    scene.send(&reply);
    scene.assert_disconnected(2);
    assert_eq!(scene.log.len(), 1);
}

/// covers: K25
#[test]
fn g_k25_the_key_is_of_the_type_that_was_negotiated() {
    // The server says Ed25519 and comes with ECDSA, and the other way round; signatures are valid.
    for (named, key) in
        [("ssh-ed25519", ecdsa_key()), ("ecdsa-sha2-nistp256", key(0)), ("ecdsa-sha2-nistp521", ecdsa_key())]
    {
        let proposal = Proposal { host_key: named.into(), ..Proposal::null(Role::Server) };
        let mut scene = Scene::client(proposal);
        scene.peer.host_key = key;
        scene.identify();
        scene.propose();
        scene.exchange();
        scene.assert_disconnected(3);
        assert_eq!(scene.log, [""; 0]);
    }
    // A client that allows P-521 only takes no P-256.
    let mut config = packet_config(Role::Client);
    config.algorithms.host_key.retain(|row| row.name == "ecdsa-sha2-nistp521");
    let proposal = Proposal { host_key: "ecdsa-sha2-nistp256".into(), ..Proposal::null(Role::Server) };
    let mut scene = Scene::client_with(client_config(config), proposal);
    scene.peer.host_key = ecdsa_key();
    scene.identify();
    scene.propose();
    scene.assert_disconnected(3);
}

/// A client whose application was not asked, and that uses no keys.
#[track_caller]
fn assert_refused(scene: &Scene<Client>, what: &str) {
    assert_eq!(scene.log, [""; 0], "{what}");
    assert!(scene.target.session_id().is_none(), "{what}");
}

/// Somebody in the middle changes one bit of what the server says first.
///
/// covers: K27
#[test]
fn g_k27_every_byte_that_the_server_sends_in_clear_is_signed() {
    let mut model = Scene::client(Proposal::null(Role::Server));
    let line = [&model.peer.identification[..], b"\r\n"].concat();
    let kex_init = model.peer.kex_init();
    let first_flight = [line.clone(), model.peer.packet(&kex_init)].concat();
    // Padding is no part of the proposal.
    let signed = line.len() + 5 + kex_init.len();
    for index in 0..signed {
        for bit in [0, 5] {
            let mut scene = Scene::client(Proposal::null(Role::Server));
            let payload = scene.peer.kex_init();
            scene.peer.packet(&payload);
            let mut bytes = first_flight.clone();
            bytes[index] ^= 1 << bit;
            scene.feed(&bytes);
            if scene.is_alive() && scene.sent.iter().any(|payload| payload[0] == 30) {
                let reply = scene.peer.method_message();
                scene.send(&reply);
            }
            assert_refused(&scene, &format!("bit {bit} of byte {index}"));
        }
    }
}

/// The same for what the client says first: what the server signs is what it has heard.
///
/// covers: K27
#[test]
fn g_k27_every_byte_that_the_client_sends_in_clear_is_signed() {
    let heard = {
        let scene = Scene::client(Proposal::null(Role::Server));
        let kex_init = scene.peer.their_kex_init.expect("heard");
        (scene.peer.their_identification.expect("heard"), kex_init)
    };
    // The names of the null rows must stay what they are, and so must the commas beside them, or the server could not
    // go on.
    let null = b"null@konko.test";
    let kept = |index: usize| {
        let starts = (index + 1).saturating_sub(null.len() + 1)..=index + 1;
        starts.into_iter().any(|at| heard.1.get(at..).is_some_and(|rest| rest.starts_with(null)))
    };
    for index in 0..heard.0.len() + heard.1.len() {
        let mut scene = Scene::client(Proposal::null(Role::Server));
        scene.identify();
        scene.propose();
        match index.checked_sub(heard.0.len()) {
            None => scene.peer.their_identification.as_mut().expect("heard")[index] ^= 1,
            Some(at) if kept(at) || is_length(&heard.1, at) || host_key_list(&heard.1).contains(&at) => {
                continue;
            }
            Some(at) => scene.peer.their_kex_init.as_mut().expect("heard")[at] ^= 1,
        }
        let reply = scene.peer.method_message();
        scene.send(&reply);
        assert_refused(&scene, &format!("byte {index}"));
    }
}

/// Where the second list of a proposal stands.
fn host_key_list(kex_init: &[u8]) -> std::ops::Range<usize> {
    let mut reader = Reader::new(&kex_init[17..]);
    reader.read_string().expect("a list");
    let start = kex_init.len() - reader.remaining();
    let len = reader.read_string().expect("a list").len();
    start..start + 4 + len
}

/// Whether a byte of a proposal belongs to the length of a list.
fn is_length(kex_init: &[u8], index: usize) -> bool {
    let mut reader = Reader::new(&kex_init[17..]);
    (0..10).any(|_| {
        let start = kex_init.len() - reader.remaining();
        reader.read_string().expect("a list");
        (start..start + 4).contains(&index)
    })
}

/// covers: K28
#[test]
fn g_k28_the_host_key_stays_the_same_in_a_re_exchange() {
    for other in [key(2), ecdsa_key()] {
        let mut scene = Scene::client(Proposal::null(Role::Server));
        scene.log_in();
        scene.log.clear();
        scene.peer.proposal.host_key = other.public_key().key_type().to_owned();
        scene.peer.host_key = other;
        scene.propose();
        scene.exchange();
        assert_eq!(scene.error, Some(Error::Packet(PacketError::HostKeyChanged)));
        scene.assert_disconnected(3);
        assert_eq!(scene.log, [""; 0]);
    }
}

/// covers: K29
#[test]
fn g_k29_the_session_identifier_outlives_hashes_of_other_lengths() {
    let methods = ["curve25519-sha256", "ecdh-sha2-nistp384", "sntrup761x25519-sha512", "ecdh-sha2-nistp521"];
    for first in methods {
        let mut config = packet_config(Role::Server);
        config.algorithms.kex.extend([
            &konko_crypto::kex::table::ECDH_SHA2_NISTP384,
            &konko_crypto::kex::table::ECDH_SHA2_NISTP521,
        ]);
        let config = crate::peer::setups::server_config(config);
        let mut scene = Scene::server_with(config, Proposal::real(Role::Client).with_kex(first));
        scene.serve_authentication();
        let session_id = scene.target.session_id().expect("one").to_vec();
        // The one exchange that is allowed before authentication, and the login is bound to the identifier.
        scene.peer.proposal = Proposal::real(Role::Client).with_kex(methods[2]);
        scene.re_exchange();
        let data = messages::signed_data(&session_id, "alice", "ssh-connection", &key(1));
        scene.send(&messages::signed_request("alice", &key(1), &data));
        assert!(scene.target.is_authenticated(), "{first}: {:?}", scene.error);
        for next in methods {
            scene.peer.proposal = Proposal::real(Role::Client).with_kex(next);
            scene.re_exchange();
            scene.assert_alive();
            assert_eq!(scene.target.session_id(), Some(&session_id[..]));
            assert_eq!(scene.peer.session_id.as_deref(), Some(&session_id[..]));
        }
    }
}

/// covers: K30, K37
#[test]
fn g_k30_re_exchanges_between_all_ciphers() {
    let mut scene = server_in_mode("aes128-ctr", "hmac-sha2-256");
    scene.log_in();
    let names = [
        ("aes128-ctr", "hmac-sha2-256"),
        ("aes256-ctr", "umac-128-etm@openssh.com"),
        ("aes128-cbc", "hmac-sha1"),
        ("aes128-gcm@openssh.com", "none"),
        ("aes256-gcm@openssh.com", "hmac-sha2-512"),
        ("chacha20-poly1305@openssh.com", ""),
        ("null@konko.test", ""),
    ];
    for (there, there_mac) in names {
        for (back, back_mac) in names {
            scene.peer.proposal.ciphers = [there.to_owned(), back.to_owned()];
            scene.peer.proposal.macs = [there_mac.to_owned(), back_mac.to_owned()];
            scene.re_exchange();
            for _ in 0..3 {
                scene.send(&messages::global_request("x@konko.test", true));
            }
            scene.assert_alive();
            assert!(scene.numbers().ends_with(&[82, 82, 82]), "{there} {back}");
        }
    }
}

/// covers: K31, K32
#[test]
fn g_k31_ext_info_comes_when_and_as_often_as_it_may() {
    let ext_info = messages::ext_info(&[("x@konko.test", "")]);
    // A client says it once, directly behind NEWKEYS.
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.handshake();
    scene.send(&ext_info);
    scene.assert_alive();
    scene.send(&ext_info);
    scene.assert_disconnected(2);
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.serve_authentication();
    scene.send(&ext_info);
    scene.assert_disconnected(2);
    // A server says it there, and once more directly before success.
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.handshake();
    scene.send(&ext_info);
    scene.send(&messages::service_accept("ssh-userauth"));
    scene.ask(password("right"));
    scene.send(&ext_info);
    scene.send(&[52]);
    scene.assert_alive();
    assert!(scene.target.is_authenticated());
    scene.send(&ext_info);
    scene.assert_disconnected(2);
    // Not before anything else, and not a third time.
    for next in [messages::userauth_failure("password", false), ext_info.clone()] {
        let mut scene = Scene::client(Proposal::null(Role::Server));
        scene.handshake();
        scene.send(&ext_info);
        scene.send(&messages::service_accept("ssh-userauth"));
        scene.ask(password("right"));
        scene.send(&ext_info);
        scene.send(&next);
        scene.assert_disconnected(2);
    }
}

/// covers: K31
#[test]
fn g_k31_the_number_of_extensions_is_not_trusted() {
    for count in [1, 1023, 1024, 1025, 1 << 31, u32::MAX] {
        let mut scene = Scene::client(Proposal::null(Role::Server));
        scene.handshake();
        scene.send(&message(7).number(count).end());
        scene.assert_disconnected(2);
    }
}

/// covers: K32
#[test]
fn g_k32_a_server_speaks_of_extensions_only_to_who_asked() {
    for asked in [true, false] {
        let proposal = Proposal::null(Role::Client);
        let mut scene = Scene::server(if asked { proposal } else { proposal.without_ext_info() });
        scene.handshake();
        assert_eq!(scene.numbers().contains(&7), asked);
    }
}

/// covers: K16, K21
#[test]
fn g_k21_values_of_the_wrong_form_end_the_exchange() {
    let values: [(&str, Vec<Vec<u8>>); 3] = [
        ("curve25519-sha256", vec![vec![], vec![0; 31], vec![0; 32], vec![9; 33], vec![1; 30_000]]),
        ("mlkem768x25519-sha256", vec![vec![], vec![0; 32], vec![0xff; 1216], vec![0; 1215], vec![0; 1217]]),
        (
            "diffie-hellman-group16-sha512",
            vec![vec![], vec![1], vec![2], vec![0xff], vec![0x7f; 2000], vec![0xff, 0xff]],
        ),
    ];
    for (method, values) in values {
        for value in values {
            let mut scene = Scene::server(Proposal::null(Role::Client).with_kex(method));
            scene.identify();
            scene.propose();
            scene.send(&message(30).string(&value).end());
            assert!(
                matches!(scene.disconnect_reason(), Some(2 | 3)),
                "{method} {} {:?}",
                value.len(),
                scene.error
            );
        }
    }
}
