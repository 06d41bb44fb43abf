use crate::support::*;
use rustix::process::Signal;
use std::io::{BufRead, Read};
use std::process::Stdio;

#[test]
fn a_signal_ends_the_server_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start();
        let mut command = server.ssh(&[]);
        command.arg("echo ready; cat").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = Running(command.spawn().expect("it starts"));
        let mut ready = [0; 6];
        client.0.stdout.as_mut().expect("a pipe").read_exact(&mut ready).expect("it runs");
        let mut told = client.0.stderr.take().expect("a pipe");
        server.process.signal(signal);
        let mut log = String::new();
        server.log.read_to_string(&mut log).expect("text");
        assert!(log.contains("login accepted") && log.contains("the server ends"), "{log}");
        assert_eq!(server.process.wait().code(), Some(0));
        assert_eq!(client.wait().code(), Some(255));
        let mut text = String::new();
        told.read_to_string(&mut text).expect("text");
        assert!(text.lines().last().is_some_and(|line| line.starts_with("konko: ")), "{text}");
    }
}

#[test]
fn each_event_is_one_line_of_the_log() {
    let mut server = Server::start();
    assert_eq!(run(server.ssh(&[]).arg("true"), b"").code(), Some(0));
    let mut events = Vec::new();
    for expected in ["listening", "connection accepted", "login accepted", "session starts", "session ends"] {
        let mut line = String::new();
        server.log.read_line(&mut line).expect("a line");
        assert!(line.contains(" INFO ") && line.contains(expected), "{expected}: {line}");
        events.push(line);
    }
    assert!(events[2].contains(&format!("user={USER}")) && events[2].contains("SHA256:"), "{}", events[2]);
}

#[test]
fn a_server_that_lets_nobody_in_does_not_start() {
    let home = tempfile::tempdir().expect("a folder");
    for (arguments, expected) in [
        (&[][..], "nobody could log in"),
        (&["--authorized-keys", "/nonexistent/keys"], "cannot read /nonexistent/keys"),
        (&["--password-file", "/nonexistent/passwords"], "/nonexistent/passwords"),
        (&["--authorized-keys", "/dev/null", "--kex", "no-such"], "unknown algorithm \"no-such\""),
        (&["--authorized-keys", "/dev/null", "--rekey-limit", "much"], "RekeyLimit"),
        (&["--authorized-keys", "/dev/null", "--moduli", "/dev/null"], "no group"),
        (&["--authorized-keys", "/dev/null", "--root", "/dev/null"], "--root /dev/null"),
        (&["--authorized-keys", "/dev/null", "--listen", "127.0.0.1"], "cannot listen"),
    ] {
        let left = run(konko(home.path()).arg("serve").args(arguments), b"");
        assert_eq!(left.code(), Some(1), "{arguments:?}: {}", left.text());
        assert!(left.stderr.starts_with("konko: ") && left.stderr.contains(expected), "{}", left.stderr);
    }
}

#[test]
fn programs_start_where_they_are_told_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    let server = Server::start_with(&["--root", root.to_str().expect("a name")]);
    let left = run(server.ssh(&[]).arg("pwd -P"), b"");
    assert_eq!(left.text().trim_end(), root.to_str().expect("a name"), "{}", left.stderr);
}

#[test]
fn a_host_key_in_a_file_stays() {
    let first = Server::start();
    let key = first.path("key");
    let key = key.to_str().expect("a name");
    let server = Server::start_with(&["--host-key", key]);
    let left = run(server.ssh(&["-v"]).arg("true"), b"");
    let public = std::fs::read_to_string(first.path("authorized_keys")).expect("keys");
    let public =
        konko::transport::keys::public_key::PublicKey::from_openssh(public.lines().next().expect("a line"));
    let fingerprint = public.expect("a key").0.fingerprint().to_string();
    assert!(left.stderr.contains(&fingerprint), "{fingerprint} in {}", left.stderr);
}

/// What is not named is not accepted either, not only not announced.
#[test]
fn keys_log_in_under_the_algorithms_that_are_named() {
    for (names, status) in [("ssh-ed25519", 0), ("rsa-sha2-512", 255), ("-ssh-ed25519", 255)] {
        let server = Server::start_with(&[&format!("--pubkey-algorithms={names}")]);
        let left = run(server.ssh(&[]).arg("true"), b"");
        assert_eq!(left.code(), Some(status), "{names}: {}", left.stderr);
    }
}
