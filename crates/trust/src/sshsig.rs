//! Signatures of files (OpenSSH's PROTOCOL.sshsig), as `ssh-keygen -Y sign` makes them.

use base64ct::{Base64, Encoding};
use konko_keys::error::{CertificateError, SignError, SignatureError};
use konko_keys::identity::Identity;
use konko_keys::security_key::{SecurityKeyAssertion, SecurityKeyPolicy};
use konko_keys::signature_algorithm::{self, SignatureAlgorithm};
use konko_keys::signer::Signer;
use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{put_string, put_u32};
use sha2::{Digest, Sha256, Sha512};

const MAGIC: [u8; 6] = *b"SSHSIG";
const VERSION: u32 = 1;
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// How long the lines of base64 are.
const LINE_LEN: usize = 70;
/// A larger signature is not read; one by a certificate of an RSA key of 16384 bits fits in.
const LARGEST: usize = 256 * 1024;

/// The hash that stands for the message inside a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512, as ssh-keygen uses it.
    #[default]
    Sha512,
}

impl HashAlgorithm {
    /// `sha256` or `sha512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// That of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha512].into_iter().find(|hash| hash.name() == name)
    }

    /// A hasher for a message that comes in pieces.
    pub fn hasher(self) -> MessageHasher {
        match self {
            Self::Sha256 => MessageHasher(State::Sha256(Sha256::new())),
            Self::Sha512 => MessageHasher(State::Sha512(Sha512::new())),
        }
    }

    /// The hash of a whole message.
    pub fn digest(self, message: &[u8]) -> MessageDigest {
        let mut hasher = self.hasher();
        hasher.update(message);
        hasher.finish()
    }
}

#[derive(Debug, Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// Takes a message in pieces.
#[derive(Debug, Clone)]
pub struct MessageHasher(State);

impl MessageHasher {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(piece),
            State::Sha512(state) => state.update(piece),
        }
    }

    /// The hash of all pieces.
    pub fn finish(self) -> MessageDigest {
        match self.0 {
            State::Sha256(state) => {
                MessageDigest { algorithm: HashAlgorithm::Sha256, bytes: state.finalize().to_vec() }
            }
            State::Sha512(state) => {
                MessageDigest { algorithm: HashAlgorithm::Sha512, bytes: state.finalize().to_vec() }
            }
        }
    }
}

/// The hash of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageDigest {
    algorithm: HashAlgorithm,
    bytes: Vec<u8>,
}

/// Why a file is no signature, a signature is not made, or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SshSigError {
    /// The text is not armoured as a signature.
    #[error("the file is not an SSH signature")]
    NotASignature,
    /// The bytes are not laid out as a signature.
    #[error("the signature is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A version of the format that is not known.
    #[error("signatures of version {version} are not supported")]
    UnsupportedVersion {
        /// The version.
        version: u32,
    },
    /// A hash that is not known.
    #[error("the hash {name:?} is not supported")]
    UnsupportedHash {
        /// Its name.
        name: String,
    },
    /// The key inside is not accepted.
    #[error(transparent)]
    Key(#[from] CertificateError),
    /// The algorithm is unknown or stands on SHA-1.
    #[error("signatures under {name:?} are not accepted")]
    Algorithm {
        /// Its name.
        name: String,
    },
    /// The namespace is empty. PROTOCOL.sshsig: "MUST NOT be the empty string".
    #[error("the namespace is empty")]
    EmptyNamespace,
    /// Made for another purpose.
    #[error("the signature is of the namespace {found:?}")]
    OtherNamespace {
        /// The namespace in the signature.
        found: String,
    },
    /// The message was hashed with another hash than the one in the signature.
    #[error("the message was not hashed with {}", expected.name())]
    OtherHash {
        /// The hash that the signature is over.
        expected: HashAlgorithm,
    },
    /// It was not made with this key over this message.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A signature of a file. That it was read says nothing of whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSig {
    identity: Identity,
    namespace: String,
    hash: HashAlgorithm,
    signature: Vec<u8>,
}

/// What has to be signed: for a key that is elsewhere.
///
/// # Errors
///
/// [`SshSigError::EmptyNamespace`].
pub fn signed_data(namespace: &str, digest: &MessageDigest) -> Result<Vec<u8>, SshSigError> {
    if namespace.is_empty() {
        return Err(SshSigError::EmptyNamespace);
    }
    let mut data = MAGIC.to_vec();
    put_string(&mut data, namespace.as_bytes());
    put_string(&mut data, b"");
    put_string(&mut data, digest.algorithm.name().as_bytes());
    put_string(&mut data, &digest.bytes);
    Ok(data)
}

/// The algorithm that a key signs files under: the best of its type.
///
/// # Errors
///
/// [`SshSigError::Algorithm`] for a key that can sign with SHA-1 only.
pub fn algorithm_for(identity: &Identity) -> Result<&'static SignatureAlgorithm, SshSigError> {
    let key_type = identity.public_key().key_type();
    signature_algorithm::for_key_type(key_type)
        .find(|algorithm| !algorithm.legacy)
        .ok_or_else(|| SshSigError::Algorithm { name: key_type.to_owned() })
}

impl SshSig {
    /// Signs a message for a purpose, the namespace: `file`, `git`, `email` or `NAME@DOMAIN`. `identity` is what the
    /// signature shows: the key of `signer`, or a certificate of it.
    ///
    /// # Errors
    ///
    /// [`SshSigError::EmptyNamespace`], [`SshSigError::Algorithm`], [`SshSigError::Sign`], or
    /// [`SshSigError::Signature`] where `signer` does not sign for `identity`.
    pub fn sign(
        signer: &dyn Signer,
        identity: &Identity,
        namespace: &str,
        digest: &MessageDigest,
    ) -> Result<Self, SshSigError> {
        let data = signed_data(namespace, digest)?;
        let signature = signer.sign(algorithm_for(identity)?, &data)?;
        Self::from_signature(identity, namespace, digest, signature)
    }

    /// Puts together a signature that was made elsewhere over [`signed_data`]; it is verified.
    ///
    /// # Errors
    ///
    /// [`SshSigError`] where it does not hold.
    pub fn from_signature(
        identity: &Identity,
        namespace: &str,
        digest: &MessageDigest,
        signature: Vec<u8>,
    ) -> Result<Self, SshSigError> {
        let made = Self {
            identity: identity.clone(),
            namespace: namespace.to_owned(),
            hash: digest.algorithm,
            signature,
        };
        made.verify(namespace, digest, SecurityKeyPolicy::ANY)?;
        Ok(made)
    }

    /// The key, or the certificate, that signed.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it was made for.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The hash that the message has to be hashed with.
    pub const fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// The signature inside: `string algorithm ‖ string value`.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Verifies that the key inside signed this message for this purpose. Who that is, and whether anybody believes
    /// them, is another question: see [`AllowedSigners`](crate::allowed_signers::AllowedSigners).
    ///
    /// # Errors
    ///
    /// [`SshSigError`]: the namespace or the hash is another, the algorithm is not accepted, or it does not match.
    pub fn verify(
        &self,
        namespace: &str,
        digest: &MessageDigest,
        policy: SecurityKeyPolicy,
    ) -> Result<Option<SecurityKeyAssertion>, SshSigError> {
        if self.namespace != namespace {
            return Err(SshSigError::OtherNamespace { found: self.namespace.clone() });
        }
        if self.hash != digest.algorithm {
            return Err(SshSigError::OtherHash { expected: self.hash });
        }
        let name = Reader::new(&self.signature).read_str()?;
        // PROTOCOL.sshsig: RSA signatures must be of SHA-2.
        let algorithm = signature_algorithm::by_name(name)
            .filter(|algorithm| !algorithm.legacy)
            .ok_or_else(|| SshSigError::Algorithm { name: name.escape_debug().to_string() })?;
        let data = signed_data(namespace, digest)?;
        Ok(self.identity.public_key().verify_with(policy, algorithm, &data, &self.signature)?)
    }

    /// The signature as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_u32(&mut out, VERSION);
        put_string(&mut out, self.identity.blob());
        put_string(&mut out, self.namespace.as_bytes());
        put_string(&mut out, b"");
        put_string(&mut out, self.hash.name().as_bytes());
        put_string(&mut out, &self.signature);
        out
    }

    /// Reads a signature.
    ///
    /// # Errors
    ///
    /// [`SshSigError`]: what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, SshSigError> {
        if bytes.len() > LARGEST {
            return Err(DecodeError::TooMany.into());
        }
        let mut reader = Reader::new(bytes);
        if reader.read_array()? != MAGIC {
            return Err(SshSigError::NotASignature);
        }
        // PROTOCOL.sshsig: "Verifiers MUST reject signatures with versions greater than those they support."
        let version = reader.read_u32()?;
        if version != VERSION {
            return Err(SshSigError::UnsupportedVersion { version });
        }
        let identity = Identity::decode(reader.read_string()?)?;
        let namespace = reader.read_str()?.to_owned();
        if namespace.is_empty() {
            return Err(SshSigError::EmptyNamespace);
        }
        let (_reserved, name) = (reader.read_string()?, reader.read_str()?);
        let hash = HashAlgorithm::by_name(name)
            .ok_or_else(|| SshSigError::UnsupportedHash { name: name.escape_debug().to_string() })?;
        let signature = reader.read_string()?.to_vec();
        reader.finish()?;
        Ok(Self { identity, namespace, hash, signature })
    }

    /// The signature as text, as it stands in `FILE.sig`.
    pub fn to_armored(&self) -> String {
        let base64 = Base64::encode_string(&self.encode());
        let mut text = format!("{BEGIN}\n");
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at_checked(LINE_LEN).unwrap_or((rest, ""));
            text.push_str(line);
            text.push('\n');
            rest = tail;
        }
        text.push_str(END);
        text.push('\n');
        text
    }

    /// Reads such a text. It begins with its first line; whatever follows its last line is not looked at.
    ///
    /// # Errors
    ///
    /// [`SshSigError::NotASignature`] for a text of another shape; otherwise as [`decode`](Self::decode).
    pub fn from_armored(text: &[u8]) -> Result<Self, SshSigError> {
        let body = text.strip_prefix(BEGIN.as_bytes()).ok_or(SshSigError::NotASignature)?;
        let body = body.get(..body.len().min(LARGEST * 2)).unwrap_or_default();
        let body = std::str::from_utf8(body).map_err(|_| SshSigError::NotASignature)?;
        let (base64, _) = body.split_once(END).ok_or(SshSigError::NotASignature)?;
        if !base64.starts_with(['\n', '\r']) || !base64.ends_with('\n') {
            return Err(SshSigError::NotASignature);
        }
        let base64: String = base64.split_ascii_whitespace().collect();
        Self::decode(&Base64::decode_vec(&base64).map_err(|_| SshSigError::NotASignature)?)
    }
}

#[cfg(test)]
mod tests;
