//! OpenSSH's client and others with our server: certificates, bound proofs, chains, many keys, hosts that vouch.

use std::process::Command;

use konko_client::{Credential, HostBased};
use konko_server::transport::userauth::MethodName;
use konko_tests::peers::find::{require_python, skip};
use konko_tests::peers::run::RUN;
use konko_tests::peers::{KeyFile, KeyKind, TestAccount, openssh, require_peer, run};

use crate::login::gate::{AUTHENTICATED, Gate, serve};
use crate::login::setup::certified;
use crate::our_client::Target;
use crate::our_server::{USER, read_key};
use crate::runtime::runtime;
use crate::table::{check_all, ensure};
use crate::user::{ALL_KINDS, User};

#[test]
fn openssh_shows_us_certificates() {
    let (user, authority) = certified(&ALL_KINDS, &["-n", USER]);
    let mut gate = Gate::new(&[MethodName::PublicKey]);
    gate.authority = Some(read_key(&authority.private).public_key().clone());
    let server = serve(&gate, 6);
    check_all(&user.keys, |key| {
        let ssh = server.ssh().ok_or("ssh is gone")?.identity(&key.private);
        let said = ssh.run("true", b"").stderr_text();
        ensure(said.contains(AUTHENTICATED), said)
    });
    let seen = gate.seen();
    assert!(seen.iter().filter(|what| *what == "Certificate").count() == ALL_KINDS.len(), "{seen:?}");
    let Some(ssh) = server.ssh() else { return };
    let stranger = certified(&[KeyKind::Ed25519], &["-n", USER]).0;
    let said = ssh.identity(&stranger.key().private).run("true", b"").stderr_text();
    assert!(!said.contains(AUTHENTICATED), "{said}");
}

/// OpenSSH uses the bound method because we announce it, and we accept it for our own key.
#[test]
fn openssh_binds_its_proof_to_our_host_key() {
    let user = User::new();
    let mut gate = Gate::new(&[MethodName::PublicKey]);
    gate.keys = vec![read_key(&user.key().private).public_key().clone()];
    let server = serve(&gate, 6);
    let Some(ssh) = server.ssh() else { return };
    let said = ssh.identity(&user.key().private).option("LogLevel=DEBUG3").run("true", b"").stderr_text();
    assert!(said.contains(AUTHENTICATED), "{said}");
    assert!(said.contains("publickey-hostbound@openssh.com=<0>"), "{said}");
    assert!(said.contains("publickey-hostbound-v00@openssh.com"), "{said}");
    let unbound = server.ssh().expect("ssh").identity(&user.key().private);
    let said = unbound.option("PubkeyAuthentication=unbound").run("true", b"").stderr_text();
    assert!(said.contains(AUTHENTICATED), "{said}");
}

#[test]
fn openssh_walks_a_chain_on_our_server() {
    let user = User::new();
    let mut gate = Gate::new(&[MethodName::PublicKey, MethodName::KeyboardInteractive]);
    gate.keys = vec![read_key(&user.key().private).public_key().clone()];
    for (answer, right) in [("open sesame", true), ("wrong", false)] {
        let gate = gate.unseen();
        let server = serve(&gate, 6);
        let Some(ssh) = server.ssh() else { return };
        let ssh = ssh.identity(&user.key().private).option("NumberOfPasswordPrompts=1").answer(answer);
        let said = ssh.run("true", b"").stderr_text();
        assert!(said.contains("Authenticated using \"publickey\" with partial success"), "{said}");
        assert_eq!(said.contains(AUTHENTICATED), right, "{said}");
    }
}

/// Eight keys and three tries: queries do not count with us, so that even the last one gets in.
#[test]
fn openssh_with_eight_keys_and_three_tries() {
    let user = User::with(&[KeyKind::Ed25519; 8]);
    let mut gate = Gate::new(&[MethodName::PublicKey]);
    gate.keys = vec![read_key(&user.keys[7].private).public_key().clone()];
    let server = serve(&gate, 3);
    let Some(mut ssh) = server.ssh() else { return };
    for key in user.keys.iter().rev() {
        ssh = ssh.identity(&key.private);
    }
    let said = ssh.run("true", b"").stderr_text();
    assert!(said.contains(AUTHENTICATED), "{said}");
    let queries = gate.seen().iter().filter(|what| *what == "PublicKeyQuery").count();
    assert_eq!(queries, 8, "{:?}", gate.seen());
}

/// Our client and our server, for what OpenSSH's client leaves to a program of the system.
#[test]
fn our_host_vouches_to_our_server() {
    let user = User::with(&[KeyKind::Ed25519, KeyKind::Rsa(2048)]);
    for key in &user.keys {
        let mut gate = Gate::new(&[MethodName::HostBased]);
        gate.host_key = Some(read_key(&key.private).public_key().clone());
        let server = serve(&gate, 6);
        let target = Target::new(server.address, std::slice::from_ref(&server.host_key));
        for (name, right) in [("alice", true), ("mallory", false)] {
            let word = HostBased::new(&key.private, "client.konko.test.", name);
            let options = target.options(USER).with_credential(Credential::HostBased(word));
            let result = runtime().block_on(target.try_connect(&options));
            assert_eq!(result.is_ok(), right, "{name}: {result:?}");
        }
    }
}

/// A client whose hosts sign for themselves, without a program of the system.
const ASYNCSSH: &str = r#"
import asyncio, sys, asyncssh

async def main():
    address, port, user, key, host, name, known = sys.argv[1:]
    connection = await asyncssh.connect(
        address, int(port), username=user, config=None, agent_path=None, client_keys=None, known_hosts=known,
        preferred_auth="hostbased", client_host_keys=[key], client_host=host, client_username=name)
    print("in as", connection.get_extra_info("username"))
    connection.abort()

try:
    asyncio.run(main())
except asyncssh.PermissionDenied as error:
    print("refused:", error)
"#;

#[test]
fn a_host_vouches_by_asyncssh() {
    let Some(python) = require_python("asyncssh") else { return };
    let user = User::with(&[KeyKind::Ed25519, KeyKind::Rsa(2048), KeyKind::Ecdsa(256)]);
    for key in &user.keys {
        let mut gate = Gate::new(&[MethodName::HostBased]);
        gate.host_key = Some(read_key(&key.private).public_key().clone());
        let server = serve(&gate, 6);
        let known = openssh::known_hosts(server.address, std::slice::from_ref(&server.host_key));
        let known = user.file("known_hosts", &known);
        for (name, expected) in [("alice", "in as test"), ("mallory", "refused")] {
            let mut command = Command::new(&python);
            command.args(["-c", ASYNCSSH, &server.address.ip().to_string()]);
            command.args([&server.address.port().to_string(), USER]);
            command.arg(&key.private).args(["client.konko.test.", name]).arg(&known);
            let said = run(&mut command, b"", RUN).expect("python");
            let text = said.stdout_text();
            assert!(text.starts_with(expected), "{name}: {text}{}", said.stderr_text());
        }
    }
}

/// OpenSSH's client has the system's program sign, which reads the system's files: here it sees others in their place.
#[test]
fn a_host_vouches_by_openssh() {
    let Some(unshare) = require_peer("unshare") else { return };
    if !TestAccount::current_is_root() {
        return skip("only root can show ssh-keysign other files");
    }
    if !run(Command::new(&unshare).args(["--mount", "true"]), b"", RUN).is_ok_and(|it| it.status.success()) {
        return skip("there are no mount namespaces here");
    }
    let folder = tempfile::TempDir::new().expect("a folder in place of /etc/ssh");
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("open");
    std::fs::write(folder.path().join("ssh_config"), "EnableSSHKeysign yes\n").expect("ssh_config");
    let key = KeyFile::generate(&folder.path().join("ssh_host_ed25519_key"), KeyKind::Ed25519, "");
    let mut gate = Gate::new(&[MethodName::HostBased]);
    gate.host_key = Some(read_key(&key.private).public_key().clone());
    // The name that belongs to the address that the client comes from.
    gate.vouched = (TestAccount::current().name, "localhost".to_owned());
    let server = serve(&gate, 6);
    let Some(ssh) = server.ssh() else { return };
    let ssh = ssh.option("HostbasedAuthentication=yes").option("PreferredAuthentications=hostbased");
    let ssh = ssh.command();
    let mut command = Command::new(unshare);
    let script = "mount --bind \"$1\" /etc/ssh && shift && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(folder.path());
    command.arg(ssh.get_program()).args(ssh.get_args()).args(["-T", "127.0.0.1", "true"]);
    let said = run(&mut command, b"", RUN).expect("unshare").stderr_text();
    assert!(said.contains("using \"hostbased\""), "{said}\n{:?}", gate.seen());
}
