//! Questions of leave: may known_hosts be changed, may a key be given to the agent?

use crate::support::*;
use crate::terminal::{Terminal, with_terminal};
use konko::transport::crypto::random::SystemRandom;
use konko::transport::keys::private_key::{KeyKind, PrivateKey};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

/// A server with two host keys of which one is known, and the lines of both.
fn with_two_host_keys() -> (Server, String, String) {
    let keys = tempfile::tempdir().expect("a folder");
    let mut lines = Vec::new();
    let mut flags = Vec::new();
    for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256] {
        let key = PrivateKey::generate(kind, &mut SystemRandom).expect("a key");
        let path = keys.path().join(format!("host{}", lines.len()));
        let text = key.to_openssh(None, &mut SystemRandom).expect("its file");
        std::fs::write(&path, text.as_bytes()).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).expect("a mode");
        lines.push(key.public_key().to_openssh(""));
        flags.extend(["--host-key".to_owned(), path.to_str().expect("text").to_owned()]);
    }
    let server = Server::start_with(&flags.iter().map(String::as_str).collect::<Vec<_>>());
    let line = |key: &str| format!("[127.0.0.1]:{} {}\n", server.port, key.trim());
    let (known, other) = (line(&lines[0]), line(&lines[1]));
    server.write("known_hosts", 0o600, &known);
    (server, known, other)
}

/// ssh_config(5), UpdateHostKeys: "If UpdateHostKeys is set to ask, then the user is asked to confirm the modifications
/// to the known_hosts file." What is typed in answer is not for the other end.
#[test]
fn the_user_is_asked_whether_known_hosts_may_be_changed() {
    for (answers, changed) in [(&["perhaps\r", "yes\r"][..], true), (&["no\r"], false)] {
        let (server, known, other) = with_two_host_keys();
        let typed = server.path("typed");
        let mut terminal = Terminal::new(80, 24);
        let mut command = server.client();
        command.args(["-o", "UpdateHostKeys=ask", "-i"]).arg(server.path("key"));
        command
            .args(["-tt", "127.0.0.1"])
            .arg(format!("stty -echo; read line; echo \"$line\" > '{}'", typed.display()));
        let client = terminal.start(&mut with_terminal(&command));
        terminal.wait_for("Learned new hostkey: ECDSA SHA256:");
        for answer in answers {
            terminal.wait_for("Accept updated hostkeys? (yes/no): ");
            terminal.keys(answer);
        }
        terminal.wait_for(answers.last().expect("an answer").trim_end());
        terminal.keys("for the other end\r");
        assert_eq!(client.wait().code(), Some(0));
        let sent = std::fs::read_to_string(&typed).expect("what was typed");
        assert_eq!(sent, "for the other end\n");
        let now = std::fs::read_to_string(server.path("known_hosts")).expect("the file");
        assert_eq!(now, if changed { format!("{known}{other}") } else { known });
    }
}

/// The session is over before the answer: it is waited for.
#[test]
fn a_short_session_leaves_time_for_the_answer() {
    let (server, known, other) = with_two_host_keys();
    let askpass = server.askpass("yes");
    let mut command = server.client();
    command.args(["-o", "UpdateHostKeys=ask", "-i"]).arg(server.path("key"));
    let left = run(command.env("SSH_ASKPASS", &askpass).args(["127.0.0.1", "true"]), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert!(server.asked().contains("Accept updated hostkeys?"), "{}", server.asked());
    let now = std::fs::read_to_string(server.path("known_hosts")).expect("the file");
    assert_eq!(now, format!("{known}{other}"));
}

/// Nobody is asked where that is forbidden.
#[test]
fn batches_change_nothing() {
    let (server, known, _) = with_two_host_keys();
    let askpass = server.askpass("yes");
    let mut command = server.ssh(&["-o", "UpdateHostKeys=ask"]);
    let left = run(command.env("SSH_ASKPASS", &askpass).arg("true"), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert_eq!(server.asked(), "");
    assert_eq!(std::fs::read_to_string(server.path("known_hosts")).expect("the file"), known);
}

/// An agent that ends with the test.
fn agent(server: &Server, program: &str) -> Option<(Running, PathBuf)> {
    let socket = server.path("agent");
    let mut command = match program {
        "konko" => {
            let mut command = konko(server.folder.path());
            command.arg("agent");
            command
        }
        other if std::path::Path::new(other).exists() => std::process::Command::new(other),
        _ => return None,
    };
    command.args(["-D", "-s", "-a"]).arg(&socket).stdout(Stdio::piped());
    let mut running = Running(command.spawn().expect("it starts"));
    let mut line = String::new();
    let stdout = running.0.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    assert!(line.contains("SSH_AUTH_SOCK"), "{line}");
    Some((running, socket))
}

/// ssh_config(5), AddKeysToAgent: "If this option is set to ask, ssh(1) will require confirmation using the SSH_ASKPASS
/// program before adding a key".
#[test]
fn the_user_is_asked_whether_a_key_may_be_given_to_the_agent() {
    for program in ["konko", "/usr/bin/ssh-agent"] {
        let server = Server::start();
        let Some((_agent, socket)) = agent(&server, program) else { continue };
        let listed = || {
            let left =
                run(konko(server.folder.path()).args(["add", "-l"]).env("SSH_AUTH_SOCK", &socket), b"");
            if left.code() == Some(1) { 0 } else { left.text().lines().count() }
        };
        for (answer, keys) in [("no", 0), ("yes", 1)] {
            let mut terminal = Terminal::new(80, 24);
            let mut command = server.client();
            command.args(["-o", "AddKeysToAgent=ask", "-i"]).arg(server.path("locked"));
            command.env("SSH_AUTH_SOCK", &socket).args(["127.0.0.1", "echo in"]);
            let client = terminal.start(&mut with_terminal(&command));
            terminal.wait_for("Enter passphrase for key");
            terminal.keys(&format!("{PASSPHRASE}\r"));
            terminal.wait_for("to agent? ");
            terminal.keys(&format!("{answer}\r"));
            terminal.wait_for("in\r\n");
            assert_eq!(client.wait().code(), Some(0));
            assert_eq!(listed(), keys, "{program} {answer}");
        }
        // It is there: nobody is asked again, for leave or for the passphrase.
        let mut command = server.client();
        command.args(["-o", "AddKeysToAgent=ask", "-i"]).arg(server.path("locked"));
        let left = run(command.env("SSH_AUTH_SOCK", &socket).args(["127.0.0.1", "echo in"]), b"");
        assert_eq!(left.text(), "in\n", "{program}: {}", left.stderr);
    }
}
