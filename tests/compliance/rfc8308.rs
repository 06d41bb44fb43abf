//! RFC 8308 (extension negotiation) and strict key exchange (draft-ietf-sshm-strict-kex).

use konko_transport::dispatch::Role;

use crate::peer::messages::{self, message};
use crate::peer::proposal::Proposal;
use crate::peer::scene::Scene;

// RFC 8308 §2.2: "If "ext-info-c" or "ext-info-s" ends up being negotiated as a key exchange method, the parties MUST
// disconnect."
#[test]
fn rfc8308_2_2_a_marker_is_no_method() {
    let kex = "ext-info-c,ext-info-s";
    let mut scene = Scene::server(Proposal { kex: kex.into(), ..Proposal::null(Role::Client) });
    scene.identify();
    scene.propose();
    scene.assert_disconnected(3);
    let mut scene = Scene::client(Proposal { kex: kex.into(), ..Proposal::null(Role::Server) });
    scene.identify();
    scene.propose();
    scene.assert_disconnected(3);
}

// RFC 8308 §2.2: "Implementations MUST NOT send an incorrect indicator name for their role."
#[test]
fn rfc8308_2_2_each_role_sends_its_own_marker() {
    let contains = |wire: &[u8], text: &str| wire.windows(text.len()).any(|window| window == text.as_bytes());
    let server = Scene::server(Proposal::null(Role::Client)).wire;
    assert!(contains(&server, "ext-info-s") && !contains(&server, "ext-info-c"));
    assert!(contains(&server, "kex-strict-s-v00@openssh.com") && !contains(&server, "kex-strict-c"));
    let client = Scene::client(Proposal::null(Role::Server)).wire;
    assert!(contains(&client, "ext-info-c") && !contains(&client, "ext-info-s"));
    assert!(contains(&client, "kex-strict-c-v00@openssh.com") && !contains(&client, "kex-strict-s"));
}

// RFC 8308 §2.4: "If a server sends SSH_MSG_EXT_INFO, it MAY send it at zero, one, or both of the following
// opportunities: As the next packet following the server's first SSH_MSG_NEWKEYS." "Immediately preceding the server's
// SSH_MSG_USERAUTH_SUCCESS"
#[test]
fn rfc8308_2_4_the_server_speaks_directly_after_its_first_newkeys() {
    let mut scene = Scene::server(Proposal::null(Role::Client));
    scene.handshake();
    let numbers = scene.numbers();
    let new_keys = numbers.iter().position(|number| *number == 21).expect("NEWKEYS");
    assert_eq!(numbers.get(new_keys + 1), Some(&7));
    scene.send(&messages::service_request("ssh-userauth"));
    scene.send(&messages::password_request("alice", "right"));
    scene.re_exchange();
    assert!(!scene.numbers().contains(&7), "after a later NEWKEYS");
}

// RFC 8308 §2.2: "If a client or server offers "ext-info-c" or "ext-info-s" respectively, it MUST be prepared to accept an
// SSH_MSG_EXT_INFO message from the peer."
#[test]
fn rfc8308_2_2_both_sides_accept_ext_info() {
    let mut server = Scene::server(Proposal::null(Role::Client));
    server.handshake();
    server.send(&messages::ext_info(&[("x@konko.test", "1")]));
    server.assert_alive();
    assert_eq!(server.log.last().map(String::as_str), Some("extensions [\"x@konko.test\"]"));
    let mut client = Scene::client(Proposal::null(Role::Server));
    client.handshake();
    client.send(&messages::ext_info(&[("server-sig-algs", "ssh-ed25519,rsa-sha2-256")]));
    client.assert_alive();
    assert_eq!(client.target.server_sig_algs().map(<[String]>::len), Some(2));
}

// RFC 8308 §2.5: "Applications MUST ignore unrecognized extension-names." "Applications MUST tolerate any sequence of
// bytes -- including null bytes at any position -- in an unknown extension's extension-value."
#[test]
fn rfc8308_2_5_unknown_extensions_may_say_anything() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.handshake();
    let all: Vec<u8> = (0..=255).collect();
    scene.send(
        &message(7)
            .number(3)
            .string("x@konko.test")
            .string(&all)
            .string("")
            .string("\0")
            .string([0xff])
            .string([0])
            .end(),
    );
    scene.assert_alive();
    scene.send(&messages::service_accept("ssh-userauth"));
    scene.assert_alive();
}

// RFC 8308 §2.4: what the server's second message says stands in the place of what the first one said.
#[test]
fn rfc8308_2_4_a_second_message_replaces_the_first() {
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.handshake();
    scene.send(&messages::ext_info(&[("server-sig-algs", "ssh-ed25519,rsa-sha2-256")]));
    scene.send(&messages::service_accept("ssh-userauth"));
    scene.ask(konko_userauth::Method::None);
    scene.send(&messages::ext_info(&[("server-sig-algs", "ssh-ed25519")]));
    scene.send(&[52]);
    scene.assert_alive();
    assert_eq!(scene.target.server_sig_algs().map(<[String]>::len), Some(1));
}

// draft-ietf-sshm-strict-kex: sequence numbers are reset to zero behind every NEWKEYS, in each direction by itself, in
// later exchanges as in the first.
#[test]
fn strict_kex_sequence_numbers_start_again_with_every_newkeys() {
    let mut scene = Scene::server(Proposal::real(Role::Client));
    scene.log_in();
    assert!(scene.peer.strict);
    for _ in 0..3 {
        scene.re_exchange();
        assert_eq!((scene.peer.next_out, scene.peer.next_in), (0, 0));
        scene.send(&messages::global_request("x@konko.test", true));
        assert_eq!(scene.numbers().last(), Some(&82));
    }
}

// draft-ietf-sshm-strict-kex: in the first exchange every message that is not due ends the connection; RFC 4253 §11.2
// holds for later ones.
#[test]
fn strict_kex_nothing_else_is_taken_in_the_first_exchange() {
    for step in 0..2 {
        let mut scene = Scene::client(Proposal::null(Role::Server));
        scene.identify();
        scene.propose();
        if step > 0 {
            scene.exchange();
        }
        scene.send(&messages::ignore(0));
        scene.assert_disconnected(2);
    }
    let mut scene = Scene::client(Proposal::null(Role::Server));
    scene.log_in();
    scene.propose();
    scene.send(&messages::ignore(0));
    scene.exchange();
    scene.send(&messages::debug(b""));
    scene.new_keys();
    scene.assert_alive();
}
