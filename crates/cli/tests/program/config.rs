//! `konko ssh` and the files of ssh_config(5).

use crate::support::*;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Keywords whose defaults are others here, as the algorithms are.
const OTHER_DEFAULTS: [&str; 8] = [
    "ciphers",
    "macs",
    "kexalgorithms",
    "hostkeyalgorithms",
    "pubkeyacceptedalgorithms",
    "hostbasedacceptedalgorithms",
    "casignaturealgorithms",
    "requiredrsasize",
];
/// What ssh(1) takes from blocks that do not apply.
const FROM_OTHER_BLOCKS: [&str; 2] = ["syslogfacility", "streamlocalbindmask"];
/// The release that is followed.
const RELEASE: &str = "OpenSSH_9.2";

/// The home directory of the account, which is where ssh(1) looks whatever HOME says.
fn account_home() -> PathBuf {
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").expect("accounts");
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let account = fields.into_iter().find(|fields| fields.get(2) == Some(&uid.as_str())).expect("an account");
    PathBuf::from(account[5])
}

fn dump(program: &mut Command, file: &Path, arguments: &str) -> Option<Vec<String>> {
    let left = run(program.args(["-G", "-F"]).arg(file).args(arguments.split_whitespace()), b"");
    let keep = |line: &&str| {
        let keyword = line.split(' ').next().unwrap_or_default();
        !OTHER_DEFAULTS.contains(&keyword) && !FROM_OTHER_BLOCKS.contains(&keyword)
    };
    (left.code() == Some(0)).then(|| left.text().lines().filter(keep).map(str::to_owned).collect())
}

#[test]
fn the_dump_is_that_of_openssh() {
    let ssh = Path::new("/usr/bin/ssh");
    let known = ssh.exists()
        && String::from_utf8_lossy(&Command::new(ssh).arg("-V").output().expect("it runs").stderr)
            .starts_with(RELEASE);
    if !known {
        assert!(std::env::var_os("KONKO_REQUIRE_PEERS").is_none_or(|value| value != "1"), "no {RELEASE}");
        return;
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/config");
    let home = account_home();
    let (mut compared, mut refused) = (0, 0);
    for entry in std::fs::read_dir(corpus).expect("the corpus") {
        let file = entry.expect("an entry").path();
        // It names algorithms that one of the two may not have.
        if file.ends_with("algorithms.conf") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a file");
        for arguments in text.lines().filter_map(|line| line.strip_prefix("#:")) {
            let mut ours = konko(&home);
            let ours = dump(ours.arg("ssh"), &file, arguments);
            let theirs = dump(&mut Command::new(ssh), &file, arguments);
            assert_eq!(ours, theirs, "{} {arguments}", file.display());
            compared += 1;
            refused += usize::from(theirs.is_none());
        }
    }
    assert!(compared > 40 && (5..20).contains(&refused), "{compared} compared, {refused} refused");
}

#[test]
fn flags_are_in_the_dump() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = konko(folder.path());
    command.args([
        "ssh", "-G", "-F", "none", "-A", "-p", "7", "-l", "u", "-L", "1:a:2", "-R", "3:b:4", "-D", "5",
    ]);
    let left = run(command.args(["-J", "x,y@z:8", "-vv", "-tt", "-C", "-N", "Host"]), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    for expected in [
        "host Host",
        "hostname host",
        "user u",
        "port 7",
        "forwardagent yes",
        "localforward 1 [a]:2",
        "remoteforward 3 [b]:4",
        "dynamicforward 5",
        "proxyjump x,y@z:8",
        "loglevel DEBUG2",
        "requesttty force",
        "compression yes",
        "sessiontype none",
    ] {
        assert!(left.text().lines().any(|line| line == expected), "{expected} in {}", left.text());
    }
}

/// Writes `~/.ssh/config` of the tests' user.
fn configure(server: &Server, text: &str) -> PathBuf {
    let folder = server.path(".ssh");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("config");
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("changed");
    path
}

/// How to reach the server under the name `box`.
fn block(server: &Server, more: &str) -> String {
    format!(
        "Host box\n HostName 127.0.0.1\n Port {}\n User {USER}\n IdentityFile %d/key\n IdentitiesOnly yes\n \
         BatchMode yes\n StrictHostKeyChecking accept-new\n UserKnownHostsFile ~/known_hosts\n \
         GlobalKnownHostsFile none\n{more}",
        server.port
    )
}

#[test]
fn a_host_is_known_by_the_users_file() {
    let server = Server::start();
    configure(
        &server,
        &block(&server, " SetEnv FROM=config\nMatch originalhost box command *whoami*\n SetEnv X=y\n"),
    );
    let left = run(konko(server.folder.path()).args(["ssh", "box", "echo out; exit 4"]), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(4), "out\n"), "{}", left.stderr);
    assert!(server.path("known_hosts").exists());
    // What the command line says counts before.
    let left = run(konko(server.folder.path()).args(["ssh", "-l", "nobody-there", "box", "true"]), b"");
    assert_eq!(left.code(), Some(255));
    assert!(left.stderr.contains("nobody-there@127.0.0.1: permission denied"), "{}", left.stderr);
    // No file is read that is not wanted.
    let left = run(konko(server.folder.path()).args(["ssh", "-F", "none", "-G", "box"]), b"");
    assert!(left.text().contains("hostname box\n"), "{}", left.text());
}

#[test]
fn a_file_has_its_commands() {
    let server = Server::start();
    let more =
        " RemoteCommand echo remote-%n\n PermitLocalCommand yes\n LocalCommand echo local-%h > ~/local\n";
    configure(&server, &block(&server, more));
    let mut command = konko(server.folder.path());
    let left = run(command.args(["ssh", "-T", "box"]), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "remote-box\n"), "{}", left.stderr);
    assert_eq!(std::fs::read_to_string(server.path("local")).expect("it ran"), "local-127.0.0.1\n");
    let left = run(konko(server.folder.path()).args(["ssh", "box", "ls"]), b"");
    assert_eq!(left.code(), Some(255));
    assert!(left.stderr.contains("a command and RemoteCommand exclude each other"), "{}", left.stderr);
}

#[test]
fn every_mistake_of_a_file_is_told_with_its_line() {
    let server = Server::start();
    let path = configure(&server, "Port x\nHost other\n Bogus 1\n Ciphers rot13\n");
    let left = run(konko(server.folder.path()).args(["ssh", "box", "true"]), b"");
    assert_eq!(left.code(), Some(255));
    let path = path.display();
    for expected in [
        format!("{path} line 1: Port: \"x\" is not a port"),
        format!("{path} line 3: Bogus: there is no such keyword"),
        format!("{path} line 4: Ciphers: there is no algorithm \"rot13\""),
    ] {
        assert!(left.stderr.contains(&expected), "{expected} in {}", left.stderr);
    }
}

/// covers: L05
#[test]
fn a_file_that_others_can_write_is_not_obeyed() {
    let server = Server::start();
    let path = configure(&server, "User evil\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("changed");
    let left = run(konko(server.folder.path()).args(["ssh", "-G", "box"]), b"");
    assert_eq!(left.code(), Some(255));
    assert!(left.stderr.contains("others can write it"), "{}", left.stderr);
}

#[test]
fn what_a_file_asks_for_and_cannot_be_done_is_told() {
    let server = Server::start();
    configure(&server, &block(&server, " ForwardX11 yes\n GSSAPIAuthentication yes\n"));
    let left = run(konko(server.folder.path()).args(["ssh", "-v", "box", "true"]), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert!(left.stderr.contains("ForwardX11: X11 is not forwarded."), "{}", left.stderr);
    let path = configure(&server, &block(&server, " ProxyUseFdpass yes\n"));
    let left = run(konko(server.folder.path()).args(["ssh", "box", "true"]), b"");
    assert_eq!(left.code(), Some(255));
    let expected = format!("konko: {} line 11: ProxyUseFdpass: ", path.display());
    assert!(left.stderr.contains(&expected), "{expected} in {}", left.stderr);
}

/// An agent of our own, and where it listens.
fn agent(server: &Server) -> (Running, PathBuf) {
    let socket = server.path("agent.socket");
    let mut command = konko(server.folder.path());
    command.args(["agent", "-D", "-s", "-a"]).arg(&socket).stdout(std::process::Stdio::piped());
    let mut running = Running(command.spawn().expect("it starts"));
    let stdout = running.0.stdout.take().expect("a pipe");
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
    assert!(line.contains("SSH_AUTH_SOCK"), "{line}");
    (running, socket)
}

#[test]
fn a_key_is_added_to_the_agent_and_used_from_there() {
    let server = Server::start();
    let (_agent, socket) = agent(&server);
    let askpass = server.askpass(PASSPHRASE);
    let text = format!(
        "Host box\n HostName 127.0.0.1\n Port {}\n User {USER}\n IdentityFile %d/locked\n IdentitiesOnly yes\n \
         IdentityAgent {}\n StrictHostKeyChecking accept-new\n UserKnownHostsFile ~/known_hosts\n \
         GlobalKnownHostsFile none\n AddKeysToAgent 1h\n",
        server.port,
        socket.display()
    );
    configure(&server, &text);
    let listed = || {
        let mut command = konko(server.folder.path());
        run(command.args(["add", "-l"]).env("SSH_AUTH_SOCK", &socket), b"")
    };
    assert_eq!(listed().code(), Some(1), "it has no keys yet");
    let mut first = konko(server.folder.path());
    first.args(["ssh", "box", "echo first"]).env("SSH_ASKPASS", &askpass);
    let left = run(&mut first, b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "first\n"), "{}", left.stderr);
    assert_eq!(listed().text().lines().count(), 1);
    assert_eq!(server.asked().lines().count(), 1, "{}", server.asked());
    // Now nobody has to be asked.
    let mut second = konko(server.folder.path());
    let left = run(second.args(["ssh", "-o", "BatchMode=yes", "box", "echo second"]), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "second\n"), "{}", left.stderr);
    let mut without = konko(server.folder.path());
    let flags = ["ssh", "-o", "BatchMode=yes", "-o", "IdentityAgent=none", "box", "true"];
    assert_eq!(run(without.args(flags), b"").code(), Some(255));
}

#[test]
fn algorithms_are_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let query = |kind: &str| run(konko(folder.path()).args(["ssh", "-Q", kind]), b"");
    for (kind, expected) in [
        ("cipher", "aes256-gcm@openssh.com"),
        ("mac", "hmac-sha2-256"),
        ("kex", "curve25519-sha256"),
        ("key-sig", "rsa-sha2-512"),
        ("key-cert", "ssh-ed25519-cert-v01@openssh.com"),
    ] {
        let left = query(kind);
        assert_eq!(left.code(), Some(0), "{kind}");
        assert!(left.text().lines().any(|line| line == expected), "{kind}: {}", left.text());
    }
    for kind in query("help").text().lines() {
        assert_eq!(query(kind).code(), Some(0), "{kind}");
    }
    assert_eq!(query("nonsense").code(), Some(255));
}

/// Connections are not shared, so a socket for that is neither made nor believed, whoever has put it there.
///
/// covers: C15
#[test]
fn no_control_socket_is_made_or_used() {
    let server = Server::start();
    let path = server.path("control");
    let control = format!("ControlPath={}", path.display());
    let flags = ["-o", "ControlMaster=auto", "-o", "ControlPersist=yes", "-o", control.as_str()];
    let left = run(server.ssh(&flags).arg("echo in"), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"), "{}", left.stderr);
    assert!(!path.exists(), "a socket was made");
    // Somebody else's socket is not connected to.
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    listener.set_nonblocking(true).expect("an option");
    let left = run(server.ssh(&flags).arg("echo in"), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"), "{}", left.stderr);
    let nobody = listener.accept().expect_err("nobody has connected");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}
