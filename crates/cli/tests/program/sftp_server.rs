//! `konko sftp-server` on a pipe and beneath a real sshd, and what `konko serve` says of files.

use crate::support::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

const SFTP: &str = "/usr/bin/sftp";
const SSHD: &str = "/usr/sbin/sshd";

/// Whether a program is there, which may be demanded.
fn is_there(program: &str) -> bool {
    let there = Path::new(program).exists();
    let demanded = std::env::var_os("KONKO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(there || !demanded, "{program} is missing");
    there
}

/// OpenSSH's client of SFTP on the pipes of `konko sftp-server` with these arguments.
fn sftp(folder: &Path, arguments: &str, batch: &str) -> Option<Left> {
    if !is_there(SFTP) {
        return None;
    }
    let server = format!("{} sftp-server {arguments}", env!("CARGO_BIN_EXE_konko"));
    let mut command = Command::new(SFTP);
    command.args(["-D", &server, "-b", "-"]).current_dir(folder).env("HOME", folder);
    Some(run(&mut command, batch.as_bytes()))
}

#[test]
fn openssh_speaks_with_it_over_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
    fs::write(folder.path().join("large"), &content).unwrap();
    let batch = "mkdir d\nput large d/there\nget d/there back\nrename d/there d/moved\nchmod 4711 d/moved\n\
                 ln -s moved d/soft\nls -l d\npwd\n";
    let Some(left) = sftp(folder.path(), "-e", batch) else { return };
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert!(fs::read(folder.path().join("back")).unwrap() == content);
    // Clients may do here what the user may do elsewhere.
    assert_eq!(fs::metadata(folder.path().join("d/moved")).unwrap().mode() & 0o7777, 0o4711);
    let at = format!("Remote working directory: {}\n", folder.path().canonicalize().unwrap().display());
    assert!(left.text().contains(&at) && left.text().contains("-rws--x--x"), "{}", left.text());
}

// covers: F03, F21
#[test]
fn its_options_hold() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("f"), b"text").unwrap();
    fs::create_dir(folder.path().join("start")).unwrap();
    let tried = |arguments: &str, batch: &str| sftp(folder.path(), arguments, batch);
    let Some(left) = tried("-R", "get f back\n-rm f\n-put f g\n-mkdir d\n-chmod 777 f\nls\n") else { return };
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert_eq!(left.stderr.matches("ermission denied").count(), 4, "{}", left.stderr);
    assert!(!folder.path().join("g").exists());

    let left = tried("-u 027 -d start", "put ../f new\npwd\n").unwrap();
    assert_ne!(left.code(), Some(0), "the local folder is another one");
    let left = tried("-u 027 -d start", "put f new\nmkdir sub\npwd\n").unwrap();
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert!(left.text().contains("/start\n"));
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("start/new") & 0o027, mode("start/sub") & 0o027), (0, 0));

    let left = tried("-P remove,mkdir", "-rm f\n-mkdir x\nrename f f2\nrename f2 f\n").unwrap();
    assert_eq!(
        (left.code(), left.stderr.matches("ermission denied").count()),
        (Some(0), 2),
        "{}",
        left.stderr
    );
    let allowed = "-p open,read,stat,lstat,fstat,realpath,opendir,readdir";
    let left = tried(allowed, "get f back2\n-rm f\nls\n").unwrap();
    assert_eq!(
        (left.code(), left.stderr.matches("ermission denied").count()),
        (Some(0), 1),
        "{}",
        left.stderr
    );

    let root = format!("--root {}", folder.path().join("start").display());
    let left = tried(&root, "pwd\ncd ../..\nls\n").unwrap();
    assert!(left.text().contains("Remote working directory: /\n") && left.text().contains("new"));
    assert!(!left.text().contains("start"), "{}", left.text());

    let left = tried("-e -l INFO", "get f back3\nrename f f3\nrename f3 f\n").unwrap();
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    for word in ["open for reading", "close", "rename", "read=4"] {
        assert!(left.stderr.contains(word), "{word}: {}", left.stderr);
    }
}

// covers: F21
#[test]
fn what_it_does_not_know_is_an_error_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["-z"][..], &["-u", "9"], &["-P", "open,nonsense"], &["-Q", "x"], &["-d", "%x"]] {
        let mut command = konko(folder.path());
        let left = run(command.arg("sftp-server").args(arguments), &[0, 0, 0, 5, 1, 0, 0, 0, 3]);
        assert!(left.code().is_some_and(|code| code != 0), "{arguments:?}");
        assert!(left.stdout.is_empty() && !left.stderr.is_empty(), "{arguments:?}");
    }
    let left = run(konko(folder.path()).args(["sftp-server", "-Q", "requests"]), b"");
    assert!(
        left.text().lines().any(|line| line == "users-groups-by-id") && left.text().starts_with("open\n")
    );
    // A client that breaks the protocol ends it, with a failure.
    let left = run(konko(folder.path()).args(["sftp-server", "-e"]), b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(left.code(), Some(1), "{}", left.stderr);
    let left = run(konko(folder.path()).args(["sftp-server", "-e"]), b"");
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
}

#[test]
fn sshd_starts_it_as_its_subsystem() {
    if !is_there(SFTP) || !is_there(SSHD) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["host_key", "key"] {
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(at(name)).status();
        assert!(made.unwrap().success());
    }
    let config = format!(
        "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nLogLevel ERROR\n\
         Subsystem sftp {} sftp-server -u 077\n",
        at("host_key").display(),
        at("key.pub").display(),
        env!("CARGO_BIN_EXE_konko")
    );
    fs::write(at("sshd_config"), config).unwrap();
    fs::write(at("f"), b"through sshd").unwrap();
    let mut command = Command::new(SFTP);
    let proxy = format!("ProxyCommand={SSHD} -i -f {}", at("sshd_config").display());
    command.args(["-F", "none", "-o", &proxy, "-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes"]);
    command.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentityAgent=none", "-b", "-", "-i"]);
    command.arg(at("key")).arg("127.0.0.1").env_remove("SSH_AUTH_SOCK");
    let batch = format!("put {0}/f {0}/g\nget {0}/g {0}/h\n", folder.path().display());
    let left = run(&mut command, batch.as_bytes());
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert_eq!(fs::read(at("h")).unwrap(), b"through sshd");
    assert_eq!(fs::metadata(at("g")).unwrap().mode() & 0o077, 0);
}

/// OpenSSH's client of SFTP with `konko serve`.
fn sftp_with(server: &Server, batch: &str) -> Option<Left> {
    if !is_there(SFTP) {
        return None;
    }
    let mut command = Command::new(SFTP);
    command.args(["-F", "none", "-P", &server.port.to_string(), "-o", "StrictHostKeyChecking=no"]);
    command.args([
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "IdentityAgent=none",
    ]);
    command.args(["-b", "-", "-i"]).arg(server.path("key")).arg(format!("{USER}@127.0.0.1"));
    Some(run(&mut command, batch.as_bytes()))
}

#[test]
fn serve_shows_what_it_is_told_to() {
    let served = tempfile::tempdir().unwrap();
    fs::write(served.path().join("inside"), b"text").unwrap();
    let root = served.path().to_str().unwrap();
    let server = Server::start();
    let back = served.path().join("back");
    let Some(left) = sftp_with(&server, &format!("get {root}/inside {}\n", back.display())) else { return };
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert_eq!(fs::read(&back).unwrap(), b"text");

    let server = Server::start_with(&["--sftp-root", root, "--read-only"]);
    let left = sftp_with(&server, "pwd\nls -1\n-rm inside\n-mkdir d\n").unwrap();
    assert_eq!(left.code(), Some(0), "{}", left.stderr);
    assert!(left.text().contains("Remote working directory: /\n") && left.text().contains("\ninside\n"));
    assert!(fs::metadata(served.path().join("inside")).is_ok() && !served.path().join("d").exists());

    // What is in place of a shell speaks SFTP, whatever it is told.
    let server = Server::start_with(&["--sftp-root", root, "--sftp-only"]);
    let left = sftp_with(&server, "ls -1\n").unwrap();
    assert!(left.code() == Some(0) && left.text().contains("inside\n"), "{}", left.stderr);
    let left = run(server.ssh(&[]).arg("touch evil"), b"");
    assert_eq!((left.code(), left.text().as_str()), (Some(0), ""), "{}", left.stderr);
    assert!(!server.path("evil").exists());

    let server = Server::start_with(&["--no-sftp"]);
    let left = sftp_with(&server, "pwd\n").unwrap();
    assert!(left.code().is_some_and(|code| code != 0));
}
