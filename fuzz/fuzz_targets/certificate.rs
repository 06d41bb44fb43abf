//! Certificates: any blob, and bodies that a key of ours has signed, so that what stands in them is looked at. What is
//! read is written back the same, and a check of it never panics.
#![no_main]

use konko_fuzz::choices::Choices;
use konko_fuzz::endpoints::{host_key, user_key};
use konko_fuzz::repeatable_random::RepeatableRandom;
use konko_keys::certificate::{Certificate, Validity};
use konko_keys::certificate_builder::CertificateBuilder;
use konko_keys::certificate_check::CertificateCheck;
use konko_keys::certificate_kind::CertificateKind;
use konko_keys::certificate_option::{CriticalOption, Extension};
use konko_keys::signature_algorithm::SSH_ED25519;
use libfuzzer_sys::fuzz_target;

fn look(certificate: &Certificate, name: &str, now: u64) {
    assert_eq!(
        Certificate::decode(certificate.blob()).map(|again| again.blob().to_vec()).as_deref(),
        Ok(certificate.blob())
    );
    let (again, _) = Certificate::from_openssh(&certificate.to_openssh("comment")).expect("our own line");
    assert_eq!(again.blob(), certificate.blob());
    let authority = user_key().public_key();
    for kind in [CertificateKind::User, CertificateKind::Host] {
        let check = CertificateCheck::new(authority, kind, now, Some(name));
        if certificate.check(&check).is_ok() {
            assert_eq!(certificate.kind(), kind);
            assert_eq!(certificate.signature_key(), authority);
        }
    }
    let _ = (certificate.force_command(), certificate.source_address(), certificate.fingerprint());
    for option in certificate.critical_options() {
        let _ = option.as_critical();
    }
    for extension in certificate.extensions() {
        let _ = extension.as_extension();
    }
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let now = u64::from(choices.edge());
    let name = String::from_utf8_lossy(choices.short_bytes()).into_owned();
    if choices.flag() {
        if let Ok(certificate) = Certificate::decode(choices.rest()) {
            look(&certificate, &name, now);
        }
        return;
    }
    let kind = if choices.flag() { CertificateKind::User } else { CertificateKind::Host };
    let words: Vec<String> =
        (0..choices.below(5)).map(|_| String::from_utf8_lossy(choices.short_bytes()).into_owned()).collect();
    let validity = Validity { after: u64::from(choices.edge()), before: u64::from(choices.edge()) };
    let mut builder = CertificateBuilder::new(kind, host_key().public_key(), &name)
        .serial(u64::from(choices.edge()))
        .principals(words.clone())
        .validity(validity);
    for word in &words {
        builder = match choices.byte() % 4 {
            0 => builder.critical_option(CriticalOption::ForceCommand(word)),
            1 => builder.critical_option(CriticalOption::SourceAddress(word)),
            2 => builder.extension(Extension::PermitPty),
            _ => builder,
        };
    }
    if let Ok(certificate) = builder.sign(user_key(), &SSH_ED25519, &mut RepeatableRandom(1)) {
        look(&certificate, &name, now);
    }
    let mut damaged = choices.rest().to_vec();
    damaged.truncate(4096);
    let _ = Certificate::decode(&damaged);
});
