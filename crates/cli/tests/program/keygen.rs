//! `konko keygen` beside the real ssh-keygen: the same command line in two folders with the same files must print
//! the same and leave the same behind.

use crate::support::{Left, Running, konko, run};
use crate::terminal::{Terminal, with_terminal};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Files that both folders have from the start.
const VECTORS: [&str; 10] = [
    "ed25519",
    "ed25519.pub",
    "ecdsa384.aes256-ctr",
    "rsa2048.pem",
    "ed25519-cert.pub",
    "rsa2048-host-cert.pub",
    "authority",
    "known_hosts",
    "known_hosts.corpus",
    "rsa2048.pub",
];

struct Pair {
    theirs: TempDir,
    ours: TempDir,
}

impl Pair {
    /// Nothing if there is no ssh-keygen.
    fn new() -> Option<Self> {
        if Command::new("ssh-keygen").arg("-?").output().is_err() {
            eprint_skip();
            return None;
        }
        let pair =
            Self { theirs: TempDir::new().expect("a folder"), ours: TempDir::new().expect("a folder") };
        for name in VECTORS {
            let bytes = fs::read(vectors().join(name)).expect(name);
            pair.write(name, &bytes);
        }
        Some(pair)
    }

    fn folders(&self) -> [&Path; 2] {
        [self.theirs.path(), self.ours.path()]
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        for folder in self.folders() {
            let path = folder.join(name);
            fs::write(&path, bytes).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
        }
    }

    fn read(&self, name: &str) -> [Option<Vec<u8>>; 2] {
        self.folders().map(|folder| fs::read(folder.join(name)).ok())
    }

    fn theirs(&self, arguments: &[&str], input: &[u8]) -> Left {
        let mut command = Command::new("ssh-keygen");
        run(prepare(&mut command, self.theirs.path()).args(arguments), input)
    }

    fn ours(&self, arguments: &[&str], input: &[u8]) -> Left {
        let mut command = konko(self.ours.path());
        run(prepare(&mut command, self.ours.path()).arg("keygen").args(arguments), input)
    }

    /// Both print the same to standard output and end with the same status.
    fn same(&self, arguments: &[&str], input: &[u8]) -> Left {
        let (theirs, ours) = (self.theirs(arguments, input), self.ours(arguments, input));
        assert_eq!(ours.text(), theirs.text(), "{arguments:?}: {}", ours.stderr);
        assert_eq!(ours.code(), theirs.code(), "{arguments:?}: {} {}", theirs.stderr, ours.stderr);
        ours
    }

    fn same_file(&self, name: &str) {
        let [theirs, ours] = self.read(name);
        assert!(theirs.is_some(), "{name}");
        assert_eq!(ours, theirs, "{name}");
    }
}

/// Says that the test shows nothing here.
fn eprint_skip() {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "SKIP: ssh-keygen is not installed");
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/keys")
}

fn prepare<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command.current_dir(folder).env("TZ", "UTC").env("HOME", folder).env_remove("DISPLAY")
}

#[test]
fn fingerprints_pictures_and_formats() {
    let Some(pair) = Pair::new() else { return };
    let key = fs::read_to_string(vectors().join("rsa2048.pub")).expect("a key");
    pair.write("steering.pub", key.replace("konko rsa2048", "a \x1b[2J comment").as_bytes());
    for arguments in [
        &["-lf", "ed25519"][..],
        &["-lf", "ed25519.pub"],
        &["-lvf", "rsa2048.pub"],
        &["-l", "-v", "-E", "md5", "-f", "ed25519-cert.pub"],
        &["-lf", "known_hosts"],
        &["-Bf", "ed25519.pub"],
        &["-l", "-B", "-f", "rsa2048.pub"],
        &["-l", "-E", "sha512", "-f", "ed25519.pub"],
        &["-l", "-v", "-E", "sha1", "-f", "ed25519-cert.pub"],
        &["-l", "-v", "-E", "SHA384", "-f", "rsa2048.pub"],
        &["-lf", "steering.pub"],
        &["-l", "-f", "missing"],
        &["-yf", "ed25519"],
        &["-y", "-P", "konko", "-f", "ecdsa384.aes256-ctr"],
        &["-y", "-P", "wrong", "-f", "ecdsa384.aes256-ctr"],
        &["-yf", "rsa2048.pem"],
        &["-e", "-f", "ed25519.pub"],
        &["-e", "-m", "RFC4716", "-f", "ed25519-cert.pub"],
        &["-e", "-m", "PKCS8", "-f", "rsa2048.pub"],
        &["-e", "-m", "PEM", "-f", "rsa2048.pub"],
        &["-L", "-f", "ed25519-cert.pub"],
        &["-L", "-f", "rsa2048-host-cert.pub"],
        &["-L", "-f", "ed25519.pub"],
        &["-r", "host.example", "-f", "ed25519.pub"],
        &["-r", "host.example", "-g", "-f", "rsa2048.pub"],
    ] {
        pair.same(arguments, b"");
    }
    for (name, format) in [("rfc4716", "RFC4716"), ("pkcs8", "PKCS8"), ("pem", "PEM")] {
        let exported = pair.ours(&["-e", "-m", format, "-f", "rsa2048.pub"], b"");
        pair.write(name, &exported.stdout);
        pair.same(&["-i", "-m", format, "-f", name], b"");
    }
    let both = [fs::read(vectors().join("ed25519-cert.pub")), fs::read(vectors().join("dss-host-cert.pub"))];
    pair.write("two.pub", &both.map(|file| file.expect("a certificate")).concat());
    pair.same(&["-L", "-f", "two.pub"], b"");
    pair.same(&["-L", "-f", "-"], &pair.read("two.pub")[0].clone().expect("it"));
}

#[test]
fn hosts_that_are_known() {
    let Some(pair) = Pair::new() else { return };
    for host in ["plain.example", "192.0.2.7", "[port.example]:2222", "a.wild.example", "nobody"] {
        for file in ["known_hosts", "known_hosts.corpus"] {
            pair.same(&["-F", host, "-f", file], b"");
            pair.same(&["-q", "-F", host, "-f", file], b"");
        }
        pair.same(&["-l", "-F", host, "-f", "known_hosts"], b"");
        pair.same(&["-R", host, "-f", "known_hosts"], b"");
        pair.same_file("known_hosts");
    }
    pair.same_file("known_hosts.old");
    pair.same(&["-R", "plain.example", "-f", "known_hosts.corpus"], b"");
    pair.same_file("known_hosts.corpus");

    pair.write("hosts", &fs::read(vectors().join("known_hosts")).expect("it"));
    let before = pair.read("hosts")[1].clone();
    pair.same(&["-H", "-f", "hosts"], b"");
    let [_, hashed] = pair.read("hosts");
    assert_ne!(hashed, before);
    assert!(!String::from_utf8_lossy(&hashed.expect("it")).contains("example"));
    for host in ["plain.example", "192.0.2.7", "[port.example]:2222"] {
        // Each finds in its own file what it has hashed.
        assert_eq!(pair.ours(&["-F", host, "-f", "hosts"], b"").code(), Some(0), "{host}");
    }
    let mut theirs = Command::new("ssh-keygen");
    theirs.args(["-F", "plain.example", "-f"]).arg(pair.ours.path().join("hosts"));
    assert_eq!(run(&mut theirs, b"").code(), Some(0));
}

#[test]
fn certificates_and_revocation_lists() {
    let Some(pair) = Pair::new() else { return };
    for arguments in [
        &[
            "-s",
            "authority",
            "-I",
            "an id",
            "-n",
            "alice,bob",
            "-z",
            "7",
            "-V",
            "20200101:20300101",
            "ed25519.pub",
        ][..],
        &[
            "-s",
            "authority",
            "-I",
            "an id",
            "-O",
            "clear",
            "-O",
            "permit-pty",
            "-O",
            "force-command=ls",
            "ed25519.pub",
        ],
        &[
            "-s",
            "authority",
            "-I",
            "an id",
            "-O",
            "no-pty",
            "-O",
            "source-address=192.0.2.0/24",
            "ed25519.pub",
        ],
        &["-s", "authority", "-I", "an id", "-O", "critical:a@b=c", "-O", "extension:d@e", "ed25519.pub"],
        &["-s", "authority", "-h", "-I", "an id", "-n", "*.example", "-V", "always:20300101", "ed25519.pub"],
    ] {
        pair.same(arguments, b"");
        // The nonces differ, and with them the signatures; what both say is the same.
        let described = pair.same(&["-L", "-f", "ed25519-cert.pub"], b"").text();
        assert!(described.contains("Key ID: \"an id\""), "{described}");
    }
    let growing = ["-s", "authority", "-I", "x", "-z", "+41", "ed25519.pub", "rsa2048.pub"];
    pair.same(&growing, b"");
    assert!(pair.same(&["-L", "-f", "rsa2048-cert.pub"], b"").text().contains("Serial: 42"));
    for wrong in [
        &["-s", "authority", "ed25519.pub"][..],
        &["-s", "authority", "-I", "x", "-V", "20300101:20200101", "ed25519.pub"],
        &["-s", "authority", "-I", "x", "-O", "no-such-option", "ed25519.pub"],
    ] {
        assert!(pair.ours(wrong, b"").code() != Some(0), "{wrong:?}");
    }

    pair.write("specification", b"serial: 41\nid: another\n");
    pair.write("authority.pub", &fs::read(vectors().join("authority.pub")).expect("it"));
    pair.same(&["-k", "-f", "list", "-s", "authority.pub", "-z", "3", "specification"], b"");
    pair.same(&["-k", "-u", "-f", "list", "rsa2048.pub"], b"");
    let query = ["-Q", "-f", "list", "ed25519.pub", "ed25519-cert.pub", "rsa2048.pub", "rsa2048-cert.pub"];
    let verdicts = pair.same(&query, b"").text();
    assert_eq!(verdicts.matches("REVOKED").count(), 3, "{verdicts}");
    // Each reads the list of the other.
    let [theirs, ours] = pair.read("list");
    for list in [theirs, ours] {
        pair.write("list", &list.expect("a list"));
        assert_eq!(pair.same(&query, b"").text(), verdicts);
    }
}

/// All kinds of entries, in a list that ssh-keygen made.
#[test]
fn revocation_lists_are_shown() {
    let Some(pair) = Pair::new() else { return };
    let key = |name: &str| fs::read_to_string(vectors().join(name)).expect(name);
    let scattered: String = (1000..1400).step_by(3).map(|serial| format!("serial: {serial}\n")).collect();
    let specification = format!(
        "serial: 5\nserial: 8000-7000000000\nserial: 6-7\n{scattered}id: b\tc\nid: a\nsha256: {}sha1: {}",
        key("ed25519.pub"),
        key("rsa2048.pub")
    );
    pair.write("specification", specification.as_bytes());
    pair.write("any", b"serial: 18446744073709551615\n");
    pair.write("authority.pub", key("authority.pub").as_bytes());
    let made = |arguments: &[&str]| {
        let left = pair.theirs(arguments, b"");
        assert_eq!(left.code(), Some(0), "{arguments:?}: {}", left.stderr);
        pair.write("list", &pair.read("list")[0].clone().expect("a list"));
    };
    made(&["-k", "-f", "list"]);
    pair.same(&["-Q", "-l", "-f", "list"], b"");
    made(&[
        "-k",
        "-C",
        "a\tcomment",
        "-z",
        "3",
        "-f",
        "list",
        "-s",
        "authority.pub",
        "authority.pub",
        "specification",
    ]);
    let shown = pair.same(&["-Q", "-l", "-f", "list"], b"").text();
    assert!(shown.contains("serial: 5-7\n") && shown.contains("\nserial: 1399\n"), "{shown}");
    made(&["-k", "-u", "-f", "list", "-s", "none", "any"]);
    let shown = pair.same(&["-Q", "-l", "-f", "list", "ed25519.pub", "authority.pub"], b"").text();
    assert!(shown.contains("# Wildcard CA\nserial: 18446744073709551615\n"), "{shown}");
}

#[test]
fn signatures_of_files() {
    let Some(pair) = Pair::new() else { return };
    pair.write("message", b"what is signed\n");
    pair.same(&["-Y", "sign", "-f", "ed25519", "-n", "file", "message"], b"");
    // Ed25519 signs the same each time.
    pair.same_file("message.sig");
    pair.same(&["-Y", "sign", "-f", "ed25519", "-n", "file", "-O", "hashalg=sha256"], b"what is signed\n");
    let key = fs::read_to_string(vectors().join("ed25519.pub")).expect("a key");
    let key = key.rsplit_once(" konko").map_or(key.as_str(), |(key, _)| key);
    let signers =
        format!("alice@x,b* {key}\ncarol namespaces=\"git\" {key}\ndave valid-before=\"20200101\" {key}\n");
    pair.write("signers", signers.as_bytes());
    for principal in ["alice@x", "bob", "carol", "dave", "eve"] {
        for message in [&b"what is signed\n"[..], b"something else"] {
            let verify =
                ["-Y", "verify", "-f", "signers", "-I", principal, "-n", "file", "-s", "message.sig"];
            let expected = matches!(principal, "alice@x" | "bob") && message.starts_with(b"what");
            assert_eq!(pair.same(&verify, message).code() == Some(0), expected, "{principal}");
        }
        // The status for nobody is 255 here, and another one there.
        let matching = ["-Y", "match-principals", "-f", "signers", "-I", principal];
        let (theirs, ours) = (pair.theirs(&matching, b""), pair.ours(&matching, b""));
        assert_eq!(ours.text(), theirs.text(), "{principal}");
        assert_eq!(ours.code() == Some(0), theirs.code() == Some(0), "{principal}");
    }
    let late = [
        "-Y",
        "verify",
        "-f",
        "signers",
        "-I",
        "dave",
        "-n",
        "file",
        "-s",
        "message.sig",
        "-O",
        "verify-time=20190101",
    ];
    assert_eq!(pair.same(&late, b"what is signed\n").code(), Some(0));
    pair.same(&["-Y", "find-principals", "-f", "signers", "-s", "message.sig"], b"");
    pair.same(&["-Y", "check-novalidate", "-n", "file", "-s", "message.sig"], b"what is signed\n");
    pair.same(&["-Y", "check-novalidate", "-n", "other", "-s", "message.sig"], b"what is signed\n");
    pair.write("revoked", key.as_bytes());
    let revoked =
        ["-Y", "verify", "-f", "signers", "-I", "bob", "-n", "file", "-s", "message.sig", "-r", "revoked"];
    assert_eq!(pair.same(&revoked, b"what is signed\n").code(), Some(255));
}

#[test]
fn keys_that_are_made_and_changed() {
    let Some(pair) = Pair::new() else { return };
    for (kind, bits, size) in [
        ("ed25519", "256", 256),
        ("ecdsa", "256", 256),
        ("ecdsa", "384", 384),
        ("ecdsa", "521", 521),
        ("rsa", "2048", 2048),
    ] {
        let name = format!("new_{kind}_{bits}");
        let made = pair
            .ours(&["-t", kind, "-b", bits, "-N", "secret", "-C", "a comment", "-a", "2", "-f", &name], b"");
        assert_eq!(made.code(), Some(0), "{}", made.stderr);
        assert!(made.text().contains("The key's randomart image is:"), "{}", made.text());
        let path = pair.ours.path().join(&name);
        assert_eq!(fs::metadata(&path).expect("it").permissions().mode() & 0o777, 0o600);
        let public = fs::read(pair.ours.path().join(format!("{name}.pub"))).expect("it");
        pair.write(&name, &fs::read(&path).expect("it"));
        pair.write(&format!("{name}.pub"), &public);
        assert_eq!(pair.same(&["-y", "-P", "secret", "-f", &name], b"").stdout, public);
        let line = pair.same(&["-lf", &name], b"").text();
        assert!(line.starts_with(&format!("{size} SHA256:")), "{line}");

        // Nobody says yes, so it stays.
        let again = pair.ours(&["-t", kind, "-N", "", "-f", &name], b"n\n");
        assert_eq!(again.code(), Some(1));
        assert!(again.text().ends_with("Overwrite (y/n)? "), "{}", again.text());

        let changed = pair.same(&["-p", "-P", "secret", "-N", "other", "-a", "2", "-f", &name], b"");
        assert_eq!(changed.code(), Some(0));
        pair.same(&["-c", "-P", "other", "-C", "a new comment", "-f", &name], b"");
        pair.same(&["-y", "-P", "other", "-f", &name], b"");
        pair.same_file(&format!("{name}.pub"));
        assert_eq!(pair.ours(&["-y", "-P", "secret", "-f", &name], b"").code(), Some(255));
        if kind != "ed25519" {
            for format in ["PKCS8", "PEM"] {
                pair.same(&["-p", "-P", "other", "-N", "", "-m", format, "-f", &name], b"");
                pair.same(&["-y", "-f", &name], b"");
                pair.same(&["-p", "-P", "", "-N", "other", "-a", "2", "-m", "RFC4716", "-f", &name], b"");
            }
        }
        let putty = pair.ours(&["-p", "-P", "other", "-N", "third", "-m", "PPK", "-f", &name], b"");
        assert_eq!(putty.code(), Some(0), "{}", putty.stderr);
        assert!(fs::read_to_string(&path).expect("it").starts_with("PuTTY-User-Key-File-3: "));
        let back = pair.ours(&["-i", "-m", "PPK", "-P", "third", "-f", &name], b"");
        pair.write("back", &back.stdout);
        let back = pair.same(&["-y", "-f", "back"], b"");
        assert_eq!(line_key(&back.stdout), line_key(&public));
    }
    let refused = pair.ours(&["-t", "ed25519", "-N", "", "-f", "nowhere/key"], b"");
    assert_eq!(refused.code(), Some(255));
    for unsupported in
        [&["-t", "dsa", "-N", "", "-f", "x"][..], &["-D", "lib.so"], &["-K"], &["-M", "generate"]]
    {
        let refused = pair.ours(unsupported, b"");
        assert_eq!(refused.code(), Some(255), "{unsupported:?}");
        assert!(refused.stderr.starts_with("not supported: "), "{}", refused.stderr);
    }
    for wrong in [&["-l", "-b", "7"][..], &["-5"], &["-l", "word"], &["-t", "rsa", "-b", "many", "-f", "x"]] {
        assert_eq!(pair.ours(wrong, b"").code(), Some(1), "{wrong:?}");
    }
    let help = pair.ours(&["--help"], b"");
    assert!(help.code() == Some(0) && help.text().contains("-Y match-principals"));
}

fn line_key(line: &[u8]) -> Option<String> {
    String::from_utf8_lossy(line).split_whitespace().nth(1).map(str::to_owned)
}

/// A key without a name goes to `~/.ssh`, which is made for it; the passphrase is asked for twice.
#[test]
fn a_key_for_nobody_in_particular() {
    let folder = TempDir::new().expect("a folder");
    let (draft, askpass) = (folder.path().join("draft"), folder.path().join("askpass"));
    fs::write(&draft, "#!/bin/sh\necho \"$1\" >>\"$HOME/asked\"\necho open sesame\n").expect("written");
    // A program must not be open for writing anywhere when it is started.
    let copied = Command::new("install").args(["-m", "700"]).args([&draft, &askpass]).status();
    assert!(copied.expect("install runs").success());
    let mut command = konko(folder.path());
    prepare(&mut command, folder.path()).env("SSH_ASKPASS", &askpass).env("SSH_ASKPASS_REQUIRE", "force");
    let made = run(command.args(["keygen", "-C", "x", "-a", "2"]), b"\n");
    assert_eq!(made.code(), Some(0), "{}", made.stderr);
    let ssh = folder.path().join(".ssh");
    assert_eq!(fs::metadata(&ssh).expect("it").permissions().mode() & 0o777, 0o700);
    assert!(ssh.join("id_ed25519.pub").exists());
    let asked = fs::read_to_string(folder.path().join("asked")).expect("it was asked");
    assert_eq!(asked, "Enter passphrase (empty for no passphrase): \nEnter same passphrase again: \n");
    let mut command = konko(folder.path());
    prepare(&mut command, folder.path());
    let shown = run(command.args(["keygen", "-y", "-P", "open sesame", "-f", ".ssh/id_ed25519"]), b"");
    assert_eq!(shown.stdout, fs::read(ssh.join("id_ed25519.pub")).expect("it"), "{}", shown.stderr);
}

#[test]
fn keys_in_an_agent_sign() {
    let Some(pair) = Pair::new() else { return };
    let socket = pair.ours.path().join("agent");
    let mut agent = Command::new("ssh-agent");
    agent.args(["-D", "-a"]).arg(&socket).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut agent) = agent.spawn() else { return eprint_skip() };
    let stdout = agent.stdout.take().expect("a pipe");
    let _running = Running(agent);
    // It tells where its socket is once it listens.
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    assert!(line.contains("SSH_AUTH_SOCK"), "{line}");
    let with_agent = |command: &mut Command, arguments: &[&str], input: &[u8]| {
        let command = prepare(command, pair.ours.path()).env("SSH_AUTH_SOCK", &socket).args(arguments);
        run(command, input)
    };
    let ours = |arguments: &[&str], input: &[u8]| {
        with_agent(konko(pair.ours.path()).arg("keygen"), arguments, input)
    };
    pair.write("authority.pub", &fs::read(vectors().join("authority.pub")).expect("it"));
    let issue = ["-U", "-s", "authority.pub", "-I", "an id", "-n", "alice", "ed25519.pub"];
    assert_eq!(ours(&issue, b"").code(), Some(255), "the agent is empty");
    let sign = ["-Y", "sign", "-f", "authority.pub", "-n", "file"];
    for key in ["authority", "ed25519"] {
        let added = with_agent(&mut Command::new("ssh-add"), &[key], b"");
        assert_eq!(added.code(), Some(0), "{}", added.stderr);
        fs::remove_file(pair.ours.path().join(key)).expect("removed");
    }
    assert_eq!(ours(&issue, b"").code(), Some(0));
    let described = ours(&["-L", "-f", "ed25519-cert.pub"], b"").text();
    assert!(described.contains("using ssh-ed25519") && described.contains("alice"), "{described}");
    let signed = ours(&sign, b"what is signed");
    assert_eq!(signed.code(), Some(0), "{}", signed.stderr);
    fs::write(pair.theirs.path().join("agent.sig"), &signed.stdout).expect("written");
    let verify = ["-Y", "check-novalidate", "-n", "file", "-s", "agent.sig"];
    assert_eq!(pair.theirs(&verify, b"what is signed").code(), Some(0));
}

#[test]
fn host_keys_that_are_missing() {
    let folder = TempDir::new().expect("a folder");
    let ssh = folder.path().join("etc/ssh");
    fs::create_dir_all(&ssh).expect("a folder");
    let make = || {
        let mut command = konko(folder.path());
        run(prepare(&mut command, folder.path()).args(["keygen", "-A", "-f"]).arg(folder.path()), b"")
    };
    let first = make();
    assert_eq!(first.code(), Some(0), "{}", first.stderr);
    assert!(first.text().ends_with("generating new host keys: RSA ECDSA ED25519 \n"), "{}", first.text());
    let key = |name: &str| fs::read(ssh.join(format!("ssh_host_{name}_key"))).expect(name);
    let before = ["rsa", "ecdsa", "ed25519"].map(key);
    fs::remove_file(ssh.join("ssh_host_ecdsa_key")).expect("removed");
    assert!(make().text().ends_with("generating new host keys: ECDSA \n"));
    let after = ["rsa", "ecdsa", "ed25519"].map(key);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert_ne!(after[1], before[1]);
    assert_eq!(make().text(), "");
}

/// Somebody types a passphrase at the terminal, and once changes their mind in the middle of it.
#[test]
fn passphrases_at_the_terminal() {
    let folder = TempDir::new().expect("a folder");
    let start = |terminal: &Terminal| {
        let mut command = konko(folder.path());
        command.args(["keygen", "-a", "2", "-C", "x", "-f", "key"]).current_dir(folder.path());
        terminal.start(with_terminal(&command).current_dir(folder.path()))
    };
    let mut terminal = Terminal::new(80, 24);
    let interrupted = start(&terminal);
    terminal.wait_for("Enter passphrase (empty for no passphrase): ");
    assert!(!terminal.has_echo());
    terminal.keys("half of it\x03");
    assert_eq!(interrupted.wait().code(), Some(130));
    assert!(terminal.has_echo());
    assert!(!folder.path().join("key").exists());

    let mut terminal = Terminal::new(80, 24);
    let made = start(&terminal);
    for (prompt, answer) in [
        ("Enter passphrase (empty for no passphrase): ", "one"),
        ("Enter same passphrase again: ", "two"),
        ("Passphrases do not match.  Try again.\r\nEnter passphrase (empty for no passphrase): ", "three"),
        ("Enter same passphrase again: ", "three"),
    ] {
        terminal.wait_for(prompt);
        terminal.keys(&format!("{answer}\r"));
    }
    terminal.wait_for("The key's randomart image is:");
    assert_eq!(made.wait().code(), Some(0));
    let mut command = konko(folder.path());
    prepare(&mut command, folder.path());
    let key = fs::read(folder.path().join("key")).expect("it");
    let shown = run(command.args(["keygen", "-y", "-P", "three", "-f", "/dev/stdin"]), &key);
    assert_eq!(shown.stdout, fs::read(folder.path().join("key.pub")).expect("it"), "{}", shown.stderr);
}
