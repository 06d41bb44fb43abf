use super::*;
use konko_transport::crypto::random::SystemRandom;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
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
        (
            "accept-new",
            &(HostKeyPolicy::AcceptNew as Policy),
            &[Known, Unknown],
            &[Unknown],
        ),
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
