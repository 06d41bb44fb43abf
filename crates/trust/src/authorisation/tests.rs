use super::*;
use crate::fixtures::{private, public};
use crate::forward_permission::PortPattern;
use konko_keys::certificate::Validity;
use konko_keys::certificate_builder::CertificateBuilder;
use konko_keys::certificate_option::{CriticalOption, Extension};
use konko_keys::signature_algorithm::by_name;

const UTC: TimeZone = TimeZone::Utc;
/// 2025-01-01 00:00 UTC.
const NOW: u64 = 1_735_689_600;

fn attempt(address: &str) -> LoginAttempt<'static> {
    LoginAttempt { user: "alice", address: address.parse().ok(), host_name: None, now: NOW, zone: &UTC }
}

fn line(options: &str, key: &str) -> String {
    let key = public(key).to_openssh("");
    if options.is_empty() { format!("{key}\n") } else { format!("{options} {key}\n") }
}

fn by_keys(files: &[&str], identity: &Identity, attempt: &LoginAttempt<'_>) -> Result<Granted, Refused> {
    let files: Vec<_> = files.iter().map(|file| AuthorizedKeys::parse(file.as_bytes())).collect();
    let revoked = RevokedKeys::new();
    let mut trust = UserTrust::new(&revoked);
    trust.authorized_keys = files.iter().collect();
    trust.authorise(identity, attempt)
}

fn reasons(result: Result<Granted, Refused>) -> Vec<Refusal> {
    result.expect_err("a refusal").reasons.into_iter().map(|(_, reason)| reason).collect()
}

fn builder(principals: &[&str]) -> CertificateBuilder {
    CertificateBuilder::new(CertificateKind::User, &public("ecdsa256"), "someone")
        .serial(7)
        .principals(principals.iter().copied())
        .validity(Validity { after: NOW - 100, before: NOW + 100 })
}

fn sign(builder: &CertificateBuilder) -> Identity {
    let row = by_name("ssh-ed25519").expect("a row");
    let random = &mut konko_crypto::random::SystemRandom;
    builder.sign(&private("ed25519"), row, random).expect("a certificate").into()
}

/// covers: L10
#[test]
fn lines_about_a_key_are_tried_in_their_order() {
    let key: Identity = public("ecdsa256").into();
    let first = line("from=\"192.0.2.0/24\",command=\"one\"", "ecdsa256") + &line("", "rsa2048");
    let second = line("expiry-time=\"20240101Z\"", "ecdsa256") + &line("no-pty,command=\"two\"", "ecdsa256");
    let granted = by_keys(&[&first, &second], &key, &attempt("192.0.2.1")).expect("granted");
    assert_eq!(granted.by, GrantedBy::AuthorizedKeys { file: 0, line: 1 });
    assert_eq!(granted.permissions.forced_command.as_deref(), Some("one"));
    assert!(granted.permissions.pty);
    let granted = by_keys(&[&first, &second], &key, &attempt("198.51.100.1")).expect("granted");
    assert_eq!(granted.by, GrantedBy::AuthorizedKeys { file: 1, line: 2 });
    assert!(!granted.permissions.pty);
    assert_eq!(reasons(by_keys(&[&first], &key, &attempt("198.51.100.1"))), [Refusal::From]);
    assert_eq!(reasons(by_keys(&[&first], &key, &attempt("no address"))), [Refusal::From]);
    assert_eq!(reasons(by_keys(&[], &key, &attempt("192.0.2.1"))), [Refusal::NotAuthorized]);
    let authority = line("cert-authority", "ecdsa256");
    assert_eq!(reasons(by_keys(&[&authority], &key, &attempt("192.0.2.1"))), [Refusal::NotAuthorized]);
}

/// covers: L10
#[test]
fn times_and_places() {
    let key: Identity = public("ecdsa256").into();
    let check = |options: &str, attempt: &LoginAttempt<'_>| {
        by_keys(&[&line(options, "ecdsa256")], &key, attempt)
            .map(drop)
            .map_err(|refused| refused.reasons[0].1.clone())
    };
    let here = attempt("192.0.2.1");
    assert_eq!(check("expiry-time=\"20250101Z\"", &here), Ok(()));
    assert_eq!(check("expiry-time=\"20241231235959Z\"", &here), Err(Refusal::Expired));
    // Of several times the earliest counts.
    assert_eq!(check("expiry-time=\"20300101Z\",expiry-time=\"20200101\"", &here), Err(Refusal::Expired));
    let east = TimeZone::Fixed { east: 3600 };
    let in_the_east = LoginAttempt { zone: &east, ..here.clone() };
    assert_eq!(check("expiry-time=\"202501010059\"", &in_the_east), Err(Refusal::Expired));
    assert_eq!(check("expiry-time=\"202501010100\"", &in_the_east), Ok(()));
    assert_eq!(check("from=\"*,!192.0.2.1\"", &here), Err(Refusal::From));
    assert_eq!(check("from=\"*.example\"", &here), Err(Refusal::From));
    let named = LoginAttempt { host_name: Some("a.example"), ..here.clone() };
    assert_eq!(check("from=\"*.example\"", &named), Ok(()));
    assert_eq!(check("from=\"*.example,!192.0.2.0/24\"", &named), Err(Refusal::From));
    assert_eq!(check("from=\"::ffff:192.0.2.1,192.0.2.1\"", &attempt("::ffff:192.0.2.1")), Ok(()));
}

/// covers: A16, A17, A18
#[test]
fn certificates_by_lines_with_cert_authority() {
    let here = attempt("192.0.2.1");
    let check = |options: &str, builder: &CertificateBuilder| {
        by_keys(&[&line(options, "ed25519")], &sign(builder), &here)
            .map(|granted| granted.permissions)
            .map_err(|refused| refused.reasons[0].1.clone())
    };
    let other = |name: &str| {
        Err(Refusal::Certificate(CertificateError::OtherPrincipals { principal: name.to_owned() }))
    };
    let all = builder(&["alice"]).permit_all();
    assert_eq!(check("cert-authority", &all), Ok(Permissions::default()));
    assert_eq!(check("", &all), Err(Refusal::NotAuthorized));
    assert_eq!(check("cert-authority", &builder(&["bob"])), other("alice"));
    assert_eq!(check("cert-authority", &builder(&["a*"])), other("alice"));
    assert_eq!(check("cert-authority", &builder(&["alice,bob"])), other("alice"));
    let nobody = Err(Refusal::Certificate(CertificateError::NoPrincipals));
    assert_eq!(check("cert-authority", &builder(&[])), nobody);
    assert_eq!(check("cert-authority,principals=\"x\"", &builder(&[])), Err(Refusal::Principals));
    assert!(check("cert-authority,principals=\"bob,carol\"", &builder(&["carol"])).is_ok());
    assert_eq!(check("cert-authority,principals=\"bob,carol\"", &all), Err(Refusal::Principals));
    assert_eq!(
        check("cert-authority,principals=\"bob,carol\"", &builder(&["bob,carol"])),
        Err(Refusal::Principals)
    );
    // Both must permit.
    let some = builder(&["alice"]).extension(Extension::PermitPty).extension(Extension::PermitPortForwarding);
    let permissions = check("cert-authority,no-pty,environment=\"A=1\"", &some).expect("granted");
    assert!(!permissions.pty && permissions.port_forwarding && !permissions.agent_forwarding);
    assert_eq!(permissions.environment, [("A".to_owned(), "1".to_owned())]);
    // Commands must not disagree.
    let forced = builder(&["alice"]).critical_option(CriticalOption::ForceCommand("one"));
    let command = |options: &str| check(options, &forced).map(|permissions| permissions.forced_command);
    assert_eq!(command("cert-authority"), Ok(Some("one".to_owned())));
    assert_eq!(command("cert-authority,command=\"one\""), Ok(Some("one".to_owned())));
    assert_eq!(command("cert-authority,command=\"two\""), Err(Refusal::Commands(ConflictingCommands)));
    let unknown = builder(&["alice"]).critical_option(CriticalOption::Unknown { name: "x@y", data: b"" });
    let error = CertificateError::UnknownCriticalOption { name: "x@y".to_owned() };
    assert_eq!(check("cert-authority", &unknown), Err(Refusal::Certificate(error)));
    let verify = builder(&["alice"]).critical_option(CriticalOption::VerifyRequired);
    let policy = check("cert-authority,no-touch-required", &verify).expect("granted").security_key;
    assert!(policy.user_verification && policy.user_presence);
}

/// covers: A19
#[test]
fn kinds_and_times_of_certificates() {
    let keys = line("cert-authority", "ed25519");
    let check = |builder: &CertificateBuilder| {
        by_keys(&[&keys], &sign(builder), &attempt("192.0.2.1"))
            .map(drop)
            .map_err(|refused| refused.reasons[0].1.clone())
    };
    let valid = |after, before| builder(&["alice"]).validity(Validity { after, before });
    assert_eq!(check(&valid(NOW, NOW + 1)), Ok(()));
    assert_eq!(check(&valid(0, u64::MAX)), Ok(()));
    let early = CertificateError::NotYetValid { after: NOW + 1 };
    assert_eq!(check(&valid(NOW + 1, NOW + 2)), Err(Refusal::Certificate(early)));
    let late = CertificateError::Expired { before: NOW };
    assert_eq!(check(&valid(0, NOW)), Err(Refusal::Certificate(late)));
    let host = CertificateBuilder::new(CertificateKind::Host, &public("ecdsa256"), "x").principals(["alice"]);
    let kind = CertificateError::WrongKind { kind: CertificateKind::Host };
    assert_eq!(check(&host), Err(Refusal::Certificate(kind)));
}

/// covers: A15
#[test]
fn source_addresses_of_certificates() {
    let keys = line("cert-authority", "ed25519");
    let check = |list: &str, address: &str| {
        let certificate = sign(&builder(&["alice"]).critical_option(CriticalOption::SourceAddress(list)));
        by_keys(&[&keys], &certificate, &attempt(address))
            .map(drop)
            .map_err(|refused| refused.reasons[0].1.clone())
    };
    assert_eq!(check("192.0.2.0/24,2001:db8::/32", "192.0.2.9"), Ok(()));
    assert_eq!(check("192.0.2.0/24", "::ffff:192.0.2.9"), Ok(()));
    assert_eq!(check("192.0.2.0/24", "198.51.100.1"), Err(Refusal::SourceAddress));
    assert_eq!(check("192.0.2.0/24", "not an address"), Err(Refusal::SourceAddress));
    for bad in ["", "192.0.2.1/24", "!198.51.100.1", "*", "192.0.2.9,"] {
        assert!(matches!(check(bad, "192.0.2.9"), Err(Refusal::SourceAddressList(_))), "{bad}");
    }
}

/// covers: A16, A17, A20, A21
#[test]
fn trusted_authorities_and_authorized_principals() {
    let (revoked, authorities) = (RevokedKeys::new(), [public("ed25519")]);
    let here = attempt("192.0.2.1");
    let mut trust = UserTrust::new(&revoked);
    let alice = sign(&builder(&["alice"]).permit_all());
    assert_eq!(reasons(trust.authorise(&alice, &here)), [Refusal::NotAuthorized]);
    trust.trusted_authorities = &authorities;
    let granted = trust.authorise(&alice, &here).expect("granted");
    assert_eq!(granted, Granted { permissions: Permissions::default(), by: GrantedBy::TrustedAuthority });
    // An authority does not log in itself.
    assert_eq!(reasons(trust.authorise(&public("ed25519").into(), &here)), [Refusal::NotAuthorized]);
    assert!(trust.authorise(&sign(&builder(&["bob"])), &here).is_err());

    let file = "from=\"198.51.100.1\" web\nno-pty,command=\"x\" web\ndb\n";
    let principals = AuthorizedPrincipals::parse(file.as_bytes());
    trust.authorized_principals = Some(&principals);
    let granted = trust.authorise(&sign(&builder(&["other", "web"]).permit_all()), &here).expect("granted");
    assert_eq!(granted.by, GrantedBy::AuthorizedPrincipals { line: 2 });
    assert!(!granted.permissions.pty && granted.permissions.forced_command.as_deref() == Some("x"));
    // The user's name alone no longer counts.
    assert_eq!(reasons(trust.authorise(&alice, &here)), [Refusal::Principals]);
    assert_eq!(reasons(trust.authorise(&sign(&builder(&["web,db"])), &here)), [Refusal::Principals]);
    assert_eq!(
        reasons(trust.authorise(&sign(&builder(&[])), &here)),
        [Refusal::Certificate(CertificateError::NoPrincipals)]
    );

    let mut revoked = RevokedKeys::new();
    revoked.add(public("ed25519").to_openssh("").as_bytes()).expect("a key");
    let mut trust = UserTrust::new(&revoked);
    trust.trusted_authorities = &authorities;
    assert_eq!(reasons(trust.authorise(&alice, &here)), [Refusal::Revoked(Revocation::Authority)]);

    let none = RevokedKeys::new();
    let mut trust = UserTrust::new(&none);
    trust.trusted_authorities = &authorities;
    trust.authority_algorithms = Some(vec![by_name("rsa-sha2-512").expect("a row")]);
    let name = "ssh-ed25519";
    assert_eq!(
        reasons(trust.authorise(&alice, &here)),
        [Refusal::Certificate(CertificateError::SignatureAlgorithmNotAllowed { name })]
    );
}

/// covers: A14
#[test]
fn two_factors_permit_what_both_permit() {
    let options = |text: &str| Permissions::of_options(&KeyOptions::parse(text).expect("options"));
    let one = options("command=\"x\",permitopen=\"a:1\",permitopen=\"b:2\",no-agent-forwarding");
    let both = one.clone().and(options("permitopen=\"a:*\",permitlisten=\"80\",no-pty")).expect("both");
    assert_eq!(both.forced_command.as_deref(), Some("x"));
    assert!(!both.pty && !both.agent_forwarding && both.x11_forwarding);
    assert!(both.allows_open("a", 1) && !both.allows_open("a", 2) && !both.allows_open("b", 2));
    assert!(both.allows_listen("localhost", 80) && !both.allows_listen("localhost", 81));
    assert_eq!(both.permit_listen[0][0].port, PortPattern::Only(80));
    assert_eq!(one.clone().and(options("command=\"y\"")), Err(ConflictingCommands));
    let none = one.and(options("restrict")).expect("both");
    assert!(!none.allows_open("a", 1) && !none.allows_listen("localhost", 80));
}
