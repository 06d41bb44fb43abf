//! What we and OpenSSH's programs say of the same files: known_hosts, revocation lists, signatures, allowed signers.
//! A program that is not installed makes its tests say SKIP, or fail with `KONKO_REQUIRE_PEERS=1`.

use konko_crypto::random::SystemRandom;
use konko_keys::identity::Identity;
use konko_keys::private_key::PrivateKey;
use konko_keys::public_key::PublicKey;
use konko_keys::security_key::SecurityKeyPolicy;
use konko_tests::peers::find::repository;
use konko_tests::peers::run::RUN;
use konko_tests::peers::{Finished, KeyFile, Ssh, SshdOptions, TestAccount, require_peer, run};
use konko_trust::allowed_signers::{AllowedSigners, SignatureUse};
use konko_trust::known_hosts::KnownHosts;
use konko_trust::known_hosts_edit;
use konko_trust::known_hosts_store::{KnownHostsStore, Source, StoreVerdict};
use konko_trust::krl::{KeyRevocationList, SpecifiedAuthority};
use konko_trust::sshfp::SshfpRecord;
use konko_trust::sshsig::{HashAlgorithm, SshSig};
use konko_trust::time_zone::TimeZone;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The keys that the server of the known_hosts corpus shows, and how to ask for each.
const SHOWN: [(&str, &str); 3] =
    [("ed25519", "ssh-ed25519"), ("ecdsa256", "ecdsa-sha2-nistp256"), ("rsa2048", "rsa-sha2-512")];
const MESSAGE: &[u8] = b"a message that is signed\n";

fn vector(name: &str) -> PathBuf {
    repository().join("vectors").join(name)
}

fn key_text(name: &str) -> String {
    fs::read_to_string(vector(&format!("keys/{name}.pub"))).expect("a key")
}

fn public(name: &str) -> PublicKey {
    PublicKey::from_openssh(&key_text(name)).expect("a key").0
}

fn private(name: &str) -> PrivateKey {
    PrivateKey::from_openssh(&fs::read(vector(&format!("keys/{name}"))).expect("a key"), None).expect("a key")
}

/// ssh-keygen in a folder of its own.
struct Keygen {
    program: PathBuf,
    folder: TempDir,
}

impl Keygen {
    fn new() -> Option<Self> {
        let program = require_peer("ssh-keygen")?;
        Some(Self { program, folder: TempDir::new().expect("a folder") })
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, contents).expect("a file");
        path.display().to_string()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).expect("a file")
    }

    /// A copy of a key that nobody else may read, as ssh-keygen wants it.
    fn private(&self, name: &str) -> String {
        copy_private(name, self.folder.path()).private.display().to_string()
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Finished {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path()).args(arguments);
        run(&mut command, input, RUN).expect("ssh-keygen")
    }
}

fn copy_private(name: &str, folder: &Path) -> KeyFile {
    let path = folder.join(name);
    fs::copy(vector(&format!("keys/{name}")), &path).expect("a key");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a key");
    fs::write(folder.join(format!("{name}.pub")), key_text(name)).expect("a key");
    KeyFile::at(&path)
}

fn corpus() -> Vec<(String, String)> {
    let folder = vector("trust/known_hosts");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("a file").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    files.sort();
    assert!(files.len() > 8);
    files
}

/// What ssh says in strict mode.
fn verdict_of_ssh(address: SocketAddr, alias: Option<&str>, algorithm: &str, known_hosts: &str) -> String {
    let ssh = Ssh::new(address, &TestAccount::current().name).expect("ssh is there");
    let mut ssh = ssh.known_hosts(known_hosts).option(&format!("HostKeyAlgorithms={algorithm}"));
    ssh = ssh.option("PreferredAuthentications=none").option("UpdateHostKeys=no");
    if let Some(alias) = alias {
        ssh = ssh.option(&format!("HostKeyAlias={alias}"));
    }
    let said = ssh.run("true", b"").stderr_text();
    let verdict = if said.contains("REVOKED") {
        "revoked"
    } else if said.contains("IDENTIFICATION HAS CHANGED") {
        "changed"
    } else if said.contains("host key is known for") {
        "unknown"
    } else if said.contains("Permission denied") {
        "known"
    } else {
        return said;
    };
    verdict.to_owned()
}

/// What we say; where nothing is known at a port other than 22, the plain name is asked, as ssh does.
fn our_verdict(store: &KnownHostsStore, host: &str, port: u16, key: &PublicKey) -> &'static str {
    match store.lookup(host, port, key) {
        StoreVerdict::Known { .. } => "known",
        // ssh warns in the same words, whatever the type of the other key is.
        StoreVerdict::Changed { .. } | StoreVerdict::NewKeyType { .. } => "changed",
        StoreVerdict::Revoked { .. } => "revoked",
        StoreVerdict::Unknown if port != 22 => match our_verdict(store, host, 22, key) {
            found @ ("known" | "revoked") => found,
            _ => "unknown",
        },
        _ => "unknown",
    }
}

/// covers: L12
#[test]
fn verdicts_on_known_hosts_are_those_of_ssh_in_strict_mode() {
    let folder = TempDir::new().expect("a folder");
    let mut options = SshdOptions::default().host_keys(&[]);
    for (name, _) in SHOWN {
        let key = copy_private(name, folder.path());
        options = options.line(&format!("HostKey {}", key.private.display()));
    }
    let Some(sshd) = options.start() else { return };
    let address = sshd.address();
    let (mut compared, mut different) = (0, Vec::new());
    for (name, contents) in corpus() {
        let contents = contents.replace("@PORT@", &address.port().to_string());
        let mut store = KnownHostsStore::new();
        store.push(Source::File(name.clone().into()), KnownHosts::parse(contents.as_bytes()));
        for alias in [Some("plain.example"), Some("other.example"), None] {
            for (key, algorithm) in SHOWN {
                let (host, port) = alias.map_or(("127.0.0.1", address.port()), |alias| (alias, 22));
                let ours = our_verdict(&store, host, port, &public(key));
                let theirs = verdict_of_ssh(address, alias, algorithm, &contents);
                compared += 1;
                if ours != theirs {
                    different.push(format!("{name}: {host} {key}: we say {ours}, ssh says {theirs}"));
                }
            }
        }
    }
    assert_eq!(compared, corpus().len() * 9);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// covers: L12
#[test]
fn known_hosts_are_searched_as_ssh_keygen_does() {
    let Some(keygen) = Keygen::new() else { return };
    for (name, contents) in corpus() {
        let contents = contents.replace("@PORT@", "2222");
        let file = keygen.file(&name, &contents);
        for host in ["plain.example", "other.example", "[127.0.0.1]:2222", "127.0.0.1", "a", "nobody.example"]
        {
            let theirs = keygen.run(&["-F", host, "-f", &file], b"").stdout_text();
            let mut ours = String::new();
            for found in known_hosts_edit::find(contents.as_bytes(), host) {
                let marker = match found.marker {
                    None => "",
                    Some(konko_trust::known_hosts::Marker::CertAuthority) => "CA",
                    Some(_) => "REVOKED",
                };
                ours += &format!("# Host {host} found: line {} {marker}\n", found.line);
                ours += &format!("{}\n", String::from_utf8_lossy(found.bytes));
            }
            assert_eq!(ours, theirs, "{name}: {host}");
        }
    }
}

/// covers: L12
#[test]
fn known_hosts_are_edited_as_ssh_keygen_does() {
    let Some(keygen) = Keygen::new() else { return };
    for (name, contents) in corpus() {
        let contents = contents.replace("@PORT@", "2222");
        for host in ["plain.example", "other.example", "[127.0.0.1]:2222", "nobody.example"] {
            let file = keygen.file("known_hosts", &contents);
            let finished = keygen.run(&["-q", "-R", host, "-f", &file], b"");
            let edit = known_hosts_edit::remove(contents.as_bytes(), host);
            // ssh-keygen writes nothing if it does not understand every line.
            assert_eq!(finished.code() == Some(0), edit.invalid.is_empty(), "{name}: {host}");
            if edit.invalid.is_empty() && !edit.changed.is_empty() {
                let theirs = String::from_utf8(keygen.read("known_hosts")).expect("a text");
                assert_eq!(String::from_utf8_lossy(&edit.bytes), theirs, "{name}: {host}");
            }
        }
        let file = keygen.file("known_hosts", &contents);
        let theirs = keygen.run(&["-q", "-H", "-f", &file], b"");
        let edit = known_hosts_edit::hash(contents.as_bytes(), &mut SystemRandom);
        if theirs.code() == Some(0) {
            // The salts differ; what the files say does not.
            let theirs = KnownHosts::parse(&keygen.read("known_hosts"));
            let ours = KnownHosts::parse(&edit.bytes);
            assert_eq!(ours.lines().len(), theirs.lines().len(), "{name}");
            for (our, their) in ours.lines().iter().zip(theirs.lines()) {
                assert_eq!(
                    (our.line(), our.key(), our.marker()),
                    (their.line(), their.key(), their.marker())
                );
                for host in ["plain.example", "other.example", "127.0.0.1", "a", ""] {
                    for port in [22, 2222] {
                        assert_eq!(our.is_for(host, port), their.is_for(host, port), "{name}: {host}");
                    }
                }
            }
            // What we hash, ssh-keygen finds.
            let file = keygen.file("ours", &edit.bytes);
            for host in ["plain.example", "other.example"] {
                let found = keygen.run(&["-F", host, "-f", &file], b"").stdout_text();
                let expected = known_hosts_edit::find(&edit.bytes, host).len();
                assert_eq!(found.matches("# Host").count(), expected, "{name}: {host}");
            }
        }
    }
}

/// Lists that we write, asked by ssh-keygen.
///
/// covers: A19, A21
#[test]
fn ssh_keygen_reads_our_revocation_lists() {
    let Some(keygen) = Keygen::new() else { return };
    for name in ["krl", "krl.any"] {
        let text = fs::read_to_string(vector(&format!("trust/{name}.specification"))).expect("a text");
        let authority = public("ed25519");
        let mut list = KeyRevocationList::new();
        list.version = 9;
        list.comment = "written by us".to_owned();
        let authority =
            if name == "krl" { SpecifiedAuthority::Key(&authority) } else { SpecifiedAuthority::Any };
        list.apply_specification(&text, authority).expect("a specification");
        let written = keygen.file(name, list.encode());
        // What was read from ssh-keygen, bitmaps and all, and written again.
        let theirs = fs::read(vector(&format!("trust/{name}"))).expect("a list");
        let theirs = KeyRevocationList::decode(&theirs).expect("a list");
        let copied = keygen.file(&format!("{name}.copy"), theirs.encode());
        let verdicts = fs::read_to_string(vector(&format!("trust/{name}.verdicts"))).expect("a text");
        for verdict in verdicts.lines() {
            let (path, expected) = verdict.split_once(' ').expect("a verdict");
            let path = vector(&format!("trust/{path}")).display().to_string();
            for list in [&written, &copied] {
                let said = keygen.run(&["-Q", "-f", list, &path], b"");
                let revoked = said.stdout_text().contains("REVOKED");
                assert!(revoked || said.code() == Some(0), "{path}: {}", said.stderr_text());
                assert_eq!(if revoked { "REVOKED" } else { "ok" }, expected, "{list}: {path}");
            }
        }
        let listed = keygen.run(&["-Q", "-l", "-f", &written], b"").expect_success().stdout_text();
        assert!(listed.contains("# KRL version 9"), "{listed}");
    }
}

/// A list updated by ssh-keygen, and asked by us.
#[test]
fn we_read_revocation_lists_that_ssh_keygen_updates() {
    let Some(keygen) = Keygen::new() else { return };
    let mut list = KeyRevocationList::new();
    list.revoke_key(&public("ecdsa256"));
    let file = keygen.file("krl", list.encode());
    let more = vector("keys/ecdsa384.pub").display().to_string();
    let certificate = vector("trust/certificates/ed25519-4-plain-ecdsa521.pub").display().to_string();
    keygen.run(&["-q", "-k", "-u", "-f", &file, &more, &certificate], b"").expect_success();
    let list = KeyRevocationList::decode(&keygen.read("krl")).expect("a list");
    for (path, revoked) in [
        ("keys/ecdsa256.pub", true),
        ("keys/ecdsa384.pub", true),
        ("keys/ecdsa521.pub", false),
        ("trust/certificates/ed25519-4-plain-ecdsa521.pub", true),
        ("trust/certificates/ed25519-5-plain-ecdsa521.pub", false),
    ] {
        let text = fs::read_to_string(vector(path)).expect("a key");
        let (identity, _) = Identity::from_openssh(&text).expect("a key");
        assert_eq!(list.check(&identity).is_some(), revoked, "{path}");
    }
}

#[test]
fn signatures_both_ways() {
    let Some(keygen) = Keygen::new() else { return };
    let message = keygen.file("message", MESSAGE);
    let mut signers = String::new();
    for name in ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa2048"] {
        signers += &format!("{name}@example.org namespaces=\"file,git\" {}", key_text(name));
    }
    let signers = keygen.file("signers", signers);
    for name in ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa2048"] {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha512] {
            let (path, principal) = (keygen.private(name), format!("{name}@example.org"));
            let option = format!("hashalg={}", hash.name());
            let signing = ["-Y", "sign", "-q", "-O", &option, "-n", "git", "-f", &path, &message];
            let _ = fs::remove_file(keygen.folder.path().join("message.sig"));
            keygen.run(&signing, b"").expect_success();
            let signature = SshSig::from_armored(&keygen.read("message.sig")).expect("a signature");
            let digest = hash.digest(MESSAGE);
            assert_eq!(signature.identity().public_key(), &public(name));
            signature.verify("git", &digest, SecurityKeyPolicy::default()).expect("a good signature");

            let ours =
                SshSig::sign(&private(name), &public(name).into(), "git", &digest).expect("a signature");
            let file = keygen.file("ours.sig", ours.to_armored());
            let verify = |namespace: &str, message: &[u8]| {
                let arguments =
                    ["-Y", "verify", "-f", &signers, "-I", &principal, "-n", namespace, "-s", &file];
                keygen.run(&arguments, message).code() == Some(0)
            };
            assert!(verify("git", MESSAGE), "{name}");
            assert!(!verify("file", MESSAGE) && !verify("git", b"another message"), "{name}");
            let found = ["-Y", "find-principals", "-f", &signers, "-s", &file];
            assert_eq!(keygen.run(&found, b"").expect_success().stdout_text().trim_end(), principal);
        }
    }
}

/// Files of allowed signers, on which ssh-keygen and we must agree.
#[test]
fn allowed_signers_allow_what_ssh_keygen_allows() {
    let Some(keygen) = Keygen::new() else { return };
    let digest = HashAlgorithm::Sha512.digest(MESSAGE);
    let certificate =
        fs::read_to_string(vector("trust/certificates/ed25519-4-plain-ecdsa521.pub")).expect("one");
    let (certified, _) = Identity::from_openssh(&certificate).expect("a certificate");
    let signatures = [
        SshSig::sign(&private("ecdsa256"), &public("ecdsa256").into(), "git", &digest).expect("a signature"),
        SshSig::sign(&private("ecdsa521"), &certified, "git", &digest).expect("a signature"),
    ];
    let (key, authority) = (key_text("ecdsa256"), key_text("ed25519"));
    let lines = [
        format!("someone {key}"),
        format!("some*,!someone {key}"),
        format!("*,!nobody {key}"),
        format!("\"someone\" {key}"),
        format!("someone namespaces=\"file\" {key}"),
        format!("someone namespaces=\"g*,file\" {key}"),
        format!("someone namespaces=\"*,!git\" {key}"),
        format!("someone valid-after=\"20300101\" {key}"),
        format!("someone valid-before=\"20200101\" {key}"),
        format!("someone valid-after=\"20000101\",valid-before=\"20900101120000\" {key}"),
        format!("someone unknown {key}"),
        format!("someone cert-authority {key}"),
        format!("someone cert-authority {authority}"),
        format!("else cert-authority {authority}"),
        format!("* cert-authority,namespaces=\"git\" {authority}"),
        format!("someone {authority}"),
        "# nothing\n".to_owned(),
    ];
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let mut good = 0;
    for line in &lines {
        let file = keygen.file("signers", line);
        let allowed = AllowedSigners::parse(line.as_bytes());
        for signature in &signatures {
            let path = keygen.file("message.sig", signature.to_armored());
            for principal in ["someone", "else", "nobody"] {
                let arguments = ["-Y", "verify", "-f", &file, "-I", principal, "-n", "git", "-s", &path];
                let theirs = keygen.run(&arguments, MESSAGE).code() == Some(0);
                let used = SignatureUse { namespace: "git", time: now, zone: &TimeZone::Utc };
                let ours = allowed.check(principal, signature.identity(), &used).is_ok();
                assert_eq!(ours, theirs, "{principal}: {line}");
                good += usize::from(ours);
            }
        }
    }
    assert!(good >= 8, "{good}");
}

#[test]
fn sshfp_records_of_ssh_keygen() {
    let Some(keygen) = Keygen::new() else { return };
    for name in ["ed25519", "ecdsa256", "ecdsa521", "rsa2048"] {
        let path = vector(&format!("keys/{name}.pub")).display().to_string();
        let theirs = keygen.run(&["-r", "host.example", "-f", &path], b"").expect_success().stdout_text();
        let records = SshfpRecord::of(&public(name));
        let ours: String = records.iter().map(|record| format!("host.example IN SSHFP {record}\n")).collect();
        assert_eq!(ours, theirs);
    }
}
