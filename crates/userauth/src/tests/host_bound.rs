//! `publickey-hostbound-v00@openssh.com`: proofs that say to which server they are made (OpenSSH PROTOCOL §3.1).

use konko_keys::signature_algorithm::SSH_ED25519;
use konko_wire::decode::{Reader, Rest};
use konko_wire::encode::Encode;
use konko_wire::message::userauth::{UserauthFailure, UserauthPkOk, UserauthRequest};
use konko_wire::name_list::NameList;

use crate::attempt::AttemptKind;
use crate::client::{ClientAuth, ClientAuthConfig};
use crate::error::AuthError;
use crate::event::ClientAuthEvent;
use crate::question::SignatureQuestion;
use crate::server::ServerAuth;
use crate::signed_request::SignedRequest;
use crate::tests::connection::{
    Connection, SESSION_ID, Sink, attempt, bound_fields, client_with, failure, key, key_fields, key_method,
    request, server,
};

const METHOD: &str = "publickey-hostbound-v00@openssh.com";
const HOST_KEY: &[u8] = b"the server's host key";

fn server_with_host_key() -> ServerAuth {
    let mut server = server();
    server.set_host_key(HOST_KEY);
    server
}

/// A signature by key 1 over a request that names these values.
fn signature(session_id: &[u8], host_key: Option<&[u8]>) -> Vec<u8> {
    let signer = key(1);
    let data = SignedRequest {
        session_id,
        user_name: "alice",
        service_name: "ssh-connection",
        algorithm: "ssh-ed25519",
        public_key: signer.public_key().blob(),
        host_key,
    }
    .to_bytes();
    signer.sign(&SSH_ED25519, &data).expect("a signature")
}

fn bound_request(host_key: &[u8], signature: Option<&[u8]>) -> Vec<u8> {
    let fields = bound_fields("ssh-ed25519", key(1).public_key().blob(), host_key, signature);
    request(b"alice", METHOD.as_bytes(), &fields)
}

/// covers: A25
#[test]
fn a_server_takes_what_was_signed_for_it_and_nothing_else() {
    let good = signature(SESSION_ID, Some(HOST_KEY));
    for (what, named, signature, accepted) in [
        ("its own key", HOST_KEY, good.clone(), true),
        ("another key named", &b"another host key"[..], good.clone(), false),
        (
            "another key named and signed",
            b"another host key",
            signature(SESSION_ID, Some(b"another host key")),
            false,
        ),
        ("another key signed", HOST_KEY, signature(SESSION_ID, Some(b"another host key")), false),
        ("no key signed", HOST_KEY, signature(SESSION_ID, None), false),
        ("no key named", b"", good.clone(), false),
        ("another session", HOST_KEY, signature(b"another session", Some(HOST_KEY)), false),
    ] {
        let (mut server, mut out) = (server_with_host_key(), Sink::default());
        let result = server.handle(&bound_request(named, Some(&signature)), &mut out);
        if accepted {
            let proof = attempt(result);
            let proved = matches!(&proof.kind, AttemptKind::PublicKey { key: proved, assertion: None, .. }
                if proved == key(1).public_key());
            assert!(proved, "{what}");
            server.accept(proof, &mut out).expect("the attempt is open");
            assert!(server.is_done(), "{what}");
        } else {
            assert!(matches!(result, Ok(None)), "{what}: {result:?}");
            assert_eq!((failure(&mut out).1, server.failures()), (false, 1), "{what}");
        }
    }
    // A bound signature does not serve as an unbound one.
    let (mut server, mut out) = (server_with_host_key(), Sink::default());
    let fields = key_fields("ssh-ed25519", key(1).public_key().blob(), Some(&good));
    assert!(matches!(server.handle(&request(b"alice", b"publickey", &fields), &mut out), Ok(None)));
}

#[test]
fn a_server_answers_bound_queries_and_does_not_list_the_method() {
    let (mut server, mut out) = (server_with_host_key(), Sink::default());
    let query = attempt(server.handle(&bound_request(HOST_KEY, None), &mut out));
    assert!(matches!(query.kind, AttemptKind::PublicKeyQuery { .. }));
    server.accept(query, &mut out).expect("answered");
    let expected =
        UserauthPkOk { algorithm: b"ssh-ed25519", public_key: key(1).public_key().blob() }.to_vec();
    assert_eq!(std::mem::take(&mut out.0), [expected]);
    assert!(matches!(server.handle(&bound_request(b"another", None), &mut out), Ok(None)));
    assert_eq!(
        (failure(&mut out).0.as_str(), server.failures()),
        ("publickey,password,keyboard-interactive,hostbased", 0)
    );
}

#[test]
fn a_truncated_bound_request_is_malformed() {
    let good = signature(SESSION_ID, Some(HOST_KEY));
    let signer = key(1);
    for signature in [None, Some(&good[..])] {
        let fields = bound_fields("ssh-ed25519", signer.public_key().blob(), HOST_KEY, signature);
        for len in 0..fields.len() {
            let payload = request(b"alice", METHOD.as_bytes(), &fields[..len]);
            let result = server_with_host_key().handle(&payload, &mut Sink::default());
            assert!(matches!(result, Err(AuthError::Decode(..))), "{len}: {result:?}");
        }
    }
}

#[test]
fn where_publickey_is_not_offered_the_bound_method_is_not_either() {
    let (mut server, mut out) = (server_with_host_key(), Sink::default());
    let password = attempt(server.handle(
        &request(b"alice", b"publickey", &key_fields("ssh-ed25519", key(1).public_key().blob(), None)),
        &mut out,
    ));
    server.reject(password, &mut out).expect("rejected");
    let first = signature(SESSION_ID, Some(HOST_KEY));
    let proof = attempt(server.handle(&bound_request(HOST_KEY, Some(&first)), &mut out));
    server.accept_partially(proof, &["password"], &mut out).expect("accepted");
    out.0.clear();
    assert!(matches!(server.handle(&bound_request(HOST_KEY, Some(&first)), &mut out), Ok(None)));
    assert_eq!(failure(&mut out), ("password".to_owned(), false));
}

fn question(client: &mut ClientAuth) -> SignatureQuestion {
    match client.poll_event() {
        Some(ClientAuthEvent::SignatureWanted(question)) => question,
        other => panic!("a question was expected, not {other:?}"),
    }
}

/// What the client says in its proof: the method, and the host key if it names one.
fn proof_of(mut client: ClientAuth) -> (String, Option<Vec<u8>>) {
    let mut out = Sink::default();
    client.begin("alice", key_method(1, false), &mut out).expect("an attempt may begin");
    let question = question(&mut client);
    let signature = key(1).sign(question.algorithm, &question.data).expect("a signature");
    client.provide_signature(question, signature, &mut out).expect("the question is open");
    let sent = UserauthRequest::decode(&out.0[0]).expect("a request");
    let method = String::from_utf8(sent.method_name.to_vec()).expect("a name");
    let Rest(fields) = sent.method_fields;
    let mut reader = Reader::new(fields);
    assert!(reader.read_bool().expect("a flag"));
    for _ in 0..2 {
        reader.read_string().expect("algorithm and key");
    }
    let host_key = (method == METHOD).then(|| reader.read_string().expect("a host key").to_vec());
    reader.read_string().expect("a signature");
    reader.finish().expect("nothing more");
    (method, host_key)
}

#[test]
fn a_client_binds_its_proof_where_the_server_knows_how_and_the_key_is_known() {
    for (knows, host_key, enabled, bound) in [
        (true, true, true, true),
        (false, true, true, false),
        (true, false, true, false),
        (true, true, false, false),
    ] {
        let mut client = client_with(ClientAuthConfig { host_bound: enabled, ..ClientAuthConfig::default() });
        client.set_server_knows_host_bound(knows);
        if host_key {
            client.set_host_key(HOST_KEY);
        }
        let expected = if bound { (METHOD, Some(HOST_KEY.to_vec())) } else { ("publickey", None) };
        let (method, host_key) = proof_of(client);
        assert_eq!((method.as_str(), host_key), expected);
    }
}

#[test]
fn a_bound_login_from_query_to_success() {
    for server_host_key in [HOST_KEY, b"what a server in between shows"] {
        let mut connection = Connection::new();
        connection.client.set_host_key(HOST_KEY);
        connection.client.set_server_knows_host_bound(true);
        connection.server.set_host_key(server_host_key);
        connection.begin(key_method(1, true));
        let query = connection.attempt();
        connection.server.accept(query, &mut connection.to_client).expect("answered");
        let mut events = connection.events();
        let Some(ClientAuthEvent::SignatureWanted(question)) = events.pop() else { panic!("{events:?}") };
        let signature = key(1).sign(question.algorithm, &question.data).expect("a signature");
        connection
            .client
            .provide_signature(question, signature, &mut connection.to_server)
            .expect("the question is open");
        if server_host_key == HOST_KEY {
            let proof = connection.attempt();
            connection.finish(proof);
        } else {
            // covers: A25
            let payload = connection.to_server.0.remove(0);
            let result = connection.server.handle(&payload, &mut connection.to_client);
            assert!(matches!(result, Ok(None)), "{result:?}");
            let event = connection.event();
            assert!(matches!(event, ClientAuthEvent::Failure { partial_success: false, .. }), "{event:?}");
        }
    }
}

/// Whoever signs may refuse to, before anything is sent, and the next key may be tried.
#[test]
fn a_signer_that_refuses_ends_the_attempt_only() {
    let (mut client, mut out) = (client_with(ClientAuthConfig::default()), Sink::default());
    for seed in 1..4 {
        client.begin("alice", key_method(seed, false), &mut out).expect("an attempt may begin");
        let question = question(&mut client);
        client.refuse_signature(question).expect("the question is open");
        assert!(matches!(client.poll_event(), Some(ClientAuthEvent::Abandoned)));
    }
    assert!(out.0.is_empty());
    // After a query has been answered the server waits for nothing either (RFC 4252 §7).
    client.begin("alice", key_method(4, true), &mut out).expect("an attempt may begin");
    let ok = UserauthPkOk { algorithm: b"ssh-ed25519", public_key: key(4).public_key().blob() }.to_vec();
    let event = client.handle(&ok, &mut out).expect("PK_OK for what was asked");
    assert!(matches!(event, Some(ClientAuthEvent::KeyAcceptable)));
    let question = question(&mut client);
    client.refuse_signature(question).expect("the question is open");
    client.poll_event();
    client.begin("alice", key_method(5, true), &mut out).expect("the next key");
    assert_eq!(out.numbers(), [50, 50]);
    let refusal =
        UserauthFailure { methods_that_can_continue: NameList::of("publickey"), partial_success: false };
    let event = client.handle(&refusal.to_vec(), &mut out).expect("a refusal");
    assert!(matches!(event, Some(ClientAuthEvent::Failure { .. })));
}
