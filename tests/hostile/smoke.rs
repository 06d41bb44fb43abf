//! The byte peer itself: with every method and cipher it is a peer like any other.

use crate::peer::proposal::Proposal;
use crate::peer::scene::Scene;
use crate::peer::setups::{client_config, packet_config, server_config};
use konko_crypto::kex::Moduli;
use konko_packet::Algorithms;
use konko_transport::dispatch::Role;
use std::sync::Arc;

#[test]
fn the_byte_peer_logs_in_with_every_method_and_cipher() {
    let methods = [
        "null@konko.test",
        "curve25519-sha256",
        "diffie-hellman-group14-sha256",
        "diffie-hellman-group-exchange-sha256",
        "mlkem768x25519-sha256",
        "ecdh-sha2-nistp384",
    ];
    let ciphers = [
        ("null@konko.test", ""),
        ("aes128-gcm@openssh.com", ""),
        ("chacha20-poly1305@openssh.com", ""),
        ("aes128-ctr", "hmac-sha2-256"),
        ("aes256-ctr", "umac-64-etm@openssh.com"),
        ("aes128-cbc", "hmac-sha2-512-etm@openssh.com"),
    ];
    for (index, method) in methods.into_iter().enumerate() {
        let (cipher, mac) = ciphers[index];
        for strict in [true, false] {
            let config = |role| {
                let mut config = packet_config(role);
                let null = config.algorithms.clone();
                config.algorithms = Algorithms::legacy();
                config.algorithms.kex.extend(null.kex.last());
                config.algorithms.cipher_client_to_server.extend(null.cipher_client_to_server.last());
                config.algorithms.cipher_server_to_client.extend(null.cipher_server_to_client.last());
                config.moduli = Some(Arc::new(Moduli::builtin()));
                config
            };
            let proposal = |role| {
                let proposal = Proposal::new(role, method, cipher, mac);
                if strict { proposal } else { proposal.not_strict() }
            };
            let mut scene = Scene::server_with(server_config(config(Role::Server)), proposal(Role::Client));
            scene.log_in();
            scene.re_exchange();
            scene.send(&[80, 0, 0, 0, 1, b'x', 1]);
            assert_eq!(scene.numbers().last(), Some(&82), "{method} {cipher} {:?}", scene.error);
            assert_eq!(scene.peer.strict, strict);
            let mut scene = Scene::client_with(client_config(config(Role::Client)), proposal(Role::Server));
            scene.log_in();
            scene.re_exchange();
            scene.send(&[80, 0, 0, 0, 1, b'x', 1]);
            assert_eq!(scene.numbers().last(), Some(&82), "{method} {cipher} {:?}", scene.error);
        }
    }
}
