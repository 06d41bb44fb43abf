//! OpenSSH's own client against our server. Skipped where it is not installed, unless it is demanded.

use crate::support::*;
use konko_server::transport::keys::public_key::PublicKey;
use konko_server::{AuthorizedKeysFile, Server, StandardOptions};
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const SSH: &str = "/usr/bin/ssh";
const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";

fn is_installed(program: &str) -> bool {
    let installed = Path::new(program).exists();
    let demanded = std::env::var_os("KONKO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(installed || !demanded, "{program} is not installed");
    installed
}

struct Peer {
    folder: tempfile::TempDir,
    port: u16,
}

impl Peer {
    /// A server on a port of its own, and what OpenSSH needs to log in.
    async fn start(change: impl FnOnce(&mut StandardOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(folder.path().join("key"))
            .status()
            .await
            .unwrap();
        assert!(made.success());
        let line = std::fs::read_to_string(folder.path().join("key.pub")).unwrap();
        assert!(PublicKey::from_openssh(&line).is_ok());
        let mut options = options();
        options.authorized_keys = Some(AuthorizedKeysFile::new(folder.path().join("key.pub")));
        change(&mut options);
        let server = standard(options).build().unwrap();
        let listener = Server::listen("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
        Self { folder, port }
    }

    fn options(&self) -> Vec<String> {
        let folder = self.folder.path().display();
        [
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "LogLevel=ERROR",
            "IdentitiesOnly=yes",
            &format!("UserKnownHostsFile={folder}/known_hosts"),
            &format!("IdentityFile={folder}/key"),
            &format!("Port={}", self.port),
        ]
        .iter()
        .flat_map(|option| ["-o".to_owned(), (*option).to_owned()])
        .collect()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-F").arg("none").args(self.options()).kill_on_drop(true);
        command
    }

    async fn ssh(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command(SSH)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let written = async {
            let written = stdin.write_all(input).await;
            drop(stdin);
            written
        };
        let (_, output) = tokio::join!(written, child.wait_with_output());
        output.unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn commands_run_and_end_as_with_openssh() {
    if !is_installed(SSH) {
        return;
    }
    run(async {
        let peer = Peer::start(|_| {}).await;
        let output = peer.ssh(&["user@127.0.0.1", "cat; echo error >&2; exit 3"], b"input").await;
        assert_eq!(
            (text(&output.stdout), text(&output.stderr), output.status.code()),
            ("input".to_owned(), "error\n".to_owned(), Some(3))
        );
        let input = vec![b'x'; 5_000_000];
        let output = peer.ssh(&["user@127.0.0.1", "cat"], &input).await;
        assert!(output.stdout == input && output.status.success(), "{}", text(&output.stderr));
        // A process left behind that has none of our pipes does not keep the client.
        let output =
            peer.ssh(&["user@127.0.0.1", "sleep 1000 >/dev/null 2>&1 </dev/null & echo $!"], b"").await;
        assert!(output.status.success());
        let left = rustix::process::Pid::from_raw(text(&output.stdout).trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
        // OpenSSH shows a signal as 255.
        let output = peer.ssh(&["user@127.0.0.1", "kill -TERM $$"], b"").await;
        assert_eq!(output.status.code(), Some(255));
        let output = peer.ssh(&["-tt", "user@127.0.0.1", "tty; exit 9"], b"").await;
        assert!(text(&output.stdout).starts_with("/dev/pts/"), "{}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(9));
    });
}

#[test]
fn ports_are_forwarded_for_openssh() {
    if !is_installed(SSH) {
        return;
    }
    run(async {
        let peer = Peer::start(|options| options.allow_local_forwarding = true).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = format!("127.0.0.1:{port}");
        let arguments = ["-W", &target, "user@127.0.0.1"];
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut reader, mut writer) = stream.split();
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        };
        let (output, ()) = tokio::join!(peer.ssh(&arguments, b"there and back"), answer);
        assert_eq!(text(&output.stdout), "there and back", "{}", text(&output.stderr));
    });
}

#[test]
fn files_are_copied_through_a_subsystem() {
    if !is_installed("/usr/bin/scp") || !is_installed(SFTP_SERVER) {
        return;
    }
    run(async {
        let peer = Peer::start(|options| {
            options.process.subsystems.insert("sftp".into(), SFTP_SERVER.into());
        })
        .await;
        let (from, to) = (peer.folder.path().join("from"), peer.folder.path().join("to"));
        let contents: Vec<u8> = (0..3_000_000).map(|i| (i / 5 + i / 4099) as u8).collect();
        std::fs::write(&from, &contents).unwrap();
        let target = format!("user@127.0.0.1:{}", to.display());
        let output = peer.command("/usr/bin/scp").arg(&from).arg(&target).output().await.unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(std::fs::read(&to).unwrap() == contents);
    });
}
