//! sshfs: our server as a part of this machine's files.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use konko_tests::Seed;
use konko_tests::peers::find::skip;
use konko_tests::peers::{require_peer, run};
use tempfile::TempDir;

use crate::our_server::{OurServer, USER};
use crate::sftp_server::ground::{LARGE, PATIENCE, assert_same, mode, server, tree};
use crate::user::User;

/// A folder of our server, mounted; unmounted at the end.
struct Mounted(TempDir);

impl Mounted {
    /// Says SKIP where that is not possible.
    fn new(server: &OurServer, user: &User, remote: &Path) -> Option<Self> {
        let program = require_peer("sshfs")?;
        if !Path::new("/dev/fuse").exists() {
            skip("there is no /dev/fuse");
            return None;
        }
        let point = TempDir::new().expect("a folder");
        let mut command = Command::new(program);
        command.arg(format!("{USER}@127.0.0.1:{}", remote.display())).arg(point.path());
        command.args(["-p", &server.address().port().to_string()]);
        for option in [
            format!("IdentityFile={}", user.key().private.display()),
            "StrictHostKeyChecking=no".to_owned(),
            "UserKnownHostsFile=/dev/null".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        let finished = run(command.env_remove("SSH_AUTH_SOCK"), b"", PATIENCE).expect("sshfs");
        if finished.stderr_text().contains("not permitted") {
            skip("this user may not mount");
            return None;
        }
        finished.expect_success();
        Some(Self(point))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

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
    let (local, remote) = (tree(LARGE), TempDir::new().unwrap());
    let Some(mount) = Mounted::new(&server, &user, remote.path()) else { return };
    let shell = |script: &str| {
        let mut command = Command::new("/bin/sh");
        command.args(["-ec", script]).current_dir(mount.path()).env("LOCAL", local.path());
        run(&mut command, b"", PATIENCE).expect("sh").expect_success().stdout_text()
    };
    shell("cp -r \"$LOCAL\" tree && diff -r \"$LOCAL\" tree");
    assert_same(local.path(), &remote.path().join("tree"));
    assert_same(local.path(), &mount.path().join("tree"));
    let text = shell(
        "cd tree; mv f1 one; mv f32768 one; chmod 640 one; ln -s one soft; ln one hard; cat soft | wc -c; \
         truncate -s 5 f32769; stat -c %s f32769; mkdir -p a/b/c; touch a/b/c/d; rm -r a; df . | tail -n 1 | wc -l; \
         printf more >> f32767; stat -c %s f32767; touch -d @1000000000 one; stat -c %Y one; ls | wc -l",
    );
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["32768", "5", "1", "32771", "1000000000", "8"]);
    assert_eq!(mode(&remote.path().join("tree/one")), 0o640);
}

/// What is done to a file through sshfs is done to it, in whatever order and wherever.
#[test]
fn sshfs_torture() {
    const FILES: usize = 4;
    const LARGEST: u64 = 2_000_000;
    let user = User::new();
    let server = server(&user, |_| {});
    let remote = TempDir::new().unwrap();
    let Some(mount) = Mounted::new(&server, &user, remote.path()) else { return };
    let mut seed = Seed::new(20_261_121);
    let mut below = |limit: u64| seed.below(limit.max(1) as usize) as u64;
    let mut names: Vec<String> = (0..FILES).map(|number| format!("file {number}")).collect();
    let mut model: Vec<Vec<u8>> = vec![Vec::new(); FILES];
    for name in &names {
        fs::write(mount.path().join(name), b"").unwrap();
    }
    for step in 0..3_000_u64 {
        let which = below(FILES as u64) as usize;
        let path = mount.path().join(&names[which]);
        let content = &mut model[which];
        let file = || fs::File::options().read(true).write(true).open(&path).expect("it is there");
        match below(8) {
            0..3 => {
                let (offset, len) = (below(LARGEST) as usize, below(200_000) as usize);
                let data = Seed::new(step).bytes(len);
                file().write_all_at(&data, offset as u64).expect("it is written");
                if len > 0 {
                    content.resize(content.len().max(offset + len), 0);
                    content[offset..offset + len].copy_from_slice(&data);
                }
            }
            3..6 => {
                let offset = below(content.len() as u64 + 10) as usize;
                let mut data = vec![0; below(300_000) as usize];
                let mut len = 0;
                let file = file();
                while len < data.len() {
                    match file.read_at(&mut data[len..], (offset + len) as u64).expect("it is read") {
                        0 => break,
                        n => len += n,
                    }
                }
                let expected = content.get(offset..).unwrap_or_default();
                let expected = &expected[..expected.len().min(data.len())];
                assert!(data[..len] == *expected, "step {step}: {offset}, {len} of {}", expected.len());
            }
            6 => {
                let size = below(LARGEST) as usize;
                file().set_len(size as u64).expect("it has another size");
                content.resize(size, 0);
            }
            _ => {
                let name = format!("renamed {step}");
                fs::rename(&path, mount.path().join(&name)).expect("it has another name");
                names[which] = name;
            }
        }
    }
    for (name, content) in names.iter().zip(&model) {
        assert!(fs::read(mount.path().join(name)).unwrap() == *content, "{name} through the mount");
        assert!(fs::read(remote.path().join(name)).unwrap() == *content, "{name} on the disk");
    }
    assert_eq!(fs::read_dir(remote.path()).unwrap().count(), FILES);
}
