//! The peers that are measured, and how each is started.

use crate::process::Process;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The key exchange of every row that is not about key exchanges: OpenSSH's own first choice costs its client a tenth
/// of a second of CPU time, with servers that have it.
pub const KEX: &str = "curve25519-sha256";

/// Which implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// This one, making and dropping the data inside the process.
    Konko,
    /// This one's program, spawning a command for the data.
    KonkoServe,
    /// russh, inside the process.
    Russh,
    /// OpenSSH.
    OpenSsh,
    /// Not a peer: framing, cipher and socket.
    Model,
    /// The same with a command behind a pipe for the data.
    ModelSpawned,
    /// Not a peer: TCP.
    Tcp,
    /// The same in a task of tokio's runtime.
    TokioTcp,
}

impl Peer {
    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Konko => "konko",
            Self::KonkoServe => "konko serve",
            Self::Russh => "russh",
            Self::OpenSsh => "openssh",
            Self::Model => "model",
            Self::ModelSpawned => "model spawned",
            Self::Tcp => "raw TCP",
            Self::TokioTcp => "raw TCP, a task of tokio's",
        }
    }

    /// Whether its server spawns real commands.
    pub fn spawns(self) -> bool {
        matches!(self, Self::KonkoServe | Self::OpenSsh | Self::ModelSpawned)
    }

    /// Whether it is this implementation.
    pub fn is_konko(self) -> bool {
        matches!(self, Self::Konko | Self::KonkoServe)
    }

    /// Whether it shows what the machine can do, rather than an implementation.
    pub fn is_yardstick(self) -> bool {
        matches!(self, Self::Model | Self::ModelSpawned | Self::Tcp | Self::TokioTcp)
    }
}

/// Keys and programs that the peers need.
pub struct Kit {
    folder: tempfile::TempDir,
    russh: PathBuf,
    konko: PathBuf,
}

impl Kit {
    /// Makes keys in a folder of their own; `russh` and `konko` are the programs of those names.
    pub fn new(russh: PathBuf, konko: PathBuf) -> Result<Self, Failure> {
        let kit = Self {
            folder: tempfile::Builder::new().prefix("konko-bench").tempdir_in("/dev/shm")?,
            russh,
            konko,
        };
        std::fs::create_dir(kit.path("home"))?;
        for name in ["user", "host"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(kit.path(name))
                .status()?;
            if !made.success() {
                return Err("ssh-keygen failed".into());
            }
        }
        std::fs::copy(kit.path("user.pub"), kit.path("authorized_keys"))?;
        Ok(kit)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the server of `peer` and returns it with its address.
    pub fn server(&self, peer: Peer) -> Result<(Process, String), Failure> {
        match peer {
            Peer::Konko => self.listening(Command::new(std::env::current_exe()?).args(["peer", "server"])),
            Peer::Russh => self.listening(Command::new(&self.russh).arg("server")),
            Peer::KonkoServe => {
                let address = free_address()?;
                let mut command = Command::new(&self.konko);
                command.args(["serve", "--listen", &address, "--host-key"]).arg(self.path("host"));
                // A shell that reads no start-up file; sshd, which knows no such option, has a home without one.
                command.args(["--shell", "/bin/sh"]);
                command.arg("--authorized-keys").arg(self.path("authorized_keys"));
                command.stderr(std::process::Stdio::null());
                let process = Process::start(&mut command)?;
                wait_for(&address)?;
                Ok((process, address))
            }
            Peer::OpenSsh => {
                let address = free_address()?;
                let port = address.rsplit(':').next().unwrap_or_default();
                std::fs::create_dir_all("/run/sshd")?;
                let config = self.path("sshd_config");
                std::fs::write(&config, self.sshd_config(port))?;
                let mut command = Command::new("/usr/sbin/sshd");
                command.arg("-D").arg("-f").arg(&config).arg("-E").arg(self.path("sshd.log"));
                let process = Process::start(&mut command)?;
                wait_for(&address)?;
                Ok((process, address))
            }
            Peer::Model | Peer::ModelSpawned | Peer::Tcp | Peer::TokioTcp => Err(no_peer(peer)),
        }
    }

    /// Starts this program as `arguments` say and returns it with the address where it listens.
    pub fn yardstick(&self, arguments: &[&str]) -> Result<(Process, String), Failure> {
        self.listening(Command::new(std::env::current_exe()?).args(arguments))
    }

    fn sshd_config(&self, port: &str) -> String {
        format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin yes\nMaxStartups 1000\nCiphers +aes128-gcm@openssh.com\n\
             PrintMotd no\nPrintLastLog no\nSubsystem sftp /usr/lib/openssh/sftp-server\nSetEnv HOME={}\n",
            self.path("host").display(),
            self.path("authorized_keys").display(),
            self.path("home").display(),
        )
    }

    /// A file of `bytes` zeros that takes no room.
    pub fn zeros(&self, bytes: u64) -> Result<std::fs::File, Failure> {
        let path = self.path("zeros");
        std::fs::File::create(&path)?.set_len(bytes)?;
        Ok(std::fs::File::open(path)?)
    }

    fn listening(&self, command: &mut Command) -> Result<(Process, String), Failure> {
        let mut process = Process::start(command)?;
        let address = process.line("listening ")?;
        Ok((process, address))
    }

    /// The client of `peer`, about to do `action` at `address`.
    pub fn client(&self, peer: Peer, address: &str, cipher: &str, kex: &str) -> Result<Command, Failure> {
        let mut command = match peer {
            Peer::Konko | Peer::KonkoServe => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("peer");
                command
            }
            Peer::Russh => Command::new(&self.russh),
            Peer::OpenSsh => return Ok(self.openssh(address, cipher, kex)),
            Peer::Model | Peer::ModelSpawned | Peer::Tcp | Peer::TokioTcp => return Err(no_peer(peer)),
        };
        command.args(["client", address, cipher, kex]);
        command.env("BENCH_KEY", self.path("user")).env("BENCH_USER", user());
        Ok(command)
    }

    /// OpenSSH's `sftp`, about to read its batch from standard input.
    pub fn sftp(&self, address: &str, cipher: &str) -> Command {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "22"));
        let mut command = Command::new("sftp");
        command.args(["-q", "-F", "none", "-b", "-", "-P", port]);
        self.openssh_options(&mut command, cipher, KEX);
        command.arg(host);
        command
    }

    fn openssh_options(&self, command: &mut Command, cipher: &str, kex: &str) {
        command.env("HOME", self.path("home"));
        command.arg("-i").arg(self.path("user")).arg("-o").arg(format!("User={}", user()));
        for option in
            ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"]
        {
            command.args(["-o", option]);
        }
        command.arg("-o").arg(format!("KexAlgorithms={kex}"));
        if cipher != "default" {
            command.args(["-c", cipher]);
        }
        if cipher == "aes256-ctr" {
            command.args(["-m", "hmac-sha2-256-etm@openssh.com"]);
        }
    }

    fn openssh(&self, address: &str, cipher: &str, kex: &str) -> Command {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "22"));
        let mut command = Command::new("ssh");
        command.args(["-F", "none", "-T", "-p", port]);
        self.openssh_options(&mut command, cipher, kex);
        command.arg(host);
        command
    }
}

fn no_peer(peer: Peer) -> Failure {
    format!("{} is no peer", peer.name()).into()
}

fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "root".into())
}

fn free_address() -> Result<String, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Waits until something listens at `address`, at most ten seconds.
fn wait_for(address: &str) -> Result<(), Failure> {
    let begin = std::time::Instant::now();
    while begin.elapsed().as_secs() < 10 {
        if std::net::TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Err(format!("nothing listens at {address}").into())
}
