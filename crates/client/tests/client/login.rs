//! Logging in, against a server in this process.

use crate::scripted_server::{ScriptedServer, key, options};
use konko_client::transport::crypto::random::SystemRandom;
use konko_client::transport::keys::private_key::{KeyKind, PrivateKey};
use konko_client::transport::userauth::MethodName;
use konko_client::{
    AttemptResult, BoxedFuture, ClientOptions, Credential, Error, HostKeyPolicy, Passphrase, Prompt,
    Prompter, Secret,
};
use std::path::Path;
use std::sync::{Arc, Mutex};

fn nobody() -> ClientOptions {
    ClientOptions::new("user", HostKeyPolicy::InsecureAcceptAny)
}

fn seen(server: &ScriptedServer) -> Vec<String> {
    server.seen.lock().expect("no panic").clone()
}

/// Answers everything from lists, and remembers what it was shown.
#[derive(Default)]
struct Person {
    passwords: Mutex<Vec<&'static str>>,
    answers: Vec<&'static str>,
    change: Option<(&'static str, &'static str)>,
    shown: Mutex<Vec<String>>,
}

impl Prompter for Person {
    fn password<'a>(&'a self, user: &'a str, host: &'a str, attempt: u32) -> BoxedFuture<'a, Option<Secret>> {
        self.shown.lock().expect("no panic").push(format!("{user}@{host} #{attempt}"));
        let mut passwords = self.passwords.lock().expect("no panic");
        let next = (!passwords.is_empty()).then(|| Secret::new(passwords.remove(0)));
        Box::pin(async { next })
    }

    fn passphrase<'a>(&'a self, _path: &'a Path, _attempt: u32) -> BoxedFuture<'a, Option<Secret>> {
        self.shown.lock().expect("no panic").push("passphrase".to_owned());
        Box::pin(async { Some(Secret::new("the passphrase")) })
    }

    fn prompts<'a>(
        &'a self,
        _name: &'a str,
        _instruction: &'a str,
        prompts: &'a [Prompt],
    ) -> BoxedFuture<'a, Option<Vec<Secret>>> {
        self.shown.lock().expect("no panic").extend(prompts.iter().map(|prompt| prompt.text.clone()));
        Box::pin(async { Some(self.answers.iter().copied().map(Secret::new).collect()) })
    }

    fn change_password<'a>(
        &'a self,
        _user: &'a str,
        message: &'a str,
    ) -> BoxedFuture<'a, Option<(Secret, Secret)>> {
        self.shown.lock().expect("no panic").push(message.to_owned());
        Box::pin(async { self.change.map(|(old, new)| (Secret::new(old), Secret::new(new))) })
    }

    fn banner<'a>(&'a self, text: &'a str) -> BoxedFuture<'a, ()> {
        self.shown.lock().expect("no panic").push(text.to_owned());
        Box::pin(async {})
    }
}

#[tokio::test]
async fn right_and_wrong_passwords() {
    let server = Arc::new(ScriptedServer::default());
    let client = server.connect(&options()).await.expect("logged in");
    let info = client.info().expect("connected");
    assert_eq!(&info.host_key, server.host_key.public_key());
    assert!(info.strict_key_exchange);
    assert_eq!(info.login.attempts.len(), 1);
    assert!(info.server_identification.starts_with("SSH-2.0-konko_"));
    assert!(info.server_sig_algs.is_some());

    let error = server.connect(&nobody().with_password("wrong")).await.expect_err("refused");
    let Error::Authentication(report) = &error else { panic!("{error}") };
    assert_eq!(report.attempts.len(), 1);
    assert_eq!(report.attempts[0].result, AttemptResult::Refused);
    assert_eq!(report.methods_that_can_continue, ["password"]);
    assert!(!error.to_string().contains("wrong"), "{error}");
}

#[tokio::test]
async fn without_credentials_nothing_is_tried() {
    let server = Arc::new(ScriptedServer::default());
    let error = server.connect(&nobody()).await.expect_err("nothing to try");
    assert!(matches!(&error, Error::Authentication(report) if report.attempts.is_empty()), "{error}");
}

#[tokio::test]
async fn keys_of_every_type() {
    for kind in [
        KeyKind::Ed25519,
        KeyKind::EcdsaP256,
        KeyKind::EcdsaP384,
        KeyKind::EcdsaP521,
        KeyKind::Rsa { bits: 2048 },
    ] {
        let key = PrivateKey::generate(kind, &mut SystemRandom).expect("a key");
        let server = Arc::new(ScriptedServer {
            chain: vec![MethodName::PublicKey],
            keys: vec![key.public_key().clone()],
            ..ScriptedServer::default()
        });
        let options = nobody().with_credential(Credential::private_key(key));
        let client = server.connect(&options).await.expect("logged in");
        let login = client.info().expect("connected").login;
        let algorithm = login.attempts.last().and_then(|attempt| attempt.algorithm);
        if matches!(kind, KeyKind::Rsa { .. }) {
            assert_eq!(algorithm, Some("rsa-sha2-512"));
        }
        assert_eq!(seen(&server).last().map(String::as_str), Some("PublicKey"));
    }
}

/// Signatures, and passphrases, only for a key that the server would take.
#[tokio::test]
async fn a_key_file_is_unlocked_when_the_server_wants_its_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let person = Arc::new(Person::default());
    let mut credentials = Vec::new();
    let keys: Vec<PrivateKey> = (0..3).map(|_| key()).collect();
    for (index, key) in keys.iter().enumerate() {
        let path = directory.path().join(format!("id_{index}"));
        let text = key.to_openssh(Some((b"the passphrase", 1)), &mut SystemRandom).expect("written");
        std::fs::write(&path, text.as_bytes()).expect("written");
        std::fs::write(path.with_extension("pub"), key.public_key().to_openssh("")).expect("written");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("permitted");
        let Credential::KeyFile(file) = Credential::key_file(path) else { unreachable!("a key file") };
        credentials
            .push(Credential::KeyFile(file.with_passphrase(Passphrase::Ask(Arc::clone(&person) as _))));
    }
    let server = Arc::new(ScriptedServer {
        chain: vec![MethodName::PublicKey],
        keys: vec![keys[2].public_key().clone()],
        ..ScriptedServer::default()
    });
    let mut options = nobody();
    options.credentials = credentials;
    let client = server.connect(&options).await.expect("logged in");
    assert_eq!(seen(&server), ["PublicKeyQuery", "PublicKeyQuery", "PublicKeyQuery", "PublicKey"]);
    assert_eq!(person.shown.lock().expect("no panic").len(), 1);
    let results: Vec<_> =
        client.info().expect("connected").login.attempts.into_iter().map(|a| a.result).collect();
    assert_eq!(results, [AttemptResult::Refused, AttemptResult::Refused, AttemptResult::Accepted]);
}

#[tokio::test]
async fn one_report_of_a_missing_a_wrong_and_a_right_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let right = key();
    let server = Arc::new(ScriptedServer {
        chain: vec![MethodName::PublicKey],
        keys: vec![right.public_key().clone()],
        ..ScriptedServer::default()
    });
    let wrong = nobody()
        .with_credential(Credential::key_file(directory.path().join("missing")))
        .with_credential(Credential::private_key(key()));
    let error = server.connect(&wrong).await.expect_err("no right key").to_string();
    assert!(error.contains("missing does not exist") && error.contains("refused"), "{error}");
    let client =
        server.connect(&wrong.with_credential(Credential::private_key(right))).await.expect("logged in");
    assert_eq!(client.info().expect("connected").login.attempts.len(), 3);
}

#[tokio::test]
async fn a_person_is_asked_three_times() {
    let server = Arc::new(ScriptedServer::default());
    let person = Arc::new(Person { passwords: Mutex::new(vec!["a", "b", "right"]), ..Person::default() });
    let options = nobody().with_credential(Credential::PasswordPrompt(Arc::clone(&person) as _));
    server.connect(&options).await.expect("the third is right");
    let expected = ["user@server.test #1", "user@server.test #2", "user@server.test #3"];
    assert_eq!(*person.shown.lock().expect("no panic"), expected);
    assert_eq!(seen(&server), ["None", "Password", "Password", "Password"]);
    let error = server.connect(&options).await.expect_err("nobody answers any more");
    assert!(error.to_string().contains("nobody gave the password"), "{error}");
}

#[tokio::test]
async fn dialogues() {
    let server = Arc::new(ScriptedServer {
        chain: vec![MethodName::KeyboardInteractive],
        dialogue: vec![("Password: ", "right"), ("Code: ", "123456")],
        ..ScriptedServer::default()
    });
    let person = Arc::new(Person { answers: vec!["right", "123456"], ..Person::default() });
    let options = nobody().with_credential(Credential::KeyboardInteractive(Arc::clone(&person) as _));
    server.connect(&options).await.expect("logged in");
    assert_eq!(*person.shown.lock().expect("no panic"), ["Password: ", "Code: "]);
    // As many answers as prompts, or none are sent.
    let hasty = Arc::new(Person { answers: vec!["right"], ..Person::default() });
    let options = nobody().with_credential(Credential::KeyboardInteractive(hasty));
    let error = server.connect(&options).await.expect_err("one answer is missing");
    assert!(error.to_string().contains("not every prompt was answered"), "{error}");
    // A password answers one prompt, not two.
    let error = server.connect(&nobody().with_password("right")).await.expect_err("two prompts");
    assert!(error.to_string().contains("more than one thing"), "{error}");
    let single = Arc::new(ScriptedServer {
        chain: vec![MethodName::KeyboardInteractive],
        dialogue: vec![("Password: ", "right")],
        ..ScriptedServer::default()
    });
    single.connect(&nobody().with_password("right")).await.expect("logged in");
    assert_eq!(seen(&single).last().map(String::as_str), Some("KeyboardInteractiveResponses"));
}

#[tokio::test]
async fn two_factors() {
    let key = key();
    for chain in [
        vec![MethodName::PublicKey, MethodName::Password],
        vec![MethodName::Password, MethodName::PublicKey],
        vec![MethodName::PublicKey, MethodName::KeyboardInteractive, MethodName::Password],
    ] {
        let server = Arc::new(ScriptedServer {
            chain: chain.clone(),
            keys: vec![key.public_key().clone()],
            dialogue: vec![("Code: ", "1")],
            ..ScriptedServer::default()
        });
        let person = Arc::new(Person { answers: vec!["1"], ..Person::default() });
        let options = nobody()
            .with_credential(Credential::private_key(key.clone()))
            .with_credential(Credential::KeyboardInteractive(person))
            .with_password("right");
        let client = server.connect(&options).await.unwrap_or_else(|error| panic!("{chain:?}: {error}"));
        let report = client.info().expect("connected").login;
        let good = [AttemptResult::Accepted, AttemptResult::AcceptedPartially];
        let good: Vec<_> =
            report.attempts.iter().filter(|a| good.contains(&a.result)).map(|a| a.method).collect();
        assert_eq!(good, chain.iter().map(|method| method.as_str()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_expired_password_is_changed() {
    let server = Arc::new(ScriptedServer { expired_password: Some("old"), ..ScriptedServer::default() });
    let person = Arc::new(Person { change: Some(("old", "right")), ..Person::default() });
    let options = nobody().with_password("old").with_prompter(Arc::clone(&person) as _);
    server.connect(&options).await.expect("logged in");
    assert_eq!(*person.shown.lock().expect("no panic"), ["too old"]);
    let error = server.connect(&nobody().with_password("old")).await.expect_err("nobody to ask");
    assert!(error.to_string().contains("expired"), "{error}");
}

#[tokio::test]
async fn banners_are_shown_and_kept() {
    let server =
        Arc::new(ScriptedServer { banner: Some("Be nice.\r\n\x1b[2J"), ..ScriptedServer::default() });
    let person = Arc::new(Person::default());
    let client = server.connect(&options().with_prompter(Arc::clone(&person) as _)).await.expect("logged in");
    assert_eq!(*person.shown.lock().expect("no panic"), ["Be nice.\r\n\x1b[2J"]);
    assert_eq!(client.info().expect("connected").banners, ["Be nice.\r\n\x1b[2J"]);
}

/// covers: C04
#[tokio::test]
async fn a_login_without_proof_is_told() {
    let server = Arc::new(ScriptedServer { accept_none: true, ..ScriptedServer::default() });
    let client = server.connect(&nobody().with_credential(Credential::None)).await.expect("logged in");
    assert!(client.info().expect("connected").login.is_without_proof());
}

/// What the server says when it has enough is not lost.
#[tokio::test]
async fn too_many_attempts_are_told_in_the_servers_words() {
    let server = Arc::new(ScriptedServer { chain: vec![MethodName::Password], ..ScriptedServer::default() });
    let mut options = nobody();
    options.credentials = (0..8).map(|index| Credential::password(format!("wrong {index}"))).collect();
    let error = server.connect(&options).await.expect_err("the server has enough");
    let Error::Disconnected { report: Some(report), .. } = &error else { panic!("{error}") };
    assert_eq!(report.attempts.len(), 6, "{report}");
    assert_eq!(report.attempts[5].result, AttemptResult::Unanswered);
    assert!(error.to_string().to_lowercase().contains("too many"), "{error}");
}

/// covers: C08
#[tokio::test]
async fn what_is_too_long_is_not_sent() {
    let server = Arc::new(ScriptedServer::default());
    let mut options = options();
    options.user = "u".repeat(256);
    assert!(matches!(server.connect(&options).await, Err(Error::Options(_))));
    let error = server.connect(&nobody().with_password("p".repeat(1 << 20))).await.expect_err("too long");
    assert!(matches!(&error, Error::Authentication(_)), "{error}");
    assert!(seen(&server).is_empty());
}
