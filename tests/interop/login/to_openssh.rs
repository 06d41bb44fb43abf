//! Our client with OpenSSH's server: certificates, two steps, proofs bound to a host key, signers, hosts that vouch.

use std::path::Path;
use std::sync::Arc;

use konko_client::transport::keys::identity::Identity;
use konko_client::transport::keys::private_key::PrivateKey;
use konko_client::{
    AttemptResult, BoxedFuture, ClientOptions, Credential, Error, HostBased, SignatureRequest, Signer,
    SignerError,
};
use konko_tests::peers::{KeyFile, KeyKind, SshdOptions, TestAccount};

use crate::login::setup::{Pocket, beside, certified, in_with, me};
use crate::our_client::{Target, answers};
use crate::our_server::read_key;
use crate::runtime::{block_on, run_test};
use crate::table::{Failure, check_all, ensure};
use crate::user::{ALL_KINDS, User};

#[test]
fn a_certificate_of_every_kind_lets_us_in() {
    let name = TestAccount::current().name;
    let (user, authority) = certified(&ALL_KINDS, &["-n", &name]);
    let line = format!("TrustedUserCAKeys {}", authority.public.display());
    let Some(sshd) = SshdOptions::default().line(&line).start() else { return };
    let target = Target::sshd(&sshd);
    let algorithms = [
        "ssh-ed25519-cert-v01@openssh.com",
        "ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "ecdsa-sha2-nistp384-cert-v01@openssh.com",
        "ecdsa-sha2-nistp521-cert-v01@openssh.com",
        "rsa-sha2-512-cert-v01@openssh.com",
    ];
    let cases: Vec<_> = algorithms.into_iter().enumerate().collect();
    check_all(&cases, |(number, algorithm)| {
        let options = me(&target).with_credential(Credential::key_file(&user.keys[*number].private));
        let report = block_on(in_with(&target, &options))?;
        let accepted = report.attempts.last().ok_or("no attempt")?;
        ensure(accepted.algorithm == Some(*algorithm), &report)?;
        ensure(accepted.result == AttemptResult::Accepted, &report)?;
        let log = sshd.log();
        ensure(log.contains(&format!("ID certificate {number}")), log)
    });
}

/// The certificate is in a file of its own, and its private key in an agent.
#[test]
fn a_certificate_file_and_an_agent() {
    let name = TestAccount::current().name;
    let (user, authority) = certified(&[KeyKind::Ed25519, KeyKind::Rsa(2048)], &["-n", &name]);
    let line = format!("TrustedUserCAKeys {}", authority.public.display());
    let Some(sshd) = SshdOptions::default().line(&line).start() else { return };
    let target = Target::sshd(&sshd);
    for key in &user.keys {
        let moved = user.path("elsewhere-cert.pub");
        std::fs::rename(beside(key), &moved).expect("moved");
        let agent = Pocket::with(&user.keys);
        let mut options = me(&target)
            .with_credential(Credential::Agent(Arc::clone(&agent) as _))
            .with_credential(Credential::CertificateFile(moved.clone()));
        options.identities_only = true;
        let report = block_on(in_with(&target, &options)).unwrap_or_else(|failure| panic!("{failure}"));
        let accepted = report.attempts.last().expect("an attempt");
        assert!(accepted.algorithm.is_some_and(|name| name.contains("cert")), "{report}");
        assert_eq!(agent.signatures(), 1);
    }
}

/// A certificate that is expired, for somebody else, or of an unknown authority, is refused and the plain key tried.
#[test]
fn certificates_that_are_not_good() {
    let name = TestAccount::current().name;
    let cases: [(&str, Vec<&str>); 3] = [
        ("expired", vec!["-n", &name, "-V", "20200101:20210101"]),
        ("somebody else's", vec!["-n", "nobody-else"]),
        ("of an unknown authority", vec!["-n", &name]),
    ];
    check_all(&cases, |(what, options)| {
        let (user, authority) = certified(&[KeyKind::Ed25519], options);
        let other = KeyFile::generate(&user.path("other"), KeyKind::Ed25519, "");
        let trusted = if what.contains("unknown") { &other } else { &authority };
        let line = format!("TrustedUserCAKeys {}", trusted.public.display());
        let Some(sshd) = SshdOptions::default().line(&line).authorize(user.key()).start() else {
            return Ok(());
        };
        let target = Target::sshd(&sshd);
        let options = me(&target).with_credential(Credential::key_file(&user.key().private));
        let report = block_on(in_with(&target, &options))?;
        let results: Vec<_> = report.attempts.iter().map(|attempt| attempt.result.clone()).collect();
        ensure(results == [AttemptResult::Refused, AttemptResult::Accepted], &report)
    });
}

#[test]
fn a_key_and_then_a_dialogue() {
    let Some(account) = TestAccount::with_password() else { return };
    let user = User::with(&[KeyKind::Ed25519; 3]);
    let password = account.password.as_deref().expect("a password");
    let options = SshdOptions::default().pam().authorize(&user.keys[2]);
    let Some(sshd) = options.line("AuthenticationMethods publickey,keyboard-interactive").start() else {
        return;
    };
    let target = Target::sshd(&sshd);
    let options = target
        .options(&account.name)
        .with_credential(Credential::Agent(Pocket::with(&user.keys)))
        .with_credential(answers(&[password]));
    let report = block_on(in_with(&target, &options)).unwrap_or_else(|failure| panic!("{failure}"));
    let partial = report.attempts.iter().find(|attempt| attempt.result == AttemptResult::AcceptedPartially);
    let wanted = partial.and_then(|attempt| attempt.methods_that_can_continue.clone());
    assert_eq!(wanted, Some(vec!["keyboard-interactive".to_owned()]), "{report}");
    assert_eq!(report.attempts.last().map(|attempt| attempt.method), Some("keyboard-interactive"));
}

async fn in_and_out(target: &Target, options: &ClientOptions) -> Result<(), Failure> {
    target.connect(options).await?.close().await;
    Ok(())
}

/// The server's log names the method, and what we signed holds for this server only.
#[test]
fn proofs_are_bound_to_the_host_key() {
    let user = User::with(&[KeyKind::Ed25519, KeyKind::Rsa(2048)]);
    let options = SshdOptions::default().line("LogLevel DEBUG1");
    let Some(sshd) = options.authorize(&user.keys[0]).authorize(&user.keys[1]).start() else { return };
    let target = Target::sshd(&sshd);
    for key in &user.keys {
        let options = me(&target).with_credential(Credential::key_file(&key.private));
        block_on(in_and_out(&target, &options)).unwrap_or_else(|failure| panic!("{failure}"));
    }
    let bound = "method publickey-hostbound-v00@openssh.com";
    assert_eq!(sshd.log().matches(bound).count(), 2, "{}", sshd.log());

    let mut unbound = me(&target).with_credential(Credential::key_file(&user.keys[0].private));
    unbound.transport.auth.host_bound = false;
    block_on(in_and_out(&target, &unbound)).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(sshd.log().matches(bound).count(), 2, "{}", sshd.log());
}

/// A key that signs somewhere else, once as it should and once not at all.
struct Hardware {
    key: PrivateKey,
    refuses: bool,
}

impl Signer for Hardware {
    fn identity(&self) -> Identity {
        self.key.public_key().clone().into()
    }

    fn sign(&self, request: SignatureRequest) -> BoxedFuture<'_, Result<Vec<u8>, SignerError>> {
        Box::pin(async move {
            // As a service would: later, and on another thread.
            tokio::task::yield_now().await;
            if self.refuses {
                return Err(SignerError::Refused);
            }
            request.answer(&self.key).map_err(|error| SignerError::Failed(error.to_string()))
        })
    }

    fn origin(&self) -> String {
        "slot 3".to_owned()
    }
}

#[test]
fn a_signer_of_the_application_and_one_that_refuses() {
    let user = User::with(&[KeyKind::Ecdsa(256), KeyKind::Rsa(2048)]);
    let options = SshdOptions::default().authorize(&user.keys[0]).authorize(&user.keys[1]);
    let Some(sshd) = options.start() else { return };
    let target = Target::sshd(&sshd);
    let refusing = Hardware { key: read_key(&user.keys[0].private), refuses: true };
    let signing = Hardware { key: read_key(&user.keys[1].private), refuses: false };
    let options = me(&target)
        .with_credential(Credential::signer(refusing))
        .with_credential(Credential::signer(signing));
    let report = block_on(in_with(&target, &options)).unwrap_or_else(|failure| panic!("{failure}"));
    let first = &report.attempts.iter().find(|attempt| attempt.method == "publickey").expect("a first key");
    assert!(matches!(&first.result, AttemptResult::Unusable(why) if why.contains("refused")), "{report}");
    let last = report.attempts.last().expect("a second key");
    assert_eq!((last.algorithm, &last.result), (Some("rsa-sha2-512"), &AttemptResult::Accepted), "{report}");
    assert!(last.credential.contains("slot 3"), "{report}");
}

/// The throw-away account believes a host that is not in any name service.
fn believe(account: &TestAccount, host: &str, user: &str, key: &KeyFile) {
    let owned = |path: &Path, text: &str| {
        std::fs::write(path, text).expect("a file of the throw-away account");
        std::os::unix::fs::chown(path, Some(0), None).expect("root's own");
    };
    let folder = account.home.join(".ssh");
    std::fs::create_dir_all(&folder).expect("a folder");
    owned(&account.home.join(".shosts"), &format!("{host} {user}\n"));
    owned(&folder.join("known_hosts"), &format!("{host} {}\n", key.type_and_key()));
}

#[test]
fn our_host_vouches_to_openssh() {
    let Some(account) = TestAccount::with_password() else { return };
    let user = User::with(&[KeyKind::Ed25519, KeyKind::Ed25519]);
    let host = "client.konko.test";
    believe(&account, host, "alice", user.key());
    let options = SshdOptions::default()
        .line("HostbasedAuthentication yes")
        .line("HostbasedUsesNameFromPacketOnly yes")
        .line("IgnoreRhosts no")
        .line("IgnoreUserKnownHosts no");
    let Some(sshd) = options.start() else { return };
    let target = Target::sshd(&sshd);
    let vouching = |key: &KeyFile, host: &str, name: &str| {
        let word = HostBased::new(&key.private, host, name);
        target.options(&account.name).with_credential(Credential::HostBased(word))
    };
    for name in [host.to_owned(), format!("{host}.")] {
        let report = block_on(in_with(&target, &vouching(user.key(), &name, "alice")))
            .unwrap_or_else(|failure| panic!("{failure}\n{}", sshd.log()));
        let accepted = report.attempts.last().expect("an attempt");
        assert_eq!((accepted.method, accepted.algorithm), ("hostbased", Some("ssh-ed25519")), "{report}");
    }
    assert!(sshd.log().contains("Accepted hostbased"), "{}", sshd.log());
    for (what, options) in [
        ("another user", vouching(user.key(), host, "mallory")),
        ("another host", vouching(user.key(), "other.konko.test", "alice")),
        ("another key", vouching(&user.keys[1], host, "alice")),
    ] {
        run_test(async {
            match target.try_connect(&options).await {
                Err(Error::Authentication(report)) => {
                    ensure(report.attempts.iter().any(|a| a.result == AttemptResult::Refused), &report)
                }
                other => Err(format!("{what}: {other:?}").into()),
            }
        });
    }
}
