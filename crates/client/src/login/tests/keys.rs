//! Which keys are offered, and which are not.

use super::*;

/// `MaxAuthTries 3` and eight keys in the agent: the one that is named is tried first, and the agent signs for it.
#[test]
fn a_named_key_comes_before_the_keys_of_the_agent() {
    let mut keys = vec![(0, Some(ed25519(8)), Holding::Elsewhere)];
    keys.extend((1..=8).map(|seed| (1, Some(ed25519(seed)), Holding::Agent)));
    let setup = Setup { keys, ..Setup::default() };
    let server = Server::one_of(&["publickey"]).right(0, "publickey");
    let (sent, report) = run(&[Shape::Key, Shape::Key], &setup, server);
    assert_eq!(sent, ["query c0 ssh-ed25519", "in"]);
    assert_eq!(report.attempts.len(), 1);
    assert_eq!(report.attempts[0].fingerprint, Some(ed25519(8).fingerprint()));
    assert!(report.attempts[0].credential.ends_with("from c0, signed by the agent"), "{report}");

    // With IdentitiesOnly a wrong named key is the only one that costs the server an attempt.
    let only = Setup { identities_only: true, ..setup };
    let (sent, report) = run(&[Shape::Key, Shape::Key], &only, Server::one_of(&["publickey"]));
    assert_eq!(sent, ["query c0 ssh-ed25519", "give up"]);
    let not_named = report.attempts.iter().filter(|a| a.result == AttemptResult::NotNamed).count();
    assert_eq!((report.attempts.len(), not_named), (8, 7), "{report}");
}

/// No key is offered twice, by whatever way it is named.
#[test]
fn one_key_costs_one_attempt() {
    let setup = Setup {
        keys: vec![
            (0, Some(ed25519(1)), Holding::Locked),
            (1, Some(ed25519(1)), Holding::Agent),
            (1, Some(ed25519(2)), Holding::Agent),
            (2, Some(ed25519(2)), Holding::AtHand),
            (2, Some(ed25519(1)), Holding::AtHand),
        ],
        ..Setup::default()
    };
    let shapes = [Shape::Key, Shape::Key, Shape::Key];
    let (sent, _) = run(&shapes, &setup, Server::one_of(&["publickey"]));
    assert_eq!(sent, ["query c0 ssh-ed25519", "query c1 ssh-ed25519", "give up"]);
}

#[test]
fn a_certificate_is_offered_before_its_key_and_named_with_its_own_algorithm() {
    let keys = vec![
        (0, Some(certificate(private(1).public_key())), Holding::Elsewhere),
        (0, Some(ed25519(1)), Holding::AtHand),
    ];
    let setup = Setup { keys, ..Setup::default() };
    let (sent, report) = run(&[Shape::Key], &setup, Server::one_of(&["publickey"]));
    let expected = ["query c0 ssh-ed25519-cert-v01@openssh.com", "sign c0 ssh-ed25519", "give up"];
    assert_eq!(sent, expected);
    assert_eq!(report.attempts[0].fingerprint, report.attempts[1].fingerprint);
    assert!(report.attempts[0].credential.contains("certificate"), "{report}");
}

/// `server-sig-algs` names the algorithm of the signature, for certificates too.
#[test]
fn an_rsa_certificate_follows_server_sig_algs() {
    let says = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    for (algorithms, expected) in [
        (says(&["rsa-sha2-256"]), vec!["query c0 rsa-sha2-256-cert-v01@openssh.com", "in"]),
        (says(&["rsa-sha2-512", "rsa-sha2-256"]), vec!["query c0 rsa-sha2-512-cert-v01@openssh.com", "in"]),
        (says(&["ssh-ed25519"]), vec!["give up"]),
    ] {
        let keys = vec![(0, Some(certificate(&rsa())), Holding::Agent)];
        let setup = Setup { keys, server_sig_algs: algorithms, ..Setup::default() };
        let server = Server::one_of(&["publickey"]).right(0, "publickey");
        assert_eq!(run(&[Shape::Key], &setup, server).0, expected);
    }
}

/// A passphrase is asked for last of all: the server has to want a key, and there is no other way to learn which.
#[test]
fn a_key_that_only_its_passphrase_tells_is_opened_when_its_turn_comes() {
    let sealed =
        |identity| Setup { keys: vec![(0, None, Holding::Locked)], sealed: identity, ..Setup::default() };
    let server = || Server::one_of(&["publickey"]).right(0, "publickey");
    let (sent, _) = run(&[Shape::Key], &sealed(Some(ed25519(1))), server());
    assert_eq!(sent, ["none", "open c0", "sign c0 ssh-ed25519", "in"]);
    let (sent, report) = run(&[Shape::Key], &sealed(None), server());
    assert_eq!(sent, ["none", "open c0", "give up"]);
    assert!(report.to_string().contains("wrong passphrase"), "{report}");
    let (sent, _) = run(&[Shape::Key], &sealed(Some(ed25519(1))), Server::one_of(&["password"]));
    assert_eq!(sent, ["none", "give up"]);
}

#[test]
fn the_word_of_this_host() {
    let shapes = [Shape::HostBased, Shape::Password];
    let setup = || Setup { sealed: Some(ed25519(1)), ..Setup::default() };
    let (sent, report) = run(&shapes, &setup(), Server::one_of(&["hostbased"]).right(0, "hostbased"));
    assert_eq!(sent, ["open c0", "hostbased c0 ssh-ed25519", "in"]);
    assert_eq!((report.attempts[0].method, report.attempts[0].algorithm), ("hostbased", Some("ssh-ed25519")));
    let server = Server::one_of(&["hostbased", "password"]).right(1, "password");
    let (sent, _) = run(&shapes, &setup(), server);
    assert_eq!(sent, ["open c0", "hostbased c0 ssh-ed25519", "password c1 #1", "in"]);
    let unreadable = Setup::default();
    let (sent, report) = run(&shapes, &unreadable, Server::one_of(&["password"]).right(1, "password"));
    assert_eq!(sent, ["open c0", "password c1 #1", "in"]);
    assert_eq!(report.attempts[0].method, "hostbased");
    let chain = Server::chain(&["hostbased", "password"]).right(0, "hostbased").right(1, "password");
    let (sent, report) = run(&shapes, &setup(), chain);
    assert_eq!(sent, ["open c0", "hostbased c0 ssh-ed25519", "password c1 #1", "in"]);
    let wants = report.attempts[0].methods_that_can_continue.clone();
    assert_eq!(wants, Some(vec!["password".to_owned()]));
}

/// After a partial success with one key of the agent the others are still there for the second.
#[test]
fn two_keys_of_an_agent_in_a_chain() {
    let keys = (1..=2).map(|seed| (0, Some(ed25519(seed)), Holding::Agent)).collect();
    let setup = Setup { keys, ..Setup::default() };
    let server = Server::chain(&["publickey", "publickey"]).right(0, "publickey");
    let (sent, report) = run(&[Shape::Key], &setup, server);
    assert_eq!(sent, ["query c0 ssh-ed25519", "query c0 ssh-ed25519", "in"]);
    let fingerprints: Vec<_> = report.attempts.iter().map(|attempt| attempt.fingerprint).collect();
    assert_ne!(fingerprints[0], fingerprints[1]);
}

/// Who refuses to sign has cost the server nothing, and nothing is known of it yet: the next key is tried.
#[test]
fn after_a_signer_that_refuses_the_next_key_is_tried() {
    let keys = (1..=2).map(|seed| (0, Some(ed25519(seed)), Holding::Signer)).collect();
    let setup = Setup { keys, ..Setup::default() };
    let mut login = Login::new("user", policy(&setup), vec![(Shape::Key, "c0".to_owned())]);
    assert_eq!(login.next(), Step::FindKeys);
    login.keys_found(&found(&setup), Vec::new());
    assert!(matches!(login.next(), Step::TryKey { candidate: 1, .. }));
    login.outcome(Outcome::Abandoned("refused".to_owned()));
    assert!(matches!(login.next(), Step::TryKey { candidate: 2, .. }));
    login.outcome(Outcome::Success);
    let results: Vec<_> = login.into_report(false).attempts.into_iter().map(|a| a.result).collect();
    assert_eq!(results, [AttemptResult::Unusable("refused".to_owned()), AttemptResult::Accepted]);
}
