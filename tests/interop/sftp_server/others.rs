//! PuTTY, rclone, lftp, curl, paramiko, asyncssh and libssh.

use std::fs;
use std::process::Command;

use konko_tests::peers::find::{repository, require_python, skip};
use konko_tests::peers::{Plink, find_peer, require_peer, run};
use tempfile::TempDir;

use crate::our_server::USER;
use crate::sftp_server::ground::{LARGE, PATIENCE, assert_same, files, mode, server, survey, tree};
use crate::user::User;

#[test]
fn putty() {
    let user = User::new();
    let server = server(&user, |_| {});
    let key = crate::our_server::read_key(&server.host_keys()[0].private);
    let fingerprint = key.public_key().fingerprint().to_string();
    let Some(plink) = Plink::new(server.address(), USER, &fingerprint) else { return };
    let plink = plink.identity(user.key());
    let (local, remote, back) = (tree(LARGE), TempDir::new().unwrap(), TempDir::new().unwrap());
    let (here, there, home) = (local.path().display(), remote.path().display(), back.path().display());
    let host = server.address().ip().to_string();
    let whole = fs::read(local.path().join(format!("f{LARGE}"))).unwrap();
    fs::write(back.path().join("half"), &whole[..LARGE / 2]).unwrap();
    let script = user.file(
        "script",
        &format!(
            "put -r {here} {there}/tree\nget -r {there}/tree {home}/tree\ncd {there}/tree\nls\nmv f1 one\n\
             chmod 600 one\nmkdir new\nrmdir new\nreget f{LARGE} {home}/half\nrm f0\nquit\n"
        ),
    );
    let mut psftp = plink.command("psftp");
    psftp.arg("-b").arg(script).arg(&host);
    run(&mut psftp, b"", PATIENCE).expect("psftp").expect_success();
    assert_same(local.path(), &back.path().join("tree"));
    assert!(fs::read(back.path().join("half")).unwrap() == whole);
    assert_eq!(mode(&remote.path().join("tree/one")), 0o600);
    assert!(!remote.path().join("tree/f0").exists());

    // It puts a folder into one that is there.
    fs::create_dir(remote.path().join("again")).unwrap();
    let name = local.path().file_name().expect("a name").to_str().expect("of ASCII").to_owned();
    let mut pscp = plink.command("pscp");
    pscp.args(["-sftp", "-q", "-r"]).arg(local.path()).arg(format!("{host}:{there}/again"));
    run(&mut pscp, b"", PATIENCE).expect("pscp").expect_success();
    let mut pscp = plink.command("pscp");
    pscp.args(["-sftp", "-q", "-r"]).arg(format!("{host}:{there}/again/{name}")).arg(back.path());
    run(&mut pscp, b"", PATIENCE).expect("pscp").expect_success();
    assert_same(local.path(), &back.path().join(name));
}

#[test]
fn rclone() {
    let user = User::new();
    let server = server(&user, |_| {});
    let Some(program) = require_peer("rclone") else { return };
    let (local, remote, back) = (tree(LARGE), TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = user.file(
        "rclone.conf",
        &format!(
            "[ours]\ntype = sftp\nhost = 127.0.0.1\nport = {}\nuser = {USER}\nkey_file = {}\nshell_type = none\n",
            server.address().port(),
            user.key().private.display()
        ),
    );
    let there = format!("ours:{}/tree", remote.path().display());
    let rclone = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("--config").arg(&config).args(["--retries", "1"]).args(arguments);
        run(&mut command, b"", PATIENCE).expect("rclone").expect_success().stdout_text()
    };
    let (here, home) = (local.path().display().to_string(), back.path().display().to_string());
    rclone(&["copy", &here, &there]);
    rclone(&["check", "--download", &here, &there]);
    assert_same(local.path(), &remote.path().join("tree"));
    rclone(&["copy", &there, &home]);
    assert_same(local.path(), back.path());
    rclone(&["moveto", &format!("{there}/f1"), &format!("{there}/one")]);
    rclone(&["sync", &here, &there]);
    rclone(&["check", "--download", &here, &there]);
    assert_eq!(rclone(&["lsf", &there]).lines().count(), 7);
    rclone(&["purge", &there]);
    assert!(!remote.path().join("tree").exists());
}

#[test]
fn lftp() {
    let user = User::new();
    let server = server(&user, |_| {});
    let Some(program) = require_peer("lftp") else { return };
    let Some(openssh) = find_peer("ssh") else { return };
    let (local, remote, back) = (tree(LARGE), TempDir::new().unwrap(), TempDir::new().unwrap());
    let (here, there, home) = (local.path().display(), remote.path().display(), back.path().display());
    let whole = fs::read(local.path().join(format!("f{LARGE}"))).unwrap();
    fs::write(back.path().join("half"), &whole[..LARGE / 2]).unwrap();
    let script = format!(
        "set sftp:connect-program '{} -a -x -i {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'\n\
         set cmd:fail-exit yes\nset net:max-retries 1\n\
         open -p {} -u {USER},unused sftp://127.0.0.1\n\
         mirror -R {here} {there}/tree\nmirror {there}/tree {home}/tree\ncd {there}/tree\ncls -l\n\
         mv f1 one\nchmod 600 one\nget -c f{LARGE} -o {home}/half\nrm f0\nmkdir new\nrmdir new\n",
        openssh.display(),
        user.key().private.display(),
        server.address().port(),
    );
    let mut command = Command::new(program);
    command.args(["-f", &user.file("script", &script).display().to_string()]).env("HOME", user.path(""));
    run(&mut command, b"", PATIENCE).expect("lftp").expect_success();
    assert_same(local.path(), &back.path().join("tree"));
    assert!(fs::read(back.path().join("half")).unwrap() == whole);
    assert_eq!(mode(&remote.path().join("tree/one")), 0o600);
}

#[test]
fn curl() {
    let user = User::new();
    let server = server(&user, |_| {});
    let Some(program) = require_peer("curl") else { return };
    let about = run(Command::new(&program).arg("-V"), b"", PATIENCE).expect("curl").stdout_text();
    if !about.contains("sftp") {
        skip("curl without sftp");
        return;
    }
    let (local, remote, back) = (files(LARGE), TempDir::new().unwrap(), TempDir::new().unwrap());
    let curl = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["-sS", "--insecure", "-u", &format!("{USER}:"), "--key"]).arg(&user.key().private);
        command.arg("--pubkey").arg(&user.key().public).args(arguments);
        run(&mut command, b"", PATIENCE).expect("curl").expect_success().stdout_text()
    };
    let port = server.address().port();
    let url = |name: &str| format!("sftp://127.0.0.1:{port}{}/{name}", remote.path().display());
    for name in survey(local.path()).keys().map(|name| name.display().to_string()) {
        curl(&["-T", &local.path().join(&name).display().to_string(), &url(&name)]);
        curl(&["-o", &back.path().join(&name).display().to_string(), &url(&name)]);
    }
    assert_same(local.path(), remote.path());
    assert_same(local.path(), back.path());
    let whole = fs::read(local.path().join(format!("f{LARGE}"))).unwrap();
    let half = back.path().join("half");
    fs::write(&half, &whole[..LARGE / 2]).unwrap();
    curl(&["-C", "-", "-o", &half.display().to_string(), &url(&format!("f{LARGE}"))]);
    assert!(fs::read(&half).unwrap() == whole);
    let quote = |command: &str| {
        curl(&[
            "-Q",
            &command.replace("DIR", &remote.path().display().to_string()),
            "-o",
            "/dev/null",
            &url("f0"),
        ]);
    };
    quote("-rename DIR/f1 DIR/one");
    quote("-chmod 600 DIR/one");
    quote("-ln DIR/one DIR/soft");
    quote("-rm DIR/f32767");
    assert_eq!(mode(&remote.path().join("one")), 0o600);
    assert_eq!(fs::read_link(remote.path().join("soft")).unwrap(), remote.path().join("one"));
    assert!(curl(&[&url("")]).contains("f32769"));
}

/// Runs a script of ours for a client in Python.
fn python(module: &str, large: usize) {
    let user = User::new();
    let server = server(&user, |_| {});
    let Some(program) = require_python(module) else { return };
    let (local, remote, back) = (files(large), TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut command = Command::new(program);
    command.arg("-B").arg(repository().join(format!("tests/interop/peers/{module}_sftp.py")));
    command.args(["--port", &server.address().port().to_string(), "--user", USER]);
    command.arg("--key").arg(&user.key().private).arg("--local").arg(local.path());
    command.arg("--back").arg(back.path()).arg("--remote").arg(remote.path());
    run(command.env_remove("SSH_AUTH_SOCK"), b"", PATIENCE).expect("python").expect_success();
}

#[test]
fn paramiko() {
    python("paramiko", LARGE);
}

#[test]
fn asyncssh() {
    python("asyncssh", LARGE);
}

#[test]
fn libssh() {
    let user = User::new();
    let server = server(&user, |_| {});
    let Some(program) = require_python("pylibsshext") else { return };
    // The binding puts a kilobyte at a time, whatever the server.
    let (local, remote, back) = (files(2_000_000), TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut command = Command::new(program);
    command.arg("-B").arg(repository().join("tests/interop/peers/libssh_client.py"));
    command.args(["--port", &server.address().port().to_string(), "--user", USER, "--command", "true"]);
    command.args(["--auth", "publickey", "--over", "sftp"]).arg("--key").arg(&user.key().private);
    command.args(["--host-key", &server.host_keys()[0].type_and_key()]);
    for name in survey(local.path()).keys() {
        command.arg("--put").arg(local.path().join(name)).arg(remote.path().join(name));
        command.arg("--get").arg(remote.path().join(name)).arg(back.path().join(name));
    }
    let finished = run(&mut command, b"", PATIENCE).expect("python").expect_success();
    assert!(finished.stdout_text().contains("\"error\": null"), "{}", finished.stdout_text());
    assert_same(local.path(), remote.path());
    assert_same(local.path(), back.path());
}
