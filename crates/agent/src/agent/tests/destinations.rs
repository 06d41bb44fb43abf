//! Destination constraints and session bindings (PROTOCOL.agent §1 and §2).

use super::*;
use crate::constraint::{DestinationConstraint, Hop, HostKeySpecification};
use crate::session_bind::SessionBind;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::{Certificate, CertificateBuilder, Validity};

fn hop(user: &str, host_name: &str, key: &[u8], is_authority: bool) -> Hop {
    let host_keys = vec![HostKeySpecification { blob: key.to_vec(), is_authority }];
    Hop { user: user.into(), host_name: host_name.into(), host_keys }
}

fn host(key: &PrivateKey) -> Hop {
    hop("", "host.example", &blob(key), false)
}

fn restricted(key: &PrivateKey, destinations: &[(Hop, Hop)]) -> AddIdentity {
    let destination = |(from, to): &(Hop, Hop)| DestinationConstraint { from: from.clone(), to: to.clone() };
    identity(key, &[Constraint::RestrictDestination(destinations.iter().map(destination).collect())])
}

fn binding(host: &PrivateKey, session: &[u8], is_forwarding: bool) -> SessionBind {
    let signature = host.sign(&signature_algorithm::SSH_ED25519, session).expect("a signature");
    SessionBind { host_key: blob(host), session_id: session.to_vec(), signature, is_forwarding }
}

fn login(key: &[u8], session: &[u8], user: &str, host_key: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    put_string(&mut out, session);
    out.push(50);
    put_string(&mut out, user.as_bytes());
    put_string(&mut out, b"ssh-connection");
    let method: &[u8] =
        if host_key.is_some() { b"publickey-hostbound-v00@openssh.com" } else { b"publickey" };
    put_string(&mut out, method);
    out.push(1);
    put_string(&mut out, b"ssh-ed25519");
    put_string(&mut out, key);
    if let Some(host_key) = host_key {
        put_string(&mut out, host_key);
    }
    out
}

impl Pair {
    fn bind(&mut self, keyring: &mut Keyring, bind: &SessionBind) -> bool {
        self.get(keyring, |client| client.bind(bind)).is_ok()
    }

    fn signs(&mut self, keyring: &mut Keyring, key: &PrivateKey, data: &[u8]) -> bool {
        let key = blob(key);
        self.get(keyring, |client| client.sign(&key, data, "ssh-ed25519")).is_ok()
    }

    fn lists(&mut self, keyring: &mut Keyring) -> usize {
        self.get(keyring, AgentClient::identities).expect("a list").len()
    }
}

/// A key for the host `a`, and from there as `git…` for the host `b`.
struct Chain {
    user: PrivateKey,
    a: PrivateKey,
    b: PrivateKey,
    keyring: Keyring,
}

fn chain() -> Chain {
    let (user, a, b) = (key(), key(), key());
    let mut keyring = Keyring::default();
    let to_b = hop("git*", "b.example", &blob(&b), false);
    let all = [(Hop::default(), host(&a)), (host(&a), to_b)];
    keyring.add(restricted(&user, &all), Instant::now()).expect("added");
    Chain { user, a, b, keyring }
}

/// covers: E06
#[test]
fn the_first_hop_is_signed_for_the_session_that_is_bound() {
    let Chain { user, a, b, mut keyring } = chain();
    let data = login(&blob(&user), b"session a", "root", None);
    let mut pair = Pair::new();
    assert_eq!(pair.lists(&mut keyring), 1);
    assert!(!pair.signs(&mut keyring, &user, &data), "nothing is bound");

    assert!(pair.bind(&mut keyring, &binding(&a, b"session a", false)));
    assert!(pair.signs(&mut keyring, &user, &data));
    let bound = login(&blob(&user), b"session a", "root", Some(&blob(&a)));
    assert!(pair.signs(&mut keyring, &user, &bound));
    for refused in [
        login(&blob(&user), b"session b", "root", None),
        login(&blob(&user), b"session a", "root", Some(&blob(&b))),
        login(&blob(&b), b"session a", "root", None),
        b"noise".to_vec(),
    ] {
        assert!(!pair.signs(&mut keyring, &user, &refused));
    }

    let mut elsewhere = Pair::new();
    assert!(elsewhere.bind(&mut keyring, &binding(&b, b"session b", false)));
    assert_eq!(elsewhere.lists(&mut keyring), 0, "b is reached by way of a only");
    let direct = login(&blob(&user), b"session b", "git", Some(&blob(&b)));
    assert!(!elsewhere.signs(&mut keyring, &user, &direct));
}

/// covers: E06
#[test]
fn the_second_hop_is_signed_for_its_user_and_names_its_host() {
    let Chain { user, a, b, mut keyring } = chain();
    let mut pair = Pair::new();
    assert!(pair.bind(&mut keyring, &binding(&a, b"session a", true)));
    assert_eq!(pair.lists(&mut keyring), 1);
    let on_a = login(&blob(&user), b"session a", "root", Some(&blob(&a)));
    assert!(!pair.signs(&mut keyring, &user, &on_a), "a forwarding hop is not for logging in");

    assert!(pair.bind(&mut keyring, &binding(&b, b"session b", false)));
    assert_eq!(pair.lists(&mut keyring), 1);
    let git = login(&blob(&user), b"session b", "git-user", Some(&blob(&b)));
    assert!(pair.signs(&mut keyring, &user, &git));
    for refused in [
        login(&blob(&user), b"session b", "root", Some(&blob(&b))),
        login(&blob(&user), b"session b", "git-user", None),
        login(&blob(&user), b"session b", "git-user", Some(&blob(&a))),
        login(&blob(&user), b"session a", "git-user", Some(&blob(&a))),
    ] {
        assert!(!pair.signs(&mut keyring, &user, &refused));
    }

    // One hop further.
    let mut pair = Pair::new();
    let c = key();
    assert!(pair.bind(&mut keyring, &binding(&a, b"session a", true)));
    assert!(pair.bind(&mut keyring, &binding(&b, b"session b", true)));
    assert_eq!(pair.lists(&mut keyring), 0, "the key may be used to reach b and not beyond");
    assert!(pair.bind(&mut keyring, &binding(&c, b"session c", false)));
    let on_c = login(&blob(&user), b"session c", "git", Some(&blob(&c)));
    assert!(!pair.signs(&mut keyring, &user, &on_c));
}

/// covers: E06
#[test]
fn a_key_that_may_not_be_used_beyond_a_host_is_neither_seen_nor_changed_there() {
    let (user, free, a) = (key(), key(), key());
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let local = restricted(&user, &[(Hop::default(), host(&a))]);
    pair.get(&mut keyring, |client| client.add(&local)).expect("added");
    pair.get(&mut keyring, |client| client.add(&identity(&free, &[]))).expect("added");
    assert_eq!(pair.lists(&mut keyring), 2);
    assert!(pair.bind(&mut keyring, &binding(&a, b"session a", true)));
    assert!(pair.agent.is_bound());
    assert_eq!(pair.lists(&mut keyring), 1);
    assert!(pair.signs(&mut keyring, &free, b"anything"));
    assert!(pair.get(&mut keyring, |client| client.remove(&blob(&user))).is_err());
    let freed = pair.get(&mut keyring, |client| client.add(&identity(&user, &[])));
    assert!(freed.is_err(), "its constraints cannot be taken off from afar");
    pair.get(&mut keyring, AgentClient::remove_all).expect("removed");
    assert_eq!(keyring.identities().len(), 1);
    assert_eq!(keyring.identities()[0].blob, blob(&user));
}

/// covers: E06
#[test]
fn bindings_that_prove_nothing_are_refused_and_leave_nothing_to_use() {
    let Chain { user, a, b, mut keyring } = chain();
    let good = binding(&a, b"session a", true);
    let mut flipped = good.signature.clone();
    *flipped.last_mut().expect("a byte") ^= 1;
    let signature = flipped;
    let long = vec![b's'; 129];
    let bad = [
        SessionBind { signature, ..good.clone() },
        SessionBind { host_key: blob(&b), ..good.clone() },
        SessionBind { session_id: b"another".into(), ..good.clone() },
        SessionBind { host_key: b"no key".into(), ..good.clone() },
        SessionBind { signature: Vec::new(), ..good.clone() },
        binding(&a, b"", true),
        binding(&a, &long, true),
    ];
    for bind in bad {
        let mut pair = Pair::new();
        assert!(!pair.bind(&mut keyring, &bind));
        assert_eq!(pair.lists(&mut keyring), 0, "a connection that is not local after all");
        // A good one afterwards does not heal it.
        assert!(pair.bind(&mut keyring, &binding(&a, b"session", false)));
        let data = login(&blob(&user), b"session", "root", None);
        assert!(!pair.signs(&mut keyring, &user, &data));
    }

    let mut pair = Pair::new();
    assert!(pair.bind(&mut keyring, &good));
    assert!(pair.bind(&mut keyring, &good), "the same again says nothing new");
    assert_eq!(pair.lists(&mut keyring), 1);
    assert!(!pair.bind(&mut keyring, &binding(&b, b"session a", true)), "another host, the same session");

    let mut pair = Pair::new();
    assert!(pair.bind(&mut keyring, &binding(&a, b"session a", false)));
    assert!(!pair.bind(&mut keyring, &binding(&b, b"session b", false)), "after one for a login");

    let mut pair = Pair::new();
    for hop in 0..16u8 {
        assert!(pair.bind(&mut keyring, &binding(&a, &[b's', hop], true)), "{hop}");
    }
    assert!(!pair.bind(&mut keyring, &binding(&a, b"one more", true)));
}

/// OpenSSH once refused bindings while it was locked, and took the connection for a local one afterwards.
///
/// covers: E06
#[test]
fn a_binding_is_taken_while_the_agent_is_locked() {
    let Chain { user, a, b, mut keyring } = chain();
    let mut local = Pair::new();
    local.get(&mut keyring, |client| client.lock(b"x")).expect("locked");
    let mut pair = Pair::new();
    assert!(pair.bind(&mut keyring, &binding(&b, b"session b", true)));
    local.get(&mut keyring, |client| client.unlock(b"x")).expect("unlocked");
    assert_eq!(local.lists(&mut keyring), 1);
    assert_eq!(pair.lists(&mut keyring), 0);
    assert!(pair.bind(&mut keyring, &binding(&a, b"session a", false)));
    assert!(!pair.signs(&mut keyring, &user, &login(&blob(&user), b"session a", "root", Some(&blob(&a)))));
}

fn certified(host: &PrivateKey, authority: &PrivateKey, name: &str, before: u64) -> Certificate {
    CertificateBuilder::new(CertificateKind::Host, host.public_key(), "a host")
        .principals([name])
        .validity(Validity { after: 0, before })
        .sign(authority, &signature_algorithm::SSH_ED25519, &mut SystemRandom)
        .expect("a certificate")
}

/// covers: E06
#[test]
fn a_host_may_prove_itself_with_a_certificate_for_its_name() {
    let (user, a, authority, stranger) = (key(), key(), key(), key());
    let mut keyring = Keyring::default();
    let by_authority = hop("", "*.example", &blob(&authority), true);
    let to = Hop { host_name: "a.example".into(), ..by_authority };
    let by_key = hop("", "a.example", &blob(&authority), false);
    keyring.add(restricted(&user, &[(Hop::default(), to)]), Instant::now()).expect("added");
    let data = |_| login(&blob(&user), b"session", "root", None);
    for (certificate, expected) in [
        (certified(&a, &authority, "a.example", u64::MAX), true),
        (certified(&a, &authority, "*.example", u64::MAX), true),
        (certified(&a, &authority, "b.example", u64::MAX), false),
        (certified(&a, &stranger, "a.example", u64::MAX), false),
        (certified(&a, &authority, "a.example", 1_700_000_000), false),
    ] {
        let mut pair = Pair::new();
        let bind = SessionBind { host_key: certificate.blob().to_vec(), ..binding(&a, b"session", false) };
        assert!(pair.bind(&mut keyring, &bind));
        assert_eq!(pair.signs(&mut keyring, &user, &data(())), expected, "{certificate:?}");
    }
    // The authority's own key is no host's, and a host's key is no authority's.
    let mut pair = Pair::new();
    assert!(pair.bind(&mut keyring, &binding(&authority, b"session", false)));
    assert!(!pair.signs(&mut keyring, &user, &data(())));
    let mut plain = Keyring::default();
    plain.add(restricted(&user, &[(Hop::default(), by_key)]), Instant::now()).expect("added");
    let mut pair = Pair::new();
    let certificate = certified(&a, &authority, "a.example", u64::MAX);
    let bind = SessionBind { host_key: certificate.blob().to_vec(), ..binding(&a, b"session", false) };
    assert!(pair.bind(&mut plain, &bind));
    assert!(!pair.signs(&mut plain, &user, &data(())));
}

#[test]
fn a_certificate_is_an_identity_beside_its_key() {
    let (user, authority) = (key(), key());
    let certificate = CertificateBuilder::new(CertificateKind::User, user.public_key(), "a user")
        .principals(["root"])
        .sign(&authority, &signature_algorithm::SSH_ED25519, &mut SystemRandom)
        .expect("a certificate");
    let mut keyring = Keyring::default();
    let mut pair = Pair::new();
    let with = AgentKey::with_certificate(user.clone(), certificate.clone()).expect("its own");
    pair.get(&mut keyring, |client| client.add(&AddIdentity::new(with, "certified"))).expect("added");
    pair.get(&mut keyring, |client| client.add(&identity(&user, &[]))).expect("added");
    assert_eq!(pair.lists(&mut keyring), 2);
    let name = "ssh-ed25519-cert-v01@openssh.com";
    let signed = pair.get(&mut keyring, |client| client.sign(certificate.blob(), b"data", name));
    let Signature(signature) = signed.expect("a signature");
    user.public_key().verify(&signature_algorithm::SSH_ED25519, b"data", &signature).expect("a good one");
    pair.get(&mut keyring, |client| client.remove(certificate.blob())).expect("removed");
    assert_eq!(keyring.identities()[0].blob, blob(&user));
    assert!(AgentKey::with_certificate(key(), certificate).is_err(), "of another key");
}

/// A user name is matched in the product of the lengths at most, and patterns are bounded.
///
/// covers: E07
#[test]
fn a_pattern_of_many_stars_matches_like_any_other() {
    let (user, a) = (key(), key());
    let mut keyring = Keyring::default();
    let pattern = "*a".repeat(512);
    let to = hop(&pattern, "a.example", &blob(&a), false);
    keyring.add(restricted(&user, &[(Hop::default(), to)]), Instant::now()).expect("added");
    let mut pair = Pair::new();
    assert!(pair.bind(&mut keyring, &binding(&a, b"session", false)));
    let long = "a".repeat(20_000);
    for (name, expected) in [(format!("{long}b"), false), (long.clone(), true), ("a".repeat(511), false)] {
        let data = login(&blob(&user), b"session", &name, None);
        assert_eq!(pair.signs(&mut keyring, &user, &data), expected);
    }
}
