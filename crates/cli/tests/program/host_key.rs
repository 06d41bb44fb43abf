use crate::support::*;
use konko::transport::crypto::random::SystemRandom;
use konko::transport::keys::private_key::{KeyKind, PrivateKey};

/// Makes the server known by another key than its own.
fn forge(server: &Server) {
    let other = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
    let line = format!("[127.0.0.1]:{} {}\n", server.port, other.public_key().to_openssh(""));
    server.write("known_hosts", 0o600, &line);
}

fn known_hosts(server: &Server) -> String {
    std::fs::read_to_string(server.path("known_hosts")).unwrap_or_default()
}

#[test]
fn an_unknown_host_is_refused_when_nobody_can_be_asked() {
    let server = Server::start();
    for checking in ["ask", "yes"] {
        // The first value of an option is the one that counts.
        let mut command = konko(server.folder.path());
        command.args(["ssh", "-o", &format!("StrictHostKeyChecking={checking}"), "-o", "BatchMode=yes"]);
        command.args(["-p", &server.port.to_string(), "-i"]).arg(server.path("key"));
        command.args(["-l", USER, "127.0.0.1", "true"]);
        let left = run(&mut command, b"");
        assert_eq!(left.code(), Some(255), "{checking}");
        let start = format!("konko: the host key of [127.0.0.1]:{} is not known", server.port);
        assert!(left.stderr.starts_with(&start), "{}", left.stderr);
    }
    assert!(!server.path(".ssh").exists());
}

#[test]
fn new_hosts_are_accepted_and_written_down() {
    let server = Server::start();
    let left = run(server.ssh(&[]).arg("true"), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    let known = known_hosts(&server);
    assert!(known.starts_with(&format!("[127.0.0.1]:{} ssh-ed25519 ", server.port)), "{known}");
    assert_eq!(run(server.ssh(&[]).arg("true"), b"").code(), Some(0));
    assert_eq!(known_hosts(&server), known);
    let mut strict = konko(server.folder.path());
    strict.args(["ssh", "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=~/known_hosts", "-i"]);
    strict.arg(server.path("key")).args(["-p", &server.port.to_string(), "-l", USER, "127.0.0.1", "true"]);
    let left = run(&mut strict, b"");
    assert_eq!((left.code(), left.stderr.as_str()), (Some(0), ""));
}

#[test]
fn names_are_hashed_if_that_is_wanted() {
    let server = Server::start();
    assert_eq!(run(server.ssh(&["-o", "HashKnownHosts=yes"]).arg("true"), b"").code(), Some(0));
    assert!(known_hosts(&server).starts_with("|1|"), "{}", known_hosts(&server));
    let left = run(server.ssh(&[]).arg("true"), b"");
    assert_eq!((left.code(), left.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_changed_key_is_refused() {
    let server = Server::start();
    forge(&server);
    let before = known_hosts(&server);
    let left = run(server.ssh(&[]).arg("true"), b"");
    assert_eq!(left.code(), Some(255));
    let start = format!("konko: the host key of [127.0.0.1]:{} has changed", server.port);
    assert!(left.stderr.starts_with(&start), "{}", left.stderr);
    assert_eq!(known_hosts(&server), before);
}

/// ssh_config(5), StrictHostKeyChecking: with "no" a changed key is tolerated, subject to some restrictions.
#[test]
fn a_changed_key_is_a_warning_without_checking_and_gets_no_password() {
    let server = Server::start();
    forge(&server);
    let askpass = server.askpass(PASSWORD);
    let lenient = |arguments: &[&str]| {
        let mut command = konko(server.folder.path());
        command.env("SSH_ASKPASS", &askpass);
        command.args(["ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=~/known_hosts"]);
        command
            .args(["-p", &server.port.to_string(), "-l", USER])
            .args(arguments)
            .args(["127.0.0.1", "echo in"]);
        run(&mut command, b"")
    };
    let key = server.path("key").display().to_string();
    let left = lenient(&["-i", &key]);
    assert_eq!((left.code(), left.text().as_str()), (Some(0), "in\n"), "{}", left.stderr);
    assert!(left.stderr.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{}", left.stderr);
    let left = lenient(&["-i", "none"]);
    assert_eq!((left.code(), server.asked().as_str()), (Some(255), ""), "{}", left.stderr);
}

#[test]
fn the_user_is_asked_about_an_unknown_host() {
    for (answer, code, known) in [("yes", Some(0), true), ("no", Some(255), false)] {
        let server = Server::start();
        let mut command = konko(server.folder.path());
        command.env("SSH_ASKPASS", server.askpass(answer));
        command.args(["ssh", "-o", "UserKnownHostsFile=~/known_hosts", "-i"]).arg(server.path("key"));
        command.args(["-p", &server.port.to_string(), "-l", USER, "127.0.0.1", "true"]);
        let left = run(&mut command, b"");
        assert_eq!(left.code(), code, "{}", left.stderr);
        assert!(server.asked().contains("ED25519 key fingerprint is SHA256:"), "{}", server.asked());
        assert_eq!(!known_hosts(&server).is_empty(), known);
    }
}
