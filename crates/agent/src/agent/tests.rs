//! A client and an agent that talk to each other in memory, and requests made of bytes.

use super::*;
use crate::agent_key::AgentKey;
use crate::client::{AgentClient, extension_names};
use crate::constraint::Constraint;
use crate::error::AddError;
use crate::keyring::{Asking, KeyringConfig};
use crate::request::AddIdentity;
use crate::ticket::{Answer, Signature, Ticket};
use konko_crypto::random::SystemRandom;
use konko_keys::{KeyKind, PrivateKey, signature_algorithm};
use konko_wire::encode::{put_mpint, put_string, put_u32};
use std::time::Duration;

mod destinations;

fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key")
}

fn file(name: &str) -> PrivateKey {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/keys").join(name);
    PrivateKey::from_openssh(&std::fs::read(path).expect("a file"), None).expect("a key")
}

fn blob(key: &PrivateKey) -> Vec<u8> {
    key.public_key().blob().to_vec()
}

fn identity(key: &PrivateKey, constraints: &[Constraint]) -> AddIdentity {
    let key = AgentKey::new(key.clone());
    AddIdentity { key, comment: "a comment".into(), constraints: constraints.to_vec() }
}

/// A connection, and the time.
struct Pair {
    client: AgentClient,
    agent: Agent,
    now: Moment,
}

impl Pair {
    fn new() -> Self {
        let now = Moment { instant: Instant::now(), unix_seconds: 1_800_000_000 };
        Self { client: AgentClient::new(), agent: Agent::new(), now }
    }

    /// Carries bytes to and fro until nothing moves.
    fn run(&mut self, keyring: &mut Keyring) {
        loop {
            let mut moved = false;
            while !self.client.output().is_empty() {
                let room = self.agent.input_buf();
                let pending = self.client.output();
                let n = room.len().min(pending.len()).min(1000);
                if n == 0 {
                    break;
                }
                room[..n].copy_from_slice(&pending[..n]);
                self.client.consume_output(n);
                self.agent.handle_input(self.now.instant, n).expect("taken");
                moved = true;
            }
            self.agent.serve(self.now, keyring).expect("served");
            while !self.agent.output().is_empty() {
                let pending = self.agent.output();
                let room = self.client.input_buf();
                let n = room.len().min(pending.len());
                room[..n].copy_from_slice(&pending[..n]);
                self.agent.consume_output(n);
                self.client.handle_input(self.now.instant, n).expect("taken");
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }

    fn get<T: Answer>(
        &mut self,
        keyring: &mut Keyring,
        ask: impl FnOnce(&mut AgentClient) -> Result<Ticket<T>, AgentError>,
    ) -> Result<T, AgentError> {
        let ticket = ask(&mut self.client)?;
        self.run(keyring);
        self.client.take(&ticket).expect("an answer")
    }

    fn raw(&mut self, keyring: &mut Keyring, message: &[u8]) -> u8 {
        let mut bytes = Vec::new();
        put_string(&mut bytes, message);
        for piece in bytes.chunks(1000) {
            self.agent.input_buf()[..piece.len()].copy_from_slice(piece);
            self.agent.handle_input(self.now.instant, piece.len()).expect("taken");
        }
        self.agent.serve(self.now, keyring).expect("served");
        let number = self.agent.output().get(4).copied().expect("an answer");
        self.agent.consume_output(usize::MAX);
        number
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.unix_seconds += time.as_secs();
    }
}

#[test]
fn every_type_of_key_is_added_listed_used_and_removed() {
    let mut keyring = Keyring::new(KeyringConfig { refuse_sha1: true, ..KeyringConfig::default() });
    let mut pair = Pair::new();
    for name in ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa2048", "rsa3072"] {
        let key = file(name);
        pair.get(&mut keyring, |client| client.add(&identity(&key, &[]))).expect(name);
        let listed = pair.get(&mut keyring, AgentClient::identities).expect("a list");
        assert_eq!((listed.len(), listed[0].comment.as_str()), (1, "a comment"));
        assert_eq!(listed[0].blob, blob(&key));
        for algorithm in signature_algorithm::for_key_type(key.public_key().key_type()) {
            let signed = pair.get(&mut keyring, |client| client.sign(&blob(&key), b"data", algorithm.name));
            if algorithm.legacy {
                assert!(matches!(signed, Err(AgentError::Refused { .. })), "SHA-1 is not for everybody");
                continue;
            }
            let Signature(signature) = signed.expect(algorithm.name);
            key.public_key().verify(algorithm, b"data", &signature).expect(algorithm.name);
        }
        pair.get(&mut keyring, |client| client.remove(&blob(&key))).expect(name);
        assert!(keyring.is_empty());
    }
}

/// covers: E14
#[test]
fn what_is_not_there_is_not_removed_and_does_not_sign() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let key = key();
    pair.get(&mut keyring, |client| client.add(&identity(&key, &[]))).expect("added");
    let whole = blob(&key);
    for other in [&whole[..whole.len() - 1], &[whole.as_slice(), &[0]].concat(), b""] {
        assert!(pair.get(&mut keyring, |client| client.remove(other)).is_err());
        assert!(pair.get(&mut keyring, |client| client.sign(other, b"data", "ssh-ed25519")).is_err());
    }
    pair.get(&mut keyring, AgentClient::remove_all).expect("removed");
    assert!(keyring.is_empty());
    pair.get(&mut keyring, AgentClient::remove_all).expect("nothing to remove is no failure");
}

/// covers: E01, E14
#[test]
fn a_length_that_no_message_has_ends_the_connection() {
    for length in [0u32, 256 * 1024 + 1, u32::MAX] {
        let mut agent = Agent::new();
        agent.input_buf()[..4].copy_from_slice(&length.to_be_bytes());
        let now = Pair::new().now;
        agent.handle_input(now.instant, 4).expect("taken");
        assert!(agent.serve(now, &mut Keyring::default()).is_err(), "{length}");
        assert!(agent.input_buf().is_empty() && agent.is_finished());
    }
    let mut pair = Pair::new();
    let mut longest = vec![0; 256 * 1024];
    longest[0] = 99;
    assert_eq!(pair.raw(&mut Keyring::default(), &longest), 5);
}

/// SECURITY.md's table: numbers that are no request, and smartcards always, are answered with a failure.
///
/// covers: E05
#[test]
fn every_number_is_answered() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    for number in 0..=255u8 {
        let expected = match number {
            11 => 12,
            19 => 6,
            _ => 5,
        };
        assert_eq!(pair.raw(&mut keyring, &[number]), expected, "{number}");
        assert_eq!(pair.raw(&mut keyring, &[number, 0]), 5, "{number} and a byte more");
    }
    let library = pair.get(&mut keyring, |client| client.add_smartcard(b"/tmp/evil.so", b"", &[]));
    assert_eq!(library, Err(AgentError::Refused { request: "SSH_AGENTC_ADD_SMARTCARD_KEY" }));
    let removed = pair.get(&mut keyring, |client| client.remove_smartcard(b"/tmp/evil.so", b""));
    assert_eq!(removed, Err(AgentError::Refused { request: "SSH_AGENTC_REMOVE_SMARTCARD_KEY" }));
}

#[test]
fn extensions_are_listed_and_unknown_ones_refused() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let answer = pair.get(&mut keyring, AgentClient::query).expect("an answer");
    assert_eq!(extension_names(&answer).expect("names"), ["query", "session-bind@openssh.com"]);
    let unknown = pair.get(&mut keyring, |client| client.extension("x@example", b"contents"));
    assert_eq!(unknown, Err(AgentError::Refused { request: "SSH_AGENTC_EXTENSION" }));
    let malformed = pair.get(&mut keyring, |client| client.extension("session-bind@openssh.com", b"?"));
    assert_eq!(malformed, Err(AgentError::ExtensionFailed));
}

/// covers: E03
#[test]
fn a_lifetime_is_kept_to_the_second() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let (short, long) = (key(), key());
    let lifetime = |seconds| [Constraint::Lifetime { seconds }];
    pair.get(&mut keyring, |client| client.add(&identity(&short, &lifetime(60)))).expect("added");
    pair.get(&mut keyring, |client| client.add(&identity(&long, &lifetime(u32::MAX)))).expect("added");
    assert_eq!(keyring.next_expiry(), Some(pair.now.instant + Duration::from_secs(60)));
    pair.pass(Duration::from_secs(59));
    assert!(pair.get(&mut keyring, |client| client.sign(&blob(&short), b"", "ssh-ed25519")).is_ok());
    pair.pass(Duration::from_secs(1));
    assert!(pair.get(&mut keyring, |client| client.sign(&blob(&short), b"", "ssh-ed25519")).is_err());
    assert_eq!(pair.get(&mut keyring, AgentClient::identities).expect("a list").len(), 1);
    let never = pair.get(&mut keyring, |client| client.add(&identity(&short, &lifetime(0))));
    assert!(matches!(never, Err(AgentError::ApiMisuse(_))));
    assert!(matches!(
        keyring.add(identity(&short, &lifetime(0)), pair.now.instant),
        Err(AddError::InvalidConstraint(_))
    ));
    // A key that is added again gets the new lifetime.
    pair.get(&mut keyring, |client| client.add(&identity(&long, &lifetime(5)))).expect("added");
    pair.pass(Duration::from_secs(5));
    assert!(pair.get(&mut keyring, AgentClient::identities).expect("a list").is_empty());

    let default_lifetime = Some(Duration::from_secs(10));
    let mut keyring = Keyring::new(KeyringConfig { default_lifetime, ..KeyringConfig::default() });
    pair.get(&mut keyring, |client| client.add(&identity(&long, &[]))).expect("added");
    pair.pass(Duration::from_secs(10));
    assert!(pair.get(&mut keyring, AgentClient::identities).expect("a list").is_empty());
}

/// covers: E03
#[test]
fn constraints_that_cannot_be_enforced_refuse_the_key() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let key = key();
    for constraint in [
        Constraint::Confirm,
        Constraint::SecurityKeyProvider("internal".into()),
        Constraint::AssociatedCertificates { certificates_only: false, certificates: Vec::new() },
        Constraint::Extension { name: "x@example".into(), details: Vec::new() },
        Constraint::RestrictDestination(Vec::new()),
    ] {
        let result =
            pair.get(&mut keyring, |client| client.add(&identity(&key, std::slice::from_ref(&constraint))));
        assert!(matches!(result, Err(AgentError::Refused { .. })), "{constraint:?}");
    }
    let mut fields = Vec::new();
    identity(&key, &[]).encode(&mut fields).expect("fields");
    for (number, behind, expected) in [
        (25, &[][..], 6),
        (25, &[1, 0, 0, 1][..], 5),
        (25, &[1, 0, 0, 0, 1, 1, 0, 0, 0, 1], 5),
        (25, &[3, 0, 0, 0, 1], 5),
        (25, &[255, 0, 0, 0, 9], 5),
        (17, &[1, 0, 0, 0, 1], 5),
    ] {
        let message = [&[number], fields.as_slice(), behind].concat();
        assert_eq!(pair.raw(&mut keyring, &message), expected, "{behind:?}");
    }
    for length in 0..fields.len() {
        let message = [&[17], &fields[..length]].concat();
        assert_eq!(pair.raw(&mut keyring, &message), 5, "cut off at {length}");
    }
}

/// covers: E04
#[test]
fn private_keys_that_do_not_fit_together_are_refused() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let (one, other) = (key(), key());
    let ed25519 = |public: &[u8], secret: &[u8]| {
        let mut message = vec![17];
        put_string(&mut message, b"ssh-ed25519");
        put_string(&mut message, public);
        put_string(&mut message, secret);
        put_string(&mut message, b"");
        message
    };
    let mut fields = Vec::new();
    identity(&one, &[]).encode(&mut fields).expect("fields");
    let (public, secret) = (fields[19..51].to_vec(), fields[55..119].to_vec());
    assert_eq!(pair.raw(&mut keyring, &ed25519(&public, &secret)), 6);
    keyring.clear();
    let foreign = other.public_key().blob()[19..].to_vec();
    let both = [&secret[..32], foreign.as_slice()].concat();
    assert_eq!(pair.raw(&mut keyring, &ed25519(&foreign, &both)), 5);
    assert_eq!(pair.raw(&mut keyring, &ed25519(&foreign, &secret)), 5);
    for length in (0..130).filter(|length| *length != 64) {
        assert_eq!(pair.raw(&mut keyring, &ed25519(&public, &vec![1; length])), 5, "{length}");
    }
    for length in (0..130).filter(|length| *length != 32) {
        assert_eq!(pair.raw(&mut keyring, &ed25519(&vec![1; length], &secret)), 5, "{length}");
    }
    // RSA of 32768 bits, with zeros, and with numbers that do not belong together.
    for n in [vec![0xff; 4096], vec![0xff; 256], vec![1]] {
        let mut message = vec![17];
        put_string(&mut message, b"ssh-rsa");
        put_mpint(&mut message, &n);
        put_mpint(&mut message, &[1, 0, 1]);
        for number in [&n, &n, &n, &n] {
            put_mpint(&mut message, number);
        }
        put_string(&mut message, b"");
        assert_eq!(pair.raw(&mut keyring, &message), 5);
    }
    for unsupported in ["ssh-dss", "ssh-quantum@example", ""] {
        let mut message = vec![17];
        put_string(&mut message, unsupported.as_bytes());
        message.extend_from_slice(&[0; 64]);
        assert_eq!(pair.raw(&mut keyring, &message), 5);
    }
    assert!(keyring.is_empty());
}

/// covers: E08
#[test]
fn a_locked_agent_shows_and_does_nothing() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let key = key();
    pair.get(&mut keyring, |client| client.add(&identity(&key, &[]))).expect("added");
    pair.get(&mut keyring, |client| client.lock(b"secret")).expect("locked");
    assert!(pair.get(&mut keyring, AgentClient::identities).expect("a list").is_empty());
    assert!(pair.get(&mut keyring, |client| client.sign(&blob(&key), b"", "ssh-ed25519")).is_err());
    assert!(pair.get(&mut keyring, |client| client.add(&identity(&key, &[]))).is_err());
    assert!(pair.get(&mut keyring, |client| client.remove(&blob(&key))).is_err());
    assert!(pair.get(&mut keyring, AgentClient::remove_all).is_err());
    assert!(pair.get(&mut keyring, |client| client.lock(b"other")).is_err());

    // The answer to a wrong passphrase is held back, and so is the judgement of the next on any connection.
    let wrong = pair.client.unlock(b"wrong").expect("asked");
    let right = pair.client.unlock(b"secret").expect("asked");
    pair.run(&mut keyring);
    assert!(pair.client.take(&wrong).is_none());
    let mut second = Pair { now: pair.now, ..Pair::new() };
    let elsewhere = second.client.unlock(b"secret").expect("asked");
    second.run(&mut keyring);
    assert!(second.client.take(&elsewhere).is_none());
    assert_eq!(pair.agent.poll_timeout(), Some(pair.now.instant + Duration::from_millis(100)));
    assert_eq!(second.agent.poll_timeout(), pair.agent.poll_timeout());
    pair.pass(Duration::from_millis(100));
    pair.run(&mut keyring);
    assert!(matches!(pair.client.take(&wrong), Some(Err(AgentError::Refused { .. }))));
    assert!(matches!(pair.client.take(&right), Some(Ok(_))));
    assert_eq!(pair.get(&mut keyring, AgentClient::identities).expect("a list").len(), 1);
    assert!(pair.get(&mut keyring, |client| client.unlock(b"secret")).is_err(), "it is not locked");
}

/// covers: E13
#[test]
fn a_question_holds_up_its_own_connection_only() {
    let mut keyring = Keyring::new(KeyringConfig { can_confirm: true, ..KeyringConfig::default() });
    let (mut pair, mut other) = (Pair::new(), Pair::new());
    let key = key();
    pair.get(&mut keyring, |client| client.add(&identity(&key, &[Constraint::Confirm]))).expect("added");
    let first = pair.client.sign(&blob(&key), b"one", "ssh-ed25519").expect("asked");
    let second = pair.client.sign(&blob(&key), b"two", "ssh-ed25519").expect("asked");
    let third = pair.client.identities().expect("asked");
    pair.run(&mut keyring);
    let question = pair.agent.question().expect("a question").clone();
    assert_eq!((question.key_blob, question.comment.as_str()), (blob(&key), "a comment"));
    assert_eq!(other.get(&mut keyring, AgentClient::identities).expect("a list").len(), 1);
    pair.agent.answer(true);
    assert!(pair.agent.question().is_none());
    pair.run(&mut keyring);
    assert!(matches!(pair.client.take(&first), Some(Ok(_))));
    pair.agent.answer(false);
    pair.run(&mut keyring);
    assert!(matches!(pair.client.take(&second), Some(Err(AgentError::Refused { .. }))));
    assert!(matches!(pair.client.take(&third), Some(Ok(_))));

    // A yes that comes after the key is gone, or after the agent is locked, signs nothing.
    for locked in [false, true] {
        let late = pair.client.sign(&blob(&key), b"late", "ssh-ed25519").expect("asked");
        pair.run(&mut keyring);
        if locked {
            other.get(&mut keyring, |client| client.lock(b"x")).expect("locked");
        } else {
            other.get(&mut keyring, |client| client.remove(&blob(&key))).expect("removed");
        }
        pair.agent.answer(true);
        pair.run(&mut keyring);
        assert!(matches!(pair.client.take(&late), Some(Err(AgentError::Refused { .. }))));
        let again = identity(&key, &[Constraint::Confirm]);
        keyring.add(again, pair.now.instant).expect("added");
    }
}

/// covers: E13
#[test]
fn a_hundred_connections_do_not_get_each_others_answers() {
    let mut keyring = Keyring::default();
    let mut pairs: Vec<_> = (0..100).map(|_| (Pair::new(), key())).collect();
    for (pair, key) in &mut pairs {
        pair.get(&mut keyring, |client| client.add(&identity(key, &[]))).expect("added");
    }
    let mut tickets = Vec::new();
    for (pair, key) in &mut pairs {
        tickets.push(pair.client.sign(&blob(key), b"data", "ssh-ed25519").expect("asked"));
    }
    for (pair, _) in pairs.iter_mut().rev() {
        pair.run(&mut keyring);
    }
    for ((pair, key), ticket) in pairs.iter_mut().zip(tickets) {
        let Signature(signature) = pair.client.take(&ticket).expect("an answer").expect("a signature");
        key.public_key().verify(&signature_algorithm::SSH_ED25519, b"data", &signature).expect("its own");
    }
}

#[test]
fn a_client_that_does_not_read_its_answers_is_not_read_either() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let long = AddIdentity { comment: "x".repeat(200_000), ..identity(&key(), &[]) };
    pair.get(&mut keyring, |client| client.add(&long)).expect("added");
    for _ in 0..60 {
        pair.client.identities().expect("asked");
    }
    while !pair.client.output().is_empty() {
        let pending = pair.client.output().to_vec();
        let room = pair.agent.input_buf();
        let n = room.len().min(pending.len());
        if n == 0 {
            break;
        }
        room[..n].copy_from_slice(&pending[..n]);
        pair.client.consume_output(n);
        pair.agent.handle_input(pair.now.instant, n).expect("taken");
        pair.agent.serve(pair.now, &mut keyring).expect("served");
    }
    assert!(pair.agent.output().len() < 800_000);
    assert!(pair.agent.input_buf().is_empty(), "a whole request waits");
    pair.run(&mut keyring);
    assert!(!pair.client.is_waiting());

    // More than a list can hold is not taken.
    let more = AddIdentity { comment: "x".repeat(100_000), ..identity(&key(), &[]) };
    assert!(matches!(pair.get(&mut keyring, |client| client.add(&more)), Err(AgentError::Refused { .. })));
    assert_eq!(keyring.add(more, pair.now.instant), Err(AddError::Full));
}

/// covers: E12
#[test]
fn a_policy_sees_what_is_to_be_signed() {
    let config = KeyringConfig { asking: Asking::Always, can_confirm: true, ..KeyringConfig::default() };
    let mut keyring = Keyring::new(config);
    let mut pair = Pair::new();
    let key = key();
    pair.get(&mut keyring, |client| client.add(&identity(&key, &[]))).expect("added");
    let mut file = b"SSHSIG".to_vec();
    put_string(&mut file, b"git");
    put_string(&mut file, b"");
    put_string(&mut file, b"sha256");
    put_string(&mut file, &[0; 32]);
    let signature = crate::SignedData::Signature { namespace: "git".into() };
    for (data, meaning) in [(file, signature), (b"noise".to_vec(), crate::SignedData::Other)] {
        let ticket = pair.client.sign(&blob(&key), &data, "ssh-ed25519").expect("asked");
        pair.run(&mut keyring);
        let question = pair.agent.question().expect("a question");
        assert_eq!((&question.data, question.reason), (&meaning, crate::QuestionReason::Policy));
        pair.agent.answer(meaning != crate::SignedData::Other);
        pair.run(&mut keyring);
        let outcome = pair.client.take(&ticket).expect("an answer");
        assert_eq!(outcome.is_ok(), meaning != crate::SignedData::Other);
    }
    let mut strict = Keyring::new(KeyringConfig { refuse_other_data: true, ..KeyringConfig::default() });
    pair.get(&mut strict, |client| client.add(&identity(&key, &[]))).expect("added");
    assert!(pair.get(&mut strict, |client| client.sign(&blob(&key), b"noise", "ssh-ed25519")).is_err());
}

#[test]
fn rsa_flags_choose_the_hash() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let key = file("rsa2048");
    pair.get(&mut keyring, |client| client.add(&identity(&key, &[]))).expect("added");
    for (flags, algorithm) in [
        (0, &signature_algorithm::SSH_RSA),
        (2, &signature_algorithm::RSA_SHA2_256),
        (4, &signature_algorithm::RSA_SHA2_512),
        (6, &signature_algorithm::RSA_SHA2_256),
    ] {
        let signed = pair.get(&mut keyring, |client| client.sign_with_flags(&blob(&key), b"data", flags));
        let Signature(signature) = signed.expect("a signature");
        key.public_key().verify(algorithm, b"data", &signature).expect("under the algorithm of the flags");
    }
}

#[test]
fn the_end_of_the_input_is_no_end_while_something_is_unanswered() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let mut request = Vec::new();
    put_string(&mut request, &[11]);
    pair.agent.input_buf()[..5].copy_from_slice(&request);
    pair.agent.handle_input(pair.now.instant, 5).expect("taken");
    pair.agent.handle_eof(pair.now.instant).expect("taken");
    assert!(!pair.agent.is_finished());
    pair.agent.serve(pair.now, &mut keyring).expect("served");
    assert!(!pair.agent.is_finished());
    let mut expected = Vec::new();
    put_u32(&mut expected, 5);
    assert_eq!(pair.agent.output(), [expected.as_slice(), &[12, 0, 0, 0, 0]].concat());
    pair.agent.consume_output(usize::MAX);
    assert!(pair.agent.is_finished());
}

#[test]
fn what_was_answered_can_be_written_down() {
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    assert_eq!((pair.raw(&mut keyring, &[11]), pair.raw(&mut keyring, &[99])), (12, 5));
    let listed = Handled { request: Some("SSH_AGENTC_REQUEST_IDENTITIES"), succeeded: true };
    assert_eq!(pair.agent.poll_handled(), Some(listed));
    assert_eq!(pair.agent.poll_handled(), Some(Handled { request: None, succeeded: false }));
    assert_eq!(pair.agent.poll_handled(), None);
}
