use super::*;
use konko_transport::crypto::random::SecureRandom;
use konko_transport::keys::certificate_builder::CertificateBuilder;
use konko_transport::keys::certificate_kind::CertificateKind;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
use konko_transport::keys::signature_algorithm::SSH_ED25519;

struct Seed(u8);

impl SecureRandom for Seed {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

fn private(seed: u8) -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut Seed(seed)).expect("a key")
}

fn key(seed: u8) -> Identity {
    private(seed).public_key().clone().into()
}

fn certificate(seed: u8) -> Identity {
    CertificateBuilder::new(CertificateKind::User, private(seed).public_key(), "id")
        .principals(["user"])
        .sign(&private(99), &SSH_ED25519, &mut Seed(1))
        .expect("a certificate")
        .into()
}

fn found(place: usize, identity: Identity, holding: Holding) -> FoundKey {
    let origin = match holding {
        Holding::Agent => "the agent".to_owned(),
        _ => format!("file {place}"),
    };
    FoundKey { place, identity: Some(identity), holding, origin }
}

/// Place of the offered key and of the one that signs.
fn shape(plan: &KeyPlan) -> Vec<(usize, usize)> {
    plan.keys.iter().map(|key| (key.place, key.signer)).collect()
}

/// `MaxAuthTries 3` and eight keys in the agent: what the user named comes first.
#[test]
fn a_named_key_comes_before_the_agents_and_is_offered_once() {
    let mut all = vec![found(0, key(7), Holding::Locked)];
    all.extend((1..=8).map(|seed| found(1, key(seed), Holding::Agent)));
    let plan = KeyPlan::new(&all, false);
    assert_eq!(plan.keys.len(), 8);
    assert_eq!(plan.keys[0].identity, Some(key(7)));
    // The agent signs for it, and no passphrase is asked for.
    assert_eq!(plan.keys[0].signer, 7);
    assert!(plan.keys[0].description.ends_with("from file 0, signed by the agent"));
    assert!(plan.passed_over.is_empty());
}

/// `IdentitiesOnly`: the agent signs for what is named, and its other keys are passed over and told.
#[test]
fn identities_only_leaves_the_agents_other_keys_out() {
    let all = [
        found(0, key(2), Holding::Elsewhere),
        found(1, key(1), Holding::Agent),
        found(1, key(2), Holding::Agent),
        found(1, certificate(2), Holding::Agent),
        found(1, certificate(3), Holding::Agent),
    ];
    let plan = KeyPlan::new(&all, true);
    assert_eq!(shape(&plan), [(0, 2), (1, 3)]);
    assert_eq!(plan.keys[1].identity, Some(certificate(2)));
    let results: Vec<_> = plan.passed_over.iter().map(|key| key.result.clone()).collect();
    assert_eq!(results, [AttemptResult::NotNamed, AttemptResult::NotNamed]);
    assert_eq!(KeyPlan::new(&all, false).keys.len(), 4);
}

#[test]
fn a_certificate_is_signed_for_by_whoever_holds_its_key() {
    for (holding, costly) in
        [(Holding::AtHand, false), (Holding::Agent, true), (Holding::Signer, true), (Holding::Locked, true)]
    {
        let all = [found(0, certificate(1), Holding::Elsewhere), found(1, key(1), holding)];
        let plan = KeyPlan::new(&all, true);
        assert_eq!(shape(&plan)[0], (0, 1), "{holding:?}");
        assert_eq!(plan.keys[0].is_costly, costly, "{holding:?}");
    }
    let plan = KeyPlan::new(&[found(0, certificate(1), Holding::Elsewhere)], false);
    assert!(plan.keys.is_empty());
    assert!(matches!(&plan.passed_over[0].result, AttemptResult::Unusable(why) if why.contains("private")));
}

#[test]
fn a_certificate_for_hosts_is_not_shown_as_a_users() {
    let host = CertificateBuilder::new(CertificateKind::Host, private(1).public_key(), "id")
        .principals(["host"])
        .sign(&private(99), &SSH_ED25519, &mut Seed(1))
        .expect("a certificate");
    let all = [found(0, host.into(), Holding::Elsewhere), found(0, key(1), Holding::AtHand)];
    let plan = KeyPlan::new(&all, false);
    assert_eq!(shape(&plan), [(0, 1)]);
    assert!(matches!(&plan.passed_over[0].result, AttemptResult::Unusable(why) if why.contains("hosts")));
}

/// In front of a passphrase stands everything that asks for none.
#[test]
fn the_cheapest_holder_signs() {
    let all = [
        found(0, key(1), Holding::Locked),
        found(1, certificate(1), Holding::Agent),
        found(1, key(1), Holding::Agent),
    ];
    assert_eq!(shape(&KeyPlan::new(&all, false)), [(0, 2), (1, 1)]);
    let at_hand = [found(0, key(1), Holding::Locked), found(1, key(1), Holding::AtHand)];
    let plan = KeyPlan::new(&at_hand, false);
    assert_eq!(shape(&plan), [(0, 1)]);
    assert!(!plan.keys[0].is_costly);
    let alone = [found(0, key(1), Holding::Locked)];
    assert_eq!(shape(&KeyPlan::new(&alone, false)), [(0, 0)]);
}

#[test]
fn what_only_a_passphrase_tells_is_not_taken_for_anything_else() {
    let unknown =
        FoundKey { place: 0, identity: None, holding: Holding::Locked, origin: "an old file".to_owned() };
    let all = [unknown.clone(), unknown, found(1, key(1), Holding::Agent)];
    let plan = KeyPlan::new(&all, false);
    assert_eq!(shape(&plan), [(0, 0), (0, 1), (1, 2)]);
    assert_eq!(plan.keys[0].description, "the key from an old file");
    assert_eq!(KeyPlan::new(&all, true).passed_over.len(), 1);
}
