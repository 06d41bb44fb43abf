use super::*;
use konko_transport::crypto::random::SystemRandom;
use konko_transport::keys::certificate_builder::CertificateBuilder;
use konko_transport::keys::certificate_kind::CertificateKind;
use konko_transport::keys::certificate_option::CriticalOption;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
use konko_transport::keys::signature_algorithm::SSH_ED25519;
use std::fs::{self, Permissions as Mode};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, contents).expect("a file");
        fs::set_permissions(&path, Mode::from_mode(0o600)).expect("a mode");
        path
    }

    fn keys(&self, contents: &str) -> AuthorizationFiles {
        let file = AuthorizedKeysFile::new(self.file("authorized_keys", contents));
        AuthorizationFiles { authorized_keys: Some(file), ..AuthorizationFiles::default() }
    }
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key")
}

fn line(key: &PrivateKey) -> String {
    key.public_key().to_openssh("")
}

fn identity(key: &PrivateKey) -> Identity {
    key.public_key().clone().into()
}

fn certify(key: &PrivateKey, principals: &[&str]) -> CertificateBuilder {
    CertificateBuilder::new(CertificateKind::User, key.public_key(), "a user")
        .principals(principals.iter().copied())
        .permit_all()
}

fn sign(builder: &CertificateBuilder, authority: &PrivateKey) -> Identity {
    builder.sign(authority, &SSH_ED25519, &mut SystemRandom).expect("a certificate").into()
}

fn here() -> PeerInfo {
    PeerInfo::new(Some("192.0.2.1:50000".parse().expect("an address")), None)
}

/// covers: H24, A15, L10
#[test]
fn lines_are_enforced() {
    let (folder, key) = (Folder::new(), key());
    let check = |options: &str, peer: &PeerInfo| {
        folder.keys(&format!("{options} {}\n", line(&key))).check(&identity(&key), "user", peer)
    };
    assert_eq!(check("", &here()), Some(Permissions::default()));
    for (options, is_let_in) in [
        (r#"from="192.0.2.0/24""#, true),
        (r#"from="198.51.100.1""#, false),
        (r#"from="*.example""#, false),
        (r#"expiry-time="20991231""#, true),
        (r#"expiry-time="20201231""#, false),
        ("cert-authority", false),
        (r#"principals="root""#, true),
        (r#"tunnel="0""#, true),
        ("command", false),
        (r#"no-pty="yes""#, false),
        (r#"environment="A""#, false),
        ("something-new", false),
    ] {
        assert_eq!(check(options, &here()).is_some(), is_let_in, "{options}");
    }
    assert_eq!(check(r#"from="192.0.2.1""#, &PeerInfo::UNKNOWN), None);
    let permissions = check(r#"restrict,pty,permitopen="a:1",port-forwarding"#, &here()).expect("let in");
    assert!(permissions.pty && !permissions.agent_forwarding);
    assert!(permissions.allows_open("a", 1) && !permissions.allows_open("b", 1));
    assert!(!permissions.allows_open_socket() && permissions.allows_listen_socket());
}

/// covers: A16, A17, A18, A21
#[test]
fn certificates_of_trusted_authorities() {
    let (folder, authority, key) = (Folder::new(), key(), key());
    let mut files = AuthorizationFiles {
        trusted_authorities: Some(folder.file("authorities", &format!("# ours\n{}\n", line(&authority)))),
        ..AuthorizationFiles::default()
    };
    assert!(files.lets_anybody_in());
    let of_user = sign(&certify(&key, &["user"]), &authority);
    assert_eq!(files.check(&of_user, "user", &here()), Some(Permissions::default()));
    assert_eq!(files.check(&of_user, "root", &here()), None);
    assert_eq!(files.check(&identity(&key), "user", &here()), None);
    assert_eq!(files.check(&sign(&certify(&key, &["user"]), &key), "user", &here()), None);
    let forced = certify(&key, &["user"])
        .critical_option(CriticalOption::ForceCommand("date"))
        .critical_option(CriticalOption::SourceAddress("192.0.2.0/24"));
    let forced = sign(&forced, &authority);
    let permissions = files.check(&forced, "user", &here()).expect("let in");
    assert_eq!(permissions.forced_command.as_deref(), Some("date"));
    assert_eq!(files.check(&forced, "user", &PeerInfo::UNKNOWN), None);

    let revoked = folder.file("revoked", &line(&key));
    let with_revoked = AuthorizationFiles { revoked_keys: Some(revoked), ..files.clone() };
    assert_eq!(with_revoked.check(&of_user, "user", &here()), None);

    files.authorized_principals = Some(folder.file("principals", "no-pty team\n"));
    assert_eq!(files.check(&of_user, "user", &here()), None);
    let of_team = sign(&certify(&key, &["team"]), &authority);
    assert!(files.check(&of_team, "user", &here()).is_some_and(|permissions| !permissions.pty));
    // Without the file there are no principals, and nobody falls back on the user's name.
    files.authorized_principals = Some(folder.0.path().join("missing"));
    assert_eq!(files.check(&of_user, "user", &here()), None);
}

#[test]
fn a_file_that_others_could_write_lets_nobody_in() {
    let (folder, key) = (Folder::new(), key());
    let files = folder.keys(&format!("from=\"10.0.0.1\" {0}\nno-pty {0}\n", line(&key)));
    let path = folder.0.path().join("authorized_keys");
    let check = |mode| {
        fs::set_permissions(&path, Mode::from_mode(mode)).expect("a mode");
        files.check(&identity(&key), "user", &here())
    };
    // The first line does not let it in from here, the second does.
    assert!(check(0o644).is_some_and(|permissions| !permissions.pty));
    assert_eq!(check(0o664), None);
}

/// covers: C02
#[test]
fn without_the_revoked_keys_nobody_is_let_in() {
    let (folder, key) = (Folder::new(), key());
    let mut files = folder.keys(&line(&key));
    assert!(files.check(&identity(&key), "user", &here()).is_some());
    files.revoked_keys = Some(folder.0.path().join("missing"));
    assert_eq!(files.check(&identity(&key), "user", &here()), None);
    files.revoked_keys = Some(folder.file("revoked", "not a key\n"));
    assert_eq!(files.check(&identity(&key), "user", &here()), None);
    files.revoked_keys = Some(folder.file("revoked", "# nothing yet\n"));
    assert!(files.check(&identity(&key), "user", &here()).is_some());
}
