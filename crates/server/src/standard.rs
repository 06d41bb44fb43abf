//! The handler of a server for one user: itself. What it allows is set by options; what it does is logged, one line
//! an event, under the target `konko::serve`.

use crate::authentication::{AuthDecision, AuthRequest, Proof};
use crate::authorized_keys::{AuthorizationFiles, AuthorizedKeysFile};
use crate::handler::{DirectTcpip, ForwardDecision, Handler, ListenDecision, SessionHandler, SocketDecision};
use crate::log_text::LogText;
use crate::password_file::PasswordFile;
use crate::peer::PeerInfo;
use crate::process::session::{ProcessOptions, ProcessSession};
use crate::program::BoxFuture;
use konko_transport::keys::certificate::Certificate;
use konko_transport::keys::identity::Identity;
use konko_transport::keys::security_key::{SecurityKeyAssertion, SecurityKeyPolicy};
use konko_transport::keys::signature_algorithm::SignatureAlgorithm;
use konko_transport::userauth::method_name::MethodName;
use konko_transport::userauth::question::{Prompt, Prompts};
use konko_trust::permissions::Permissions;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use subtle::ConstantTimeEq;

/// What a [`StandardHandler`] allows. By default nobody can log in, and who could may start programs but forward
/// nothing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StandardOptions {
    /// The only name that may log in; without it any that stands in the password file, and with a key any at all.
    pub user_name: Option<String>,
    /// The keys that may log in.
    pub authorized_keys: Option<AuthorizedKeysFile>,
    /// Authorities whose certificates let every user in, one key in a line (`TrustedUserCAKeys`).
    pub trusted_authorities: Option<PathBuf>,
    /// Who a certificate of a trusted authority must be for (`AuthorizedPrincipalsFile`); without this file it must
    /// name the user.
    pub authorized_principals: Option<PathBuf>,
    /// Keys, authorities and certificates that must not log in any more: a key revocation list, or one key in a line
    /// (`RevokedKeys`).
    pub revoked_keys: Option<PathBuf>,
    /// Under which algorithms authorities may have signed (`CASignatureAlgorithms`); `None` is all but those on SHA-1.
    pub authority_algorithms: Option<Vec<&'static SignatureAlgorithm>>,
    /// The passwords that may log in.
    pub passwords: Option<Arc<PasswordFile>>,
    /// A text for whoever connects.
    pub banner: Option<String>,
    /// The programs of sessions.
    pub process: ProcessOptions,
    /// Whether the variables that authorized_keys names are set. If not, a key whose line has any is not let in.
    pub permit_user_environment: bool,
    /// Whether clients may be connected to hosts and Unix sockets.
    pub allow_local_forwarding: bool,
    /// Whether clients may have ports and Unix sockets forwarded to them.
    pub allow_remote_forwarding: bool,
    /// Whether forwarded ports may be on other addresses than the loopback ones.
    pub gateway_ports: bool,
    /// Whether a forwarded Unix socket may take the place of one that stands there.
    pub replace_sockets: bool,
}

impl StandardOptions {
    /// The files that decide about keys and certificates.
    fn authorization_files(&self) -> AuthorizationFiles {
        AuthorizationFiles {
            authorized_keys: self.authorized_keys.clone(),
            trusted_authorities: self.trusted_authorities.clone(),
            authorized_principals: self.authorized_principals.clone(),
            revoked_keys: self.revoked_keys.clone(),
            authority_algorithms: self.authority_algorithms.clone(),
        }
    }

    /// The methods by which somebody could log in.
    pub fn methods(&self) -> Vec<MethodName> {
        let mut methods = Vec::new();
        if self.authorization_files().lets_anybody_in() {
            methods.push(MethodName::PublicKey);
        }
        if self.passwords.is_some() {
            methods.extend([MethodName::Password, MethodName::KeyboardInteractive]);
        }
        methods
    }
}

/// The handler of a server for one user.
#[derive(Debug)]
pub struct StandardHandler {
    options: Arc<StandardOptions>,
    peer: PeerInfo,
    /// What whoever logged in may do.
    permissions: Mutex<Permissions>,
}

impl StandardHandler {
    /// The handler of one connection.
    pub fn new(options: Arc<StandardOptions>, peer: &PeerInfo) -> Self {
        tracing::info!(target: "konko::serve", %peer, "connection accepted");
        Self { options, peer: *peer, permissions: Mutex::default() }
    }

    fn permissions(&self) -> MutexGuard<'_, Permissions> {
        self.permissions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the name is the one that may log in. An unknown one goes the same way as a known one with a wrong
    /// proof.
    fn is_user(&self, user_name: &str) -> bool {
        self.options
            .user_name
            .as_ref()
            .is_none_or(|expected| expected.as_bytes().ct_eq(user_name.as_bytes()).into())
    }

    async fn check_identity(&self, user_name: &str, identity: Identity) -> Option<Permissions> {
        let (files, peer) = (self.options.authorization_files(), self.peer);
        let user = user_name.to_owned();
        // Files may be slow, and others wait for this thread.
        let checked = tokio::task::spawn_blocking(move || files.check(&identity, &user, &peer)).await;
        let permissions = checked.ok().flatten()?;
        let enforced = permissions.environment.is_empty() || self.options.permit_user_environment;
        (enforced && self.is_user(user_name)).then_some(permissions)
    }

    /// The same once the possession of the key is proved: then a security key must have done what is demanded of it.
    async fn login(
        &self,
        user_name: &str,
        identity: Identity,
        assertion: Option<SecurityKeyAssertion>,
    ) -> bool {
        let permissions = self.check_identity(user_name, identity).await;
        match permissions.filter(|permissions| satisfies(assertion, permissions.security_key)) {
            Some(permissions) => {
                *self.permissions() = permissions;
                true
            }
            None => false,
        }
    }

    fn check_password(&self, user_name: &str, password: &str) -> bool {
        let Some(passwords) = &self.options.passwords else { return false };
        let correct = passwords.verify(user_name, password);
        correct & self.is_user(user_name)
    }

    async fn decide(&self, request: AuthRequest<'_>) -> AuthDecision {
        let user_name = request.user_name;
        let good = match request.proof {
            Proof::PublicKeyQuery { key, .. } => {
                self.check_identity(user_name, key.clone().into()).await.is_some()
            }
            Proof::CertificateQuery { certificate, .. } => {
                self.check_identity(user_name, certificate.clone().into()).await.is_some()
            }
            Proof::PublicKey { key, assertion, .. } => {
                self.login(user_name, key.clone().into(), assertion).await
            }
            Proof::Certificate { certificate, assertion, .. } => {
                self.login(user_name, certificate.clone().into(), assertion).await
            }
            Proof::Password(password) => self.check_password(user_name, password),
            Proof::KeyboardInteractive { round: 0, .. } if self.options.passwords.is_some() => {
                return AuthDecision::Ask(Prompts {
                    prompts: vec![Prompt { text: "Password: ".to_owned(), echo: false }],
                    ..Prompts::default()
                });
            }
            Proof::KeyboardInteractive { responses: [password], .. } => {
                self.check_password(user_name, password)
            }
            Proof::KeyboardInteractive { .. }
            | Proof::PasswordChange { .. }
            | Proof::HostBased { .. }
            | Proof::None => false,
        };
        if good { AuthDecision::Accept } else { AuthDecision::Reject }
    }

    fn log_decision(&self, request: AuthRequest<'_>, decision: &AuthDecision) {
        let (method, user) = (request.proof.method(), LogText(request.user_name.as_bytes()));
        match (request.proof, decision) {
            (Proof::None | Proof::PublicKeyQuery { .. } | Proof::CertificateQuery { .. }, _)
            | (_, AuthDecision::Ask(_)) => {}
            (Proof::PublicKey { key, .. }, AuthDecision::Accept) => {
                let fingerprint = key.fingerprint();
                tracing::info!(
                    target: "konko::serve", peer = %self.peer, %user, method, %fingerprint, "login accepted"
                );
            }
            (Proof::Certificate { certificate, .. }, AuthDecision::Accept) => {
                self.log_certificate(certificate, &user);
            }
            (_, AuthDecision::Accept) => {
                tracing::info!(target: "konko::serve", peer = %self.peer, %user, method, "login accepted");
            }
            _ => tracing::info!(target: "konko::serve", peer = %self.peer, %user, method, "login refused"),
        }
    }

    fn log_certificate(&self, certificate: &Certificate, user: &LogText<'_>) {
        tracing::info!(
            target: "konko::serve",
            peer = %self.peer,
            %user,
            method = "publickey",
            fingerprint = %certificate.fingerprint(),
            key_id = %LogText(certificate.key_id().as_bytes()),
            serial = certificate.serial(),
            authority = %certificate.signature_key().fingerprint(),
            "login accepted"
        );
    }

    fn may_connect(&self, target: LogText<'_>, permitted: bool) -> ForwardDecision {
        let allowed = self.options.allow_local_forwarding && permitted;
        tracing::info!(target: "konko::serve", peer = %self.peer, %target, allowed, "connection asked for");
        if allowed { ForwardDecision::Connect } else { ForwardDecision::Refuse }
    }

    fn may_listen(&self, target: LogText<'_>, permitted: bool) -> bool {
        let allowed = self.options.allow_remote_forwarding && permitted;
        tracing::info!(target: "konko::serve", peer = %self.peer, %target, allowed, "forwarding asked for");
        allowed
    }
}

/// Whether a security key has done what is demanded of it; whatever holds other keys says nothing of the kind.
fn satisfies(assertion: Option<SecurityKeyAssertion>, policy: SecurityKeyPolicy) -> bool {
    assertion.is_none_or(|assertion| {
        (assertion.user_present() || !policy.user_presence)
            && (assertion.user_verified() || !policy.user_verification)
    })
}

impl Handler for StandardHandler {
    fn banner(&self) -> Option<String> {
        self.options.banner.clone()
    }

    fn authenticate<'a>(&'a self, request: AuthRequest<'a>) -> BoxFuture<'a, AuthDecision> {
        Box::pin(async move {
            let decision = self.decide(request).await;
            self.log_decision(request, &decision);
            decision
        })
    }

    fn open_session(&self) -> BoxFuture<'_, Option<Box<dyn SessionHandler>>> {
        let permissions = self.permissions().clone();
        let mut options = self.options.process.clone();
        options.allow_pty &= permissions.pty;
        options.allow_agent_forwarding &= permissions.agent_forwarding;
        // The server's own forced command stands above that of a key.
        options.forced_command = options.forced_command.or(permissions.forced_command);
        options.variables.extend(permissions.environment);
        let session = ProcessSession::new(Arc::new(options), self.peer);
        Box::pin(ready(Some(Box::new(session) as Box<dyn SessionHandler>)))
    }

    fn direct_tcpip<'a>(&'a self, target: &'a DirectTcpip) -> BoxFuture<'a, ForwardDecision> {
        let text = format!("{}:{}", target.host, target.port);
        let permitted = self.permissions().allows_open(&target.host, target.port);
        Box::pin(ready(self.may_connect(LogText(text.as_bytes()), permitted)))
    }

    fn direct_streamlocal<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, ForwardDecision> {
        let permitted = self.permissions().allows_open_socket();
        Box::pin(ready(self.may_connect(LogText(path.as_os_str().as_encoded_bytes()), permitted)))
    }

    fn tcpip_forward<'a>(&'a self, address: &'a str, port: u16) -> BoxFuture<'a, ListenDecision> {
        let text = format!("{address}:{port}");
        let permitted = self.permissions().allows_listen(address, port);
        let decision = match self.may_listen(LogText(text.as_bytes()), permitted) {
            false => ListenDecision::Refuse,
            true if self.options.gateway_ports => ListenDecision::AsRequested,
            true => ListenDecision::Loopback,
        };
        Box::pin(ready(decision))
    }

    fn streamlocal_forward<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, SocketDecision> {
        let permitted = self.permissions().allows_listen_socket();
        let decision = match self.may_listen(LogText(path.as_os_str().as_encoded_bytes()), permitted) {
            false => SocketDecision::Refuse,
            true if self.options.replace_sockets => SocketDecision::Replace,
            true => SocketDecision::Create,
        };
        Box::pin(ready(decision))
    }

    fn disconnected(&self, reason: &konko_tokio::Error) {
        tracing::info!(target: "konko::serve", peer = %self.peer, %reason, "connection ends");
    }
}
