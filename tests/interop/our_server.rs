//! Our server on a loopback port, for real clients.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use konko_client::transport::keys::private_key::PrivateKey;
use konko_server::transport::ServerConfig;
use konko_server::transport::crypto::kex::Moduli;
use konko_server::transport::packet::{Algorithms, PacketConfig};
use konko_server::{AuthorizedKeysFile, PasswordFile, PeerInfo, Server, StandardHandler, StandardOptions};
use konko_tests::peers::{KeyFile, KeyKind, openssh};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::runtime::runtime;
use crate::user::User;

/// The user that our server lets in.
pub const USER: &str = "test";
/// The password of that user.
pub const PASSWORD: &str = "correct horse";
/// How long it may take to end.
const END: Duration = Duration::from_secs(20);

/// A change of the transport's settings.
type Change = Box<dyn FnOnce(&mut ServerConfig)>;

/// What our server shall be like. Default: as it comes, with an Ed25519 host key.
pub struct OurServerOptions {
    host_keys: Vec<KeyKind>,
    standard: StandardOptions,
    packet: PacketConfig,
    changes: Vec<Change>,
}

impl OurServerOptions {
    /// Lets in the owner of these keys, and whoever knows [`PASSWORD`].
    pub fn new(user: &User) -> Self {
        let mut standard = StandardOptions::default();
        standard.user_name = Some(USER.to_owned());
        standard.authorized_keys = Some(AuthorizedKeysFile::new(user.authorized_keys()));
        let passwords =
            PasswordFile::parse(format!("{USER}:{PASSWORD}\n").as_bytes()).expect("a password file");
        standard.passwords = Some(Arc::new(passwords));
        standard.process.shell = Some("/bin/sh".into());
        standard.process.environment.allow("KONKO_*");
        let packet = PacketConfig::server_default();
        Self { host_keys: vec![KeyKind::Ed25519], standard, packet, changes: Vec::new() }
    }

    /// With host keys of these kinds.
    pub fn host_keys(mut self, kinds: &[KeyKind]) -> Self {
        self.host_keys = kinds.to_vec();
        self
    }

    /// Changes what is allowed.
    pub fn allow(mut self, change: impl FnOnce(&mut StandardOptions)) -> Self {
        change(&mut self.standard);
        self
    }

    /// Changes algorithms and limits.
    pub fn packet(mut self, change: impl FnOnce(&mut PacketConfig)) -> Self {
        change(&mut self.packet);
        self
    }

    /// Changes the rest of the transport.
    pub fn transport(mut self, change: impl FnOnce(&mut ServerConfig) + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Offers everything, old and weak as it may be, group exchange with the groups of RFC 3526.
    pub fn legacy(self) -> Self {
        self.packet(|packet| {
            packet.algorithms = Algorithms::legacy();
            packet.moduli = Some(Arc::new(Moduli::builtin()));
        })
    }

    /// Starts it.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn start(self) -> OurServer {
        let folder = TempDir::new().expect("a folder for host keys");
        let host_keys = self.host_keys.iter().enumerate().map(|(number, kind)| {
            KeyFile::generate(&folder.path().join(format!("host_key_{number}")), *kind, "")
        });
        let host_keys: Vec<_> = host_keys.collect();
        let (methods, standard) = (self.standard.methods(), Arc::new(self.standard));
        let (packet, changes) = (self.packet, self.changes);
        let mut builder = Server::builder()
            .methods(methods)
            .handler(move |peer: &PeerInfo| StandardHandler::new(Arc::clone(&standard), peer))
            .transport_config(|config| {
                config.packet = Arc::new(packet);
                for change in changes {
                    change(config);
                }
            });
        for key in &host_keys {
            builder = builder.host_key(read_key(&key.private));
        }
        let server = builder.build().expect("a server");
        let (stop, stopped) = oneshot::channel::<()>();
        let listening =
            runtime().block_on(Server::listen((Ipv4Addr::LOCALHOST, 0))).expect("a free loopback port");
        let address = listening.local_addr().expect("a bound listener has an address");
        let serving = runtime().spawn(async move {
            server
                .serve(listening, async {
                    // It ends, too, when the other end is dropped.
                    let _ = stopped.await;
                })
                .await;
        });
        OurServer { address, host_keys, stop: Some(stop), serving: Some(serving), _folder: folder }
    }
}

/// Reads a private key.
///
/// # Panics
/// When it cannot be read.
pub fn read_key(path: &Path) -> PrivateKey {
    let text = std::fs::read(path).expect("a private key file");
    PrivateKey::from_openssh(&text, None).expect("a private key that ssh-keygen made")
}

/// Our server while it runs. Dropping it ends it and its programs.
pub struct OurServer {
    address: SocketAddr,
    host_keys: Vec<KeyFile>,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl OurServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its host keys, in the order asked for.
    pub fn host_keys(&self) -> &[KeyFile] {
        &self.host_keys
    }

    /// A `known_hosts` line for each host key.
    pub fn known_hosts(&self) -> String {
        openssh::known_hosts(self.address, &self.host_keys)
    }
}

impl Drop for OurServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(serving) = self.serving.take() else { return };
        let ended = runtime().block_on(async { tokio::time::timeout(END, serving).await });
        if !std::thread::panicking() {
            ended.expect("the server ends when it is told to").expect("the server does not panic");
        }
    }
}
