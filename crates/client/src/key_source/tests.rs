use super::*;
use crate::boxed_future::BoxedFuture;
use crate::prompter::Prompter;
use crate::secret::Secret;
use konko_transport::crypto::random::SystemRandom;
use konko_transport::keys::certificate_builder::CertificateBuilder;
use konko_transport::keys::certificate_kind::CertificateKind;
use konko_transport::keys::private_key::KeyKind;
use konko_transport::keys::signature_algorithm::SSH_ED25519;
use std::sync::Mutex;

struct Passphrases(Mutex<Vec<&'static str>>);

impl Passphrases {
    fn ask(answers: &[&'static str]) -> (Arc<Self>, Passphrase) {
        let prompter = Arc::new(Self(Mutex::new(answers.iter().rev().copied().collect())));
        (Arc::clone(&prompter), Passphrase::Ask(prompter))
    }

    fn left(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }
}

impl Prompter for Passphrases {
    fn passphrase<'a>(&'a self, _path: &'a Path, _attempt: u32) -> BoxedFuture<'a, Option<Secret>> {
        Box::pin(async { self.0.lock().expect("no panic").pop().map(Secret::new) })
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permitted");
}

struct Files {
    directory: tempfile::TempDir,
    key: PrivateKey,
}

impl Files {
    fn new(passphrase: Option<&str>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let key = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
        let text = key.to_openssh(passphrase.map(|p| (p.as_bytes(), 1)), &mut SystemRandom).expect("written");
        write(&directory.path().join("id"), &text, 0o600);
        Self { directory, key }
    }

    fn file(&self) -> KeyFile {
        KeyFile::new(self.directory.path().join("id"))
    }

    fn with_public(self, key: &PublicKey) -> Self {
        write(&self.directory.path().join("id.pub"), &format!("{}\n", key.to_openssh("me")), 0o644);
        self
    }
}

#[tokio::test]
async fn a_key_in_the_clear_is_ready() {
    let files = Files::new(None);
    let source = KeySource::open(&files.file()).await.expect("readable").source;
    assert!(matches!(source, KeySource::Ready(_)));
    assert_eq!(source.public_key(), Some(files.key.public_key()));
}

#[tokio::test]
async fn an_encrypted_key_is_not_decrypted_before_it_must_be() {
    let files = Files::new(Some("right"));
    let public = files.key.public_key().clone();
    let files = files.with_public(&public);
    let (prompter, passphrase) = Passphrases::ask(&["wrong", "right", "more"]);
    let mut source =
        KeySource::open(&files.file().with_passphrase(passphrase)).await.expect("readable").source;
    assert!(matches!(source, KeySource::Locked { .. }));
    assert_eq!(source.public_key(), Some(&public));
    assert_eq!(prompter.left(), 3);
    source.unlock().await.expect("the second passphrase");
    assert!(matches!(source, KeySource::Ready(_)));
    assert_eq!(prompter.left(), 1);
}

#[tokio::test]
async fn without_a_public_half_beside_it_the_one_inside_serves() {
    let files = Files::new(Some("right"));
    let fixed = |text| Passphrase::Fixed(Secret::new(text));
    let mut source =
        KeySource::open(&files.file().with_passphrase(fixed("right"))).await.expect("readable").source;
    assert!(matches!(source, KeySource::Locked { .. }));
    source.unlock().await.expect("the right passphrase");
    assert!(matches!(source, KeySource::Ready(_)));
    for (passphrase, expected) in [
        (Passphrase::None, KeyFileError::Encrypted),
        (fixed("wrong"), KeyFileError::WrongPassphrase),
        (Passphrases::ask(&["a", "b", "c", "right"]).1, KeyFileError::WrongPassphrase),
    ] {
        let mut source =
            KeySource::open(&files.file().with_passphrase(passphrase)).await.expect("readable").source;
        let error = source.unlock().await.expect_err("no passphrase");
        assert!(matches!(error, KeySourceError::File { error, .. } if error == expected));
    }
    let mut nobody = KeySource::open(&files.file().with_passphrase(Passphrases::ask(&[]).1))
        .await
        .expect("readable")
        .source;
    assert!(matches!(nobody.unlock().await, Err(KeySourceError::NoPassphrase(_))));
}

#[tokio::test]
async fn a_foreign_public_half_is_noticed() {
    let other = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    let files = Files::new(Some("right")).with_public(other.public_key());
    let passphrase = Passphrase::Fixed(Secret::new("right"));
    let mut source =
        KeySource::open(&files.file().with_passphrase(passphrase)).await.expect("readable").source;
    assert!(matches!(source.unlock().await, Err(KeySourceError::PublicHalfMismatch(_))));
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused_with_its_mode() {
    let files = Files::new(None);
    let path = files.file().path;
    for mode in [0o640, 0o604, 0o660, 0o644] {
        let text = std::fs::read_to_string(&path).expect("the file");
        write(&path, &text, mode);
        let error = KeySource::open(&files.file()).await.expect_err("refused");
        assert!(error.to_string().contains(&format!("mode {mode:04o}")), "{error}");
        assert!(KeySource::open(&files.file().ignoring_permissions()).await.is_ok());
    }
    write(&path, "no key at all", 0o400);
    let error = KeySource::open(&files.file()).await.expect_err("no key");
    assert!(matches!(error, KeySourceError::File { error: KeyFileError::NotAKey, .. }));
    std::fs::remove_file(&path).expect("removed");
    assert!(matches!(KeySource::open(&files.file()).await, Err(KeySourceError::Missing(_))));
}

fn certificate_for(key: &PublicKey) -> Certificate {
    let authority = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    CertificateBuilder::new(CertificateKind::User, key, "id")
        .principals(["me"])
        .sign(&authority, &SSH_ED25519, &mut SystemRandom)
        .expect("a certificate")
}

#[tokio::test]
async fn the_certificate_beside_a_key_is_found_if_it_is_for_that_key() {
    let files = Files::new(None);
    let beside = files.directory.path().join("id-cert.pub");
    let good = certificate_for(files.key.public_key());
    write(&beside, &good.to_openssh("me"), 0o644);
    let opened = KeySource::open(&files.file()).await.expect("readable");
    assert!(matches!(opened.certificate, Some(Ok(found)) if found == good));
    assert_eq!(open_certificate(&beside).await.expect("a certificate"), good);

    let other = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    write(&beside, &certificate_for(other.public_key()).to_openssh("me"), 0o644);
    assert!(KeySource::open(&files.file()).await.expect("readable").certificate.is_none());

    write(&beside, "no certificate at all", 0o644);
    let opened = KeySource::open(&files.file()).await.expect("readable");
    assert!(matches!(opened.certificate, Some(Err(KeySourceError::Certificate { .. }))));
    std::fs::remove_file(&beside).expect("removed");
    assert!(matches!(open_certificate(&beside).await, Err(KeySourceError::Missing(_))));
}

/// The private half is in an agent, and the user names the key by its public half.
#[tokio::test]
async fn a_public_key_alone_names_a_key() {
    let files = Files::new(None);
    let public = files.key.public_key().clone();
    let files = files.with_public(&public);
    let named = KeyFile::new(files.directory.path().join("id.pub"));
    for file in [named, files.file()] {
        if file.path.ends_with("id") {
            std::fs::remove_file(&file.path).expect("removed");
        }
        let mut source = KeySource::open(&file).await.expect("readable").source;
        assert!(matches!(&source, KeySource::PublicOnly(found) if *found == public), "{source:?}");
        assert!(matches!(source.unlock().await, Err(KeySourceError::NoPrivateHalf(_))));
    }
    std::fs::remove_file(files.directory.path().join("id.pub")).expect("removed");
    assert!(matches!(KeySource::open(&files.file()).await, Err(KeySourceError::Missing(_))));
}

#[tokio::test]
async fn a_host_key_that_only_the_system_can_read_is_refused_in_words() {
    let files = Files::new(None);
    let path = files.file().path;
    assert_eq!(open_host_key(&path).await.expect("readable").public_key(), files.key.public_key());
    std::fs::remove_file(&path).expect("removed");
    assert!(matches!(open_host_key(&path).await, Err(KeySourceError::Missing(_))));
    let unreadable = KeySourceError::HostKeyUnreadable(path).to_string();
    assert!(unreadable.contains("ssh-keysign"), "{unreadable}");
}
