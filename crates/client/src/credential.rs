//! What a user can prove themselves with.

use crate::prompter::Prompter;
use crate::secret::Secret;
use crate::signer::{KeyAgent, Signer};
use konko_transport::keys::private_key::PrivateKey;
use std::path::PathBuf;
use std::sync::Arc;

/// What a user can prove themselves with. A list of them is tried in order.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing (RFC 4252 §5.2). The server is asked in this way what it offers, too, where that saves a question
    /// to the user; this one says that it may also let the user in.
    None,
    /// A password. Where the server does not offer the method `password`, it answers a single prompt of
    /// `keyboard-interactive`.
    Password(Secret),
    /// A password that the user is asked for, up to
    /// [`password_prompts`](crate::options::ClientOptions::password_prompts) times.
    PasswordPrompt(Arc<dyn Prompter>),
    /// A private key in memory.
    PrivateKey(Arc<PrivateKey>),
    /// A private key in a file.
    KeyFile(KeyFile),
    /// A key that signs somewhere else: in hardware, at a service.
    Signer(Arc<dyn Signer>),
    /// The keys of an agent, in its order; what another credential names comes at that one's place, and with
    /// [`identities_only`](crate::options::ClientOptions::identities_only) nothing else is used. The agent also signs
    /// for key files that are encrypted, or of which there is but a public half, and for certificates.
    Agent(Arc<dyn KeyAgent>),
    /// A certificate in a file, for a key that any other credential holds; without such a one it is not used.
    CertificateFile(PathBuf),
    /// The word of this host (RFC 4252 §9).
    HostBased(HostBased),
    /// A dialogue (RFC 4256), up to [`password_prompts`](crate::options::ClientOptions::password_prompts) times.
    KeyboardInteractive(Arc<dyn Prompter>),
}

impl Credential {
    /// A password.
    pub fn password(password: impl Into<String>) -> Self {
        Self::Password(Secret::new(password))
    }

    /// A private key in memory.
    pub fn private_key(key: PrivateKey) -> Self {
        Self::PrivateKey(Arc::new(key))
    }

    /// A key that signs somewhere else.
    pub fn signer(signer: impl Signer + 'static) -> Self {
        Self::Signer(Arc::new(signer))
    }

    /// The keys of an agent.
    pub fn agent(agent: impl KeyAgent + 'static) -> Self {
        Self::Agent(Arc::new(agent))
    }

    /// A private key in a file, which is not encrypted.
    pub fn key_file(path: impl Into<PathBuf>) -> Self {
        Self::KeyFile(KeyFile::new(path))
    }

    /// The keys that OpenSSH looks for in `~/.ssh`: `id_rsa`, `id_ecdsa`, `id_ecdsa_sk`, `id_ed25519`,
    /// `id_ed25519_sk`, in this order. Those that do not exist are passed over.
    pub fn default_keys(passphrase: &Passphrase) -> Vec<Self> {
        let Some(home) = std::env::home_dir().filter(|home| !home.as_os_str().is_empty()) else {
            return Vec::new();
        };
        ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"]
            .into_iter()
            .map(|name| home.join(".ssh").join(name))
            .map(|path| {
                Self::KeyFile(KeyFile {
                    optional: true,
                    ..KeyFile::new(path).with_passphrase(passphrase.clone())
                })
            })
            .collect()
    }

    /// In words, without secrets.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Password(_) => "the given password".to_owned(),
            Self::PasswordPrompt(_) => "a password that was asked for".to_owned(),
            Self::PrivateKey(key) => {
                format!("the {} key {}", key.public_key().key_type(), key.public_key().fingerprint())
            }
            Self::KeyFile(file) => format!("the key file {}", file.path.display()),
            Self::Signer(signer) => format!("the key from {}", signer.origin()),
            Self::Agent(agent) => format!("the keys of {}", agent.origin()),
            Self::CertificateFile(path) => format!("the certificate file {}", path.display()),
            Self::HostBased(host) => format!(
                "the word of {} for {}",
                crate::printable::printable(&host.client_host_name, false),
                crate::printable::printable(&host.client_user_name, false)
            ),
            Self::KeyboardInteractive(_) => "answers that were asked for".to_owned(),
        }
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Password(_) => f.write_str("Password(..)"),
            Self::PasswordPrompt(_) => f.write_str("PasswordPrompt(..)"),
            Self::PrivateKey(key) => f.debug_tuple("PrivateKey").field(key).finish(),
            Self::KeyFile(file) => f.debug_tuple("KeyFile").field(file).finish(),
            Self::Signer(signer) => f.debug_tuple("Signer").field(&signer.origin()).finish(),
            Self::Agent(agent) => f.debug_tuple("Agent").field(&agent.origin()).finish(),
            Self::CertificateFile(path) => f.debug_tuple("CertificateFile").field(path).finish(),
            Self::HostBased(host) => f.debug_tuple("HostBased").field(host).finish(),
            Self::KeyboardInteractive(_) => f.write_str("KeyboardInteractive(..)"),
        }
    }
}

/// Where the passphrase of a key file comes from.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Passphrase {
    /// There is none: an encrypted file cannot be used.
    #[default]
    None,
    /// It is this. A file that is not encrypted does not use it.
    Fixed(Secret),
    /// The user is asked, up to three times, and only for a key that the server accepts if its public half is
    /// known without it.
    Ask(Arc<dyn Prompter>),
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Fixed(_) => "Fixed(..)",
            Self::Ask(_) => "Ask(..)",
        })
    }
}

/// The word of this host for its user (RFC 4252 §9). The key is read with the rights of the caller, which are as a rule
/// not enough for a key of the system; OpenSSH's setuid helper `ssh-keysign` is not called.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostBased {
    /// The private key of the host, not encrypted. The bare key is shown to the server, no certificate for it.
    pub key_file: PathBuf,
    /// The host's name as the server knows it, fully qualified.
    pub client_host_name: String,
    /// Who the user is on this host.
    pub client_user_name: String,
}

impl HostBased {
    /// The host of this name vouches with the key in that file for the user.
    pub fn new(
        key_file: impl Into<PathBuf>,
        client_host_name: impl Into<String>,
        client_user_name: impl Into<String>,
    ) -> Self {
        Self {
            key_file: key_file.into(),
            client_host_name: client_host_name.into(),
            client_user_name: client_user_name.into(),
        }
    }
}

/// A private key in a file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeyFile {
    /// The private key. If a file of the same name with `.pub` appended lies beside it, the public half is taken
    /// from there, so that an encrypted key need not be decrypted before the server accepts it; and if there is one
    /// with `-cert.pub` appended, that certificate is offered before the key. The file may also be a public key, or
    /// be missing beside its public half: then an agent has to hold the private half.
    pub path: PathBuf,
    /// Where its passphrase comes from.
    pub passphrase: Passphrase,
    /// Whether a file that others than its owner can read is used all the same. Default: `false`.
    pub ignore_permissions: bool,
    /// Whether a file that does not exist is passed over in silence. Default: `false`.
    pub optional: bool,
}

impl KeyFile {
    /// The key at `path`, not encrypted.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), passphrase: Passphrase::None, ignore_permissions: false, optional: false }
    }

    /// With this passphrase.
    #[must_use]
    pub fn with_passphrase(mut self, passphrase: Passphrase) -> Self {
        self.passphrase = passphrase;
        self
    }

    /// Even if others than its owner can read it.
    #[must_use]
    pub const fn ignoring_permissions(mut self) -> Self {
        self.ignore_permissions = true;
        self
    }

    /// Passed over if it does not exist.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}
