//! Public keys (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4).

use crate::dss::DssNumbers;
use crate::ecdsa::{self, Curve};
use crate::ed25519;
use crate::error::{KeyError, SignatureError};
use crate::fingerprint::Fingerprint;
use crate::key_line;
#[cfg(feature = "mldsa")]
use crate::mldsa44_ed25519::CompositePublic;
use crate::rsa_pkcs1;
use crate::security_key::{self, SecurityKeyAssertion, SecurityKeyPolicy};
use crate::signature_algorithm::{Scheme, SignatureAlgorithm};
use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{put_mpint, put_string};
use konko_wire::peer_text::printable_ascii;
use std::sync::Arc;

/// The smallest RSA modulus, in bits, that should be trusted. Smaller ones, down to 1024, are read and verify
/// all the same, so that they can be named; whoever relies on a signature compares with [`PublicKey::bits`].
pub const MINIMUM_RSA_BITS: usize = 2048;

/// The longest blob of a key: an RSA key of 16384 bits fits in.
const LONGEST_BLOB: usize = 4096;

/// The numbers inside a key, as their kind wants them.
enum Parts {
    Ed25519(ed25519::VerifyingKey),
    Ecdsa {
        curve: Curve,
        point: Vec<u8>,
    },
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Dss {
        p: Vec<u8>,
        q: Vec<u8>,
        g: Vec<u8>,
        y: Vec<u8>,
    },
    SecurityKeyEd25519 {
        key: ed25519::VerifyingKey,
        application: String,
    },
    SecurityKeyEcdsa {
        point: Vec<u8>,
        application: String,
    },
    #[cfg(feature = "mldsa")]
    Composite(Box<CompositePublic>),
}

/// The longest name of an application, in bytes; FIDO's are like `ssh:` or a host name.
const LONGEST_APPLICATION: usize = 1024;

struct Inner {
    blob: Vec<u8>,
    parts: Parts,
}

/// A valid public key. Clones share one allocation. Two keys are equal if their blobs are: every key has exactly
/// one encoding that is accepted.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

impl PublicKey {
    /// Reads a public key blob: `string type` and the fields of that type, without a byte more.
    ///
    /// Points must be uncompressed and on their curve, mpints in their shortest form; an RSA modulus has 1024 to
    /// 16384 bits and its exponent is odd, 3 or more and not beyond 2^32.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unsupported`] for a type that is not known, decided before anything else is read; otherwise
    /// what is wrong with the key.
    pub fn decode(blob: &[u8]) -> Result<Self, KeyError> {
        if blob.len() > LONGEST_BLOB {
            return Err(KeyError::Malformed(DecodeError::TooMany));
        }
        let mut reader = Reader::new(blob);
        let key_type = reader.read_string()?;
        let parts = Self::decode_parts(key_type, &mut reader)?;
        reader.finish()?;
        Ok(Self(Arc::new(Inner { blob: blob.to_vec(), parts })))
    }

    /// Reads the fields of a key of this type, as they stand in a key and in a certificate, and leaves the rest.
    pub(crate) fn decode_fields(key_type: &'static str, reader: &mut Reader<'_>) -> Result<Self, KeyError> {
        let before = *reader;
        let parts = Self::decode_parts(key_type.as_bytes(), reader)?;
        let mut before = before;
        let fields = before.read_bytes(before.remaining() - reader.remaining())?;
        let mut blob = Vec::with_capacity(4 + key_type.len() + fields.len());
        put_string(&mut blob, key_type.as_bytes());
        blob.extend_from_slice(fields);
        Ok(Self(Arc::new(Inner { blob, parts })))
    }

    fn decode_parts(key_type: &[u8], reader: &mut Reader<'_>) -> Result<Parts, KeyError> {
        Ok(match key_type {
            b"ssh-ed25519" => Parts::Ed25519(ed25519::public_key(reader.read_string()?)?),
            b"ssh-rsa" => {
                let (e, n) = (positive(reader)?, positive(reader)?);
                rsa_pkcs1::check_public(n, e)?;
                Parts::Rsa { n: n.to_vec(), e: e.to_vec() }
            }
            b"ssh-dss" => {
                let (p, q) = (positive(reader)?, positive(reader)?);
                let (g, y) = (positive(reader)?, positive(reader)?);
                DssNumbers { p, q, g, y }.check()?;
                Parts::Dss { p: p.to_vec(), q: q.to_vec(), g: g.to_vec(), y: y.to_vec() }
            }
            b"sk-ssh-ed25519@openssh.com" => Parts::SecurityKeyEd25519 {
                key: ed25519::public_key(reader.read_string()?)?,
                application: application(reader)?,
            },
            b"sk-ecdsa-sha2-nistp256@openssh.com" => Parts::SecurityKeyEcdsa {
                point: decode_point(Curve::P256, reader)?,
                application: application(reader)?,
            },
            #[cfg(feature = "mldsa")]
            b"ssh-mldsa44-ed25519@openssh.com" => {
                Parts::Composite(Box::new(CompositePublic::read(reader.read_string()?)?))
            }
            name => match Curve::ALL.into_iter().find(|curve| curve.key_type().as_bytes() == name) {
                Some(curve) => Parts::Ecdsa { curve, point: decode_point(curve, reader)? },
                None => return Err(KeyError::Unsupported { name: printable_ascii(name) }),
            },
        })
    }

    /// Makes the key of a 32-byte Ed25519 point.
    pub(crate) fn from_ed25519(point: &[u8]) -> Result<Self, KeyError> {
        let mut blob = Vec::new();
        put_string(&mut blob, b"ssh-ed25519");
        put_string(&mut blob, point);
        Self::decode(&blob)
    }

    /// Makes the key of an uncompressed point.
    pub(crate) fn from_ecdsa(curve: Curve, point: &[u8]) -> Result<Self, KeyError> {
        let mut blob = Vec::new();
        put_string(&mut blob, curve.key_type().as_bytes());
        put_string(&mut blob, curve.identifier().as_bytes());
        put_string(&mut blob, point);
        Self::decode(&blob)
    }

    /// Makes the key of both public halves.
    #[cfg(feature = "mldsa")]
    pub(crate) fn from_composite(public: &[u8]) -> Result<Self, KeyError> {
        let mut blob = Vec::new();
        put_string(&mut blob, b"ssh-mldsa44-ed25519@openssh.com");
        put_string(&mut blob, public);
        Self::decode(&blob)
    }

    /// Makes the key of a big-endian modulus and exponent.
    pub(crate) fn from_rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let mut blob = Vec::new();
        put_string(&mut blob, b"ssh-rsa");
        put_mpint(&mut blob, e);
        put_mpint(&mut blob, n);
        Self::decode(&blob)
    }

    /// The key as it travels.
    pub fn blob(&self) -> &[u8] {
        &self.0.blob
    }

    /// The name at the beginning of the blob: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa` and so on.
    pub fn key_type(&self) -> &'static str {
        match &self.0.parts {
            Parts::Ed25519(_) => "ssh-ed25519",
            Parts::Ecdsa { curve, .. } => curve.key_type(),
            Parts::Rsa { .. } => "ssh-rsa",
            Parts::Dss { .. } => "ssh-dss",
            Parts::SecurityKeyEd25519 { .. } => "sk-ssh-ed25519@openssh.com",
            Parts::SecurityKeyEcdsa { .. } => "sk-ecdsa-sha2-nistp256@openssh.com",
            #[cfg(feature = "mldsa")]
            Parts::Composite(_) => "ssh-mldsa44-ed25519@openssh.com",
        }
    }

    /// The short name in capitals that `ssh-keygen -l` writes behind the comment: `ED25519`, `RSA`, `ECDSA-SK` and
    /// so on.
    pub fn family(&self) -> &'static str {
        match &self.0.parts {
            Parts::Ed25519(_) => "ED25519",
            Parts::Ecdsa { .. } => "ECDSA",
            Parts::Rsa { .. } => "RSA",
            Parts::Dss { .. } => "DSA",
            Parts::SecurityKeyEd25519 { .. } => "ED25519-SK",
            Parts::SecurityKeyEcdsa { .. } => "ECDSA-SK",
            #[cfg(feature = "mldsa")]
            Parts::Composite(_) => "MLDSA44-ED25519",
        }
    }

    /// The application of a key that lives in a FIDO authenticator, `ssh:` as a rule; nothing for other keys.
    pub fn application(&self) -> Option<&str> {
        match &self.0.parts {
            Parts::SecurityKeyEd25519 { application, .. } | Parts::SecurityKeyEcdsa { application, .. } => {
                Some(application)
            }
            _ => None,
        }
    }

    /// The modulus and the exponent of an RSA key, big-endian without leading zeros.
    pub(crate) fn rsa_numbers(&self) -> Option<(&[u8], &[u8])> {
        match &self.0.parts {
            Parts::Rsa { n, e } => Some((n, e)),
            _ => None,
        }
    }

    /// The curve and the uncompressed point of an ECDSA key that is not in an authenticator.
    pub(crate) fn ecdsa_point(&self) -> Option<(Curve, &[u8])> {
        match &self.0.parts {
            Parts::Ecdsa { curve, point } => Some((*curve, point)),
            _ => None,
        }
    }

    /// The 32 bytes of an Ed25519 key that is not in an authenticator.
    pub(crate) fn ed25519_point(&self) -> Option<&[u8; ed25519::PUBLIC_LEN]> {
        match &self.0.parts {
            Parts::Ed25519(key) => Some(key.as_bytes()),
            _ => None,
        }
    }

    /// The size as `ssh-keygen -l` counts it: bits of the modulus, or of the field of the curve.
    pub fn bits(&self) -> usize {
        match &self.0.parts {
            Parts::Ed25519(_) | Parts::SecurityKeyEd25519 { .. } => 256,
            Parts::SecurityKeyEcdsa { .. } => Curve::P256.bits(),
            #[cfg(feature = "mldsa")]
            Parts::Composite(_) => 256,
            Parts::Ecdsa { curve, .. } => curve.bits(),
            Parts::Rsa { n, .. } => rsa_pkcs1::bits(n),
            Parts::Dss { p, .. } => rsa_pkcs1::bits(p),
        }
    }

    /// A short name to compare.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.blob())
    }

    /// The key in one line, without a line end: `type base64 comment`. In `comment`, line ends and other control
    /// characters become spaces, so that it stays one line.
    pub fn to_openssh(&self, comment: &str) -> String {
        key_line::write(self.key_type(), self.blob(), comment)
    }

    /// Reads such a line; the comment is what follows, without surrounding blanks.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAKey`] for text of another shape, [`KeyError::Unsupported`] for an unknown type,
    /// [`KeyError::TypeMismatch`] if the line and the key in it name different types, or what is wrong with the
    /// key.
    pub fn from_openssh(line: &str) -> Result<(Self, String), KeyError> {
        let line = key_line::read(line, LONGEST_BLOB)?;
        Ok((Self::decode(&line.blob)?, line.comment.to_owned()))
    }

    /// Verifies `signature`, a whole signature blob (`string algorithm ‖ string value`), over `message`.
    ///
    /// The blob must name `algorithm` and nothing else, even where another algorithm would fit the key
    /// (RFC 8332 §3), and `algorithm` must belong to the type of this key. A security key must have been touched.
    ///
    /// # Errors
    ///
    /// [`SignatureError`], in the order: algorithm and key, layout, algorithm and signature, arithmetic, touch.
    pub fn verify(
        &self,
        algorithm: &SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verify_with(SecurityKeyPolicy::default(), algorithm, message, signature).map(drop)
    }

    /// The same with another policy for security keys. What the authenticator said comes back; nothing for keys
    /// of other types.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_with(
        &self,
        policy: SecurityKeyPolicy,
        algorithm: &SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Option<SecurityKeyAssertion>, SignatureError> {
        if algorithm.key_type != self.key_type() {
            let (algorithm, key_type) = (algorithm.name, self.key_type());
            return Err(SignatureError::WrongKeyType { algorithm, key_type });
        }
        let mut reader = Reader::new(signature);
        if reader.read_string()? != algorithm.name.as_bytes() {
            return Err(SignatureError::WrongAlgorithm { expected: algorithm.name });
        }
        let (value, asserted) = match self.application() {
            Some(application) => {
                let asserted = security_key::read(algorithm.scheme, application, message, &mut reader)?;
                (asserted.value, Some(asserted))
            }
            None => {
                let value = reader.read_string()?;
                reader.finish()?;
                (value, None)
            }
        };
        let signed = asserted.as_ref().map_or(message, |asserted| &asserted.signed);
        if !self.matches(algorithm.scheme, signed, value)? {
            return Err(SignatureError::Mismatch);
        }
        let assertion = asserted.map(|asserted| asserted.assertion);
        if let Some(assertion) = &assertion {
            assertion.satisfies(policy)?;
        }
        Ok(assertion)
    }

    fn matches(&self, scheme: Scheme, message: &[u8], value: &[u8]) -> Result<bool, SignatureError> {
        Ok(match &self.0.parts {
            Parts::Ed25519(key) | Parts::SecurityKeyEd25519 { key, .. } => {
                ed25519::verify(key, message, value)
            }
            Parts::Ecdsa { curve, point } => ecdsa_matches(*curve, point, message, value)?,
            Parts::SecurityKeyEcdsa { point, .. } => ecdsa_matches(Curve::P256, point, message, value)?,
            Parts::Rsa { n, e } => rsa_pkcs1::verify(scheme, n, e, message, value),
            Parts::Dss { p, q, g, y } => DssNumbers { p, q, g, y }.verify(message, value),
            #[cfg(feature = "mldsa")]
            Parts::Composite(key) => key.verify(message, value),
        })
    }
}

fn ecdsa_matches(curve: Curve, point: &[u8], message: &[u8], value: &[u8]) -> Result<bool, SignatureError> {
    // RFC 5656 §3.1.2: the value is "mpint r ‖ mpint s".
    let mut reader = Reader::new(value);
    let (r, s) = (reader.read_mpint()?, reader.read_mpint()?);
    reader.finish()?;
    let both = r.as_unsigned().zip(s.as_unsigned());
    let both = both.and_then(|(r, s)| ecdsa::side_by_side(curve, r, s));
    Ok(both.is_some_and(|both| ecdsa::verify(curve, point, message, &both)))
}

/// An mpint above zero, without its sign.
fn positive<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], KeyError> {
    match reader.read_mpint()?.as_unsigned() {
        Some(magnitude) if !magnitude.is_empty() => Ok(magnitude),
        _ => Err(KeyError::Invalid { what: "a number that is not positive" }),
    }
}

fn decode_point(curve: Curve, reader: &mut Reader<'_>) -> Result<Vec<u8>, KeyError> {
    if reader.read_string()? != curve.identifier().as_bytes() {
        return Err(KeyError::Invalid { what: "the curve is not the one of the key type" });
    }
    let point = reader.read_string()?;
    if !ecdsa::is_point(curve, point) {
        return Err(KeyError::Invalid { what: "not an uncompressed point of the curve" });
    }
    Ok(point.to_vec())
}

fn application(reader: &mut Reader<'_>) -> Result<String, KeyError> {
    let application = reader.read_str()?;
    if application.len() > LONGEST_APPLICATION || application.contains('\0') {
        return Err(KeyError::Invalid { what: "the name of its application" });
    }
    Ok(application.to_owned())
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.blob() == other.blob()
    }
}

impl Eq for PublicKey {}

impl std::hash::Hash for PublicKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.blob().hash(state);
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({} {})", self.key_type(), self.fingerprint())
    }
}

#[cfg(test)]
mod tests;
