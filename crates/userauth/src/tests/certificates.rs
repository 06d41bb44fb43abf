//! Certificates in the place of keys, in publickey and hostbased requests (OpenSSH PROTOCOL.certkeys).

use konko_keys::certificate::Certificate;
use konko_keys::certificate_builder::CertificateBuilder;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::signature_algorithm::{
    ECDSA_SHA2_NISTP256_CERT_V01, RSA_SHA2_256_CERT_V01, SSH_ED25519, SSH_ED25519_CERT_V01,
    SignatureAlgorithm,
};

use crate::attempt::AttemptKind;
use crate::client_method::Method;
use crate::error::AuthError;
use crate::event::ClientAuthEvent;
use crate::server::ServerAuthConfig;
use crate::signed_request::SignedRequest;
use crate::tests::connection::{
    Connection, SESSION_ID, Seed, Sink, attempt, client, failure, key, key_fields, request, server,
    server_with,
};

/// A certificate for the key of seed 1, by the authority of seed 9.
fn certificate(kind: CertificateKind) -> Certificate {
    CertificateBuilder::new(kind, key(1).public_key(), "test")
        .principals(["alice"])
        .sign(&key(9), &SSH_ED25519, &mut Seed(3))
        .expect("a certificate")
}

fn method(algorithm: &'static SignatureAlgorithm, query_first: bool) -> Method {
    Method::Certificate { certificate: certificate(CertificateKind::User), algorithm, query_first }
}

#[test]
fn a_login_with_a_certificate_from_query_to_success() {
    for host_bound in [false, true] {
        let mut connection = Connection::new();
        if host_bound {
            connection.client.set_host_key(b"host key");
            connection.client.set_server_knows_host_bound(true);
            connection.server.set_host_key(b"host key");
        }
        connection.begin(method(&SSH_ED25519_CERT_V01, true));
        let query = connection.attempt();
        assert!(matches!(&query.kind, AttemptKind::CertificateQuery { certificate: shown, algorithm }
                if *shown == certificate(CertificateKind::User) && **algorithm == SSH_ED25519_CERT_V01));
        connection.server.accept(query, &mut connection.to_client).expect("answered");
        let mut events = connection.events();
        let Some(ClientAuthEvent::SignatureWanted(question)) = events.pop() else { panic!("{events:?}") };
        // The signature bears the name of the plain algorithm, and the plain key makes it.
        assert_eq!(question.algorithm, &SSH_ED25519);
        assert_eq!(&question.key, key(1).public_key());
        assert_eq!(question.certificate, Some(certificate(CertificateKind::User)));
        let signature = key(1).sign(question.algorithm, &question.data).expect("a signature");
        connection
            .client
            .provide_signature(question, signature, &mut connection.to_server)
            .expect("the question is open");
        let proof = connection.attempt();
        assert!(matches!(&proof.kind, AttemptKind::Certificate { certificate: shown, assertion: None, .. }
                if *shown == certificate(CertificateKind::User)));
        connection.finish(proof);
    }
}

fn signed(blob: &[u8], algorithm: &str, signer: u8) -> Vec<u8> {
    let data = SignedRequest {
        session_id: SESSION_ID,
        user_name: "alice",
        service_name: "ssh-connection",
        algorithm,
        public_key: blob,
        host_key: None,
    }
    .to_bytes();
    key(signer).sign(&SSH_ED25519, &data).expect("a signature")
}

/// covers: A23
#[test]
fn algorithm_and_certificate_must_belong_together() {
    let name = SSH_ED25519_CERT_V01.name;
    let user = certificate(CertificateKind::User).blob().to_vec();
    let host = certificate(CertificateKind::Host).blob().to_vec();
    let plain = key(1).public_key().blob().to_vec();
    let mut altered = user.clone();
    // In the nonce, which the authority has signed.
    altered[4 + name.len() + 4] ^= 1;
    let truncated = user[..user.len() - 1].to_vec();
    for (what, algorithm, blob) in [
        ("a plain algorithm for a certificate", "ssh-ed25519", &user),
        ("an algorithm of certificates for a plain key", name, &plain),
        ("another type", ECDSA_SHA2_NISTP256_CERT_V01.name, &user),
        ("a certificate for hosts", name, &host),
        ("an altered certificate", name, &altered),
        ("a truncated certificate", name, &truncated),
    ] {
        for signature in [None, Some(signed(blob, algorithm, 1))] {
            let (mut server, mut out) = (server(), Sink::default());
            let fields = key_fields(algorithm, blob, signature.as_deref());
            let result = server.handle(&request(b"alice", b"publickey", &fields), &mut out);
            assert!(matches!(result, Ok(None)), "{what}: {result:?}");
            assert!(!failure(&mut out).1, "{what}");
            assert_eq!(server.failures(), u32::from(signature.is_some()), "{what}: only a proof counts");
        }
    }
    for (what, signature) in [
        ("another key's signature", signed(&user, name, 2)),
        ("the authority's signature", signed(&user, name, 9)),
        ("a signature over the plain key", signed(&plain, "ssh-ed25519", 1)),
    ] {
        let (mut server, mut out) = (server(), Sink::default());
        let fields = key_fields(name, &user, Some(&signature));
        let result = server.handle(&request(b"alice", b"publickey", &fields), &mut out);
        assert!(matches!(result, Ok(None)), "{what}: {result:?}");
    }
    let fields = key_fields(name, &user, Some(&signed(&user, name, 1)));
    let proof = attempt(server().handle(&request(b"alice", b"publickey", &fields), &mut Sink::default()));
    assert!(matches!(proof.kind, AttemptKind::Certificate { .. }));
}

#[test]
fn a_server_may_take_no_certificates_at_all() {
    let config = ServerAuthConfig { signature_algorithms: vec![&SSH_ED25519], ..ServerAuthConfig::default() };
    let (mut server, mut out) = (server_with(config), Sink::default());
    let blob = certificate(CertificateKind::User).blob().to_vec();
    let fields = key_fields(SSH_ED25519_CERT_V01.name, &blob, None);
    assert!(matches!(server.handle(&request(b"alice", b"publickey", &fields), &mut out), Ok(None)));
    assert!(!failure(&mut out).1);
}

#[test]
fn a_client_does_not_begin_with_an_algorithm_that_does_not_fit() {
    for algorithm in [&SSH_ED25519, &RSA_SHA2_256_CERT_V01] {
        let mut out = Sink::default();
        let error = client().begin("alice", method(algorithm, true), &mut out);
        assert!(matches!(error, Err(AuthError::ApiMisuse(_))), "{error:?}");
        assert!(out.0.is_empty());
    }
}

#[test]
fn a_host_may_show_a_certificate() {
    let mut connection = Connection::new();
    connection.begin(Method::HostBased {
        key: certificate(CertificateKind::Host).into(),
        algorithm: &SSH_ED25519_CERT_V01,
        client_host_name: "client.example.org".to_owned(),
        client_user_name: "al".to_owned(),
    });
    let Some(ClientAuthEvent::SignatureWanted(question)) = connection.client.poll_event() else {
        panic!("no question")
    };
    assert_eq!(question.algorithm, &SSH_ED25519);
    let signature = key(1).sign(question.algorithm, &question.data).expect("a signature");
    connection
        .client
        .provide_signature(question, signature, &mut connection.to_server)
        .expect("the question is open");
    let proof = connection.attempt();
    assert!(matches!(&proof.kind, AttemptKind::HostBased { key, .. }
        if key.certificate() == Some(&certificate(CertificateKind::Host))));
    connection.finish(proof);
}
