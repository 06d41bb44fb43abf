use super::*;
use konko_transport::keys::certificate_builder::CertificateBuilder;
use konko_transport::keys::certificate_kind::CertificateKind;
use konko_transport::keys::private_key::{KeyKind, PrivateKey};
use konko_transport::keys::signature_algorithm::SSH_ED25519;
use konko_trust::krl::KeyRevocationList;
use std::path::Path;

fn key(kind: KeyKind) -> PublicKey {
    PrivateKey::generate(kind, &mut SystemRandom).expect("a key").public_key().clone()
}

fn ed25519() -> PublicKey {
    key(KeyKind::Ed25519)
}

fn host() -> HostName {
    HostName::new("example.org", 22)
}

#[test]
fn missing_files_say_nothing_and_unreadable_ones_are_errors() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = KnownHostsFiles::only(directory.path().join("none"));
    assert_eq!(files.lookup(&host(), &ed25519()).expect("readable"), FilesVerdict::Unknown);
    // A directory can be opened and not read. covers: C02
    let files = KnownHostsFiles::only(directory.path());
    assert!(matches!(files.lookup(&host(), &ed25519()), Err(Error::KnownHosts { .. })));
    assert!(matches!(files.key_types(&host()), Err(Error::KnownHosts { .. })));
}

#[test]
fn an_added_key_is_known_at_once_and_for_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("new/ssh/known_hosts");
    let (shown, other) = (ed25519(), ed25519());
    let files = KnownHostsFiles::only(&path);
    assert_eq!(files.add(&host(), &shown).expect("added"), FilesVerdict::Known);
    assert_eq!(files.lookup(&host(), &shown).expect("readable"), FilesVerdict::Known);
    assert_eq!(KnownHostsFiles::only(&path).lookup(&host(), &shown).expect("readable"), FilesVerdict::Known);
    assert_eq!(files.key_types(&host()).expect("readable"), ["ssh-ed25519"]);
    let FilesVerdict::Changed { file, line, expected } = files.lookup(&host(), &other).expect("readable")
    else {
        panic!("another key of the same type is a change");
    };
    assert_eq!((file.as_deref(), line, expected), (Some(path.as_path()), 1, vec![shown.clone()]));
    // Nothing is added that does not agree, and nothing twice.
    assert!(matches!(files.add(&host(), &other).expect("readable"), FilesVerdict::Changed { .. }));
    assert_eq!(files.add(&host(), &shown).expect("readable"), FilesVerdict::Known);
    let text = std::fs::read_to_string(&path).expect("the file");
    assert_eq!(text, format!("example.org {}\n", shown.to_openssh("")));
}

#[cfg(unix)]
#[test]
fn what_is_created_is_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ssh/known_hosts");
    KnownHostsFiles::only(&path).add(&host(), &ed25519()).expect("added");
    let mode = |path: &Path| std::fs::metadata(path).expect("exists").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&directory.path().join("ssh")), 0o700);
}

/// covers: L13
#[test]
fn other_lines_stay_byte_for_byte() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("known_hosts");
    let before = b"# a comment\r\n@cert-authority *.example.org ssh-ed25519 AAAA\nwhat\xff is this\n\n10.0.0.1 1024 35 1";
    std::fs::write(&path, before).expect("written");
    let shown = ed25519();
    KnownHostsFiles::only(&path).add(&host(), &shown).expect("added");
    let after = std::fs::read(&path).expect("the file");
    assert_eq!(&after[..before.len()], before);
    assert_eq!(&after[before.len()..], format!("\nexample.org {}\n", shown.to_openssh("")).as_bytes());
}

/// covers: L13
#[test]
fn eight_writers_at_once_lose_and_double_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ssh/known_hosts");
    let keys: Vec<PublicKey> = (0..32).map(|_| ed25519()).collect();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (path, keys) = (&path, &keys);
            scope.spawn(move || {
                let files = KnownHostsFiles::only(path);
                // Each key is added by two writers.
                for index in (0..keys.len()).filter(|index| index % 4 == writer % 4) {
                    let name = HostName::new(format!("host{index}"), 22);
                    assert_eq!(files.add(&name, &keys[index]).expect("added"), FilesVerdict::Known);
                }
            });
        }
    });
    let text = std::fs::read_to_string(&path).expect("the file");
    let mut found: Vec<&str> = text.lines().collect();
    found.sort_unstable();
    let mut expected: Vec<String> =
        keys.iter().enumerate().map(|(index, key)| format!("host{index} {}", key.to_openssh(""))).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn hashed_names_do_not_tell_the_host() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("known_hosts");
    let shown = ed25519();
    let files = KnownHostsFiles::only(&path).with_hash_names(true);
    let name = HostName::new("secret.example.org", 2222);
    files.add(&name, &shown).expect("added");
    let text = std::fs::read_to_string(&path).expect("the file");
    assert!(text.starts_with("|1|") && !text.contains("secret"), "{text}");
    assert_eq!(files.lookup(&name, &shown).expect("readable"), FilesVerdict::Known);
    let elsewhere = HostName::new("secret.example.org", 2223);
    assert_eq!(files.lookup(&elsewhere, &shown).expect("readable"), FilesVerdict::Unknown);
}

#[test]
fn files_are_judged_together() {
    let directory = tempfile::tempdir().expect("a directory");
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    let (a, b, rsa_like) = (ed25519(), ed25519(), key(KeyKind::EcdsaP256));
    let files =
        KnownHostsFiles::only(&first).with_user(vec![first.clone()]).with_global(vec![second.clone()]);
    let line = |key: &PublicKey| format!("example.org {}\n", key.to_openssh(""));
    std::fs::write(&first, line(&a)).expect("written");
    std::fs::write(&second, line(&b)).expect("written");
    // Any file that knows the key will do.
    assert_eq!(files.lookup(&host(), &a).expect("readable"), FilesVerdict::Known);
    assert_eq!(files.lookup(&host(), &b).expect("readable"), FilesVerdict::Known);
    let FilesVerdict::NewKeyType(known) = files.lookup(&host(), &rsa_like).expect("readable") else {
        panic!("no key of this type is known");
    };
    let known: Vec<_> = known.into_iter().map(|known| known.key).collect();
    assert_eq!(known, [a.clone(), b.clone()]);
    // A revocation in any file counts before what other files know.
    std::fs::write(&second, format!("@revoked * {}\n", a.to_openssh(""))).expect("written");
    assert_eq!(
        files.lookup(&host(), &a).expect("readable"),
        FilesVerdict::Revoked { file: second.clone(), line: 1 }
    );
    assert!(matches!(files.lookup(&host(), &b).expect("readable"), FilesVerdict::Changed { .. }));
}

#[test]
fn a_host_may_be_known_without_its_port() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("known_hosts");
    let (shown, other) = (ed25519(), ed25519());
    let files = KnownHostsFiles::only(&path);
    files.add(&host(), &shown).expect("added");
    let at_port = HostName::new("example.org", 2222);
    assert_eq!(files.lookup(&at_port, &shown).expect("readable"), FilesVerdict::Known);
    assert_eq!(files.key_types(&at_port).expect("readable"), ["ssh-ed25519"]);
    // Another server may well listen at another port: that is no change.
    assert_eq!(files.lookup(&at_port, &other).expect("readable"), FilesVerdict::Unknown);
}

#[test]
fn what_cannot_be_written_is_remembered() {
    let directory = tempfile::tempdir().expect("a directory");
    let obstacle = directory.path().join("file");
    std::fs::write(&obstacle, "").expect("written");
    let missing = directory.path().join("missing");
    // The parent of the first file is no directory, for root neither; what follows is readable.
    let files =
        KnownHostsFiles::only(obstacle.join("known_hosts")).with_user(Vec::new()).with_global(vec![missing]);
    let (shown, other) = (ed25519(), ed25519());
    assert_eq!(files.add(&host(), &shown).expect("remembered"), FilesVerdict::Known);
    assert_eq!(files.clone().lookup(&host(), &shown).expect("readable"), FilesVerdict::Known);
    assert!(matches!(
        files.lookup(&host(), &other).expect("readable"),
        FilesVerdict::Changed { file: None, .. }
    ));
}

/// A certificate of `key` for example.org.
fn certify(authority: &PrivateKey, key: &PrivateKey) -> Certificate {
    CertificateBuilder::new(CertificateKind::Host, key.public_key(), "a host")
        .principals(["example.org"])
        .sign(authority, &SSH_ED25519, &mut SystemRandom)
        .expect("a certificate")
}

fn private() -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key")
}

/// covers: A21, C13
#[test]
fn certificates_count_at_the_port_and_without_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("known_hosts");
    let (authority, key) = (private(), private());
    let certificate = certify(&authority, &key);
    let files = KnownHostsFiles::only(&path);
    let look = |name: &HostName| files.lookup_certificate(name, &certificate).expect("readable");
    let at_port = HostName::new("example.org", 2222);
    assert_eq!(look(&host()), CertificateVerdict::UnknownAuthority);
    std::fs::write(&path, format!("@cert-authority *.org {}\n", authority.public_key().to_openssh("")))
        .expect("written");
    for name in [&host(), &at_port] {
        assert!(matches!(look(name), CertificateVerdict::SignedBy { .. }), "{name}");
        let types = files.key_types(name).expect("readable");
        assert!(types.contains(&"ssh-ed25519-cert-v01@openssh.com"), "{types:?}");
    }
    let other = HostName::new("other.org", 22);
    assert!(matches!(look(&other), CertificateVerdict::NotGood { .. }));
    // The key alone is not known by all that.
    assert_eq!(files.lookup(&host(), key.public_key()).expect("readable"), FilesVerdict::Unknown);
}

/// covers: A21, C02
#[test]
fn files_of_revoked_keys_count_before_all_else() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, revoked) = (directory.path().join("known_hosts"), directory.path().join("revoked"));
    let (authority, key) = (private(), private());
    let certificate = certify(&authority, &key);
    let public = key.public_key();
    let files = KnownHostsFiles::only(&path).with_revoked(vec![revoked.clone()]);
    files.add(&host(), public).expect("added");
    // Without the file, nothing is believed.
    assert!(matches!(files.lookup(&host(), public), Err(Error::KnownHosts { .. })));
    assert!(matches!(files.lookup_certificate(&host(), &certificate), Err(Error::KnownHosts { .. })));
    std::fs::write(&revoked, "# nothing\n").expect("written");
    assert_eq!(files.lookup(&host(), public).expect("readable"), FilesVerdict::Known);
    std::fs::write(&revoked, public.to_openssh("")).expect("written");
    let expected = FilesVerdict::Revoked { file: revoked.clone(), line: 0 };
    assert_eq!(files.lookup(&host(), public).expect("readable"), expected);
    // An authority in a key revocation list.
    let mut list = KeyRevocationList::new();
    list.revoke_key(authority.public_key());
    std::fs::write(&revoked, list.encode()).expect("written");
    assert_eq!(files.lookup(&host(), public).expect("readable"), FilesVerdict::Known);
    let verdict = files.lookup_certificate(&host(), &certificate).expect("readable");
    assert!(matches!(verdict, CertificateVerdict::Revoked { .. }));
    std::fs::write(&revoked, "what is this\n").expect("written");
    assert!(matches!(files.lookup(&host(), public), Err(Error::KnownHosts { .. })));
}

#[cfg(unix)]
#[test]
fn a_command_may_know_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let shown = ed25519();
    let base64 = shown.to_openssh("").split(' ').nth(1).expect("base64").to_owned();
    let command = |arguments: &[&str]| KnownHostsCommand {
        program: "/bin/echo".into(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
    };
    let files = KnownHostsFiles::only(directory.path().join("none"));
    let knowing = files.clone().with_command(command(&["%H", "ssh-ed25519", &base64]));
    let at_port = HostName::new("example.org", 2222);
    assert_eq!(knowing.lookup(&at_port, &shown).expect("printed"), FilesVerdict::Known);
    assert_eq!(knowing.key_types(&at_port).expect("printed"), ["ssh-ed25519"]);
    let FilesVerdict::Changed { file, line, .. } = knowing.lookup(&at_port, &ed25519()).expect("printed")
    else {
        panic!("another key")
    };
    assert_eq!((file.expect("a name").display().to_string().as_str(), line), ("KnownHostsCommand", 1));
    let failing =
        files.with_command(KnownHostsCommand { program: "/bin/false".into(), arguments: Vec::new() });
    assert!(matches!(failing.lookup(&at_port, &shown), Err(Error::KnownHosts { .. })));
}

/// covers: L13
#[test]
fn replacing_and_adding_at_once_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("known_hosts");
    let files = KnownHostsFiles::only(&path);
    files.add(&host(), &ed25519()).expect("added");
    let keys: Vec<PublicKey> = (0..24).map(|_| ed25519()).collect();
    std::thread::scope(|scope| {
        for chunk in keys.chunks(6) {
            let files = &files;
            scope.spawn(move || {
                for key in chunk {
                    let name = HostName::new(format!("host-{}", &key.fingerprint().to_string()[7..11]), 22);
                    files.add(&name, key).expect("added");
                }
            });
        }
        let files = &files;
        scope.spawn(move || {
            for _ in 0..24 {
                assert_eq!(files.replace(&host(), &[ed25519(), ed25519()]).expect("replaced"), Ok(true));
            }
        });
    });
    let text = std::fs::read_to_string(&path).expect("the file");
    assert_eq!(text.lines().count(), keys.len() + 2, "{text}");
    assert!(keys.iter().all(|key| text.contains(&key.to_openssh(""))));
    assert_eq!(files.updatable_keys(&host()).expect("readable").len(), 2);
    // Nothing is left behind.
    assert_eq!(std::fs::read_dir(directory.path()).expect("the directory").count(), 1);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_its_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = tempfile::tempdir().expect("a directory");
    let (real, link) = (directory.path().join("real"), directory.path().join("link"));
    std::fs::write(&real, "# a comment\n").expect("written");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    symlink(&real, &link).expect("a link");
    let files = KnownHostsFiles::only(&link);
    let shown = ed25519();
    assert_eq!(files.replace(&host(), std::slice::from_ref(&shown)).expect("replaced"), Ok(true));
    assert_eq!(files.replace(&host(), std::slice::from_ref(&shown)).expect("replaced"), Ok(false));
    assert!(std::fs::symlink_metadata(&link).expect("the link").is_symlink());
    assert_eq!(std::fs::metadata(&real).expect("the file").permissions().mode() & 0o777, 0o640);
    assert_eq!(files.lookup(&host(), &shown).expect("readable"), FilesVerdict::Known);
    // A line of other hosts forbids it.
    std::fs::write(&real, format!("example.*,x {}\n", shown.to_openssh(""))).expect("written");
    let refused = files.replace(&host(), &[ed25519()]).expect("readable");
    assert_eq!(refused, Err(ReplaceError::OtherHosts { line: 1 }));
}
