//! Certificates of host keys: agreed on as algorithms of their own, verified as what they are.

use super::pair::{Pair, Seeded, Side, client_of, ed25519, quick, server_showing};
use crate::config::PacketConfig;
use crate::error::PacketError;
use konko_keys::certificate::Certificate;
use konko_keys::certificate_builder::CertificateBuilder;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::error::{CertificateError, SignatureError};
use konko_keys::identity::Identity;
use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_keys::signature_algorithm::{by_name, certificate_by_name};

const KEY_ID: &str = "the host of this test";

fn certify(key: &PrivateKey) -> Certificate {
    CertificateBuilder::new(CertificateKind::Host, key.public_key(), KEY_ID)
        .principals(["host.example"])
        .sign(&ed25519(50), by_name("ssh-ed25519").expect("a row"), &mut Seeded::new(60))
        .expect("a certificate")
}

/// A client that prefers this row.
fn preferring(name: &str) -> PacketConfig {
    let mut config = quick();
    let row = certificate_by_name(name).or_else(|| by_name(name)).expect("a row");
    config.algorithms.host_key.retain(|other| other.name != name);
    config.algorithms.host_key.insert(0, row);
    config
}

fn server_with_certificate(key: PrivateKey) -> Side {
    let shown: [Identity; 2] = [key.public_key().clone().into(), certify(&key).into()];
    server_showing(quick(), vec![key], shown)
}

fn asked(mut pair: Pair) -> Pair {
    pair.client.answers = false;
    pair.run();
    pair
}

#[test]
fn a_client_that_asks_for_a_certificate_gets_it() {
    let rsa = PrivateKey::generate(KeyKind::Rsa { bits: 2048 }, &mut Seeded::new(70)).expect("a key");
    for (key, name) in
        [(ed25519(7), "ssh-ed25519-cert-v01@openssh.com"), (rsa, "rsa-sha2-256-cert-v01@openssh.com")]
    {
        let (certificate, public) = (certify(&key), key.public_key().clone());
        let pair = Pair::of(client_of(preferring(name)), server_with_certificate(key));
        let mut pair = asked(pair);
        let question = pair.client.question.take().expect("a question");
        assert_eq!((question.algorithm.name, &question.host_key), (name, &public));
        assert_eq!(question.certificate.as_ref(), Some(&certificate));
        pair.client.protocol.accept_host_key(question);
        let mut pair = pair.established();
        assert_eq!(pair.client.protocol.first_host_key(), Some(certificate.blob()));
        assert_eq!(pair.server.protocol.first_host_key(), Some(certificate.blob()));
        let now = pair.now;
        pair.client.protocol.request_key_exchange(now);
        pair.run();
        assert_eq!((pair.client.keys_changed.len(), pair.client.host_keys_asked), (2, 1));
    }
}

#[test]
fn everybody_else_gets_the_bare_key() {
    let plain = Pair::of(client_of(quick()), server_with_certificate(ed25519(7)));
    let without = server_showing(quick(), vec![ed25519(7)], [ed25519(7).public_key().clone()]);
    let none = Pair::of(client_of(preferring("ssh-ed25519-cert-v01@openssh.com")), without);
    for pair in [plain, none] {
        let mut pair = asked(pair);
        let question = pair.client.question.take().expect("a question");
        assert_eq!((question.algorithm.name, &question.certificate), ("ssh-ed25519", &None));
        assert_eq!(&question.host_key, ed25519(7).public_key());
    }
}

/// A server that has a certificate and no bare key is reached by a client that knows no authority, too.
#[test]
fn a_certificate_alone_is_offered() {
    let key = ed25519(7);
    let server = server_showing(quick(), vec![ed25519(7)], [certify(&key)]);
    let mut pair = asked(Pair::of(client_of(quick()), server));
    let question = pair.client.question.take().expect("a question");
    assert_eq!(question.algorithm.name, "ssh-ed25519-cert-v01@openssh.com");
}

/// covers: C12
#[test]
fn a_certificate_that_was_changed_ends_the_connection() {
    let client = client_of(preferring("ssh-ed25519-cert-v01@openssh.com"));
    let mut pair = Pair::of(client, server_with_certificate(ed25519(7)));
    for _ in 0..4 {
        let output = pair.client.output();
        pair.server.receive(&output, pair.now);
        let mut output = pair.server.output();
        if let Some(at) = output.windows(KEY_ID.len()).position(|window| window == KEY_ID.as_bytes()) {
            output[at] = b'T';
        }
        pair.client.receive(&output, pair.now);
    }
    let expected = CertificateError::Signature(SignatureError::Mismatch);
    assert_eq!(pair.client.error, Some(PacketError::HostCertificate(expected)));
    assert_eq!(pair.client.host_keys_asked, 0);
}

/// The certificate is genuine; its key did not sign.
///
/// covers: C12
#[test]
fn a_certificate_of_another_key_proves_nothing() {
    let other = certify(&ed25519(8));
    let mut server = server_showing(quick(), vec![ed25519(7)], [other]);
    server.keys = vec![ed25519(8)];
    // The key that signs is not the one that is certified.
    server.signs_with = Some(ed25519(7));
    let mut pair = Pair::of(client_of(quick()), server);
    pair.run();
    assert_eq!(pair.client.error, Some(PacketError::HostKeySignature(SignatureError::Mismatch)));
    assert_eq!(pair.client.host_keys_asked, 0);
}
