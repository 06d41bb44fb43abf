//! `hostbased` (RFC 4252 §9), from both sides.

use konko_keys::identity::Identity;
use konko_keys::signature_algorithm::{RSA_SHA2_256, SSH_ED25519};
use konko_wire::encode::{Encode, put_string};
use konko_wire::message::userauth::UserauthPkOk;

use crate::attempt::AttemptKind;
use crate::client_method::Method;
use crate::error::AuthError;
use crate::event::ClientAuthEvent;
use crate::method_name::MethodName;
use crate::server::{ServerAuth, ServerAuthConfig};
use crate::signed_request::SignedHostRequest;
use crate::tests::connection::{
    Connection, SESSION_ID, Sink, attempt, client, failure, key, request, rsa_blob, server,
};

fn method() -> Method {
    Method::HostBased {
        key: key(7).public_key().clone().into(),
        algorithm: &SSH_ED25519,
        client_host_name: "client.example.org.".to_owned(),
        client_user_name: "al".to_owned(),
    }
}

fn fields(algorithm: &str, blob: &[u8], host: &[u8], user: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    for part in [algorithm.as_bytes(), blob, host, user, signature] {
        put_string(&mut fields, part);
    }
    fields
}

#[test]
fn a_host_vouches_for_its_user() {
    let mut connection = Connection::new();
    connection.begin(method());
    assert!(connection.to_server.0.is_empty(), "nothing is sent before it is signed");
    let Some(ClientAuthEvent::SignatureWanted(question)) = connection.client.poll_event() else {
        panic!("no question")
    };
    assert_eq!(&question.key, key(7).public_key());
    let signature = key(7).sign(question.algorithm, &question.data).expect("a signature");
    connection
        .client
        .provide_signature(question, signature, &mut connection.to_server)
        .expect("the question is open");
    let proof = connection.attempt();
    match &proof.kind {
        AttemptKind::HostBased { key: proved, algorithm, client_host_name, client_user_name } => {
            assert_eq!(proved.blob(), key(7).public_key().blob());
            assert!(proved.certificate().is_none());
            assert_eq!(algorithm.name, "ssh-ed25519");
            // The dot that ends a fully qualified name is not a part of it to compare.
            assert_eq!((client_host_name.as_str(), client_user_name.as_str()), ("client.example.org", "al"));
        }
        other => panic!("{other:?}"),
    }
    connection.finish(proof);
}

#[test]
fn a_refused_host_counts_and_another_method_may_follow() {
    let mut connection = Connection::new();
    connection.begin(method());
    let Some(ClientAuthEvent::SignatureWanted(question)) = connection.client.poll_event() else {
        panic!("no question")
    };
    let signature = key(7).sign(question.algorithm, &question.data).expect("a signature");
    connection
        .client
        .provide_signature(question, signature, &mut connection.to_server)
        .expect("the question is open");
    let proof = connection.attempt();
    connection.server.reject(proof, &mut connection.to_client).expect("rejected");
    assert_eq!(connection.server.failures(), 1);
    assert!(matches!(connection.event(), ClientAuthEvent::Failure { partial_success: false, .. }));
    connection.begin(Method::None);
    let none = connection.attempt();
    connection.finish(none);
}

/// The signature of key 7 over these values.
fn signature(
    session_id: &[u8],
    user: &str,
    algorithm: &str,
    seed: u8,
    host: &[u8],
    remote: &[u8],
) -> Vec<u8> {
    let named = key(seed);
    let data = SignedHostRequest {
        session_id,
        user_name: user,
        service_name: "ssh-connection",
        algorithm,
        public_key: named.public_key().blob(),
        client_host_name: host,
        client_user_name: remote,
    }
    .to_bytes();
    key(7).sign(&SSH_ED25519, &data).expect("a signature")
}

/// covers: A25 A23
#[test]
fn the_signature_binds_everything_that_is_claimed() {
    let (algorithm, host, user) = ("ssh-ed25519", &b"h.example.org"[..], &b"al"[..]);
    let blob = key(7).public_key().blob().to_vec();
    let good = signature(SESSION_ID, "alice", algorithm, 7, host, user);
    let accepted = attempt(server().handle(
        &request(b"alice", b"hostbased", &fields(algorithm, &blob, host, user, &good)),
        &mut Sink::default(),
    ));
    assert!(matches!(accepted.kind, AttemptKind::HostBased { .. }));

    let other = key(8).public_key().blob().to_vec();
    for (what, fields) in [
        (
            "session",
            fields(algorithm, &blob, host, user, &signature(b"x", "alice", algorithm, 7, host, user)),
        ),
        (
            "user",
            fields(algorithm, &blob, host, user, &signature(SESSION_ID, "bob", algorithm, 7, host, user)),
        ),
        ("algorithm", {
            let signature = signature(SESSION_ID, "alice", "rsa-sha2-256", 7, host, user);
            fields(algorithm, &blob, host, user, &signature)
        }),
        ("key", fields(algorithm, &other, host, user, &good)),
        ("host", fields(algorithm, &blob, b"other.example.org", user, &good)),
        ("the dot of the host", fields(algorithm, &blob, b"h.example.org.", user, &good)),
        ("client's user", fields(algorithm, &blob, host, b"root", &good)),
        ("unknown algorithm", fields("ssh-unknown", &blob, host, user, &good)),
        ("type", fields("rsa-sha2-256", &blob, host, user, &good)),
        ("size", fields("rsa-sha2-256", &rsa_blob(1024), host, user, &good)),
        ("no host", fields(algorithm, &blob, b"", user, &good)),
        ("not a host", fields(algorithm, &blob, b"h example", user, &good)),
        ("a long host", fields(algorithm, &blob, &[b'h'; 257], user, &good)),
        ("a long user", fields(algorithm, &blob, host, &[b'u'; 256], &good)),
        ("not UTF-8", fields(algorithm, &blob, host, b"\xff", &good)),
        ("no signature", fields(algorithm, &blob, host, user, b"")),
    ] {
        let (mut server, mut out) = (server(), Sink::default());
        let result = server.handle(&request(b"alice", b"hostbased", &fields), &mut out);
        assert!(matches!(result, Ok(None)), "{what}: {result:?}");
        assert_eq!((failure(&mut out).1, server.failures()), (false, 1), "{what}");
    }
}

/// A proof of the method publickey is none of the method hostbased, and the other way round.
#[test]
fn a_server_that_does_not_offer_it_refuses_it_unread() {
    let config = ServerAuthConfig { methods: vec![MethodName::PublicKey], ..ServerAuthConfig::default() };
    let mut server = ServerAuth::new(config);
    server.set_session_id(SESSION_ID);
    let mut out = Sink::default();
    assert!(matches!(server.handle(&request(b"alice", b"hostbased", b"\0"), &mut out), Ok(None)));
    assert_eq!(failure(&mut out), ("publickey".to_owned(), false));
}

#[test]
fn a_truncated_request_is_malformed() {
    let blob = key(7).public_key().blob().to_vec();
    let good = signature(SESSION_ID, "alice", "ssh-ed25519", 7, b"h", b"al");
    let whole = fields("ssh-ed25519", &blob, b"h", b"al", &good);
    for len in 0..whole.len() {
        let result = server().handle(&request(b"alice", b"hostbased", &whole[..len]), &mut Sink::default());
        assert!(matches!(result, Err(AuthError::Decode(..))), "{len}: {result:?}");
    }
}

/// covers: C05
#[test]
fn message_60_does_not_answer_it() {
    let (mut client, mut out) = (client(), Sink::default());
    client.begin("alice", method(), &mut out).expect("an attempt may begin");
    let Some(ClientAuthEvent::SignatureWanted(question)) = client.poll_event() else { panic!("no question") };
    client.provide_signature(question, vec![0; 83], &mut out).expect("the question is open");
    let ok = UserauthPkOk { algorithm: b"ssh-ed25519", public_key: key(7).public_key().blob() }.to_vec();
    let error = client.handle(&ok, &mut out).expect_err("refused");
    assert_eq!(error, AuthError::PeerMisbehaved("message 60 in answer to the method hostbased"));
}

#[test]
fn what_no_server_can_take_is_not_begun() {
    let key = Identity::from(key(7).public_key().clone());
    let method = |algorithm, host: &str, user: &str| Method::HostBased {
        key: key.clone(),
        algorithm,
        client_host_name: host.to_owned(),
        client_user_name: user.to_owned(),
    };
    for broken in [
        method(&RSA_SHA2_256, "h", "al"),
        method(&SSH_ED25519, "", "al"),
        method(&SSH_ED25519, "h h", "al"),
        method(&SSH_ED25519, "h", &"u".repeat(256)),
    ] {
        let (mut client, mut out) = (client(), Sink::default());
        assert!(matches!(client.begin("alice", broken, &mut out), Err(AuthError::ApiMisuse(_))));
        assert!(out.0.is_empty() && client.poll_event().is_none());
        client.begin("alice", Method::None, &mut out).expect("another may begin");
    }
}
