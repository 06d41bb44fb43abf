use super::*;
use crate::fixtures::{KEYS, Prepared, private, public, text};
use crate::signature_algorithm::{RSA_SHA2_256, SSH_ED25519, for_key_type};
use konko_crypto::random::SystemRandom;

/// Given the nonce that ssh-keygen drew, what the authority signs is the same to the byte.
#[test]
fn what_is_issued_is_what_ssh_keygen_issues() {
    let authority = private("authority");
    for ((name, ..), serial) in KEYS.into_iter().zip(1..) {
        let theirs = Certificate::from_openssh(&text(&format!("{name}-cert.pub"))).expect("a certificate").0;
        let mut reader = Reader::new(theirs.blob());
        reader.read_string().expect("the type");
        let nonce = reader.read_string().expect("the nonce").to_vec();
        let ours = CertificateBuilder::new(CertificateKind::User, &public(name), &format!("konko {name}"))
            .serial(serial)
            .principals(["alice", "bob"])
            .validity(Validity { after: 1_577_836_800, before: 2_208_988_800 })
            .permit_all()
            .critical_option(CriticalOption::SourceAddress("192.0.2.0/24,2001:db8::/32"))
            .critical_option(CriticalOption::ForceCommand("something else"))
            .critical_option(CriticalOption::ForceCommand("echo \"forced\""))
            .extension(Extension::Unknown { name: "konko@example.com", data: b"\0\0\0\x05value" });
        let mut without_pty = ours.clone();
        without_pty.extensions.retain(|option| option.name != "permit-pty");
        let ours = without_pty.sign(&authority, &SSH_ED25519, &mut Prepared(nonce)).expect("a certificate");
        // Ed25519 signs the same each time.
        assert_eq!(ours, theirs, "{name}");
    }
}

// covers: I13
#[test]
fn every_authority_issues_under_every_algorithm_of_its_own() {
    for (name, key_type, _) in KEYS {
        for algorithm in for_key_type(key_type) {
            let builder = CertificateBuilder::new(CertificateKind::Host, &public("ecdsa521"), "x");
            let certificate =
                builder.sign(&private(name), algorithm, &mut SystemRandom).expect("a certificate");
            assert_eq!(certificate.signature_algorithm(), algorithm);
            assert_eq!(certificate.signature_key(), &public(name));
        }
        let refused = CertificateBuilder::new(CertificateKind::Host, &public("ecdsa521"), "x").sign(
            &private(name),
            if key_type == "ssh-ed25519" { &RSA_SHA2_256 } else { &SSH_ED25519 },
            &mut SystemRandom,
        );
        assert!(matches!(refused, Err(IssueError::Sign(_))), "{name}");
    }
}

#[test]
fn a_certificate_that_would_not_be_accepted_is_not_issued() {
    let new = || CertificateBuilder::new(CertificateKind::User, &public("ed25519"), "x");
    for (after, before) in [(5, 5), (6, 5), (u64::MAX, u64::MAX)] {
        let refused =
            new().validity(Validity { after, before }).prepare(&public("ecdsa256"), &mut SystemRandom);
        assert_eq!(refused.err(), Some(CertificateError::EmptyValidity));
    }
    let unsigned = new().prepare(&public("ecdsa256"), &mut SystemRandom).expect("a certificate");
    let foreign = private("ecdsa384")
        .sign(for_key_type("ecdsa-sha2-nistp384").next().expect("a row"), unsigned.message());
    let refused = unsigned.finish(&foreign.expect("a signature")).err();
    assert!(matches!(refused, Some(CertificateError::Signature(_))));
}
