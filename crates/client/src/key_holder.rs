//! Looking up every key that the credentials speak of, and having them sign.

use crate::credential::{Credential, KeyFile};
use crate::key_plan::{FoundKey, Holding};
use crate::key_source::{KeySource, KeySourceError, open_certificate};
use crate::off_thread::off_thread;
use crate::signer::{KeyAgent, SignatureRequest, Signer};
use konko_transport::keys::identity::Identity;
use konko_transport::keys::private_key::PrivateKey;
use konko_transport::userauth::SignatureQuestion;
use konko_transport::wire::decode::Reader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who signs for a key.
pub(crate) enum Holder {
    /// A private key in memory.
    Memory(Arc<PrivateKey>),
    /// A key file.
    File {
        /// What is known of it.
        source: KeySource,
        /// Where it is.
        path: PathBuf,
    },
    /// Somebody of the application.
    Signer(Arc<dyn Signer>, Identity),
    /// An agent, for a key that it listed as this.
    Agent(Arc<dyn KeyAgent>, Identity),
    /// Nobody; there is only a certificate.
    Nobody,
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory(key) => f.debug_tuple("Memory").field(key).finish(),
            Self::File { source, .. } => f.debug_tuple("File").field(source).finish(),
            Self::Signer(_, identity) => f.debug_tuple("Signer").field(identity).finish(),
            Self::Agent(_, identity) => f.debug_tuple("Agent").field(identity).finish(),
            Self::Nobody => f.write_str("Nobody"),
        }
    }
}

impl Holder {
    /// The signature that is asked for, or why there is none.
    pub(crate) async fn sign(&mut self, question: &SignatureQuestion) -> Result<Vec<u8>, String> {
        let request = |identity: &Identity| SignatureRequest {
            identity: identity.clone(),
            algorithm: question.algorithm,
            message: question.data.clone(),
        };
        let signed = match self {
            Self::Memory(key) => return sign_off_thread(Arc::clone(key), question).await,
            Self::File { source, .. } => {
                let key = source.unlock().await.map_err(|error| error.to_string())?;
                return sign_off_thread(key, question).await;
            }
            Self::Signer(signer, identity) => signer.sign(request(identity)).await,
            Self::Agent(agent, identity) => agent.sign(request(identity)).await,
            Self::Nobody => return Err("there is nobody to sign".to_owned()),
        };
        let signature = signed.map_err(|error| error.to_string())?;
        // Agents that do not know the flag for it sign with SHA-1 where another algorithm was asked for; no server
        // would take that, and it would count as an attempt.
        match Reader::new(&signature).read_string() {
            Ok(name) if name == question.algorithm.name.as_bytes() => Ok(signature),
            _ => Err(format!("the signature is not one under {}", question.algorithm.name)),
        }
    }
}

impl Holder {
    /// A key of a file that has been opened, with its path.
    pub(crate) fn opened_file(&self) -> Option<(Arc<PrivateKey>, PathBuf)> {
        match self {
            Self::File { source: KeySource::Ready(key), path } => Some((Arc::clone(key), path.clone())),
            _ => None,
        }
    }
}

/// An RSA signature takes milliseconds, which other connections of this thread should not wait for.
pub(crate) async fn sign_off_thread(
    key: Arc<PrivateKey>,
    question: &SignatureQuestion,
) -> Result<Vec<u8>, String> {
    let (algorithm, data) = (question.algorithm, question.data.clone());
    match off_thread(move || key.sign(algorithm, &data)).await {
        Ok(signed) => signed.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Everything that credentials speak of, in their order.
#[derive(Debug, Default)]
pub(crate) struct FoundKeys {
    /// What there is.
    pub(crate) found: Vec<FoundKey>,
    /// Who signs for each of them.
    pub(crate) holders: Vec<Holder>,
    /// The places of credentials that cannot be used, and why.
    pub(crate) unusable: Vec<(usize, String)>,
}

/// Looks up every key that may be used on the connection of this identifier. Nobody is asked for a passphrase, and no agent for a signature.
pub(crate) async fn find_keys(credentials: &[Credential], session_id: &[u8]) -> FoundKeys {
    let mut keys = FoundKeys::default();
    for (place, credential) in credentials.iter().enumerate() {
        match credential {
            Credential::PrivateKey(key) => {
                let identity = key.public_key().clone().into();
                let holder = Holder::Memory(Arc::clone(key));
                keys.push(place, Some(identity), Holding::AtHand, "memory".to_owned(), holder);
            }
            Credential::KeyFile(file) => keys.open(place, file).await,
            Credential::Signer(signer) => {
                let (identity, origin) = (signer.identity(), signer.origin());
                let holder = Holder::Signer(Arc::clone(signer), identity.clone());
                keys.push(place, Some(identity), Holding::Signer, origin, holder);
            }
            Credential::Agent(agent) => keys.list(place, agent, session_id).await,
            Credential::CertificateFile(path) => match open_certificate(path).await {
                Ok(certificate) => {
                    let origin = path.display().to_string();
                    let identity = Some(certificate.into());
                    keys.push(place, identity, Holding::Elsewhere, origin, Holder::Nobody);
                }
                Err(error) => keys.unusable.push((place, error.to_string())),
            },
            Credential::None
            | Credential::Password(_)
            | Credential::PasswordPrompt(_)
            | Credential::KeyboardInteractive(_)
            | Credential::HostBased(_) => {}
        }
    }
    keys
}

impl FoundKeys {
    fn push(
        &mut self,
        place: usize,
        identity: Option<Identity>,
        holding: Holding,
        origin: String,
        holder: Holder,
    ) {
        self.found.push(FoundKey { place, identity, holding, origin });
        self.holders.push(holder);
    }

    async fn open(&mut self, place: usize, file: &KeyFile) {
        let opened = match KeySource::open(file).await {
            Ok(opened) => opened,
            Err(KeySourceError::Missing(_)) if file.optional => return,
            Err(error) => return self.unusable.push((place, error.to_string())),
        };
        let origin = file.path.display().to_string();
        match opened.certificate {
            // PROTOCOL.certkeys leaves the order open; OpenSSH offers certificates first.
            Some(Ok(certificate)) => {
                let (identity, origin) = (Some(certificate.into()), beside(&file.path));
                self.push(place, identity, Holding::Elsewhere, origin, Holder::Nobody);
            }
            Some(Err(error)) => self.unusable.push((place, error.to_string())),
            None => {}
        }
        let identity = opened.source.public_key().cloned().map(Identity::from);
        let holding = match &opened.source {
            KeySource::Ready(_) => Holding::AtHand,
            KeySource::Locked { .. } | KeySource::Sealed(_) => Holding::Locked,
            KeySource::PublicOnly(_) => Holding::Elsewhere,
        };
        let holder = Holder::File { source: opened.source, path: file.path.clone() };
        self.push(place, identity, holding, origin, holder);
    }

    async fn list(&mut self, place: usize, agent: &Arc<dyn KeyAgent>, session_id: &[u8]) {
        match agent.identities_for(session_id).await {
            Ok(listed) => {
                for key in listed {
                    let holder = Holder::Agent(Arc::clone(agent), key.identity.clone());
                    self.push(place, Some(key.identity), Holding::Agent, agent.origin(), holder);
                }
            }
            Err(error) => self.unusable.push((place, error.to_string())),
        }
    }
}

fn beside(path: &Path) -> String {
    format!("{}-cert.pub", path.display())
}
