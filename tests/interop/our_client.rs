//! Our client, set up for a server of the harness.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use konko_client::transport::ClientConfig;
use konko_client::transport::packet::{Algorithms, PacketConfig, Row, select};
use konko_client::{
    BoxedFuture, ClientOptions, Credential, HostKeyPolicy, KnownHostsFiles, Prompt, Prompter, Secret,
};
use konko_client::{ExitStatus, Output, SshClient};
use konko_tests::peers::{KeyFile, Sshd, TestAccount, openssh};
use tempfile::TempDir;

use crate::table::{Failure, ensure};
use crate::transcript::{Transcript, same};

/// A server as our client sees it.
#[derive(Debug)]
pub struct Target {
    address: SocketAddr,
    folder: TempDir,
}

impl Target {
    /// The server at `address` that has these host keys.
    pub fn new(address: SocketAddr, host_keys: &[KeyFile]) -> Self {
        Self::with_known_hosts(address, &openssh::known_hosts(address, host_keys))
    }

    /// The server at `address`, known by these lines.
    pub fn with_known_hosts(address: SocketAddr, known_hosts: &str) -> Self {
        let folder = TempDir::new().expect("a folder for known_hosts");
        std::fs::write(folder.path().join("known_hosts"), known_hosts).expect("known_hosts");
        Self { address, folder }
    }

    /// This OpenSSH server.
    pub fn sshd(sshd: &Sshd) -> Self {
        Self::new(sshd.address(), sshd.host_keys())
    }

    fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    /// Options that believe nobody but this server, without a credential.
    pub fn options(&self, user: &str) -> ClientOptions {
        ClientOptions::new(user, HostKeyPolicy::Strict(KnownHostsFiles::only(self.known_hosts())))
    }

    /// Options for the user that runs the tests, with a key.
    pub fn options_with_key(&self, key: &KeyFile) -> ClientOptions {
        self.options(&TestAccount::current().name).with_credential(Credential::key_file(&key.private))
    }

    /// Connects and logs in.
    pub async fn connect(&self, options: &ClientOptions) -> Result<SshClient, Failure> {
        Ok(self.try_connect(options).await?)
    }

    /// As [`connect`](Self::connect), with the client's own error.
    pub async fn try_connect(&self, options: &ClientOptions) -> Result<SshClient, konko_client::Error> {
        SshClient::connect(self.address.to_string().as_str(), options).await
    }
}

/// A transport that offers other algorithms, or has other limits.
pub fn transport(change: impl FnOnce(&mut PacketConfig)) -> ClientConfig {
    let mut config = ClientConfig::default();
    let mut packet = PacketConfig::default();
    change(&mut packet);
    config.packet = Arc::new(packet);
    config
}

/// A transport that offers everything, old and weak as it may be, changed by `change`.
pub fn legacy_transport(change: impl FnOnce(&mut Algorithms)) -> ClientConfig {
    transport(|packet| {
        packet.algorithms = Algorithms::legacy();
        change(&mut packet.algorithms);
    })
}

/// The one row of that name.
///
/// # Panics
/// When there is none.
pub fn only<T: Row>(all: &[&'static T], name: &str) -> Vec<&'static T> {
    select(&[], all, name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Moves bytes both ways and checks outputs and status.
pub async fn exchange(client: &SshClient, bytes: usize) -> Result<(), Failure> {
    let input = konko_tests::Seed::new(3).bytes(bytes);
    let command = client.command("cat; echo oops >&2; exit 7");
    let output = command.stdin(konko_client::Stdin::Bytes(input.clone().into())).output().await?;
    same("standard output", &input, &output.stdout)?;
    same("standard error", b"oops\n", &output.stderr)?;
    ensure(output.status == ExitStatus::Code(7), &output.status)
}

/// Whether both texts arrived, and the status.
pub fn check_transcript(transcript: &Transcript, output: &Output) -> Result<(), Failure> {
    same("standard output", &transcript.stdout, &output.stdout)?;
    same("standard error", &transcript.stderr, &output.stderr)?;
    ensure(output.status == ExitStatus::Code(7), &output.status)
}

/// Gives the same answer to every question.
#[derive(Debug)]
pub struct Answers(pub Vec<String>);

impl Prompter for Answers {
    fn prompts<'a>(
        &'a self,
        _name: &'a str,
        _instruction: &'a str,
        prompts: &'a [Prompt],
    ) -> BoxedFuture<'a, Option<Vec<Secret>>> {
        let answers = prompts.iter().zip(&self.0).map(|(_, answer)| Secret::new(answer.clone())).collect();
        Box::pin(async { Some(answers) })
    }
}

/// The credential that answers every dialogue with these.
pub fn answers(answers: &[&str]) -> Credential {
    let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
    Credential::KeyboardInteractive(Arc::new(Answers(answers)))
}
