//! Every real client of SFTP with our server: list, get, put, rename, chmod, links, trees, resumption.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use konko_server::SftpOptions;
use konko_server::filesystem::rooted::options::Root;
use konko_tests::Seed;
use konko_tests::peers::find::{repository, require_python};
use konko_tests::peers::{Finished, Plink, Ssh, find_peer, require_peer, run};
use tempfile::TempDir;

use crate::our_server::{OurServer, OurServerOptions, USER};
use crate::user::User;

/// Sizes about those at which something changes.
const SIZES: [usize; 5] = [0, 1, 32_767, 32_768, 32_769];
/// A large file.
const LARGE: usize = 100_000_000;
/// A client that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(180);

fn server(user: &User, change: impl FnOnce(&mut SftpOptions)) -> OurServer {
    let mut sftp = SftpOptions::default();
    change(&mut sftp);
    OurServerOptions::new(user).legacy().allow(|options| options.process.sftp = Some(sftp)).start()
}

/// A folder with files of all sizes, one of them of `large` bytes.
fn files(large: usize) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for size in SIZES.into_iter().chain([large]) {
        fs::write(folder.path().join(format!("f{size}")), Seed::new(size as u64).bytes(size))
            .expect("a file");
    }
    fs::set_permissions(folder.path().join("f1"), fs::Permissions::from_mode(0o741)).expect("a mode");
    folder
}

/// The same, and folders in folders, two hundred small files among them.
fn tree(large: usize) -> TempDir {
    let folder = files(large);
    for number in 0..200 {
        let inner = folder.path().join(format!("sub folder/{}/{}", number % 7, number % 3));
        fs::create_dir_all(&inner).expect("a folder");
        fs::write(inner.join(format!("file {number}")), Seed::new(number).bytes(4096)).expect("a file");
    }
    folder
}

/// What is in a tree.
fn survey(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![root.to_owned()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let content = if metadata.is_dir() {
                ahead.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).expect("a file")
            };
            found.insert(path.strip_prefix(root).expect("it is below").to_owned(), content);
        }
    }
    found
}

fn assert_same(expected: &Path, found: &Path) {
    let (expected, found) = (survey(expected), survey(found));
    assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (path, content) in &expected {
        assert!(found[path] == *content, "{} differs", path.display());
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("metadata").mode() & 0o7777
}

fn ssh(server: &OurServer, user: &User) -> Option<Ssh> {
    Some(Ssh::new(server.address(), USER)?.identity(&user.key().private).known_hosts(&server.known_hosts()))
}

/// Runs `sftp -b -` with these lines.
fn batch(ssh: &Ssh, lines: &str) -> Finished {
    let mut command = ssh.companion("sftp").expect("sftp comes with ssh");
    command.args(["-b", "-"]).arg(ssh.host());
    run(&mut command, lines.as_bytes(), PATIENCE).expect("sftp")
}

#[test]
fn openssh_sftp() {
    let user = User::new();
    let server = server(&user, |_| {});
    let Some(ssh) = ssh(&server, &user) else { return };
    let (local, remote, back) = (tree(LARGE), TempDir::new().unwrap(), TempDir::new().unwrap());
    let (here, there, home) = (local.path().display(), remote.path().display(), back.path().display());
    batch(&ssh, &format!("put -rp {here} {there}/tree\nget -rp {there}/tree {home}/tree\n")).expect_success();
    assert_same(local.path(), &back.path().join("tree"));
    assert_eq!(mode(&remote.path().join("tree/f1")), 0o741);

    let listed = batch(&ssh, &format!("cd {there}/tree\nls -la\nls -1 f*\npwd\ndf -h\n")).expect_success();
    let text = listed.stdout_text();
    assert!(
        text.contains("-rwxr----x") && text.contains("100000000") && text.contains("%Capacity"),
        "{text}"
    );
    let script = format!(
        "cd {there}/tree\nrename f1 one\nchmod 600 one\nln -s one soft\nln one hard\ncp f32769 copy\nmkdir new\n\
         rename copy new/copy\nrm f0\n-rename one hard\nrmdir new/none\n"
    );
    let finished = batch(&ssh, &script);
    assert_eq!(finished.code(), Some(1), "a folder that is not there cannot be removed");
    let at = |name: &str| remote.path().join("tree").join(name);
    assert_eq!(mode(&at("hard")), 0o600);
    assert_eq!(fs::read_link(at("soft")).unwrap(), Path::new("one"));
    assert_eq!(fs::read(at("new/copy")).unwrap(), fs::read(local.path().join("f32769")).unwrap());
    assert!(!at("f0").exists() && !at("f1").exists());
    assert_eq!(fs::metadata(at("hard")).unwrap().nlink(), 2);

    // Half of a file is there already, here and there.
    let whole = fs::read(local.path().join(format!("f{LARGE}"))).unwrap();
    fs::write(back.path().join("half"), &whole[..LARGE / 2]).unwrap();
    fs::write(at("half"), &whole[..LARGE / 3]).unwrap();
    let script =
        format!("reget {there}/tree/f{LARGE} {home}/half\nreput {here}/f{LARGE} {there}/tree/half\n");
    batch(&ssh, &script).expect_success();
    assert!(fs::read(back.path().join("half")).unwrap() == whole);
    assert!(fs::read(at("half")).unwrap() == whole);
}

#[test]
fn openssh_scp_over_sftp() {
    let user = User::new();
    let server = server(&user, |_| {});
    let Some(ssh) = ssh(&server, &user) else { return };
    let (local, remote, back) = (tree(LARGE), TempDir::new().unwrap(), TempDir::new().unwrap());
    let scp = |from: String, to: String| {
        let mut command = ssh.companion("scp").expect("scp comes with ssh");
        run(command.args(["-s", "-rp", &from, &to]), b"", PATIENCE).expect("scp").expect_success();
    };
    let there = format!("{}:{}", ssh.host(), remote.path().join("tree").display());
    scp(local.path().display().to_string(), there.clone());
    scp(there, back.path().join("tree").display().to_string());
    assert_same(local.path(), &back.path().join("tree"));
    assert_eq!(mode(&back.path().join("tree/f1")), 0o741);
}

// covers: F01, F03
#[test]
fn openssh_sftp_below_a_root_and_only_reading() {
    let user = User::new();
    let base = TempDir::new().unwrap();
    let served = base.path().join("served");
    fs::create_dir(&served).unwrap();
    fs::write(base.path().join("secret"), b"secret").unwrap();
    fs::write(served.join("file"), b"text").unwrap();
    std::os::unix::fs::symlink("../secret", served.join("out")).unwrap();
    let root = Root::below(&served);
    let writable = server(&user, |sftp| sftp.root = root.clone());
    let Some(ssh) = ssh(&writable, &user) else { return };
    let back = TempDir::new().unwrap();
    let home = back.path().display();
    let listed = batch(&ssh, "pwd\ncd ../../..\npwd\nls -a /\n").expect_success().stdout_text();
    assert!(listed.contains("Remote working directory: /\n") && listed.contains("file"), "{listed}");
    assert!(!listed.contains("secret"), "{listed}");
    for path in ["/out", "out", "../secret", "/../secret", &base.path().join("secret").display().to_string()]
    {
        let finished = batch(&ssh, &format!("get {path} {home}/stolen\n"));
        assert_eq!(finished.code(), Some(1), "{path}");
    }
    assert!(!back.path().join("stolen").exists());
    batch(
        &ssh,
        &format!("put {} /new\nln -s /new link\nget link {home}/new\n", served.join("file").display()),
    )
    .expect_success();
    assert_eq!(fs::read(back.path().join("new")).unwrap(), b"text");

    let reading = server(&user, |sftp| {
        sftp.root = root;
        sftp.files.read_only = true;
    });
    let ssh = self::ssh(&reading, &user).expect("it was there");
    batch(&ssh, &format!("get file {home}/read\nls -l\n")).expect_success();
    let before = survey(&served);
    for line in
        ["rm file", "rename file other", "mkdir d", "chmod 777 file", "ln -s file l2", "put /etc/passwd p"]
    {
        assert_eq!(batch(&ssh, &format!("{line}\n")).code(), Some(1), "{line}");
    }
    assert_eq!(before, survey(&served));
}

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

/// A mounted file system, which is unmounted at the end.
struct Mounted(TempDir);

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = Command::new("fusermount3").arg("-u").arg(self.0.path()).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()) || std::thread::panicking(),
            "it stays mounted"
        );
    }
}

#[test]
fn sshfs() {
    let user = User::new();
    let server = server(&user, |_| {});
    let Some(program) = require_peer("sshfs") else { return };
    let (Some(client), true) = (ssh(&server, &user), Path::new("/dev/fuse").exists()) else { return };
    let (local, remote, mount) = (tree(LARGE), TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut command = Command::new(program);
    command.arg(format!("{USER}@127.0.0.1:{}", remote.path().display())).arg(mount.path());
    command.args(["-p", &server.address().port().to_string()]);
    for option in [
        format!("IdentityFile={}", user.key().private.display()),
        "StrictHostKeyChecking=no".to_owned(),
        "UserKnownHostsFile=/dev/null".to_owned(),
    ] {
        command.args(["-o", &option]);
    }
    drop(client);
    let finished = run(command.env_remove("SSH_AUTH_SOCK"), b"", PATIENCE).expect("sshfs");
    if finished.stderr_text().contains("not permitted") {
        konko_tests::peers::find::skip("this user may not mount");
        return;
    }
    finished.expect_success();
    let mount = Mounted(mount);
    let at = |name: &str| mount.0.path().join(name);
    let shell = |script: &str| {
        let mut command = Command::new("/bin/sh");
        command.args(["-ec", script]).current_dir(mount.0.path()).env("LOCAL", local.path());
        run(&mut command, b"", PATIENCE).expect("sh").expect_success().stdout_text()
    };
    shell("cp -r \"$LOCAL\" tree && diff -r \"$LOCAL\" tree");
    assert_same(local.path(), &remote.path().join("tree"));
    assert_same(local.path(), &at("tree"));
    let text = shell(
        "cd tree; mv f1 one; mv f32768 one; chmod 640 one; ln -s one soft; ln one hard; cat soft | wc -c; \
         truncate -s 5 f32769; stat -c %s f32769; mkdir -p a/b/c; touch a/b/c/d; rm -r a; df . | tail -n 1 | wc -l; \
         printf more >> f32767; stat -c %s f32767; touch -d @1000000000 one; stat -c %Y one; ls | wc -l",
    );
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["32768", "5", "1", "32771", "1000000000", "8"]);
    assert_eq!(mode(&remote.path().join("tree/one")), 0o640);
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
        konko_tests::peers::find::skip("curl without sftp");
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
