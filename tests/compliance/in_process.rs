//! Our client and our server in one process, joined by a stream of any size.

use konko_client::{ClientOptions, Error, HostKeyPolicy, SshClient};
use konko_keys::private_key::{KeyKind, PrivateKey};
use konko_server::transport::ServerConfig;
use konko_server::{PeerInfo, Server, StandardHandler, StandardOptions};
use std::sync::Arc;
use std::time::Duration;

/// No test needs nearly as long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A new key.
pub fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, &mut konko_crypto::random::SystemRandom).expect("a key")
}

/// A server of programs, run by a plain shell.
pub fn server(mut standard: StandardOptions, change: impl FnOnce(&mut ServerConfig)) -> Arc<Server> {
    standard.process.shell = Some("/bin/sh".into());
    let (methods, standard) = (standard.methods(), Arc::new(standard));
    let built = Server::builder()
        .methods(methods)
        .handler(move |peer: &PeerInfo| StandardHandler::new(Arc::clone(&standard), peer))
        .transport_config(change)
        .host_key(key())
        .build();
    Arc::new(built.expect("a server"))
}

/// The options of a user whose client believes every server.
pub fn options(user: &str) -> ClientOptions {
    ClientOptions::new(user, HostKeyPolicy::InsecureAcceptAny)
}

/// Logs in over a stream that holds that many bytes each way.
pub async fn connect(
    server: &Arc<Server>,
    options: &ClientOptions,
    capacity: usize,
) -> Result<SshClient, Error> {
    let (near, far) = tokio::io::duplex(capacity);
    let server = Arc::clone(server);
    tokio::spawn(async move { server.serve_connection(far, PeerInfo::UNKNOWN).await });
    SshClient::over(near, "host", 22, options).await
}

/// Runs it on two threads, but not for ever.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime
        .expect("a runtime")
        .block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("it does not hang") })
}
