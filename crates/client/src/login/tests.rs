use super::*;
use crate::key_plan::Holding;
use konko_transport::crypto::random::SecureRandom;
use konko_transport::keys::certificate_builder::CertificateBuilder;
use konko_transport::keys::certificate_kind::CertificateKind;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
use konko_transport::keys::public_key::PublicKey;
use konko_transport::keys::signature_algorithm::{
    CERTIFICATE_ALGORITHMS, RSA_SHA2_256, RSA_SHA2_512, SIGNATURE_ALGORITHMS, SSH_ED25519, SSH_RSA,
};
use konko_transport::wire::encode::{put_mpint, put_string};

mod keys;

struct Seed(u8);

impl SecureRandom for Seed {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

fn private(seed: u8) -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut Seed(seed)).expect("a key")
}

fn ed25519(seed: u8) -> Identity {
    private(seed).public_key().clone().into()
}

/// An RSA key that nobody has the private half of.
fn rsa() -> PublicKey {
    let mut modulus = vec![0xff; 256];
    modulus[0] = 0x80;
    let mut blob = Vec::new();
    put_string(&mut blob, b"ssh-rsa");
    put_mpint(&mut blob, &[1, 0, 1]);
    put_mpint(&mut blob, &modulus);
    PublicKey::decode(&blob).expect("a key")
}

fn certificate(key: &PublicKey) -> Identity {
    CertificateBuilder::new(CertificateKind::User, key, "id")
        .principals(["user"])
        .sign(&private(99), &SSH_ED25519, &mut Seed(1))
        .expect("a certificate")
        .into()
}

/// A server by its rules: which chains of methods let a user in, and which attempts are right.
struct Server {
    /// Each chain is the methods that must succeed, in order; the first methods of all are offered first.
    chains: Vec<Vec<&'static str>>,
    right: Vec<(usize, &'static str)>,
    algorithms: Option<Vec<&'static str>>,
}

impl Server {
    fn one_of(methods: &[&'static str]) -> Self {
        Self {
            chains: methods.iter().map(|method| vec![*method]).collect(),
            right: Vec::new(),
            algorithms: None,
        }
    }

    fn chain(methods: &[&'static str]) -> Self {
        Self { chains: vec![methods.to_vec()], right: Vec::new(), algorithms: None }
    }

    /// The credential of this place is right for this method.
    fn right(mut self, credential: usize, method: &'static str) -> Self {
        self.right.push((credential, method));
        self
    }

    /// `place` is that of the credential of a key.
    fn answer(&mut self, step: &Step, place: usize) -> Outcome {
        let (credential, method, algorithm) = match step {
            Step::Probe => (usize::MAX, "none", None),
            Step::TryKey { algorithm, .. } => (place, "publickey", Some(algorithm.name)),
            Step::TryHostBased { credential, algorithm, .. } => {
                (*credential, "hostbased", Some(algorithm.name))
            }
            Step::TryPassword { credential, .. } => (*credential, "password", None),
            Step::TryDialogue { credential, .. } => (*credential, "keyboard-interactive", None),
            Step::FindKeys | Step::LoadKey { .. } | Step::GiveUp => unreachable!("nothing is sent"),
        };
        let taken = |name: &str| self.algorithms.as_ref().is_none_or(|names| names.contains(&name));
        let offered = self.chains.iter().any(|chain| chain.first() == Some(&method));
        let succeeded = offered && self.right.contains(&(credential, method)) && algorithm.is_none_or(taken);
        if succeeded {
            self.chains.retain(|chain| chain.first() == Some(&method));
            for chain in &mut self.chains {
                chain.remove(0);
            }
            if self.chains.iter().any(Vec::is_empty) {
                return Outcome::Success;
            }
        }
        let mut methods: Vec<String> = Vec::new();
        for method in self.chains.iter().filter_map(|chain| chain.first()) {
            if !methods.iter().any(|name| name == method) {
                methods.push((*method).to_owned());
            }
        }
        Outcome::Failure { methods, partial_success: succeeded }
    }
}

#[derive(Default)]
struct Setup {
    preferred: Option<Vec<MethodName>>,
    legacy: bool,
    server_sig_algs: Option<Vec<String>>,
    /// The keys by place, and where their private halves are. There may be several of one place.
    keys: Vec<(usize, Option<Identity>, Holding)>,
    identities_only: bool,
    /// What is in a key file that its passphrase opens, and the key of this host.
    sealed: Option<Identity>,
}

fn policy(setup: &Setup) -> LoginPolicy {
    LoginPolicy {
        preferred_methods: setup.preferred.clone(),
        password_prompts: 3,
        signature_algorithms: SIGNATURE_ALGORITHMS
            .iter()
            .copied()
            .chain(CERTIFICATE_ALGORITHMS.iter().copied())
            .filter(|row| setup.legacy || !row.legacy)
            .collect(),
        host_based_algorithms: SIGNATURE_ALGORITHMS.iter().copied().filter(|row| !row.legacy).collect(),
        identities_only: setup.identities_only,
    }
}

fn found(setup: &Setup) -> Vec<FoundKey> {
    setup
        .keys
        .iter()
        .map(|(place, identity, holding)| FoundKey {
            place: *place,
            identity: identity.clone(),
            holding: *holding,
            origin: if *holding == Holding::Agent { "the agent".to_owned() } else { format!("c{place}") },
        })
        .collect()
}

/// Runs a login to its end and returns the steps that sent something, in short, and the report.
fn run(shapes: &[Shape], setup: &Setup, mut server: Server) -> (Vec<String>, LoginReport) {
    let credentials = shapes.iter().enumerate().map(|(index, shape)| (*shape, format!("c{index}"))).collect();
    let mut login = Login::new("user", policy(setup), credentials);
    login.set_server_sig_algs(setup.server_sig_algs.as_deref());
    let mut sent = Vec::new();
    for _ in 0..200 {
        let step = login.next();
        let mut place = usize::MAX;
        match &step {
            Step::GiveUp => {
                sent.push("give up".to_owned());
                return (sent, login.into_report(true));
            }
            Step::FindKeys => {
                let missing: Vec<usize> = (0..shapes.len())
                    .filter(|place| shapes[*place] == Shape::Key)
                    .filter(|place| setup.keys.iter().all(|key| key.0 != *place))
                    .collect();
                let unusable = missing.into_iter().map(|place| (place, "no such file".to_owned()));
                login.keys_found(&found(setup), unusable.collect());
                continue;
            }
            Step::LoadKey { candidate, credential } => {
                sent.push(format!("open c{credential}"));
                match setup.sealed.clone() {
                    Some(identity) => login.key_loaded(*candidate, identity, format!("c{credential}")),
                    None => login.unusable(*candidate, "wrong passphrase".to_owned()),
                }
                continue;
            }
            Step::Probe => sent.push("none".to_owned()),
            Step::TryKey { candidate, algorithm, query_first } => {
                let how = if *query_first { "query" } else { "sign" };
                place = login.key(*candidate).expect("a key").place;
                sent.push(format!("{how} c{place} {}", algorithm.name));
            }
            Step::TryHostBased { credential, algorithm, .. } => {
                sent.push(format!("hostbased c{credential} {}", algorithm.name));
            }
            Step::TryPassword { credential, attempt } => {
                sent.push(format!("password c{credential} #{attempt}"))
            }
            Step::TryDialogue { credential, password } => {
                sent.push(format!("dialogue c{credential}{}", if *password { " password" } else { "" }));
            }
        }
        let outcome = server.answer(&step, place);
        let done = outcome == Outcome::Success;
        login.outcome(outcome);
        if done {
            sent.push("in".to_owned());
            return (sent, login.into_report(false));
        }
    }
    panic!("the login does not end: {sent:?}");
}

fn ed25519_at(places: &[usize]) -> Setup {
    let key = |place: &usize| (*place, Some(ed25519(*place as u8 + 1)), Holding::AtHand);
    Setup { keys: places.iter().map(key).collect(), ..Setup::default() }
}

fn rsa_at(place: usize) -> Setup {
    Setup { keys: vec![(place, Some(rsa().into()), Holding::AtHand)], ..Setup::default() }
}

#[test]
fn one_right_credential_takes_one_request() {
    let (sent, report) =
        run(&[Shape::Key], &ed25519_at(&[0]), Server::one_of(&["publickey"]).right(0, "publickey"));
    assert_eq!(sent, ["sign c0 ssh-ed25519", "in"]);
    assert_eq!(report.attempts.len(), 1);
    assert!(!report.is_without_proof());
    let server = Server::one_of(&["password"]).right(0, "password");
    assert_eq!(run(&[Shape::Password], &Setup::default(), server).0, ["password c0 #1", "in"]);
}

#[test]
fn credentials_are_tried_in_order_and_passed_over_where_not_offered() {
    let shapes = [Shape::Key, Shape::Key, Shape::Password];
    let server = Server::one_of(&["publickey", "password"]).right(2, "password");
    let (sent, report) = run(&shapes, &ed25519_at(&[0, 1]), server);
    assert_eq!(sent, ["query c0 ssh-ed25519", "sign c1 ssh-ed25519", "password c2 #1", "in"]);
    let results: Vec<_> = report.attempts.iter().map(|attempt| attempt.result.clone()).collect();
    assert_eq!(results, [AttemptResult::Refused, AttemptResult::Refused, AttemptResult::Accepted]);

    let (sent, report) =
        run(&shapes, &ed25519_at(&[0, 1]), Server::one_of(&["password"]).right(2, "password"));
    assert_eq!(sent, ["query c0 ssh-ed25519", "password c2 #1", "in"]);
    assert_eq!(report.attempts[0].result, AttemptResult::NotOffered);

    let (sent, report) = run(&shapes, &ed25519_at(&[0, 1]), Server::one_of(&["hostbased"]));
    assert_eq!(sent, ["query c0 ssh-ed25519", "give up"]);
    assert_eq!(report.methods_that_can_continue, ["hostbased"]);
    assert_eq!(report.attempts[1].result, AttemptResult::MethodNotOffered);
    assert_eq!(report.attempts[2].result, AttemptResult::MethodNotOffered);
}

#[test]
fn preferred_methods_order_and_exclude() {
    let shapes = [Shape::Password, Shape::Key, Shape::KeyboardInteractive];
    let mut setup = ed25519_at(&[1]);
    setup.preferred = Some(vec![MethodName::PublicKey, MethodName::Password]);
    let server = Server::one_of(&["publickey", "password", "keyboard-interactive"]);
    let (sent, report) = run(&shapes, &setup, server);
    assert_eq!(sent, ["sign c1 ssh-ed25519", "password c0 #1", "give up"]);
    assert!(matches!(&report.attempts[2].result, AttemptResult::Unusable(why) if why.contains("preferred")));
}

#[test]
fn a_person_is_asked_only_for_what_the_server_offers_and_three_times() {
    let server = || Server::one_of(&["password"]);
    let (sent, _) = run(&[Shape::PasswordPrompt], &Setup::default(), server());
    assert_eq!(sent, ["none", "password c0 #1", "password c0 #2", "password c0 #3", "give up"]);
    let (sent, report) = run(&[Shape::PasswordPrompt], &Setup::default(), Server::one_of(&["publickey"]));
    assert_eq!(sent, ["none", "give up"]);
    assert_eq!(report.attempts[1].result, AttemptResult::MethodNotOffered);
    let dialogue = Server::one_of(&["keyboard-interactive"]);
    let (sent, _) = run(&[Shape::KeyboardInteractive], &Setup::default(), dialogue);
    assert_eq!(sent, ["none", "dialogue c0", "dialogue c0", "dialogue c0", "give up"]);
}

/// A password that is there is sent once: a second time it would be just as wrong.
#[test]
fn a_fixed_password_is_tried_once() {
    let (sent, _) = run(&[Shape::Password], &Setup::default(), Server::one_of(&["password"]));
    assert_eq!(sent, ["password c0 #1", "give up"]);
}

#[test]
fn a_password_answers_a_dialogue_where_password_is_not_offered() {
    let server = Server::one_of(&["keyboard-interactive"]).right(0, "keyboard-interactive");
    let (sent, report) = run(&[Shape::Password], &Setup::default(), server);
    assert_eq!(sent, ["password c0 #1", "dialogue c0 password", "in"]);
    let results: Vec<_> = report.attempts.iter().map(|a| (a.method, a.result.clone())).collect();
    assert_eq!(
        results,
        [("password", AttemptResult::NotOffered), ("keyboard-interactive", AttemptResult::Accepted)]
    );
    // Where it is offered, the dialogue is not tried with it.
    let both = Server::one_of(&["password", "keyboard-interactive"]).right(0, "keyboard-interactive");
    assert_eq!(run(&[Shape::Password], &Setup::default(), both).0, ["password c0 #1", "give up"]);
}

/// RFC 8332 §3.3: the client should use what the server said in `server-sig-algs`.
#[test]
fn rsa_follows_server_sig_algs() {
    let says = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    for (algorithms, expected) in [
        (says(&["ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512"]), vec!["sign c0 rsa-sha2-512", "in"]),
        (says(&["rsa-sha2-256"]), vec!["sign c0 rsa-sha2-256", "in"]),
        (says(&["ssh-ed25519", "ssh-rsa"]), vec!["give up"]),
    ] {
        let setup = Setup { server_sig_algs: algorithms, ..rsa_at(0) };
        let server = Server::one_of(&["publickey"]).right(0, "publickey");
        let (sent, report) = run(&[Shape::Key], &setup, server);
        assert_eq!(sent, expected);
        if expected == ["give up"] {
            assert_eq!(report.attempts[0].result, AttemptResult::NoCommonSignatureAlgorithm);
        }
    }
    let setup = Setup { server_sig_algs: says(&["ssh-rsa"]), legacy: true, ..rsa_at(0) };
    let server = Server::one_of(&["publickey"]).right(0, "publickey");
    assert_eq!(run(&[Shape::Key], &setup, server).0, ["sign c0 ssh-rsa", "in"]);
}

#[test]
fn rsa_tries_each_algorithm_where_the_server_said_nothing() {
    let old = || Server {
        algorithms: Some(vec!["ssh-rsa"]),
        ..Server::one_of(&["publickey"]).right(0, "publickey")
    };
    let (sent, _) = run(&[Shape::Key], &rsa_at(0), old());
    assert_eq!(sent, ["none", "sign c0 rsa-sha2-512", "sign c0 rsa-sha2-256", "give up"]);
    let legacy = Setup { legacy: true, ..rsa_at(0) };
    let (sent, _) = run(&[Shape::Key], &legacy, old());
    assert_eq!(sent, ["none", "sign c0 rsa-sha2-512", "sign c0 rsa-sha2-256", "sign c0 ssh-rsa", "in"]);
}

#[test]
fn every_chain_of_two_methods_is_walked() {
    let shapes = [Shape::Key, Shape::Password, Shape::KeyboardInteractive];
    let walk = |chain: &[&'static str]| {
        let mut server = Server::chain(chain);
        for (credential, method) in [(0, "publickey"), (1, "password"), (2, "keyboard-interactive")] {
            server = server.right(credential, method);
        }
        run(&shapes, &ed25519_at(&[0]), server).0
    };
    assert_eq!(walk(&["publickey", "password"]), ["sign c0 ssh-ed25519", "password c1 #1", "in"]);
    assert_eq!(walk(&["publickey", "keyboard-interactive"]).last().map(String::as_str), Some("in"));
    // The key was not on offer at first, and is after the password.
    assert_eq!(
        walk(&["password", "publickey"]),
        ["sign c0 ssh-ed25519", "password c1 #1", "sign c0 ssh-ed25519", "in"]
    );
    assert_eq!(walk(&["keyboard-interactive", "password"]).last().map(String::as_str), Some("in"));
}

#[test]
fn two_keys_in_a_chain() {
    let server = Server::chain(&["publickey", "publickey"]).right(0, "publickey").right(1, "publickey");
    let (sent, report) = run(&[Shape::Key, Shape::Key], &ed25519_at(&[0, 1]), server);
    assert_eq!(sent, ["query c0 ssh-ed25519", "sign c1 ssh-ed25519", "in"]);
    assert_eq!(report.attempts[0].result, AttemptResult::AcceptedPartially);
}

#[test]
fn a_locked_key_is_asked_about_before_it_is_unlocked() {
    let setup = Setup { keys: vec![(0, Some(ed25519(1)), Holding::Locked)], ..Setup::default() };
    let (sent, _) = run(&[Shape::Key], &setup, Server::one_of(&["publickey"]).right(0, "publickey"));
    assert_eq!(sent, ["query c0 ssh-ed25519", "in"]);
}

#[test]
fn a_key_that_cannot_be_loaded_does_not_end_the_login() {
    let server = Server::one_of(&["publickey"]).right(1, "publickey");
    let (sent, report) = run(&[Shape::Key, Shape::Key], &ed25519_at(&[1]), server);
    assert_eq!(sent, ["sign c1 ssh-ed25519", "in"]);
    assert_eq!(report.attempts[0].result, AttemptResult::Unusable("no such file".to_owned()));
}

/// covers: C04
#[test]
fn success_without_proof_is_told_as_such() {
    let mut login = Login::new("user", policy(&Setup::default()), vec![(Shape::None, String::new())]);
    assert_eq!(login.next(), Step::Probe);
    login.outcome(Outcome::Success);
    assert!(login.into_report(false).is_without_proof());
}

#[test]
fn the_probe_is_made_once() {
    let server = Server::one_of(&["password"]).right(1, "password");
    let (sent, _) = run(&[Shape::None, Shape::Password], &Setup::default(), server);
    assert_eq!(sent, ["none", "password c1 #1", "in"]);
}

/// covers: C07
#[test]
fn a_server_that_leads_in_circles_is_left() {
    let shapes = [
        Shape::None,
        Shape::Key,
        Shape::Key,
        Shape::Password,
        Shape::PasswordPrompt,
        Shape::KeyboardInteractive,
    ];
    for (partial_success, alternate) in [(false, false), (true, false), (true, true), (false, true)] {
        let setup = ed25519_at(&[1, 2]);
        let credentials = shapes.iter().map(|shape| (*shape, String::new())).collect();
        let mut login = Login::new("user", policy(&setup), credentials);
        let mut requests = 0;
        loop {
            match login.next() {
                Step::GiveUp => break,
                Step::FindKeys => login.keys_found(&found(&setup), Vec::new()),
                step => {
                    requests += 1;
                    assert!(requests <= 64, "the server leads us in circles");
                    // What was just tried is not on offer, everything else is.
                    let tried = match step {
                        Step::TryKey { .. } => "publickey",
                        Step::TryPassword { .. } => "password",
                        Step::TryDialogue { .. } => "keyboard-interactive",
                        Step::TryHostBased { .. } => "hostbased",
                        Step::Probe | Step::FindKeys | Step::LoadKey { .. } | Step::GiveUp => "",
                    };
                    let methods = ["publickey", "password", "keyboard-interactive", "hostbased"];
                    let methods = methods
                        .into_iter()
                        .filter(|m| !alternate || *m != tried)
                        .map(str::to_owned)
                        .collect();
                    login.outcome(Outcome::Failure { methods, partial_success });
                }
            }
        }
    }
}

#[test]
fn a_credential_given_up_half_way_is_spent() {
    let setup = Setup { keys: vec![(0, Some(ed25519(1)), Holding::Locked)], ..Setup::default() };
    let mut login = Login::new("user", policy(&setup), vec![(Shape::Key, "c0".to_owned())]);
    assert_eq!(login.next(), Step::FindKeys);
    login.keys_found(&found(&setup), Vec::new());
    assert_eq!(login.next(), Step::TryKey { candidate: 1, algorithm: &SSH_ED25519, query_first: true });
    login.outcome(Outcome::Abandoned("wrong passphrase".to_owned()));
    assert_eq!(login.next(), Step::GiveUp);
    let report = login.into_report(true);
    assert_eq!(report.attempts.len(), 1);
    assert!(report.to_string().contains("wrong passphrase"), "{report}");
}

#[test]
fn legacy_rsa_comes_last() {
    let login = Login::new("user", policy(&Setup { legacy: true, ..Setup::default() }), Vec::new());
    let names: Vec<_> = login.algorithms_for(Shape::Key, &rsa().into()).iter().map(|row| row.name).collect();
    assert_eq!(names, [RSA_SHA2_512.name, RSA_SHA2_256.name, SSH_RSA.name]);
}
