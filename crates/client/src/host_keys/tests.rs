use super::*;
use crate::sshfp::{SharedResolver, SshfpRecord, SshfpResolver};
use konko_transport::crypto::random::SystemRandom;
use konko_transport::keys::certificate_builder::CertificateBuilder;
use konko_transport::keys::certificate_kind::CertificateKind;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
use konko_transport::keys::signature_algorithm::SSH_ED25519;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

fn key(kind: KeyKind) -> PublicKey {
    PrivateKey::generate(kind, &mut SystemRandom).expect("a key").public_key().clone()
}

struct Answers(HostKeyAnswer, AtomicUsize);

impl HostKeyPrompter for Answers {
    fn ask<'a>(&'a self, _question: &'a UnknownHostKey) -> BoxedFuture<'a, HostKeyAnswer> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { self.0 })
    }
}

struct ByFingerprint(String);

impl HostKeyVerifier for ByFingerprint {
    fn verify<'a>(&'a self, _name: &'a HostName, key: &'a PublicKey) -> BoxedFuture<'a, Result<(), String>> {
        let right = key.fingerprint().to_string() == self.0;
        Box::pin(async move { if right { Ok(()) } else { Err("another fingerprint".to_owned()) } })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Unknown,
    Known,
    OtherType,
    Changed,
    Revoked,
}

fn name() -> HostName {
    HostName::new("example.org", 2222)
}

fn prepare(path: &Path, state: State, shown: &PublicKey) {
    let line = |key: &PublicKey| format!("[example.org]:2222 {}\n", key.to_openssh(""));
    let text = match state {
        State::Unknown => format!("other.example.org {}\n", shown.to_openssh("")),
        State::Known => line(shown),
        State::OtherType => line(&key(KeyKind::EcdsaP256)),
        State::Changed => line(&key(KeyKind::Ed25519)),
        State::Revoked => format!("{}@revoked * {}\n", line(shown), shown.to_openssh("")),
    };
    std::fs::write(path, text).expect("written");
}

/// Policy × state of the files: accepted or not, and added or not. covers: C03
#[tokio::test]
async fn every_policy_in_every_state() {
    use State::{Changed, Known, OtherType, Revoked, Unknown};
    type Policy = fn(KnownHostsFiles) -> HostKeyPolicy;
    type Row<'a> = (&'a str, &'a dyn Fn(KnownHostsFiles) -> HostKeyPolicy, &'a [State], &'a [State]);
    let ask = |answer| move |files| HostKeyPolicy::Ask(files, Arc::new(Answers(answer, AtomicUsize::new(0))));
    let (yes, once, no) =
        (ask(HostKeyAnswer::Accept), ask(HostKeyAnswer::AcceptOnce), ask(HostKeyAnswer::Refuse));
    let policies: [Row<'_>; 5] = [
        ("strict", &(HostKeyPolicy::Strict as Policy), &[Known], &[]),
        ("accept-new", &(HostKeyPolicy::AcceptNew as Policy), &[Known, Unknown], &[Unknown]),
        ("ask: yes", &yes, &[Known, Unknown, OtherType], &[Unknown, OtherType]),
        ("ask: once", &once, &[Known, Unknown, OtherType], &[]),
        ("ask: no", &no, &[Known], &[]),
    ];
    let shown = key(KeyKind::Ed25519);
    for (policy_name, policy, accepted, added) in policies {
        for state in [Unknown, Known, OtherType, Changed, Revoked] {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("known_hosts");
            prepare(&path, state, &shown);
            let before = std::fs::read_to_string(&path).expect("the file");
            let result = policy(KnownHostsFiles::only(&path)).verify(&name(), &shown).await;
            assert_eq!(result.is_ok(), accepted.contains(&state), "{policy_name}, {state:?}: {result:?}");
            match (state, result) {
                (Changed, result) => assert!(matches!(result, Err(Error::HostKeyChanged(_)))),
                (OtherType, Err(Error::HostKeyChanged(_))) => assert_eq!(policy_name, "accept-new"),
                (Revoked, result) => assert!(matches!(result, Err(Error::HostKeyRevoked { line: 2, .. }))),
                (_, Err(error)) => assert!(matches!(error, Error::HostKeyUnknown { .. })),
                (_, Ok(())) => {}
            }
            let after = std::fs::read_to_string(&path).expect("the file");
            let expected = if added.contains(&state) {
                format!("{before}[example.org]:2222 {}\n", shown.to_openssh(""))
            } else {
                before
            };
            assert_eq!(after, expected, "{policy_name}, {state:?}");
        }
    }
}

#[tokio::test]
async fn nobody_is_asked_about_what_is_known_or_must_be_refused() {
    let shown = key(KeyKind::Ed25519);
    for (state, asked) in [(State::Known, 0), (State::Changed, 0), (State::Revoked, 0), (State::Unknown, 1)] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("known_hosts");
        prepare(&path, state, &shown);
        let prompter = Arc::new(Answers(HostKeyAnswer::Accept, AtomicUsize::new(0)));
        let policy = HostKeyPolicy::Ask(KnownHostsFiles::only(&path), Arc::clone(&prompter) as _);
        let _ = policy.verify(&name(), &shown).await;
        assert_eq!(prompter.1.load(Ordering::Relaxed), asked, "{state:?}");
    }
}

#[tokio::test]
async fn a_change_names_file_line_and_both_fingerprints() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("known_hosts");
    let (old, shown) = (key(KeyKind::Ed25519), key(KeyKind::Ed25519));
    std::fs::write(&path, format!("# first line\n[example.org]:2222 {}\n", old.to_openssh("")))
        .expect("written");
    let policy = HostKeyPolicy::AcceptNew(KnownHostsFiles::only(&path));
    let error = policy.verify(&name(), &shown).await.expect_err("changed").to_string();
    for part in [
        "line 2",
        path.to_str().expect("a path"),
        &old.fingerprint().to_string(),
        &shown.fingerprint().to_string(),
        "-R '[example.org]:2222'",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[tokio::test]
async fn a_verifier_of_ones_own_decides() {
    let (right, wrong) = (key(KeyKind::Ed25519), key(KeyKind::Ed25519));
    let policy = HostKeyPolicy::Custom(Arc::new(ByFingerprint(right.fingerprint().to_string())));
    assert!(policy.verify(&name(), &right).await.is_ok());
    let error = policy.verify(&name(), &wrong).await.expect_err("refused");
    assert!(matches!(error, Error::HostKeyRejected { reason, .. } if reason == "another fingerprint"));
}

/// covers: C02
#[tokio::test]
async fn an_error_is_not_a_yes() {
    let directory = tempfile::tempdir().expect("a directory");
    let policy = HostKeyPolicy::AcceptNew(KnownHostsFiles::only(directory.path()));
    let error = policy.verify(&name(), &key(KeyKind::Ed25519)).await.expect_err("refused");
    assert!(matches!(error, Error::KnownHosts { .. }));
}

/// Answers with records of a key.
struct Records(SshfpAnswer);

impl SshfpResolver for Records {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxedFuture<'a, Result<SshfpAnswer, String>> {
        let answer = if host == "example.org" { Ok(self.0.clone()) } else { Err("another name".to_owned()) };
        Box::pin(async move { answer })
    }
}

/// Remembers what the DNS said, and refuses.
#[derive(Default)]
struct Hint(std::sync::Mutex<Option<SshfpVerdict>>);

impl HostKeyPrompter for Hint {
    fn ask<'a>(&'a self, question: &'a UnknownHostKey) -> BoxedFuture<'a, HostKeyAnswer> {
        *self.0.lock().expect("not poisoned") = question.fingerprint_in_dns;
        Box::pin(async { HostKeyAnswer::Refuse })
    }
}

/// covers: C12
#[tokio::test]
async fn the_dns_is_believed_if_it_is_authenticated_and_the_files_know_nothing() {
    let shown = key(KeyKind::Ed25519);
    let answer = |of: &PublicKey, authenticated| SshfpAnswer { records: SshfpRecord::of(of), authenticated };
    let other = key(KeyKind::Ed25519);
    let matched = |authenticated| Some(SshfpVerdict::Matched { authenticated });
    for (answer, state, accepted, hint) in [
        (answer(&shown, true), State::Unknown, true, None),
        (answer(&shown, false), State::Unknown, false, matched(false)),
        (answer(&other, true), State::Unknown, false, Some(SshfpVerdict::Mismatch)),
        (SshfpAnswer::default(), State::Unknown, false, Some(SshfpVerdict::None)),
        // What the files say counts more.
        (answer(&shown, true), State::Changed, false, None),
        (answer(&shown, true), State::Revoked, false, None),
        (answer(&shown, true), State::OtherType, false, None),
        (answer(&other, true), State::Known, true, None),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("known_hosts");
        prepare(&path, state, &shown);
        let before = std::fs::read(&path).expect("the file");
        let resolver = SharedResolver(Arc::new(Records(answer)));
        let files = KnownHostsFiles::only(&path).with_resolver(resolver);
        let prompter = Arc::new(Hint::default());
        let policy = HostKeyPolicy::Ask(files.clone(), Arc::clone(&prompter) as _);
        assert_eq!(policy.verify(&name(), &shown).await.is_ok(), accepted, "{state:?}");
        assert_eq!(*prompter.0.lock().expect("not poisoned"), hint, "{state:?}");
        assert_eq!(HostKeyPolicy::Strict(files).verify(&name(), &shown).await.is_ok(), accepted, "{state:?}");
        assert_eq!(std::fs::read(&path).expect("the file"), before);
    }
}

/// covers: C12, A20
#[tokio::test]
async fn a_certificate_that_is_not_believed_falls_back_on_its_key() {
    let (authority, host) = (
        PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key"),
        PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key"),
    );
    let certificate = CertificateBuilder::new(CertificateKind::Host, host.public_key(), "a host")
        .principals(["example.org"])
        .sign(&authority, &SSH_ED25519, &mut SystemRandom)
        .expect("a certificate");
    let shown = host.public_key();
    for state in [State::Unknown, State::Known, State::OtherType, State::Changed, State::Revoked] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("known_hosts");
        prepare(&path, state, shown);
        let policy = HostKeyPolicy::Strict(KnownHostsFiles::only(&path));
        let result = policy.verify_certificate(&name(), &certificate).await;
        assert_eq!(result.is_ok(), state == State::Known, "{state:?}: {result:?}");
        // With its authority known it is believed, unless it is revoked; nothing is added.
        let mut text = std::fs::read_to_string(&path).expect("the file");
        text += &format!("@cert-authority *.org {}\n", authority.public_key().to_openssh(""));
        std::fs::write(&path, &text).expect("written");
        let policy = HostKeyPolicy::AcceptNew(KnownHostsFiles::only(&path));
        let result = policy.verify_certificate(&name(), &certificate).await;
        assert_eq!(result.is_ok(), state != State::Revoked, "{state:?}: {result:?}");
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), text);
    }
    // Somebody who knows keys alone is asked about the key.
    let policy = HostKeyPolicy::Custom(Arc::new(ByFingerprint(shown.fingerprint().to_string())));
    assert!(policy.verify_certificate(&name(), &certificate).await.is_ok());
    let policy = HostKeyPolicy::Custom(Arc::new(ByFingerprint(String::new())));
    assert!(matches!(
        policy.verify_certificate(&name(), &certificate).await,
        Err(Error::HostKeyRejected { .. })
    ));
}
