//! Certificates of hosts and of users, revoked keys, the options of authorized_keys, and host keys that are updated:
//! our client with OpenSSH's server, OpenSSH's client with our server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use konko_client::{
    BoxedFuture, ClientOptions, Error, HostKeyPolicy, HostKeyUpdate, HostKeyUpdates, KnownHostsFiles,
    Prompter, SshClient,
};
use konko_server::StandardOptions;
use konko_server::transport::HostKey;
use konko_server::transport::keys::certificate::Certificate;
use konko_tests::peers::run::RUN;
use konko_tests::peers::{Finished, KeyFile, KeyKind, Ssh, Sshd, SshdOptions, find_peer, run};
use tempfile::TempDir;

use crate::our_client::Target;
use crate::our_server::{OurServer, OurServerOptions, USER, read_key};
use crate::runtime::run_test;
use crate::table::{Failure, check_all, ensure};
use crate::user::User;

/// A host with a key, and an authority that certifies it.
struct Host {
    folder: TempDir,
    key: KeyFile,
    authority: KeyFile,
}

impl Host {
    fn new(kind: KeyKind) -> Self {
        let folder = TempDir::new().expect("a folder");
        let key = KeyFile::generate(&folder.path().join("host"), kind, "");
        let authority = KeyFile::generate(&folder.path().join("authority"), KeyKind::Ed25519, "");
        Self { folder, key, authority }
    }

    fn certify(&self, options: &[&str]) -> PathBuf {
        self.key.certify(&self.authority, "a host", &[&["-h"], options].concat())
    }

    fn sshd(&self, user: &User, certificate: &Path) -> Option<Sshd> {
        SshdOptions::default()
            .authorize(user.key())
            .host_keys(&[])
            .line(&format!("HostKey {}", self.key.private.display()))
            .line(&format!("HostCertificate {}", certificate.display()))
            .start()
    }

    fn our_server(&self, user: &User, certificate: &Path) -> OurServer {
        let text = fs::read_to_string(certificate).expect("a certificate");
        let (certificate, _) = Certificate::from_openssh(&text).expect("a certificate");
        let key = read_key(&self.key.private);
        OurServerOptions::new(user)
            .host_keys(&[])
            .transport(move |config| config.host_keys = vec![key.into(), HostKey::Certificate(certificate)])
            .start()
    }

    fn authority_line(&self) -> String {
        format!("@cert-authority * {}\n", self.authority.type_and_key())
    }
}

async fn log_in(sshd: &Sshd, user: &User, known_hosts: &str) -> Result<SshClient, Error> {
    let target = Target::with_known_hosts(sshd.address(), known_hosts);
    target.try_connect(&target.options_with_key(user.key())).await
}

#[test]
fn our_client_believes_a_certificate_of_a_known_authority() {
    for kind in [KeyKind::Ed25519, KeyKind::Rsa(2048), KeyKind::Ecdsa(256)] {
        let (user, host) = (User::new(), Host::new(kind));
        let certificate = host.certify(&["-n", "127.0.0.1,other.example"]);
        let Some(sshd) = host.sshd(&user, &certificate) else { return };
        run_test(async {
            let client = log_in(&sshd, &user, &host.authority_line()).await?;
            let negotiated = client.info()?.negotiated.host_key;
            ensure(negotiated.is_certificate(), negotiated.name)?;
            client.ping().await?;
            client.close().await;
            // Whoever knows the key alone is shown the key alone.
            let plain = format!("[127.0.0.1]:{} {}\n", sshd.address().port(), host.key.type_and_key());
            let client = log_in(&sshd, &user, &plain).await?;
            ensure(!client.info()?.negotiated.host_key.is_certificate(), "a certificate was asked for")?;
            client.close().await;
            // Revoked: the authority, or the key.
            for revoked in [&host.authority, &host.key] {
                let lines = format!("{}@revoked * {}\n", host.authority_line(), revoked.type_and_key());
                let refused = log_in(&sshd, &user, &lines).await.map(drop);
                ensure(matches!(refused, Err(Error::HostKeyRevoked { .. })), format!("{refused:?}"))?;
            }
            let stranger = KeyFile::generate(&host.folder.path().join("stranger"), KeyKind::Ed25519, "");
            let lines = format!("@cert-authority * {}\n", stranger.type_and_key());
            let refused = log_in(&sshd, &user, &lines).await.map(drop);
            ensure(matches!(refused, Err(Error::HostKeyUnknown { .. })), format!("{refused:?}"))
        });
    }
}

/// covers: A17, A19
#[test]
fn our_client_does_not_believe_a_certificate_that_is_not_good() {
    let user = User::new();
    for options in [
        &["-n", "other.example"][..],
        &["-n", "127.0.0.1", "-V", "20200101:20210101"],
        &["-n", "127.0.0.1", "-V", "20900101:20910101"],
        // For nobody.
        &[],
    ] {
        let host = Host::new(KeyKind::Ed25519);
        let certificate = host.certify(options);
        let Some(sshd) = host.sshd(&user, &certificate) else { return };
        run_test(async {
            let refused = log_in(&sshd, &user, &host.authority_line()).await.map(drop);
            ensure(
                matches!(refused, Err(Error::HostKeyUnknown { .. })),
                format!("{options:?}: {refused:?}"),
            )?;
            // Its key may be known all the same.
            let port = sshd.address().port();
            let both = format!("{}[127.0.0.1]:{port} {}\n", host.authority_line(), host.key.type_and_key());
            log_in(&sshd, &user, &both).await?.close().await;
            Ok(())
        });
    }
}

fn ssh_to(server: &OurServer, user: &User, known_hosts: &str) -> Option<Ssh> {
    let ssh = Ssh::new(server.address(), USER)?.identity(&user.key().private).known_hosts(known_hosts);
    Some(ssh.option("LogLevel=DEBUG1"))
}

#[test]
fn openssh_believes_our_certificate() {
    for kind in [KeyKind::Ed25519, KeyKind::Rsa(2048)] {
        let (user, host) = (User::new(), Host::new(kind));
        let server = host.our_server(&user, &host.certify(&["-n", "127.0.0.1"]));
        let Some(ssh) = ssh_to(&server, &user, &host.authority_line()) else { return };
        let finished = ssh.run("echo in", b"").expect_success();
        assert_eq!(finished.stdout, b"in\n");
        assert!(finished.stderr_text().contains("Server host certificate"), "{}", finished.stderr_text());
        // Whoever knows no authority falls back on the bare key.
        let port = server.address().port();
        let plain = format!("[127.0.0.1]:{port} {}\n", host.key.type_and_key());
        let finished = ssh_to(&server, &user, &plain).expect("ssh").run("echo in", b"").expect_success();
        assert_eq!(finished.stdout, b"in\n");
        // A certificate for another host is refused.
        let server = host.our_server(&user, &host.certify(&["-n", "other.example"]));
        let refused = ssh_to(&server, &user, &host.authority_line()).expect("ssh").run("true", b"");
        assert_eq!(refused.code(), Some(255), "{}", refused.stderr_text());
    }
}

/// A user with an authority, and our server.
struct Certified {
    user: User,
    authority: KeyFile,
}

impl Certified {
    fn new() -> Self {
        let user = User::new();
        let authority = KeyFile::generate(&user.path("authority"), KeyKind::Ed25519, "");
        Self { user, authority }
    }

    fn server(&self, change: impl FnOnce(&mut StandardOptions)) -> OurServer {
        let authorities = self.file("authorities", &(self.authority.public_line() + "\n"));
        OurServerOptions::new(&self.user)
            .allow(|options| {
                options.authorized_keys = None;
                options.trusted_authorities = Some(authorities);
                options.allow_local_forwarding = true;
                options.allow_remote_forwarding = true;
                change(options);
            })
            .start()
    }

    fn file(&self, name: &str, contents: &str) -> PathBuf {
        self.user.file(name, contents)
    }

    fn run(&self, server: &OurServer, options: &[&str], command: &str) -> Option<Finished> {
        let certificate = self.user.key().certify(&self.authority, "a user", options);
        let ssh = ssh_to(server, &self.user, &server.known_hosts())?;
        Some(ssh.option(&format!("CertificateFile={}", certificate.display())).run(command, b""))
    }
}

/// covers: A15, A17, A18, A19
#[test]
fn user_certificates_of_openssh_at_our_server() {
    let certified = Certified::new();
    let server = certified.server(|_| {});
    let cases: [(&[&str], &str, bool); 10] = [
        (&["-n", USER], "in\n", true),
        (&["-n", "other,test"], "in\n", true),
        (&["-n", "other"], "", false),
        (&["-n", "tes*"], "", false),
        (&[], "", false),
        (&["-n", USER, "-V", "20200101:20210101"], "", false),
        (&["-n", USER, "-O", "force-command=echo forced"], "forced\n", true),
        (&["-n", USER, "-O", "source-address=127.0.0.0/8"], "in\n", true),
        (&["-n", USER, "-O", "source-address=192.0.2.0/24"], "", false),
        (&["-n", USER, "-O", "critical:unknown@example.org"], "", false),
    ];
    for (options, output, is_let_in) in cases {
        let Some(finished) = certified.run(&server, options, "echo in") else { return };
        assert_eq!(finished.code() == Some(0), is_let_in, "{options:?}: {}", finished.stderr_text());
        assert_eq!(finished.stdout_text(), output, "{options:?}");
    }
    // A certificate of a host does not let a user in.
    let finished = certified.run(&server, &["-h", "-n", USER], "echo in").expect("ssh");
    assert_eq!(finished.code(), Some(255));
}

/// covers: A16, A21
#[test]
fn principals_and_revoked_keys_at_our_server() {
    let certified = Certified::new();
    let principals = certified.file("principals", "# who may\ncommand=\"echo by principal\" team\n");
    let server = certified.server(|options| options.authorized_principals = Some(principals));
    let Some(finished) = certified.run(&server, &["-n", "team"], "echo in") else { return };
    assert_eq!(finished.expect_success().stdout, b"by principal\n");
    for principal in [USER, "team,x y", "teams"] {
        let finished = certified.run(&server, &["-n", principal], "echo in").expect("ssh");
        assert_eq!(
            finished.code() == Some(0),
            principal.split(',').any(|name| name == "team"),
            "{principal}"
        );
    }

    // A revocation list of ssh-keygen.
    let list = certified.user.path("krl");
    let specification = certified.file("krl.text", "serial: 5\nid: lost\n");
    let authority = certified.authority.public.display().to_string();
    let mut keygen = Command::new(find_peer("ssh-keygen").expect("ssh-keygen"));
    keygen.args(["-q", "-k", "-s", &authority, "-f"]).arg(&list).arg(&specification);
    run(&mut keygen, b"", RUN).expect("ssh-keygen").expect_success();
    let server = certified.server(|options| options.revoked_keys = Some(list));
    for (options, is_let_in) in
        [(&["-n", USER, "-z", "4"][..], true), (&["-n", USER, "-z", "5"], false), (&["-n", USER], true)]
    {
        let finished = certified.run(&server, options, "echo in").expect("ssh");
        assert_eq!(finished.code() == Some(0), is_let_in, "{options:?}");
    }
}

/// covers: A16, H24, L10
#[test]
fn the_options_of_authorized_keys_are_enforced() {
    let (user, target) = (User::new(), User::new());
    let Some(sshd) = SshdOptions::default().authorize(target.key()).start() else { return };
    let (reachable, key) = (sshd.address(), user.key().public_line());
    let with = |options: &str| {
        let line = format!("{options} {key}\n");
        user.file("authorized_keys", &line);
        OurServerOptions::new(&user)
            .allow(|standard| {
                user.file("authorized_keys", &line);
                standard.passwords = None;
                standard.permit_user_environment = true;
                standard.allow_local_forwarding = true;
                standard.allow_remote_forwarding = true;
            })
            .start()
    };
    let run = |server: &OurServer, arguments: &[&str], command: &str| {
        let ssh = ssh_to(server, &user, &server.known_hosts()).expect("ssh");
        let mut program = ssh.command();
        program.args(arguments).arg(ssh.host()).arg(command);
        konko_tests::peers::run(&mut program, b"", RUN).expect("ssh")
    };
    for (options, output, is_let_in) in [
        ("", "in\n", true),
        (r#"command="echo \"forced: $SSH_ORIGINAL_COMMAND\"""#, "forced: echo in $A\n", true),
        (r#"environment="A=b c""#, "in b c\n", true),
        (r#"from="127.0.0.0/8,!127.0.0.2""#, "in\n", true),
        (r#"from="192.0.2.0/24""#, "", false),
        (r#"expiry-time="20991231235959Z""#, "in\n", true),
        (r#"expiry-time="20200101""#, "", false),
        ("restrict", "in\n", true),
        ("unknown-option", "", false),
        ("cert-authority", "", false),
    ] {
        let server = with(options);
        let finished = run(&server, &["-T"], "echo in $A");
        assert_eq!(finished.code() == Some(0), is_let_in, "{options}: {}", finished.stderr_text());
        assert_eq!(finished.stdout_text(), output, "{options}");
    }
    // Where connections may be opened to: the banner of the other server comes through, or not.
    let to = reachable.to_string();
    for (options, is_open) in [
        ("", true),
        (&*format!(r#"permitopen="{to}""#), true),
        (r#"permitopen="127.0.0.1:*""#, true),
        (r#"permitopen="127.0.0.1:1""#, false),
        (r#"permitopen="localhost:*""#, false),
        ("no-port-forwarding", false),
        ("restrict", false),
        ("restrict,port-forwarding", true),
    ] {
        let server = with(options);
        let ssh = ssh_to(&server, &user, &server.known_hosts()).expect("ssh");
        let mut program = ssh.command();
        program.args(["-W", &to]).arg(ssh.host());
        let finished = konko_tests::peers::run(&mut program, b"bye\r\n", RUN).expect("ssh");
        let opened = finished.stdout_text().starts_with("SSH-2.0-");
        assert_eq!(opened, is_open, "{options}: {}", finished.stderr_text());
    }
    // Where may be listened.
    for (options, is_open) in [
        ("", true),
        (r#"permitlisten="localhost:*""#, true),
        (r#"permitlisten="1""#, false),
        ("no-port-forwarding", false),
    ] {
        let server = with(options);
        let arguments = ["-T", "-o", "ExitOnForwardFailure=yes", "-R", "localhost:0:127.0.0.1:1"];
        let finished = run(&server, &arguments, "echo in");
        assert_eq!(finished.code() == Some(0), is_open, "{options}: {}", finished.stderr_text());
    }
    // Terminals.
    for (options, has_terminal) in
        [("", true), ("no-pty", false), ("restrict", false), ("restrict,pty", true)]
    {
        let finished = run(&with(options), &["-tt"], "test -t 0 && echo terminal");
        assert_eq!(finished.stdout_text().contains("terminal"), has_terminal, "{options}");
    }
}

const KINDS: [KeyKind; 3] = [KeyKind::Ed25519, KeyKind::Ecdsa(256), KeyKind::Rsa(2048)];

/// A server with three keys, a file that knows one of them and one that is gone, and the file as it should become.
fn to_update() -> Option<(User, Sshd, PathBuf, String, String)> {
    let user = User::new();
    let sshd = SshdOptions::default().authorize(user.key()).host_keys(&KINDS).start()?;
    let port = sshd.address().port();
    let line = |key: &KeyFile| format!("[127.0.0.1]:{port} {}\n", key.type_and_key());
    let stale = KeyFile::generate(&user.path("stale"), KeyKind::Ecdsa(384), "");
    let [first, second, third] = sshd.host_keys() else { panic!("three keys") };
    let other = format!("other.example {}\n", stale.type_and_key());
    let before = format!("# kept\n{}{}{other}", line(first), line(&stale));
    let after = format!("# kept\n{}{other}{}{}", line(first), line(second), line(third));
    let path = user.file("known_hosts", &before);
    Some((user, sshd, path, before, after))
}

fn updating(sshd: &Sshd, user: &User, path: &Path) -> ClientOptions {
    let target = Target::with_known_hosts(sshd.address(), "");
    let mut options = target.options_with_key(user.key());
    options.host_keys =
        HostKeyPolicy::Strict(KnownHostsFiles::only(path).with_update(HostKeyUpdates::Always));
    options
}

/// How often a server is asked for an answer until the file must have changed: the proof is asked for behind the
/// scenes, and each answer is a moment later.
const MOMENTS: usize = 20_000;

/// covers: C11
#[test]
fn our_client_learns_the_other_keys_of_openssh() {
    let Some((user, sshd, path, before, after)) = to_update() else { return };
    run_test(async {
        let options = updating(&sshd, &user, &path);
        let client = SshClient::connect(sshd.address().to_string().as_str(), &options).await?;
        let mut now = before.clone();
        for _ in 0..MOMENTS {
            client.ping().await?;
            now = fs::read_to_string(&path)?;
            if now != before {
                break;
            }
        }
        client.close().await;
        ensure(now == after, format!("{now}\n\nand not\n\n{after}"))
    });
}

/// covers: C11
#[test]
fn our_blocking_client_learns_them_too() {
    let Some((user, sshd, path, before, after)) = to_update() else { return };
    let options = updating(&sshd, &user, &path);
    let address = sshd.address().to_string();
    let client = konko_client::blocking::SshClient::connect(address.as_str(), &options).expect("logged in");
    let mut now = before.clone();
    for _ in 0..MOMENTS {
        client.ping().expect("an answer");
        now = fs::read_to_string(&path).expect("the file");
        if now != before {
            break;
        }
    }
    client.close();
    assert_eq!(now, after);
}

/// Gives one answer, and tells of the question.
struct Leave(bool, tokio::sync::mpsc::UnboundedSender<HostKeyUpdate>);

impl Prompter for Leave {
    fn update_host_keys<'a>(&'a self, update: &'a HostKeyUpdate) -> BoxedFuture<'a, bool> {
        self.1.send(update.clone()).expect("the test waits");
        Box::pin(async { self.0 })
    }
}

/// covers: C11
#[test]
fn leave_is_asked_for_what_openssh_tells() {
    for leave in [true, false] {
        let Some((user, sshd, path, before, after)) = to_update() else { return };
        run_test(async {
            let (asked, mut questions) = tokio::sync::mpsc::unbounded_channel();
            let mut options = updating(&sshd, &user, &path);
            options.host_keys =
                HostKeyPolicy::Strict(KnownHostsFiles::only(&path).with_update(HostKeyUpdates::Ask));
            options.prompter = Some(std::sync::Arc::new(Leave(leave, asked)));
            let client = SshClient::connect(sshd.address().to_string().as_str(), &options).await?;
            let update = questions.recv().await.ok_or("nobody is asked")?;
            client.host_keys_settled().await;
            let now = fs::read_to_string(&path)?;
            client.close().await;
            let fingerprints = |keys: &[KeyFile]| keys.iter().map(KeyFile::fingerprint).collect::<Vec<_>>();
            let learned: Vec<_> = update.learned.iter().map(|key| key.fingerprint().to_string()).collect();
            ensure(learned == fingerprints(&sshd.host_keys()[1..]), "the new keys")?;
            ensure(update.removed.len() == 1, "the key that is gone")?;
            ensure(now == if leave { after } else { before }, now)
        });
    }
}

/// covers: C11
#[test]
fn openssh_learns_our_other_keys() {
    let user = User::new();
    let server = OurServerOptions::new(&user).host_keys(&KINDS).start();
    let all = server.known_hosts();
    let path =
        user.file("known_hosts", &all.lines().take(1).map(|line| format!("{line}\n")).collect::<String>());
    let Some(ssh) = Ssh::new(server.address(), USER) else { return };
    let ssh = ssh
        .identity(&user.key().private)
        .option("StrictHostKeyChecking=yes")
        .option("UpdateHostKeys=yes")
        .option("LogLevel=DEBUG1")
        .option(&format!("UserKnownHostsFile={}", path.display()));
    // The session lasts until the file is written.
    let wait = format!("until grep -q ssh-rsa {0}; do sleep 0.05; done; wc -l < {0}", path.display());
    let finished = ssh.run(&wait, b"").expect_success();
    assert_eq!(finished.stdout_text().trim(), "3", "{}", finished.stderr_text());
    let mut learnt: Vec<_> =
        fs::read_to_string(&path).expect("known_hosts").lines().map(str::to_owned).collect();
    let mut expected: Vec<_> = all.lines().map(str::to_owned).collect();
    learnt.sort();
    expected.sort();
    assert_eq!(learnt, expected);
}

/// What a server shows is not believed for other names than those of its certificate, whatever port it is at.
///
/// covers: C13
#[test]
fn aliases_are_looked_up_and_must_be_certified() {
    let (user, host) = (User::new(), Host::new(KeyKind::Ed25519));
    let certificate = host.certify(&["-n", "alias.example"]);
    let Some(sshd) = host.sshd(&user, &certificate) else { return };
    let lines = format!("@cert-authority *.example {}\n", host.authority.type_and_key());
    check_all(
        &[("alias.example", true), ("other.example", false), ("alias.elsewhere", false)],
        |(alias, good)| {
            let target = Target::with_known_hosts(sshd.address(), &lines);
            let mut options = target.options_with_key(user.key());
            options.host_key_alias = Some((*alias).to_owned());
            crate::runtime::block_on(async {
                let result: Result<_, Failure> = match target.try_connect(&options).await {
                    Ok(client) => {
                        client.close().await;
                        Ok(true)
                    }
                    Err(Error::HostKeyUnknown { .. }) => Ok(false),
                    Err(error) => Err(error.into()),
                };
                ensure(result? == *good, alias)
            })
        },
    );
}
