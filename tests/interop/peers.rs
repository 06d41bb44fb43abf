//! The harness against itself: every real client with every real server it can talk to, so that a failure in the
//! interoperability suite is never the harness's own.

use std::net::SocketAddr;

use konko_tests::peers::{
    Dbclient, DropbearServer, KeyFile, KeyKind, Plink, PythonClient, PythonPeer, PythonServer, Ssh, Sshd,
    SshdOptions, TestAccount, TinysshServer,
};
use tempfile::TempDir;

const SCRIPT: &str = "cat; echo oops >&2; exit 7";

struct User {
    folder: TempDir,
    key: KeyFile,
}

impl User {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = KeyFile::generate(&folder.path().join("key"), KeyKind::Ed25519, "");
        Self { folder, key }
    }

    fn authorized_keys(&self) -> String {
        let path = self.folder.path().join("authorized_keys");
        std::fs::write(&path, self.key.public_line() + "\n").unwrap();
        path.display().to_string()
    }
}

fn openssh_for(user: &User) -> Option<Sshd> {
    SshdOptions::default().authorize(&user.key).start()
}

fn ssh_with_key(address: SocketAddr, name: &str, user: &User, known_hosts: &str) {
    let Some(ssh) = Ssh::new(address, name) else { return };
    let finished = ssh.identity(&user.key.private).known_hosts(known_hosts).run(SCRIPT, b"hello");
    assert_eq!(finished.code(), Some(7), "{}", finished.stderr_text());
    assert_eq!(finished.stdout, b"hello");
    assert!(finished.stderr_text().contains("oops"));
}

#[test]
fn ssh_to_sshd_by_key() {
    let user = User::new();
    let Some(sshd) = openssh_for(&user) else { return };
    ssh_with_key(sshd.address(), &TestAccount::current().name, &user, &sshd.known_hosts());
    sshd.wait_for_log("Accepted publickey", std::time::Duration::from_secs(30)).unwrap();
}

#[test]
fn ssh_to_sshd_by_password_and_by_prompt() {
    let Some(account) = TestAccount::with_password() else { return };
    let Some(sshd) = SshdOptions::default().pam().start() else { return };
    let password = account.password.as_deref().unwrap();
    for method in ["password", "keyboard-interactive"] {
        let Some(ssh) = Ssh::new(sshd.address(), &account.name) else { return };
        let ssh = ssh.option(&format!("PreferredAuthentications={method}")).known_hosts(&sshd.known_hosts());
        let finished = ssh.answer(password).run("id -un", b"").expect_success();
        assert_eq!(finished.stdout_text().trim_end(), account.name);
    }
    let Some(ssh) = Ssh::new(sshd.address(), &account.name) else { return };
    let refused = ssh.option("NumberOfPasswordPrompts=1").answer("wrong").run("true", b"");
    assert_eq!(refused.code(), Some(255));
}

#[test]
fn a_changed_host_key_is_refused_by_ssh() {
    let user = User::new();
    let Some(sshd) = openssh_for(&user) else { return };
    let stranger = User::new();
    let wrong = konko_tests::peers::openssh::known_hosts(sshd.address(), std::slice::from_ref(&stranger.key));
    let Some(ssh) = Ssh::new(sshd.address(), &TestAccount::current().name) else { return };
    let refused = ssh.identity(&user.key.private).known_hosts(&wrong).run("true", b"");
    assert_eq!(refused.code(), Some(255));
}

#[test]
fn plink_and_dbclient_to_sshd() {
    let user = User::new();
    let Some(sshd) = openssh_for(&user) else { return };
    let name = TestAccount::current().name;
    if let Some(plink) = Plink::new(sshd.address(), &name, &sshd.host_keys()[0].fingerprint()) {
        let finished = plink.identity(&user.key).run(SCRIPT, b"hello");
        assert_eq!(
            (finished.code(), &finished.stdout[..]),
            (Some(7), &b"hello"[..]),
            "{}",
            finished.stderr_text()
        );
    }
    if let Some(dbclient) = Dbclient::new(sshd.address(), &name) {
        let finished = dbclient.identity(&user.key).run(SCRIPT, b"hello");
        assert_eq!(
            (finished.code(), &finished.stdout[..]),
            (Some(7), &b"hello"[..]),
            "{}",
            finished.stderr_text()
        );
    }
}

#[test]
fn plink_and_dbclient_to_sshd_by_password() {
    let Some(account) = TestAccount::with_password() else { return };
    let Some(sshd) = SshdOptions::default().start() else { return };
    let password = account.password.as_deref().unwrap();
    if let Some(plink) = Plink::new(sshd.address(), &account.name, &sshd.host_keys()[0].fingerprint()) {
        assert_eq!(plink.password(password).run("echo in", b"").expect_success().stdout_text(), "in\n");
    }
    if let Some(dbclient) = Dbclient::new(sshd.address(), &account.name) {
        assert_eq!(dbclient.password(password).run("echo in", b"").expect_success().stdout_text(), "in\n");
    }
}

#[test]
fn ssh_to_dropbear() {
    let Some(account) = TestAccount::with_password() else { return };
    let user = User::new();
    account.authorize(&user.key.public_line());
    let Some(server) = DropbearServer::start(KeyKind::Ecdsa(256), &[]) else { return };
    let known_hosts =
        konko_tests::peers::openssh::known_hosts(server.address(), std::slice::from_ref(server.host_key()));
    ssh_with_key(server.address(), &account.name, &user, &known_hosts);
    assert!(server.log().contains("Pubkey auth succeeded"), "{}", server.log());
}

#[test]
fn ssh_to_tinyssh() {
    let Some(account) = TestAccount::with_password() else { return };
    let user = User::new();
    account.authorize(&user.key.public_line());
    let Some(server) = TinysshServer::start() else { return };
    let Some(ssh) = Ssh::new(server.address(), &account.name) else { return };
    let finished = ssh.identity(&user.key.private).run(SCRIPT, b"hello");
    assert_eq!(finished.code(), Some(7), "{}\n{}", finished.stderr_text(), server.log());
    assert_eq!(finished.stdout, b"hello");
}

fn python_server(peer: PythonPeer, user: &User) -> Option<PythonServer> {
    let keys = user.authorized_keys();
    let arguments = [
        "--user",
        "test",
        "--password",
        "secret",
        "--answer",
        "one",
        "--answer",
        "two",
        "--authorized-keys",
        &keys,
    ];
    PythonServer::start(peer, &arguments)
}

fn python_client_logs_in(client: PythonClient, what: &str) {
    let outcome = client.argument("--env", "KONKO_GREETING=hi").run(SCRIPT, b"\x00\xffbytes");
    assert!(outcome.authenticated, "{what}: {outcome:?}");
    assert_eq!(outcome.stdout, b"\x00\xffbytes", "{what}: {outcome:?}");
    assert_eq!(outcome.stderr, b"oops\n", "{what}: {outcome:?}");
    assert_eq!(outcome.exit_status, Some(7), "{what}: {outcome:?}");
    assert!(outcome.cipher.is_some() && outcome.server_version.is_some(), "{what}: {outcome:?}");
}

fn python_pair(server: PythonPeer, client: PythonPeer) {
    let user = User::new();
    let Some(server) = python_server(server, &user) else { return };
    let new = || Some(PythonClient::new(client, server.address(), "test")?.host_key(server.host_key()));
    let Some(by_key) = new() else { return };
    python_client_logs_in(by_key.publickey(&user.key.private), "publickey");
    python_client_logs_in(new().unwrap().password("secret"), "password");
    python_client_logs_in(new().unwrap().keyboard_interactive(&["one", "two"]), "keyboard-interactive");

    let refused = new().unwrap().password("wrong").run("true", b"");
    assert!(!refused.authenticated && refused.error.is_some(), "{refused:?}");
    let other = User::new();
    let refused = PythonClient::new(client, server.address(), "test").unwrap().host_key(&other.key);
    let refused = refused.password("secret").run("true", b"");
    assert!(!refused.authenticated && refused.error.is_some(), "{refused:?}");
    let killed = new().unwrap().password("secret").run("kill -TERM $$", b"");
    assert_eq!((killed.exit_signal.as_deref(), killed.exit_status), (Some("TERM"), None), "{killed:?}");
}

#[test]
fn paramiko_to_paramiko() {
    python_pair(PythonPeer::Paramiko, PythonPeer::Paramiko);
}

#[test]
fn asyncssh_to_paramiko() {
    python_pair(PythonPeer::Paramiko, PythonPeer::Asyncssh);
}

#[test]
fn paramiko_to_asyncssh() {
    python_pair(PythonPeer::Asyncssh, PythonPeer::Paramiko);
}

#[test]
fn asyncssh_to_asyncssh() {
    python_pair(PythonPeer::Asyncssh, PythonPeer::Asyncssh);
}

#[test]
fn ssh_to_python_servers_with_environment() {
    for peer in [PythonPeer::Paramiko, PythonPeer::Asyncssh] {
        let user = User::new();
        let Some(server) = python_server(peer, &user) else { return };
        let known_hosts = konko_tests::peers::openssh::known_hosts(
            server.address(),
            std::slice::from_ref(server.host_key()),
        );
        ssh_with_key(server.address(), "test", &user, &known_hosts);
        let Some(ssh) = Ssh::new(server.address(), "test") else { return };
        let ssh = ssh.identity(&user.key.private).option("SetEnv=KONKO_GREETING=hello");
        let finished = ssh.run("echo $KONKO_GREETING", b"").expect_success();
        assert_eq!(finished.stdout_text(), "hello\n", "{}", server.log());
    }
}

#[test]
fn python_clients_to_sshd_with_chosen_algorithms() {
    let user = User::new();
    let Some(sshd) = openssh_for(&user) else { return };
    let name = TestAccount::current().name;
    for peer in [PythonPeer::Paramiko, PythonPeer::Asyncssh] {
        let Some(client) = PythonClient::new(peer, sshd.address(), &name) else { return };
        let client = client.host_key(&sshd.host_keys()[0]).publickey(&user.key.private);
        let outcome =
            client.argument("--cipher", "aes256-ctr").argument("--mac", "hmac-sha2-256").run("echo in", b"");
        assert_eq!(outcome.stdout, b"in\n", "{outcome:?}");
        assert_eq!(outcome.cipher.as_deref(), Some("aes256-ctr"), "{outcome:?}");
    }
}
