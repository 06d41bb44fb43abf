//! Configurations in use: to real servers, through real servers, by real programs.

mod waiting;

use konko_client::SystemSource;
use konko_client::config::{Configuration, Files, Origin, Request};
use konko_client::configured::{Error, Forwardings, Route, Unattended, agent_to_forward, catalogue};
use konko_tests::peers::{KeyFile, KeyKind, Sshd, SshdOptions, TestAccount, find};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Real servers, a user whom they know, and a configuration.
struct World {
    folder: TempDir,
    servers: Vec<Sshd>,
}

impl World {
    /// `None` without sshd. The user has a key of its own for each server.
    fn new(count: usize) -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let mut servers = Vec::new();
        for number in 0..count {
            let key = KeyFile::generate(&folder.path().join(format!("key{number}")), KeyKind::Ed25519, "");
            servers.push(SshdOptions::default().authorize(&key).line("LogLevel VERBOSE").start()?);
        }
        let known: String = servers.iter().map(Sshd::known_hosts).collect();
        std::fs::write(folder.path().join("known_hosts"), known).expect("written");
        Some(Self { folder, servers })
    }

    /// Writes a configuration in which `{0}` and so on stand for the ports of the servers, and `{d}` for the folder.
    fn configure(&self, text: &str) -> PathBuf {
        let folder = self.folder.path().display().to_string();
        let mut text = text.replace("{d}", &folder);
        for (number, server) in self.servers.iter().enumerate() {
            text = text.replace(&format!("{{{number}}}"), &server.address().port().to_string());
        }
        let user = TestAccount::current().name;
        text.push_str(&format!(
            "\nHost *\n HostName 127.0.0.1\n User {user}\n UserKnownHostsFile {folder}/known_hosts\n \
             GlobalKnownHostsFile none\n IdentitiesOnly yes\n BatchMode yes\n StrictHostKeyChecking yes\n"
        ));
        let path = self.folder.path().join("config");
        std::fs::write(&path, text).expect("written");
        path
    }
}

fn route(file: PathBuf, host: &str, lines: &[&str]) -> Result<Route, Error> {
    let mut source = SystemSource::default();
    let mut configuration = Configuration::new(SystemSource::local("konko"), catalogue());
    for line in lines {
        configuration.set(line, Origin::command_line(*line), &mut source)?;
    }
    let request = Request::new(host).with_files(Files::Only(file.display().to_string()));
    let resolved = configuration.resolve(&request, &mut source)?;
    Route::find(resolved, &request, &configuration, &mut source)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("it does not hang") })
}

async fn output(route: &Route) -> Result<String, Error> {
    let client = route.connect(&Unattended).await?;
    let output = client.command("echo $SSH_CONNECTION; cat; exit 3").output().await.expect("an output");
    assert_eq!(output.status.code(), Some(3));
    client.close().await;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn one_two_and_three_hosts_on_the_way() {
    let Some(world) = World::new(4) else { return };
    let file = world.configure(
        "Host h0\n Port {0}\n IdentityFile {d}/key0\n\
         Host h1\n Port {1}\n IdentityFile {d}/key1\n ProxyJump h0\n\
         Host h2\n Port {2}\n IdentityFile {d}/key2\n ProxyJump h1\n\
         Host h3\n Port {3}\n IdentityFile {d}/key3\nMatch originalhost h3 host 127.0.0.1,h3\n ProxyJump h0,h1,h2\n",
    );
    for (host, hosts) in [("h0", 1), ("h1", 2), ("h2", 3), ("h3", 4)] {
        let route = route(file.clone(), host, &[]).expect("a way");
        assert_eq!(route.hosts().len(), hosts, "{host}");
        let port = world.servers[hosts - 1].address().port();
        let told = run(output(&route)).unwrap_or_else(|error| panic!("{host}: {error}"));
        assert!(told.trim_end().ends_with(&format!(" {port}")), "{host}: {told}");
    }
}

#[test]
fn the_host_that_fails_is_named() {
    let Some(world) = World::new(2) else { return };
    // The second server does not know the first one's key.
    let file = world.configure(
        "Host h0\n Port {0}\n IdentityFile {d}/key0\n\
         Host h1\n Port {1}\n IdentityFile {d}/key0\n ProxyJump h0\n\
         Host gone\n Port 1\n ProxyJump h0\n",
    );
    let refused = run(output(&route(file.clone(), "h1", &[]).expect("a way"))).expect_err("no key");
    assert!(
        matches!(&refused, Error::Connection { error, .. } if matches!(**error, konko_client::Error::Authentication(_))),
        "{refused}"
    );
    let gone = run(output(&route(file, "gone", &[]).expect("a way"))).expect_err("nobody listens");
    assert!(
        matches!(&gone, Error::Connection { error, .. } if matches!(**error, konko_client::Error::OpenRefused { .. })),
        "{gone}"
    );
}

#[test]
fn a_real_client_is_the_proxy_command() {
    let (Some(world), Some(ssh)) = (World::new(2), find::require_peer("ssh")) else { return };
    let file = world.configure(&format!(
        "Host h0\n Port {{0}}\n IdentityFile {{d}}/key0\n\
         Host h1\n Port {{1}}\n IdentityFile {{d}}/key1\n ProxyCommand {} -F {{d}}/config -W %h:%p h0\n",
        ssh.display()
    ));
    let told = run(output(&route(file, "h1", &[]).expect("a way"))).expect("an output");
    assert!(told.trim_end().ends_with(&format!(" {}", world.servers[1].address().port())), "{told}");
}

#[test]
fn forwardings_go_through_a_real_server() {
    let Some(world) = World::new(2) else { return };
    let file = world.configure(
        "Host h1\n Port {1}\n IdentityFile {d}/key1\n ProxyJump h0\n LocalForward {d}/socket localhost:{0}\n \
         RemoteForward 0 localhost:{0}\n ExitOnForwardFailure yes\n\
         Host h0\n Port {0}\n IdentityFile {d}/key0\n",
    );
    let route = route(file, "h1", &[]).expect("a way");
    run(async {
        let client = route.connect(&Unattended).await.expect("a client");
        let destination = route.hosts().last().expect("a destination");
        let forwardings = Forwardings::establish(&client, destination).await.expect("forwardings");
        assert_eq!(forwardings.count(), 2);
        let mut identification = [0; 8];
        let path = world.folder.path().join("socket");
        let mut stream = tokio::net::UnixStream::connect(&path).await.expect("connected");
        stream.write_all(b"SSH-2.0-test\r\n").await.expect("written");
        stream.read_exact(&mut identification).await.expect("an answer");
        assert_eq!(&identification, b"SSH-2.0-");
        let [(_, port)] = forwardings.remote_ports() else { panic!("{:?}", forwardings.remote_ports()) };
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", *port)).await.expect("connected");
        stream.write_all(b"SSH-2.0-test\r\n").await.expect("written");
        stream.read_exact(&mut identification).await.expect("an answer");
        assert_eq!(&identification, b"SSH-2.0-");
        drop(forwardings);
        client.close().await;
    });
    assert!(!world.folder.path().join("socket").exists(), "the socket is left behind");
}

/// Ends with its test.
struct Agent(std::process::Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_agent_logs_in_and_is_forwarded() {
    let Some(world) = World::new(2) else { return };
    let (Some(ssh_agent), Some(ssh_add)) = (find::require_peer("ssh-agent"), find::require_peer("ssh-add"))
    else {
        return;
    };
    let folder = world.folder.path();
    let socket = folder.join("agent");
    let mut command = std::process::Command::new(ssh_agent);
    command.arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null());
    let _agent = Agent(command.spawn().expect("it starts"));
    while !socket.exists() {
        std::thread::yield_now();
    }
    let mut add = std::process::Command::new(&ssh_add);
    add.arg("-q").args([folder.join("key0"), folder.join("key1")]).env("SSH_AUTH_SOCK", &socket);
    assert!(add.status().expect("it runs").success());
    // Only the public halves are left in files.
    for name in ["key0", "key1"] {
        std::fs::rename(folder.join(name), folder.join(format!("{name}.gone"))).expect("renamed");
    }
    let file = world.configure(
        "Host h0\n Port {0}\n IdentityFile {d}/key0\n\
         Host h1\n Port {1}\n IdentityFile {d}/key1\n ProxyJump h0\n ForwardAgent yes\n\
         Host *\n IdentityAgent {d}/agent\n",
    );
    let route = route(file, "h1", &[]).expect("a way");
    let listed = run(async {
        let client = route.connect(&Unattended).await.expect("a client");
        let agent = agent_to_forward(route.hosts().last().expect("a host")).expect("an agent to forward");
        let command = client.command(format!("{} -l", ssh_add.display())).require_agent(agent);
        let output = command.output().await.expect("an output");
        client.close().await;
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    assert_eq!(listed.lines().count(), 2, "{listed}");
}
