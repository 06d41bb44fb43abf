//! Who gets in.

use crate::support::*;
use konko_server::transport::channel::config::OpenOptions;
use konko_server::transport::channel::open::ChannelKind;
use konko_server::transport::keys::private_key::PrivateKey;
use konko_server::transport::keys::signature_algorithm::{SignatureAlgorithm, for_key_type};
use konko_server::transport::userauth::Method;
use konko_server::transport::userauth::method_name::MethodName;
use konko_server::transport::wire::number::OpenFailureReason;
use konko_server::{
    AuthDecision, AuthRequest, AuthorizedKeysFile, BoxFuture, Handler, PeerInfo, Proof, RefuseAll,
    StandardOptions,
};
use konko_tokio::Error;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

fn algorithm(key: &PrivateKey) -> &'static SignatureAlgorithm {
    for_key_type(key.public_key().key_type()).next().unwrap()
}

fn public_key(key: &PrivateKey) -> Method {
    Method::PublicKey { key: key.public_key().clone(), algorithm: algorithm(key), query_first: true }
}

fn keyboard_interactive() -> Method {
    Method::KeyboardInteractive { submethods: String::new() }
}

/// covers: A03
#[test]
fn the_default_handler_lets_nobody_in() {
    run(async {
        let connection = connect(builder().handler(|_: &PeerInfo| RefuseAll).methods(MethodName::ALL));
        let key = key();
        for method in
            [Method::None, password(""), password("secret"), public_key(&key), keyboard_interactive()]
        {
            let login = login(&connection, "root", method, Some(&key)).await;
            assert!(matches!(login, Login::Failure { partial: false, .. }), "{login:?}");
        }
        let open = connection.open_channel(ChannelKind::Session, OpenOptions::default(), None).await;
        assert!(open.is_err());
    });
}

#[test]
fn passwords_let_in_and_nothing_else_does() {
    run(async {
        let connection = connect(standard(options()));
        let refused = Login::Failure {
            methods: vec!["password".into(), "keyboard-interactive".into()],
            partial: false,
        };
        assert_eq!(login(&connection, "user", Method::None, None).await, refused);
        assert_eq!(login(&connection, "user", password("Secret"), None).await, refused);
        assert_eq!(login(&connection, "user", password("secret"), None).await, Login::Success);

        let connection = connect(standard(options()));
        assert_eq!(login(&connection, "nobody", password("secret"), None).await, refused);
        let connection = connect(standard(options()));
        assert_eq!(login(&connection, "user", keyboard_interactive(), None).await, Login::Success);
        let connection = connect(standard(options()));
        assert_eq!(login(&connection, "nobody", keyboard_interactive(), None).await, refused);
    });
}

fn write_keys(folder: &Path, contents: &str) -> AuthorizedKeysFile {
    let path = folder.join("authorized_keys");
    std::fs::write(&path, contents).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    AuthorizedKeysFile::new(path)
}

fn with_keys(folder: &Path, contents: &str) -> StandardOptions {
    let mut options = options();
    options.passwords = None;
    options.authorized_keys = Some(write_keys(folder, contents));
    options
}

/// covers: A04
#[test]
fn keys_let_in_and_others_do_not() {
    run(async {
        let (right, wrong) = (key(), key());
        let folder = tempfile::tempdir().unwrap();
        let options = with_keys(folder.path(), &right.public_key().to_openssh("right"));
        let connection = connect(standard(options.clone()));
        let refused = Login::Failure { methods: vec!["publickey".into()], partial: false };
        assert_eq!(login(&connection, "user", public_key(&wrong), Some(&wrong)).await, refused);
        // A signature of another key than the one that is named is none.
        let unasked = Method::PublicKey {
            key: right.public_key().clone(),
            algorithm: algorithm(&right),
            query_first: false,
        };
        assert_eq!(login(&connection, "user", unasked, Some(&wrong)).await, refused);
        assert_eq!(login(&connection, "user", public_key(&right), Some(&right)).await, Login::Success);
    });
}

/// covers: H24
#[test]
fn a_key_brings_its_restrictions() {
    run(async {
        let key = key();
        let folder = tempfile::tempdir().unwrap();
        let line = format!(
            r#"restrict,command="echo forced: $SSH_ORIGINAL_COMMAND",environment="A=b" {}"#,
            key.public_key().to_openssh("")
        );
        let mut options = with_keys(folder.path(), &line);
        options.allow_local_forwarding = true;
        let connection = connect(standard(options.clone()));
        let login_without = login(&connection, "user", public_key(&key), Some(&key)).await;
        assert!(matches!(login_without, Login::Failure { .. }), "its variables are not permitted");

        options.permit_user_environment = true;
        let connection = connect(standard(options));
        assert_eq!(login(&connection, "user", public_key(&key), Some(&key)).await, Login::Success);
        assert_eq!(command(&connection, "id; ls", b"").await.text(), "forced: id; ls\n");
        let channel = session(&connection).await;
        assert!(!pty(&channel, "vt100", &Default::default()).await);
        let kind = ChannelKind::DirectTcpip {
            host: "127.0.0.1".into(),
            port: 1,
            originator_address: "127.0.0.1".into(),
            originator_port: 1,
        };
        let refused = connection.open_channel(kind, OpenOptions::default(), None).await.unwrap_err();
        assert!(
            matches!(
                refused,
                Error::OpenRefused { reason: OpenFailureReason::ADMINISTRATIVELY_PROHIBITED, .. }
            ),
            "{refused}"
        );
    });
}

/// Wants a key and then a password, which has expired.
#[derive(Clone, Default)]
struct Strict {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Handler for Strict {
    fn banner(&self) -> Option<String> {
        Some("Hello\r\n".to_owned())
    }

    fn authenticate<'a>(&'a self, request: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        self.seen.lock().unwrap().push(format!("{:?}", request.proof.method()));
        Box::pin(async move {
            // An answer may come late, and from another task.
            tokio::task::yield_now().await;
            match request.proof {
                Proof::PublicKeyQuery { .. } => AuthDecision::Accept,
                Proof::PublicKey { .. } => AuthDecision::AcceptPartially(vec![MethodName::Password]),
                Proof::Password("secret") => AuthDecision::RequirePasswordChange("too old".to_owned()),
                Proof::PasswordChange { old: "secret", new: "fresh" } => AuthDecision::Accept,
                _ => AuthDecision::Reject,
            }
        })
    }
}

#[test]
fn several_steps_can_be_asked_for() {
    run(async {
        let handler = Strict::default();
        let seen = Arc::clone(&handler.seen);
        let connection = connect(builder().handler(move |_: &PeerInfo| handler.clone()));
        let key = key();
        assert_eq!(
            login(&connection, "user", public_key(&key), Some(&key)).await,
            Login::Failure { methods: vec!["password".into()], partial: true }
        );
        assert_eq!(login(&connection, "user", password("secret"), None).await, Login::Success);
        assert_eq!(
            *seen.lock().unwrap(),
            ["publickey", "publickey", "password", "password"].map(|name| format!("{name:?}"))
        );
    });
}

/// covers: A06
#[test]
fn guessing_ends_the_connection() {
    run(async {
        let connection = connect(standard(options()));
        for _ in 0..5 {
            assert!(matches!(
                login(&connection, "user", password("guess"), None).await,
                Login::Failure { .. }
            ));
        }
        assert_eq!(login(&connection, "user", password("guess"), None).await, Login::Ended);
        assert!(connection.closed().await.to_string().contains("Too many authentication failures"));
    });
}
