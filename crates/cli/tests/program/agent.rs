//! `konko agent` and `konko add`, with each other and with OpenSSH's.

use crate::support::*;
use crate::terminal::{Terminal, with_terminal};
use konko::transport::crypto::random::SystemRandom;
use konko::transport::keys::private_key::{KeyKind, PrivateKey};
use rustix::process::Signal;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with an agent's socket in it, and key files.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("socket")
    }

    /// A key file with its public half beside it.
    fn key(&self, name: &str, kind: KeyKind, passphrase: Option<&str>) -> PathBuf {
        let key = PrivateKey::generate(kind, &mut SystemRandom).expect("a key").with_comment(name);
        let encryption = passphrase.map(|passphrase| (passphrase.as_bytes(), 1));
        let text = key.to_openssh(encryption, &mut SystemRandom).expect("its file");
        let path = self.path(name);
        std::fs::write(&path, text.as_bytes()).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        let public = key.public_key().to_openssh(name) + "\n";
        std::fs::write(self.path(&format!("{name}.pub")), public).expect("written");
        path
    }

    /// An askpass program: it writes this, and ends with this status.
    fn askpass(&self, answer: &str, status: u8) -> PathBuf {
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\necho '{answer}'\nexit {status}\n",
            self.path("asked").display()
        );
        let draft = self.path("askpass.draft");
        std::fs::write(&draft, script).expect("written");
        let path = self.path("askpass");
        let copied = Command::new("install").args(["-m", "700"]).arg(&draft).arg(&path).status();
        assert!(copied.expect("install runs").success());
        path
    }

    fn agent(&self, arguments: &[&str]) -> Running {
        let mut command = konko(self.folder.path());
        command.args(["agent", "-D", "-a"]).arg(self.socket()).args(arguments).stdout(Stdio::piped());
        command.env("SSH_ASKPASS", self.path("askpass"));
        let mut running = Running(command.spawn().expect("it starts"));
        let stdout = running.0.stdout.take().expect("a pipe");
        let first = BufReader::new(stdout).lines().next().expect("a line").expect("text");
        let expected = format!("SSH_AUTH_SOCK={}; export SSH_AUTH_SOCK;", self.socket().display());
        assert_eq!(first, expected);
        running
    }

    fn with_agent(&self, mut command: Command, arguments: &[&str]) -> Left {
        command.args(arguments).env("SSH_AUTH_SOCK", self.socket());
        command.env("SSH_ASKPASS", self.path("askpass"));
        run(&mut command, b"")
    }

    fn add(&self, arguments: &[&str]) -> Left {
        let mut command = konko(self.folder.path());
        command.arg("add");
        self.with_agent(command, arguments)
    }

    /// The same with OpenSSH's.
    fn ssh_add(&self, arguments: &[&str]) -> Left {
        let mut command = Command::new("ssh-add");
        command.env("SSH_ASKPASS_REQUIRE", "force").env("HOME", self.folder.path());
        self.with_agent(command, arguments)
    }
}

fn has(program: &str) -> bool {
    let path = Path::new("/usr/bin").join(program);
    let demanded = std::env::var_os("KONKO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(path.exists() || !demanded, "{program} is missing");
    path.exists()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn keys_are_added_listed_and_removed_as_ssh_add_does() {
    let place = Place::new();
    let _agent = place.agent(&["-s"]);
    let empty = place.add(&["-l"]);
    assert_eq!((empty.code(), empty.text().as_str()), (Some(1), "The agent has no identities.\n"));
    let kinds = [KeyKind::Ed25519, KeyKind::EcdsaP256, KeyKind::EcdsaP521, KeyKind::Rsa { bits: 2048 }];
    for (number, kind) in kinds.into_iter().enumerate() {
        let path = place.key(&format!("key_{number}"), kind, None);
        let added = place.add(&[text(&path)]);
        assert_eq!(added.stderr, format!("Identity added: {} (key_{number})\n", path.display()));
        assert_eq!(added.code(), Some(0));
    }
    assert_eq!(place.add(&["-l"]).text().lines().count(), kinds.len());
    if has("ssh-add") {
        for arguments in [&["-l"][..], &["-L"], &["-l", "-E", "md5"]] {
            let (ours, theirs) = (place.add(arguments), place.ssh_add(arguments));
            assert_eq!((ours.code(), ours.text()), (theirs.code(), theirs.text()), "{arguments:?}");
        }
    }
    let public = place.path("key_0.pub");
    assert_eq!(place.add(&["-T", text(&public), text(&place.path("key_3.pub"))]).code(), Some(0));
    let removed = place.add(&["-d", text(&place.path("key_0"))]);
    assert_eq!(removed.stderr, format!("Identity removed: {} ED25519 (key_0)\n", public.display()));
    assert_eq!(place.add(&["-T", text(&public)]).code(), Some(1));
    assert_eq!(place.add(&["-d", text(&public)]).code(), Some(1), "it is gone");
    assert_eq!(place.add(&["-D"]).stderr, "All identities removed.\n");
    assert_eq!(place.add(&["-l"]).code(), Some(1));
}

#[test]
fn passphrases_locks_lifetimes_and_refusals() {
    let place = Place::new();
    place.askpass(PASSPHRASE, 0);
    let _agent = place.agent(&["-t", "1d"]);
    let locked = place.key("locked", KeyKind::Ed25519, Some(PASSPHRASE));
    let added = place.add(&["-t", "1h", text(&locked)]);
    assert_eq!(added.code(), Some(0), "{}", added.stderr);
    assert!(added.stderr.ends_with("Lifetime set to 3600 seconds\n"), "{}", added.stderr);
    let asked = std::fs::read_to_string(place.path("asked")).expect("it asked");
    assert_eq!(asked, format!("Enter passphrase for {}: \n", locked.display()));

    assert_eq!(place.add(&["-x"]).stderr, "Agent locked.\n");
    assert_eq!(place.add(&["-l"]).code(), Some(1));
    assert_eq!(place.add(&["-X"]).stderr, "Agent unlocked.\n");
    assert_eq!(place.add(&["-l"]).code(), Some(0));
    assert_eq!(place.add(&["-X"]).code(), Some(1), "it is not locked");

    for (arguments, expected) in [
        (&["-K"][..], "FIDO"),
        (&["-s", "/no/such/library.so"], "Could not add card"),
        (&["-e", "/no/such/library.so"], "Could not remove card"),
        (&["-h", "unknown.example", text(&locked)], "No host keys found for destination \"unknown.example\""),
        (&["/no/such/file"], "/no/such/file"),
    ] {
        let refused = place.add(arguments);
        assert_eq!(refused.code(), Some(1), "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(expected), "{arguments:?}: {}", refused.stderr);
    }
    let open = place.key("open", KeyKind::Ed25519, None);
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let refused = place.add(&[text(&open)]);
    assert!(refused.code() == Some(1) && refused.stderr.contains("0644"), "{}", refused.stderr);
}

#[test]
fn every_use_is_confirmed_where_the_key_wants_it() {
    for (status, expected) in [(0, Some(0)), (1, Some(1))] {
        let place = Place::new();
        place.askpass("", status);
        let _agent = place.agent(&[]);
        let key = place.key("key", KeyKind::Ed25519, None);
        let added = place.add(&["-c", text(&key)]);
        assert!(added.stderr.contains("The user must confirm each use of the key"), "{}", added.stderr);
        let public = place.path("key.pub");
        assert_eq!(place.add(&["-T", text(&public)]).code(), expected);
        let asked = std::fs::read_to_string(place.path("asked")).expect("it asked");
        assert!(asked.starts_with("Allow use of key key?\nKey fingerprint SHA256:"), "{asked}");
    }
}

#[test]
fn a_signal_at_the_question_puts_the_terminal_back() {
    let place = Place::new();
    let _agent = place.agent(&[]);
    let key = place.key("locked", KeyKind::Ed25519, Some("secret"));
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut terminal = Terminal::new(80, 24);
        let mut command = konko(place.folder.path());
        command.arg("add").arg(&key).env("SSH_AUTH_SOCK", place.socket());
        let adding = terminal.start(&mut with_terminal(&command));
        terminal.wait_for("Enter passphrase for");
        // The prompt is written when the echo is off already.
        assert!(!terminal.has_echo());
        adding.signal(signal);
        assert_eq!(adding.wait().code(), Some(code));
        assert!(terminal.has_echo());
    }
    assert_eq!(place.add(&["-l"]).code(), Some(1), "nothing was added");
}

#[test]
fn an_agent_in_the_background_is_found_and_ended_by_a_shell() {
    let place = Place::new();
    let key = place.key("key", KeyKind::Ed25519, None);
    let script = "eval \"$($0 agent -s)\" && $0 add -q \"$1\" && $0 add -l && test -S \"$SSH_AUTH_SOCK\" && \
                  stat -c %a \"$SSH_AUTH_SOCK\" \"$(dirname \"$SSH_AUTH_SOCK\")\" && socket=$SSH_AUTH_SOCK && \
                  process=$SSH_AGENT_PID && eval \"$($0 agent -s -k)\" && test -z \"$SSH_AUTH_SOCK\" && \
                  while kill -0 $process 2>/dev/null; do :; done && test ! -e \"$(dirname \"$socket\")\"";
    let program = konko(place.folder.path());
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(env!("CARGO_BIN_EXE_konko")).arg(&key);
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("TMPDIR", place.folder.path());
    let left = run(&mut command, b"");
    let text = left.text();
    assert_eq!(left.code(), Some(0), "{text}{}", left.stderr);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("Agent pid ") && lines[1].contains("SHA256:"), "{text}");
    assert_eq!(&lines[2..4], ["600", "700"], "{text}");
    assert!(lines[4].ends_with(" killed"), "{text}");
}

#[test]
fn a_command_has_the_agent_and_the_agent_ends_with_it() {
    let place = Place::new();
    let key = place.key("key", KeyKind::Ed25519, None);
    let mut command = konko(place.folder.path());
    command.args(["agent", "sh", "-c", "echo $SSH_AUTH_SOCK; $0 add -q \"$1\" && $0 add -l; exit 7"]);
    command.arg(env!("CARGO_BIN_EXE_konko")).arg(&key).env("TMPDIR", place.folder.path());
    let left = run(&mut command, b"");
    assert_eq!(left.code(), Some(7), "{}", left.stderr);
    let text = left.text();
    let lines: Vec<_> = text.lines().collect();
    assert!(!Path::new(lines[0]).exists() && lines[1].contains("(ED25519)"), "{text}");
}

#[test]
fn an_agent_removes_its_socket_and_takes_no_others() {
    let place = Place::new();
    let agent = place.agent(&[]);
    let mut second = konko(place.folder.path());
    let left = run(second.args(["agent", "-D", "-a"]).arg(place.socket()), b"");
    assert_eq!(left.code(), Some(1), "the place is taken");
    assert!(place.socket().exists());
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait().code(), Some(0));
    assert!(!place.socket().exists());
    let mut long = konko(place.folder.path());
    let path = place.path(&"x".repeat(120));
    assert_eq!(run(long.args(["agent", "-D", "-a"]).arg(path), b"").code(), Some(1), "too long for a socket");

    let mut nobody = konko(place.folder.path());
    assert_eq!(run(nobody.args(["add", "-l"]), b"").code(), Some(2));
    assert_eq!(place.add(&["-l"]).code(), Some(2));
    let mut kill = konko(place.folder.path());
    let left = run(kill.env_remove("SSH_AGENT_PID").args(["agent", "-k"]), b"");
    assert!(left.code() == Some(1) && left.stderr.contains("SSH_AGENT_PID"), "{}", left.stderr);
}

#[test]
fn konko_ssh_forwards_the_agent() {
    let place = Place::new();
    let _agent = place.agent(&[]);
    let key = place.key("key", KeyKind::Ed25519, None);
    assert_eq!(place.add(&[text(&key)]).code(), Some(0));
    let expected = std::fs::read_to_string(place.path("key.pub")).expect("a public key");
    let list = format!("{} add -L; echo $?", env!("CARGO_BIN_EXE_konko"));
    let forwarding = ["-A", "-oForwardAgent=yes", "-a", "-oForwardAgent=no"];
    for allowed in [true, false] {
        let server =
            if allowed { Server::start_with(&["--allow-agent-forwarding"]) } else { Server::start() };
        for (number, flag) in forwarding.into_iter().enumerate() {
            let mut command = server.ssh(&[flag]);
            let left = run(command.env("SSH_AUTH_SOCK", place.socket()).arg(&list), b"");
            let listed = if allowed && number < 2 { format!("{expected}0\n") } else { "2\n".to_owned() };
            assert_eq!(left.text(), listed, "{flag}, {allowed}: {}", left.stderr);
        }
    }
}

#[test]
fn destinations_hold_for_konko_ssh_and_for_openssh() {
    let (allowed, other) = (Server::start(), Server::start());
    let key = allowed.path("key");
    let keys = std::fs::read_to_string(allowed.path("authorized_keys")).expect("keys");
    std::fs::write(other.path("authorized_keys"), &keys).expect("written");
    // Both hosts become known.
    for server in [&allowed, &other] {
        let mut command = server.client();
        command.args(["-o", "BatchMode=yes", "-i"]).arg(&key).args(["127.0.0.1", "true"]);
        let left = run(&mut command, b"");
        assert_eq!(left.code(), Some(0), "{}", left.stderr);
    }
    let place = Place::new();
    let _agent = place.agent(&[]);
    let known_hosts = allowed.path("known_hosts");
    // With the public half, OpenSSH's client asks the agent for this key only.
    let public = place.path("public");
    std::fs::write(&public, keys.lines().next().expect("a key")).expect("written");
    for (user, fits) in [("", true), (USER, true), ("nobody", false)] {
        let at = if user.is_empty() { "" } else { "@" };
        let destination = format!("{user}{at}[127.0.0.1]:{}", allowed.port);
        let added = place.add(&["-h", &destination, "-H", text(&known_hosts), text(&key)]);
        assert_eq!(added.code(), Some(0), "{}", added.stderr);
        for (server, expected) in [(&allowed, fits), (&other, false)] {
            let mut ours = server.client();
            ours.args(["-o", "BatchMode=yes"]).env("SSH_AUTH_SOCK", place.socket());
            let theirs = server.openssh().map(|mut ssh| {
                ssh.arg("-o").arg(format!("IdentityAgent={}", place.socket().display()));
                ssh.args(["-o", "BatchMode=yes", "-i"]).arg(&public);
                ssh
            });
            for mut command in std::iter::once(ours).chain(theirs) {
                let left = run(command.args(["127.0.0.1", "true"]), b"");
                let case = format!("{destination} {expected} {command:?}: {}", left.stderr);
                assert_eq!(left.code() == Some(0), expected, "{case}");
            }
        }
    }
}
