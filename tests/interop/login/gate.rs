//! A server of ours that lets in whom a test says.

use std::sync::{Arc, Mutex};

use konko_client::transport::keys::certificate_check::CertificateCheck;
use konko_client::transport::keys::certificate_kind::CertificateKind;
use konko_client::transport::keys::public_key::PublicKey;
use konko_server::transport::userauth::MethodName;
use konko_server::{AuthDecision, AuthRequest, BoxFuture, Handler, PeerInfo, Proof, Server, SessionHandler};
use konko_tests::peers::{KeyFile, Ssh, openssh};
use tokio::sync::oneshot;

use crate::our_server::{USER, read_key};
use crate::runtime::runtime;
use crate::user::User;

/// What a server of these tests lets in.
#[derive(Clone)]
pub struct Gate {
    /// Whose certificates.
    pub authority: Option<PublicKey>,
    /// Which keys.
    pub keys: Vec<PublicKey>,
    /// The methods that are needed, in order.
    chain: Vec<MethodName>,
    /// Which host vouches.
    pub host_key: Option<PublicKey>,
    /// Which user of which host is vouched for.
    pub vouched: (String, String),
    seen: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    /// Nobody yet.
    pub fn new(chain: &[MethodName]) -> Self {
        let (authority, keys, host_key) = (None, Vec::new(), None);
        let vouched = ("alice".to_owned(), "client.konko.test".to_owned());
        Self { authority, keys, chain: chain.to_vec(), host_key, vouched, seen: Arc::default() }
    }

    /// The same, and nothing was offered to it yet.
    pub fn unseen(&self) -> Self {
        Self { seen: Arc::default(), ..self.clone() }
    }

    /// What was offered, in order.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }

    fn is_good(&self, user: &str, proof: Proof<'_>) -> bool {
        match proof {
            Proof::PublicKeyQuery { key, .. } | Proof::PublicKey { key, .. } => self.keys.contains(key),
            Proof::CertificateQuery { certificate, .. } | Proof::Certificate { certificate, .. } => {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                let now = now.expect("it is after 1970").as_secs();
                self.authority.as_ref().is_some_and(|authority| {
                    let check = CertificateCheck::new(authority, CertificateKind::User, now, Some(user));
                    certificate.check(&check).is_ok()
                })
            }
            Proof::KeyboardInteractive { responses: [answer], .. } => answer.as_str() == "open sesame",
            Proof::HostBased { key, client_host_name, client_user_name, .. } => {
                Some(key.public_key()) == self.host_key.as_ref()
                    && self.vouched.0 == client_user_name
                    && self.vouched.1 == client_host_name
            }
            _ => false,
        }
    }

    fn decide(&self, request: AuthRequest<'_>) -> AuthDecision {
        let done = {
            let mut seen = self.seen.lock().expect("no panic");
            seen.push(format!("{:?}", request.proof).split('(').next().unwrap_or_default().to_owned());
            seen.iter().filter(|what| *what == "partially").count()
        };
        if let Proof::KeyboardInteractive { round: 0, .. } = request.proof {
            let prompt = konko_client::Prompt { text: "Word: ".to_owned(), echo: false };
            let mut prompts = konko_server::transport::userauth::Prompts::default();
            prompts.prompts.push(prompt);
            return AuthDecision::Ask(prompts);
        }
        let query = matches!(request.proof, Proof::PublicKeyQuery { .. } | Proof::CertificateQuery { .. });
        let due = self.chain.get(done).is_some_and(|method| method.as_str() == request.proof.method());
        if !due || !self.is_good(request.user_name, request.proof) {
            return AuthDecision::Reject;
        }
        match self.chain.get(done + 1) {
            Some(next) if !query => {
                self.seen.lock().expect("no panic").push("partially".to_owned());
                AuthDecision::AcceptPartially(vec![*next])
            }
            _ => AuthDecision::Accept,
        }
    }
}

impl Handler for Gate {
    fn authenticate<'a>(&'a self, request: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        Box::pin(async move { self.decide(request) })
    }

    fn open_session(&self) -> BoxFuture<'_, Option<Box<dyn SessionHandler>>> {
        Box::pin(async { Some(Box::new(Nothing) as Box<dyn SessionHandler>) })
    }
}

/// A session in which nothing can be started.
pub struct Nothing;

impl SessionHandler for Nothing {}

/// A running server, and how many tries it allows.
pub struct Gated {
    /// Where it listens.
    pub address: std::net::SocketAddr,
    /// Its host key.
    pub host_key: KeyFile,
    _stop: oneshot::Sender<()>,
    _folder: User,
}

/// Starts a server.
pub fn serve(gate: &Gate, maximum_attempts: u32) -> Gated {
    let folder = User::new();
    let host_key = folder.key().clone();
    let gate = gate.clone();
    let server = Server::builder()
        .host_key(read_key(&host_key.private))
        .methods([gate.chain[0]])
        .handler(move |_: &PeerInfo| gate.clone())
        .transport_config(move |config| config.auth.maximum_attempts = maximum_attempts)
        .build()
        .expect("a server");
    let (stop, stopped) = oneshot::channel::<()>();
    let loopback = (std::net::Ipv4Addr::LOCALHOST, 0);
    let listening = runtime().block_on(Server::listen(loopback)).expect("a free loopback port");
    let address = listening.local_addr().expect("a bound listener has an address");
    runtime().spawn(async move {
        server
            .serve(listening, async {
                // It ends, too, when the other end is dropped.
                let _ = stopped.await;
            })
            .await;
    });
    Gated { address, host_key, _stop: stop, _folder: folder }
}

impl Gated {
    /// OpenSSH's client for it.
    pub fn ssh(&self) -> Option<Ssh> {
        let known = openssh::known_hosts(self.address, std::slice::from_ref(&self.host_key));
        Some(Ssh::new(self.address, USER)?.known_hosts(&known).option("LogLevel=DEBUG1"))
    }
}

/// What `ssh` says once it is in.
pub const AUTHENTICATED: &str = "Authenticated to";
