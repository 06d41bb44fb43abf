//! A key that an agent has said to hold.

use konko_keys::{CertificateError, Fingerprint, Identity};
use konko_wire::decode::Reader;

/// An entry of an agent's list. The key stays as the agent gave it, whatever type it is of: an unknown one does
/// not harm the others, and the agent can sign with it all the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AgentIdentity {
    /// The public key or certificate, as it travels.
    pub blob: Vec<u8>,
    /// What the agent says about it; often the path of a file. It comes from the agent: escape it before showing
    /// it.
    pub comment: String,
}

impl AgentIdentity {
    /// The name of its type, if the blob begins with one. It comes from the agent: escape it before showing it.
    pub fn key_type(&self) -> Option<&str> {
        Reader::new(&self.blob).read_str().ok()
    }

    /// The public key or certificate.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Key`] with an unsupported key for an unknown type, or what is wrong with it.
    pub fn decode(&self) -> Result<Identity, CertificateError> {
        Identity::decode(&self.blob)
    }

    /// A short name to compare: of the bare key where it is known, otherwise of the blob.
    pub fn fingerprint(&self) -> Fingerprint {
        self.decode().map_or_else(|_| Fingerprint::of(&self.blob), |identity| identity.fingerprint())
    }
}

impl std::fmt::Debug for AgentIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key_type = self.key_type().unwrap_or("?").escape_debug();
        write!(f, "AgentIdentity({key_type} {} {:?})", self.fingerprint(), self.comment)
    }
}
