use super::*;
use crate::fixtures::{private, public};
use konko_keys::certificate::Validity;
use konko_keys::certificate_builder::CertificateBuilder;
use konko_keys::signature_algorithm::by_name;

const UTC: TimeZone = TimeZone::Utc;

fn key(name: &str) -> String {
    public(name).to_openssh("")
}

fn at(namespace: &str, time: u64) -> SignatureUse<'_> {
    SignatureUse { namespace, time, zone: &UTC }
}

fn parse(text: &str) -> AllowedSigners {
    AllowedSigners::parse(text.as_bytes())
}

#[test]
fn principals_and_namespaces() {
    let text = format!(
        "# comment\n*@example.org,!root@example.org {}\n\"two words,x\" namespaces=\"git,mail-*\" {} a comment\n",
        key("ed25519"),
        key("ecdsa256")
    );
    let allowed = parse(&text);
    assert!(allowed.refused().is_empty());
    let check = |principal: &str, name: &str, namespace: &str| {
        allowed.check(principal, &public(name).into(), &at(namespace, 0)).map(|signer| signer.line)
    };
    assert_eq!(check("a@example.org", "ed25519", "file"), Ok(2));
    assert_eq!(check("root@example.org", "ed25519", "file"), Err(SignerRefusal::NotAllowed));
    assert_eq!(check("a@example.org", "ecdsa256", "file"), Err(SignerRefusal::NotAllowed));
    assert_eq!(check("two words", "ecdsa256", "git"), Ok(3));
    assert_eq!(check("x", "ecdsa256", "mail-list"), Ok(3));
    assert_eq!(check("x", "ecdsa256", "file"), Err(SignerRefusal::Namespace { line: 3 }));
    assert_eq!(allowed.signers()[1].comment, "a comment");
    let principals = allowed.find_principals(&public("ed25519").into(), &at("file", 0));
    assert_eq!(principals, ["*@example.org,!root@example.org"]);
    assert!(allowed.find_principals(&public("ecdsa256").into(), &at("file", 0)).is_empty());
    let lines: Vec<_> = allowed.match_principals("x").map(|signer| signer.line).collect();
    assert_eq!(lines, [3]);
}

#[test]
fn times() {
    let text = format!("a valid-after=\"20200101Z\",valid-before=\"20210101\" {}", key("ed25519"));
    let allowed = parse(&text);
    let check =
        |time| allowed.check("a", &public("ed25519").into(), &at("file", time)).map(|signer| signer.line);
    assert_eq!(check(1_577_836_799), Err(SignerRefusal::NotYetValid { line: 1 }));
    assert_eq!(check(1_577_836_800), Ok(1));
    assert_eq!(check(1_609_459_200), Ok(1));
    assert_eq!(check(1_609_459_201), Err(SignerRefusal::Expired { line: 1 }));
    let east = TimeZone::Fixed { east: 3600 };
    let signature = SignatureUse { namespace: "file", time: 1_609_459_200, zone: &east };
    assert_eq!(
        allowed.check("a", &public("ed25519").into(), &signature).map(|signer| signer.line),
        Err(SignerRefusal::Expired { line: 1 })
    );
}

#[test]
fn certificates_count_by_their_authority() {
    let text =
        format!("*@example.org cert-authority {}\na@example.org {}\n", key("ed25519"), key("ecdsa256"));
    let allowed = parse(&text);
    let certificate = |principals: &[&str], before| -> Identity {
        CertificateBuilder::new(CertificateKind::User, &public("ecdsa384"), "x")
            .principals(principals.iter().copied())
            .validity(Validity { after: 100, before })
            .sign(
                &private("ed25519"),
                by_name("ssh-ed25519").expect("a row"),
                &mut konko_crypto::random::SystemRandom,
            )
            .expect("a certificate")
            .into()
    };
    let check = |principal: &str, identity: &Identity, time| {
        allowed.check(principal, identity, &at("file", time)).map(|signer| signer.line)
    };
    let good = certificate(&["a@example.org", "b@elsewhere"], 200);
    assert_eq!(check("a@example.org", &good, 150), Ok(1));
    // The line of the authority does not have this principal, nor does the certificate that one.
    assert_eq!(check("b@elsewhere", &good, 150), Err(SignerRefusal::NotAllowed));
    assert!(matches!(check("c@example.org", &good, 150), Err(SignerRefusal::Certificate { line: 1, .. })));
    assert!(matches!(check("a@example.org", &good, 200), Err(SignerRefusal::Certificate { line: 1, .. })));
    assert!(matches!(check("a@example.org", &good, 99), Err(SignerRefusal::Certificate { line: 1, .. })));
    let nobody = certificate(&[], 200);
    assert!(matches!(check("a@example.org", &nobody, 150), Err(SignerRefusal::Certificate { line: 1, .. })));
    // An authority does not sign files, and a key that may sign is no authority.
    assert_eq!(check("a@example.org", &public("ed25519").into(), 150), Err(SignerRefusal::NotAllowed));
    assert_eq!(allowed.find_principals(&good, &at("file", 150)), ["a@example.org"]);
}

#[test]
fn lines_that_are_not_understood() {
    let good = key("ed25519");
    let cases = [
        (good.clone(), SignerLineError::Key(KeyError::NotAKey)),
        ("a".to_owned(), SignerLineError::Principals),
        (format!("\"a {good}"), SignerLineError::Principals),
        (format!("\"\" {good}"), SignerLineError::Principals),
        (format!("a unknown {good}"), SignerLineError::Options),
        (format!("a cert-authority=\"x\" {good}"), SignerLineError::Options),
        (format!("a namespaces=\"x\",namespaces=\"y\" {good}"), SignerLineError::Options),
        (format!("a valid-after=\"2020\" {good}"), SignerLineError::Options),
        (format!("a namespaces=x {good}"), SignerLineError::Options),
        (format!("a namespaces=\"x {good}"), SignerLineError::Options),
        (format!("a\0 {good}"), SignerLineError::NotText),
        (format!("a {good} {}", "x".repeat(LIMITS.longest)), SignerLineError::TooLong),
    ];
    for (text, expected) in cases {
        let allowed = parse(&format!("{text}\nz {good}\n"));
        let refused: Vec<_> = allowed.refused().iter().map(|(_, error)| error.clone()).collect();
        if text == good {
            assert!(refused[0] == expected || matches!(refused[0], SignerLineError::Options), "{refused:?}");
        } else {
            assert_eq!(refused, [expected], "{text}");
        }
        assert!(allowed.check("z", &public("ed25519").into(), &at("file", 0)).is_ok(), "{text}");
    }
}
