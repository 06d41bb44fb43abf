//! OpenSSH's sftp and scp.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use konko_server::filesystem::rooted::options::Root;
use konko_tests::Seed;
use konko_tests::peers::run;
use tempfile::TempDir;

use crate::sftp_server::ground::{LARGE, PATIENCE, assert_same, batch, mode, server, ssh, survey, tree};
use crate::user::User;

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
    let ssh = crate::sftp_server::ground::ssh(&reading, &user).expect("it was there");
    batch(&ssh, &format!("get file {home}/read\nls -l\n")).expect_success();
    let before = survey(&served);
    for line in
        ["rm file", "rename file other", "mkdir d", "chmod 777 file", "ln -s file l2", "put /etc/passwd p"]
    {
        assert_eq!(batch(&ssh, &format!("{line}\n")).code(), Some(1), "{line}");
    }
    assert_eq!(before, survey(&served));
}

/// Two thousand small files, and one of which nearly all is a hole.
#[test]
fn openssh_sftp_with_many_files_and_a_huge_one() {
    const HUGE: u64 = 5_000_000_000;
    let user = User::new();
    let server = server(&user, |_| {});
    let Some(ssh) = ssh(&server, &user) else { return };
    let (local, remote, back) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let (here, there, home) = (local.path().display(), remote.path().display(), back.path().display());
    for number in 0..2_000_u64 {
        let folder = local.path().join(format!("many/{}/{}", number % 20, number % 5));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(number.to_string()), Seed::new(number).bytes(4096)).unwrap();
    }
    batch(&ssh, &format!("put -r {here}/many {there}/many\nget -r {there}/many {home}/many\n"))
        .expect_success();
    assert_same(&local.path().join("many"), &back.path().join("many"));
    // Only what is behind the hole is moved, at offsets that no 32 bits hold.
    let end = Seed::new(5).bytes(3_000_000);
    let source = fs::File::create(remote.path().join("huge")).unwrap();
    source.write_all_at(&end, HUGE - end.len() as u64).unwrap();
    for half in [local.path().join("huge"), remote.path().join("again")] {
        fs::File::create(half).unwrap().set_len(HUGE - end.len() as u64).unwrap();
    }
    let script = format!("reget {there}/huge {here}/huge\nreput {here}/huge {there}/again\nls -l {there}\n");
    let listed = batch(&ssh, &script).expect_success().stdout_text();
    assert_eq!(listed.matches(&HUGE.to_string()).count(), 2, "{listed}");
    for path in [local.path().join("huge"), remote.path().join("again")] {
        let mut found = vec![0; end.len()];
        fs::File::open(path).unwrap().read_exact_at(&mut found, HUGE - end.len() as u64).unwrap();
        assert!(found == end);
    }
}
