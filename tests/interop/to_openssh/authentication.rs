//! Every way to log in to OpenSSH, and how it refuses.

use std::sync::{Arc, Mutex};

use konko_client::transport::keys::signature_algorithm::SIGNATURE_ALGORITHMS;
use konko_client::{
    AttemptResult, BoxedFuture, ClientOptions, Credential, Error, KeyFile as ClientKeyFile, LoginReport,
    Passphrase, Prompter, Secret,
};
use konko_tests::peers::{KeyFile, KeyKind, SshdOptions, TestAccount};

use crate::our_client::{Target, answers, exchange, only};
use crate::runtime::{block_on, run_test};
use crate::table::{Failure, check_all, ensure};
use crate::user::{ALL_KINDS, User};

/// The method, and the algorithm if there was one, of each attempt that was taken.
fn accepted(report: &LoginReport) -> Vec<(&'static str, Option<&'static str>)> {
    let taken = [AttemptResult::Accepted, AttemptResult::AcceptedPartially];
    report
        .attempts
        .iter()
        .filter(|attempt| taken.contains(&attempt.result))
        .map(|attempt| (attempt.method, attempt.algorithm))
        .collect()
}

fn logs_in(
    target: &Target,
    options: &ClientOptions,
    expected: &[(&'static str, Option<&'static str>)],
) -> Result<(), Failure> {
    block_on(async {
        let client = target.connect(options).await?;
        let login = client.info()?.login;
        ensure(accepted(&login) == expected, &login)?;
        exchange(&client, 1000).await?;
        let user = client.command("id -un").output().await?;
        ensure(user.stdout == [options.user.as_bytes(), b"\n"].concat(), "somebody else was logged in")
    })
}

fn sign_only(mut options: ClientOptions, name: &str) -> ClientOptions {
    options.signature_algorithms = only(SIGNATURE_ALGORITHMS, name);
    options
}

#[test]
fn every_kind_of_key_and_every_algorithm() {
    let user = User::with(&ALL_KINDS);
    let mut options = SshdOptions::default().line("PubkeyAcceptedAlgorithms +ssh-rsa");
    for key in &user.keys {
        options = options.authorize(key);
    }
    let Some(sshd) = options.start() else { return };
    let target = Target::sshd(&sshd);
    let by_default =
        ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512"];
    let mut cases: Vec<_> =
        by_default.into_iter().enumerate().map(|(key, name)| (key, name, false)).collect();
    cases.extend([(4, "rsa-sha2-256", true), (4, "ssh-rsa", true)]);
    check_all(&cases, |(key, name, alone)| {
        let options = target.options_with_key(&user.keys[*key]);
        let options = if *alone { sign_only(options, name) } else { options };
        logs_in(&target, &options, &[("publickey", Some(*name))])
    });
}

/// This server announces in server-sig-algs what it knows, not what it takes: its own client, too, has to be told.
#[test]
fn a_server_that_takes_one_algorithm_of_an_rsa_key() {
    let user = User::with(&[KeyKind::Rsa(3072)]);
    let cases = ["rsa-sha2-256", "rsa-sha2-512"];
    check_all(&cases, |name| {
        let line = format!("PubkeyAcceptedAlgorithms {name}");
        let Some(sshd) = SshdOptions::default().authorize(user.key()).line(&line).start() else {
            return Ok(());
        };
        let target = Target::sshd(&sshd);
        let options = sign_only(target.options_with_key(user.key()), name);
        logs_in(&target, &options, &[("publickey", Some(*name))])
    });
}

#[test]
fn an_encrypted_key_and_a_key_that_is_not_known_before_it() {
    let (user, stranger) = (User::new(), User::new());
    let encrypted = KeyFile::generate(&user.path("encrypted"), KeyKind::Ed25519, "open sesame");
    let Some(sshd) = SshdOptions::default().authorize(&encrypted).start() else { return };
    let target = Target::sshd(&sshd);
    let passphrase = Passphrase::Fixed(Secret::new("open sesame"));
    let file = ClientKeyFile::new(&encrypted.private).with_passphrase(passphrase);
    let options = target.options_with_key(stranger.key()).with_credential(Credential::KeyFile(file));
    logs_in(&target, &options, &[("publickey", Some("ssh-ed25519"))]).unwrap();
}

#[test]
fn password_and_keyboard_interactive_through_pam() {
    let Some(account) = TestAccount::with_password() else { return };
    let Some(sshd) = SshdOptions::default().pam().start() else { return };
    let password = account.password.as_deref().unwrap();
    let target = Target::sshd(&sshd);
    let options = target.options(&account.name);
    let right = [
        (options.clone().with_password(password), "password"),
        (options.clone().with_credential(answers(&[password])), "keyboard-interactive"),
    ];
    for (options, method) in right {
        logs_in(&target, &options, &[(method, None)]).unwrap_or_else(|failure| panic!("{method}: {failure}"));
    }
    run_test(async {
        let wrong = options.clone().with_password("wrong");
        match target.try_connect(&wrong).await {
            Err(Error::Authentication(report)) => ensure(
                report.attempts.iter().any(|attempt| attempt.result == AttemptResult::Refused),
                &report,
            ),
            other => Err(format!("a wrong password: {other:?}").into()),
        }
    });
}

/// A server without the method `password`: the given password answers its only prompt.
#[test]
fn a_password_answers_a_single_prompt() {
    let Some(account) = TestAccount::with_password() else { return };
    let Some(sshd) = SshdOptions::default().pam().line("PasswordAuthentication no").start() else { return };
    let target = Target::sshd(&sshd);
    let options = target.options(&account.name).with_password(account.password.as_deref().unwrap());
    logs_in(&target, &options, &[("keyboard-interactive", None)]).unwrap();
}

#[test]
fn two_steps() {
    let Some(account) = TestAccount::with_password() else { return };
    let user = User::new();
    let password = account.password.as_deref().unwrap();
    let seconds =
        [("password", Credential::password(password)), ("keyboard-interactive", answers(&[password]))];
    for (second, credential) in seconds {
        let lines = format!("AuthenticationMethods publickey,{second}");
        let Some(sshd) = SshdOptions::default().pam().authorize(user.key()).line(&lines).start() else {
            return;
        };
        let target = Target::sshd(&sshd);
        let options = target.options(&account.name);
        // In the wrong order: the server leads.
        let options =
            options.with_credential(credential).with_credential(Credential::key_file(&user.key().private));
        let expected = [("publickey", Some("ssh-ed25519")), (second, None)];
        logs_in(&target, &options, &expected).unwrap_or_else(|failure| panic!("{second}: {failure}"));
    }
}

#[test]
fn too_many_attempts_end_in_the_servers_words() {
    let strangers = User::with(&[KeyKind::Ed25519; 4]);
    let Some(sshd) = SshdOptions::default().line("MaxAuthTries 2").start() else { return };
    let target = Target::sshd(&sshd);
    let mut options = target.options(&TestAccount::current().name);
    for key in &strangers.keys {
        options = options.with_credential(Credential::key_file(&key.private));
    }
    run_test(async {
        match target.try_connect(&options).await {
            Err(error @ Error::Disconnected { .. }) => {
                let text = error.to_string();
                ensure(text.contains("Too many authentication failures"), &text)?;
                ensure(text.contains("publickey") && text.contains("refused"), &text)
            }
            other => Err(format!("not told apart: {other:?}").into()),
        }
    });
}

#[derive(Default)]
struct Shown(Mutex<String>);

impl Prompter for Shown {
    fn banner<'a>(&'a self, text: &'a str) -> BoxedFuture<'a, ()> {
        self.0.lock().unwrap().push_str(text);
        Box::pin(async {})
    }
}

#[test]
fn the_banner_is_shown_and_kept() {
    let user = User::new();
    let banner = "Be nice.\nYou are \u{e9}cout\u{e9}.\n";
    let line = format!("Banner {}", user.file("banner", banner).display());
    let Some(sshd) = SshdOptions::default().authorize(user.key()).line(&line).start() else { return };
    let (target, shown) = (Target::sshd(&sshd), Arc::new(Shown::default()));
    let prompter = Arc::clone(&shown) as Arc<dyn Prompter>;
    let options = target.options_with_key(user.key()).with_prompter(prompter);
    run_test(async {
        let info = target.connect(&options).await?.info()?;
        ensure(info.banners == [banner], format!("{:?}", info.banners))?;
        ensure(*shown.0.lock().unwrap() == banner, "it was not shown")
    });
}

#[test]
fn another_host_key_is_refused_before_anything_is_told() {
    let (user, stranger) = (User::new(), User::new());
    let Some(sshd) = SshdOptions::default().authorize(user.key()).start() else { return };
    let target = Target::new(sshd.address(), std::slice::from_ref(stranger.key()));
    run_test(async {
        match target.try_connect(&target.options_with_key(user.key())).await {
            Err(Error::HostKeyChanged(_)) => {}
            other => return Err(format!("not told apart: {other:?}").into()),
        }
        ensure(!sshd.log().contains("Accepted publickey"), sshd.log())
    });
}
