//! `konko scp` and `konko sftp` with OpenSSH's server.

use crate::support::*;
use konko::server::Account;
use konko::transport::crypto::random::SystemRandom;
use konko::transport::keys::private_key::{KeyKind, PrivateKey};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

const SSHD: &str = "/usr/sbin/sshd";

/// OpenSSH's server on a free port, for the user that runs the tests.
struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    _process: Running,
}

impl Sshd {
    /// `None` where it is not installed, unless it is demanded.
    fn start(lines: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            let demanded = std::env::var_os("KONKO_REQUIRE_PEERS").is_some_and(|value| value == "1");
            assert!(!demanded, "{SSHD} is missing");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("an open folder");
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").expect("its folder for privilege separation");
        }
        let at = |name: &str| folder.path().join(name);
        for name in ["host", "key"] {
            let key = PrivateKey::generate(KeyKind::Ed25519, &mut SystemRandom).expect("a key");
            let text = key.to_openssh(None, &mut SystemRandom).expect("its file");
            let mut file = fs::File::options();
            let mut file = file.write(true).create_new(true).mode(0o600).open(at(name)).expect("a file");
            std::io::Write::write_all(&mut file, text.as_bytes()).expect("written");
            fs::write(at(&format!("{name}.pub")), key.public_key().to_openssh("")).expect("written");
        }
        for _ in 0..10 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let port = listener.local_addr().expect("an address").port();
            drop(listener);
            let config = format!(
                "{lines}\nListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
                 StrictModes no\nPermitRootLogin yes\nUsePAM no\nPrintMotd no\nPrintLastLog no\nUseDNS no\n",
                at("host").display(),
                at("key.pub").display()
            );
            fs::write(at("config"), config).expect("written");
            let mut command = Command::new(SSHD);
            command.args(["-D", "-e", "-f"]).arg(at("config")).stdin(Stdio::null()).stderr(Stdio::piped());
            let mut process = Running(command.spawn().expect("it starts"));
            let log = BufReader::new(process.0.stderr.take().expect("a pipe"));
            let mut lines = log.lines();
            // Somebody else may have taken the port meanwhile.
            let listens =
                lines.by_ref().map_while(Result::ok).any(|line| line.contains("Server listening on"));
            if listens {
                std::thread::spawn(move || lines.for_each(drop));
                return Some(Self { folder, port, _process: process });
            }
        }
        panic!("sshd does not listen");
    }

    fn command(&self, name: &str) -> Command {
        let mut command = konko(self.folder.path());
        command.arg(name).args(["-F", "none", "-q", "-i"]).arg(self.folder.path().join("key"));
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.folder.path().join("known").display()));
        command.args(["-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=accept-new"]);
        command.args(["-P", &self.port.to_string(), "-o", "BatchMode=yes"]);
        command
    }

    fn remote(path: &Path) -> String {
        format!("{}@127.0.0.1:{}", Account::current().name.to_string_lossy(), path.display())
    }
}

fn plant(tree: &Path) {
    fs::create_dir_all(tree.join("a b/deep")).expect("folders");
    for (name, size) in [("empty", 0), ("a b/it's", 32_769), ("a b/deep/big", 2_000_000)] {
        let content: Vec<u8> = (0..size).map(|index: usize| (index * 11 % 253) as u8).collect();
        fs::write(tree.join(name), content).expect("a file");
    }
    for index in 0..300 {
        fs::write(tree.join(format!("a b/deep/small {index}")), format!("{index}")).expect("a file");
    }
    fs::set_permissions(tree.join("empty"), fs::Permissions::from_mode(0o640)).expect("a mode");
}

/// Compares with the system's own program.
fn same_trees(one: &Path, other: &Path) {
    let compared = Command::new("diff").arg("-r").arg(one).arg(other).output().expect("diff runs");
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stdout));
}

#[test]
fn scp_with_each_of_the_ways_of_openssh_to_serve_files() {
    for (lines, protocol) in [
        ("Subsystem sftp internal-sftp", "-s"),
        ("Subsystem sftp /usr/lib/openssh/sftp-server", "-s"),
        ("", "-O"),
    ] {
        let Some(sshd) = Sshd::start(lines) else { return };
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        plant(&at("tree"));
        let scp = |from: String, to: String| {
            let left = run(sshd.command("scp").args([protocol, "-rp"]).args([from, to]), b"");
            assert_eq!(left.code(), Some(0), "{lines} {protocol}: {}", left.stderr);
        };
        scp(at("tree").display().to_string(), Sshd::remote(&at("there")));
        same_trees(&at("tree"), &at("there"));
        scp(Sshd::remote(&at("there")), at("back").display().to_string());
        same_trees(&at("tree"), &at("back"));
        let mode = fs::metadata(at("back/empty")).expect("it is there").mode() & 0o777;
        assert_eq!(mode, 0o640, "{lines} {protocol}");
    }
}

#[test]
fn sftp_runs_a_batch_with_openssh() {
    let Some(sshd) = Sshd::start("Subsystem sftp internal-sftp") else { return };
    let home = tempfile::tempdir().expect("a folder");
    plant(&home.path().join("tree"));
    let lines = "put -R tree there\nget -Rp there back\nln -s back/empty link\nchmod 600 there/empty\n\
                 cp there/empty copied\nrename copied renamed\nls -la there\nrm renamed\nmkdir x\nrmdir x\ndf -h\n\
                 -rm missing\nreget there/empty again\n";
    let mut sftp = sshd.command("sftp");
    sftp.args(["-b", "-"]).arg(Sshd::remote(home.path())).current_dir(home.path());
    let left = run(&mut sftp, lines.as_bytes());
    // copy-data came with OpenSSH 9.0; without it the copy goes through us.
    assert_eq!(left.code(), Some(0), "{}{}", left.stderr, left.text());
    same_trees(&home.path().join("tree"), &home.path().join("back"));
    assert!(left.text().contains("-rw-------"), "{}", left.text());
    assert!(home.path().join("link").is_symlink() && home.path().join("again").exists());

    // A server without the subsystem, and the path of its program.
    let Some(bare) = Sshd::start("") else { return };
    let mut refused = bare.command("sftp");
    let refused = run(refused.args(["-b", "-"]).arg(Sshd::remote(home.path())), b"pwd\n");
    assert_eq!(refused.code(), Some(255), "{}", refused.stderr);
    assert!(refused.stderr.contains("scp -O"), "{}", refused.stderr);
    let mut named = bare.command("sftp");
    named.args(["-s", "/usr/lib/openssh/sftp-server", "-b", "-"]).arg(Sshd::remote(home.path()));
    assert_eq!(run(&mut named, b"pwd\n").code(), Some(0));
}
