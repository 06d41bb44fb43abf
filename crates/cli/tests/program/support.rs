//! A server of our own on a free port, and the programs that connect to it.

use konko::transport::crypto::random::SystemRandom;
use konko::transport::keys::private_key::{KeyKind, PrivateKey};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// No test needs nearly as long.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) const USER: &str = "tester";
pub(crate) const PASSWORD: &str = "open sesame";
pub(crate) const PASSPHRASE: &str = "a passphrase";

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Left {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Ends with its test.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id() as i32).expect("a process id")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Waits for the end, at most [`LIMIT`].
    pub(crate) fn wait(mut self) -> ExitStatus {
        let pid = self.pid();
        let (ended, end) = mpsc::channel();
        let waiting = std::thread::spawn(move || {
            let status = self.0.wait();
            ended.send(()).expect("somebody waits");
            status
        });
        if end.recv_timeout(LIMIT).is_err() {
            kill_process(pid, Signal::KILL).expect("it runs");
            panic!("the program does not end");
        }
        waiting.join().expect("no panic").expect("a status")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program with this input to its end.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Left {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (mut stdin, mut stdout, mut stderr) = (
        child.stdin.take().expect("a pipe"),
        child.stdout.take().expect("a pipe"),
        child.stderr.take().expect("a pipe"),
    );
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // The program may end without having read it all.
        let _ = stdin.write_all(&input);
    });
    let out = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).map(|_| bytes)
    });
    let err = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stderr.read_to_end(&mut bytes).map(|_| bytes)
    });
    let status = Running(child).wait();
    writer.join().expect("no panic");
    let stdout = out.join().expect("no panic").expect("its output");
    let stderr = err.join().expect("no panic").expect("its error output");
    Left { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }
}

/// The program, without what the environment of the test may say to it.
pub(crate) fn konko(home: &Path) -> Command {
    clean(undisturbed(env!("CARGO_BIN_EXE_konko")), home)
}

/// A program that takes signals even if the tests run in the background of a shell, where SIGINT is ignored.
fn undisturbed(program: &str) -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    let ignored = u64::from_str_radix(mask.trim(), 16).expect("a mask");
    // SIGINT is bit 1 and SIGQUIT bit 2.
    if ignored & 0b110 == 0 {
        return Command::new(program);
    }
    let mut command = Command::new("env");
    command.arg("--default-signal=INT,QUIT").arg(program);
    command
}

fn clean(mut command: Command, home: &Path) -> Command {
    command.env("HOME", home).env("LC_ALL", "C");
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "SSH_ASKPASS", "SSH_AUTH_SOCK", "SSH_CONNECTION"] {
        command.env_remove(name);
    }
    // Nobody sits at a terminal of the tests.
    command.env("SSH_ASKPASS_REQUIRE", "force").env("SSH_ASKPASS", "/nonexistent/askpass");
    command
}

fn write(path: &Path, mode: u32, contents: &str) {
    let mut file =
        std::fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(path).expect("a new file");
    file.write_all(contents.as_bytes()).expect("written");
}

/// `konko serve` on a free port, and what is needed to log in to it.
pub(crate) struct Server {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
    pub(crate) process: Running,
    /// The log so far, and what is to come.
    pub(crate) log: BufReader<std::process::ChildStderr>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
        let text = key.to_openssh(None, &mut SystemRandom).expect("its file");
        write(&folder.path().join("key"), 0o600, &text);
        let locked = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
        let text = locked.to_openssh(Some((PASSPHRASE.as_bytes(), 1)), &mut SystemRandom).expect("its file");
        write(&folder.path().join("locked"), 0o600, &text);
        let lines = [&key, &locked].map(|key| key.public_key().to_openssh(""));
        write(&folder.path().join("authorized_keys"), 0o600, &lines.join("\n"));
        write(&folder.path().join("passwords"), 0o600, &format!("{USER}:{PASSWORD}\n"));
        Self::start_in(folder, arguments)
    }

    fn start_in(folder: tempfile::TempDir, arguments: &[&str]) -> Self {
        let mut command = konko(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--user", USER]);
        // Some shells read files of the user when they are started through SSH, and those may say anything.
        command.args(["--shell", "/bin/sh"]);
        command.arg("--authorized-keys").arg(folder.path().join("authorized_keys"));
        command.arg("--password-file").arg(folder.path().join("passwords"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Running(command.spawn().expect("it starts"));
        let stdout = process.0.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().expect("it listens").expect("text");
        let port =
            first.strip_prefix("listening on 127.0.0.1:").expect("an address").parse().expect("a port");
        let log = BufReader::new(process.0.stderr.take().expect("a pipe"));
        Self { folder, port, process, log }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, mode: u32, contents: &str) -> PathBuf {
        let path = self.path(name);
        write(&path, mode, contents);
        path
    }

    /// What `konko ssh` needs to know, without how to log in.
    pub(crate) fn client(&self) -> Command {
        let mut command = konko(self.folder.path());
        command.args(["ssh", "-F", "none", "-p", &self.port.to_string(), "-l", USER]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.path("known_hosts").display()));
        command.args(["-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=accept-new"]);
        command
    }

    /// `konko ssh` with a key, up to the destination.
    pub(crate) fn ssh(&self, flags: &[&str]) -> Command {
        let mut command = self.client();
        command.args(["-o", "BatchMode=yes", "-i"]).arg(self.path("key")).args(flags).arg("127.0.0.1");
        command
    }

    /// An askpass program that gives this answer, and writes down what it was asked.
    pub(crate) fn askpass(&self, answer: &str) -> PathBuf {
        let asked = self.path("asked");
        let script =
            format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\nprintf '%s\\n' '{answer}'\n", asked.display());
        // Another thread that forks in between must not keep it open for writing: a copy is made by a process that
        // has ended.
        let draft = self.write("askpass.draft", 0o600, &script);
        let path = self.path("askpass");
        let copied = Command::new("install").args(["-m", "700"]).arg(&draft).arg(&path).status();
        assert!(copied.expect("install runs").success());
        path
    }

    pub(crate) fn asked(&self) -> String {
        std::fs::read_to_string(self.path("asked")).unwrap_or_default()
    }

    /// OpenSSH's client, without how to log in. `None` where it is not installed, unless it is demanded.
    pub(crate) fn openssh(&self) -> Option<Command> {
        const SSH: &str = "/usr/bin/ssh";
        if !Path::new(SSH).exists() {
            assert!(
                std::env::var_os("KONKO_REQUIRE_PEERS").is_none_or(|value| value != "1"),
                "{SSH} is missing"
            );
            return None;
        }
        let mut command = clean(Command::new(SSH), self.folder.path());
        command.args(["-F", "none", "-p", &self.port.to_string(), "-l", USER]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.path("known_hosts").display()));
        command.args(["-o", "StrictHostKeyChecking=accept-new", "-o", "IdentitiesOnly=yes"]);
        Some(command)
    }
}
