//! `konko keyscan` beside the real ssh-keyscan.

use crate::support::{Running, Server, konko, run};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// Nothing where it is not installed, unless it is demanded.
fn ssh_keyscan() -> Option<Command> {
    const PROGRAM: &str = "/usr/bin/ssh-keyscan";
    if !Path::new(PROGRAM).exists() {
        let demanded = std::env::var_os("KONKO_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!demanded, "{PROGRAM} is missing");
        return None;
    }
    Some(Command::new(PROGRAM))
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn it_prints_what_ssh_keyscan_prints() {
    let server = Server::start();
    let port = server.port.to_string();
    let file = server.write("hosts", 0o600, "# a note\n\n127.0.0.1 Web.example,www.example\n");
    let file = file.to_str().expect("a path").to_owned();
    for arguments in [
        &["127.0.0.1"][..],
        &["-t", "ed25519", "127.0.0.1"],
        &["-t", "rsa", "127.0.0.1"],
        &["-4", "127.0.0.1,localhost"],
        &["127.0.0.1", "127.0.0.1"],
        &["-f", &file],
    ] {
        let ours = run(konko(server.folder.path()).args(["keyscan", "-p", &port]).args(arguments), b"");
        let Some(mut theirs) = ssh_keyscan() else { return };
        let theirs = run(theirs.args(["-p", &port]).args(arguments), b"");
        assert_eq!(sorted(&ours.text()), sorted(&theirs.text()), "{arguments:?}: {}", ours.stderr);
        assert_eq!(ours.code() == Some(0), !theirs.stdout.is_empty(), "{arguments:?}: {}", ours.stderr);
        assert!(ours.stderr.contains(&format!("# 127.0.0.1:{port} SSH-2.0-konko_")), "{}", ours.stderr);
    }
}

#[test]
fn what_it_prints_makes_the_host_known() {
    let server = Server::start();
    let port = server.port.to_string();
    let scanned = run(konko(server.folder.path()).args(["keyscan", "-H", "-p", &port, "127.0.0.1"]), b"");
    assert_eq!(scanned.code(), Some(0), "{}", scanned.stderr);
    assert!(scanned.text().starts_with("|1|"), "{}", scanned.text());
    let known = server.write("scanned", 0o600, &scanned.text());
    let known = known.to_str().expect("a path");
    let name = format!("[127.0.0.1]:{port}");
    let found = run(konko(server.folder.path()).args(["keygen", "-F", &name, "-f", known]), b"");
    assert_eq!(found.code(), Some(0), "{}", found.stderr);
    let records = run(konko(server.folder.path()).args(["keyscan", "-D", "-p", &port, "127.0.0.1"]), b"");
    assert!(records.text().starts_with("127.0.0.1 IN SSHFP 4 1 "), "{}", records.text());
}

#[test]
fn hosts_without_a_key_do_not_hide_the_others() {
    let server = Server::start();
    let port = server.port.to_string();
    // Nobody listens where somebody just did, and something else listens elsewhere.
    let closed =
        TcpListener::bind("127.0.0.2:0").and_then(|listener| listener.local_addr()).expect("an address");
    let mixed = ["keyscan", "-T", "5", "-p", &port, "127.0.0.3", "127.0.0.1", "no.such.host.invalid"];
    let left = run(konko(server.folder.path()).args(mixed), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert_eq!(left.text().lines().count(), 1, "{}", left.text());
    assert!(left.stderr.contains("127.0.0.3: "), "{}", left.stderr);
    let nobody = ["keyscan", "-T", "5", "-p", &closed.port().to_string(), "127.0.0.2"];
    let left = run(konko(server.folder.path()).args(nobody), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(1), ""), "{}", left.stderr);

    // A server that says nothing costs the time that -T gives it.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let silent_port = silent.local_addr().expect("an address").port().to_string();
    let left = run(
        konko(server.folder.path()).args([
            "keyscan",
            "-T",
            "1",
            "-t",
            "ed25519",
            "-p",
            &silent_port,
            "127.0.0.1",
        ]),
        b"",
    );
    assert_eq!((left.code(), left.text().as_str()), (Some(1), ""), "{}", left.stderr);
}

/// OpenSSH's server with a key and a certificate of three types.
struct Sshd {
    _folder: tempfile::TempDir,
    _process: Running,
    port: String,
}

impl Sshd {
    /// Nothing where it, or ssh-keygen, is not installed, unless it is demanded.
    fn start() -> Option<Self> {
        const PROGRAM: &str = "/usr/sbin/sshd";
        let missing = !Path::new(PROGRAM).exists() || Command::new("ssh-keygen").arg("-?").output().is_err();
        if missing {
            let demanded = std::env::var_os("KONKO_REQUIRE_PEERS").is_some_and(|value| value == "1");
            assert!(!demanded, "{PROGRAM} or ssh-keygen is missing");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let keygen = |arguments: &[&str]| {
            let made =
                run(Command::new("ssh-keygen").current_dir(folder.path()).arg("-q").args(arguments), b"");
            assert_eq!(made.code(), Some(0), "{}", made.stderr);
        };
        keygen(&["-t", "ed25519", "-N", "", "-f", "authority"]);
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("an address").port().to_string();
        let mut config = format!("ListenAddress 127.0.0.1:{port}\nPidFile none\n");
        for kind in ["rsa", "ecdsa", "ed25519"] {
            let name = format!("host_{kind}");
            keygen(&["-t", kind, "-N", "", "-f", &name]);
            keygen(&["-s", "authority", "-h", "-I", "host", "-n", "127.0.0.1", &format!("{name}.pub")]);
            let path = folder.path().join(&name);
            config += &format!("HostKey {}\nHostCertificate {}-cert.pub\n", path.display(), path.display());
        }
        let path = folder.path().join("config");
        std::fs::write(&path, config).expect("written");
        let mut process = Command::new(PROGRAM)
            .args(["-D", "-e", "-f"])
            .arg(&path)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut log = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let process = Running(process);
        let listens = log.any(|line| line.is_ok_and(|line| line.contains("Server listening")));
        assert!(listens, "sshd does not listen");
        // It may go on to tell something.
        std::thread::spawn(move || log.for_each(drop));
        Some(Self { _folder: folder, _process: process, port })
    }
}

#[test]
fn it_finds_every_key_and_certificate_of_openssh() {
    let Some(sshd) = Sshd::start() else { return };
    let home = tempfile::tempdir().expect("a folder");
    for (arguments, count) in [
        (&["127.0.0.1"][..], 3),
        (&["-c", "127.0.0.1"], 3),
        (&["-t", "ecdsa,rsa", "127.0.0.1"], 2),
        (&["-c", "-t", "rsa", "127.0.0.1"], 1),
        (&["-D", "127.0.0.1"], 6),
        (&["-t", "dsa", "127.0.0.1"], 0),
    ] {
        let ours = run(konko(home.path()).args(["keyscan", "-p", &sshd.port]).args(arguments), b"");
        let Some(mut theirs) = ssh_keyscan() else { return };
        let theirs = run(theirs.args(["-p", &sshd.port]).args(arguments), b"");
        assert_eq!(sorted(&ours.text()), sorted(&theirs.text()), "{arguments:?}: {}", ours.stderr);
        assert_eq!(ours.text().lines().count(), count, "{arguments:?}: {}", ours.stderr);
    }
}
