//! Public keys (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4).

use crate::dss::DssNumbers;
use crate::ecdsa::{self, Curve};
use crate::ed25519;
use crate::error::{KeyError, SignatureError, printable};
use crate::fingerprint::Fingerprint;
use crate::rsa_pkcs1;
use crate::signature_algorithm::{Scheme, SignatureAlgorithm};
use base64ct::{Base64, Encoding};
use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{put_mpint, put_string};
use std::sync::Arc;

/// The smallest RSA modulus, in bits, that should be trusted. Smaller ones, down to 1024, are read and verify
/// all the same, so that they can be named; whoever relies on a signature compares with [`PublicKey::bits`].
pub const MINIMUM_RSA_BITS: usize = 2048;

/// The longest blob of a key: an RSA key of 16384 bits fits in.
const LONGEST_BLOB: usize = 4096;

/// The numbers inside a key, as their kind wants them.
enum Parts {
    Ed25519(ed25519_dalek::VerifyingKey),
    Ecdsa { curve: Curve, point: Vec<u8> },
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Dss { p: Vec<u8>, q: Vec<u8>, g: Vec<u8>, y: Vec<u8> },
}

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
        let parts = match key_type {
            b"ssh-ed25519" => Parts::Ed25519(ed25519::public_key(reader.read_string()?)?),
            b"ssh-rsa" => {
                let (e, n) = (positive(&mut reader)?, positive(&mut reader)?);
                rsa_pkcs1::check_public(n, e)?;
                Parts::Rsa { n: n.to_vec(), e: e.to_vec() }
            }
            b"ssh-dss" => {
                let (p, q) = (positive(&mut reader)?, positive(&mut reader)?);
                let (g, y) = (positive(&mut reader)?, positive(&mut reader)?);
                DssNumbers { p, q, g, y }.check()?;
                Parts::Dss { p: p.to_vec(), q: q.to_vec(), g: g.to_vec(), y: y.to_vec() }
            }
            name => match Curve::ALL.into_iter().find(|curve| curve.key_type().as_bytes() == name) {
                Some(curve) => decode_ecdsa(curve, &mut reader)?,
                None => return Err(KeyError::Unsupported { name: printable(name) }),
            },
        };
        reader.finish()?;
        Ok(Self(Arc::new(Inner { blob: blob.to_vec(), parts })))
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
        }
    }

    /// The size as `ssh-keygen -l` counts it: bits of the modulus, or of the field of the curve.
    pub fn bits(&self) -> usize {
        match &self.0.parts {
            Parts::Ed25519(_) => 256,
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
        let mut line = format!("{} {}", self.key_type(), Base64::encode_string(self.blob()));
        if !comment.is_empty() {
            line.push(' ');
            line.extend(comment.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        line
    }

    /// Reads such a line; the comment is what follows, without surrounding blanks.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAKey`] for text of another shape, [`KeyError::Unsupported`] for an unknown type,
    /// [`KeyError::TypeMismatch`] if the line and the key in it name different types, or what is wrong with the
    /// key.
    pub fn from_openssh(line: &str) -> Result<(Self, String), KeyError> {
        let blank = [' ', '\t'];
        let (key_type, rest) =
            line.trim_matches(['\r', '\n', ' ', '\t']).split_once(blank).ok_or(KeyError::NotAKey)?;
        let rest = rest.trim_start_matches(blank);
        let (base64, comment) = rest.split_once(blank).unwrap_or((rest, ""));
        if base64.len() > LONGEST_BLOB * 2 {
            return Err(KeyError::NotAKey);
        }
        let blob = Base64::decode_vec(base64).map_err(|_| KeyError::NotAKey)?;
        if Reader::new(&blob).read_string()? != key_type.as_bytes() {
            return Err(KeyError::TypeMismatch);
        }
        Ok((Self::decode(&blob)?, comment.trim_matches(blank).to_owned()))
    }

    /// Verifies `signature`, a whole signature blob (`string algorithm ‖ string value`), over `message`.
    ///
    /// The blob must name `algorithm` and nothing else, even where another algorithm would fit the key
    /// (RFC 8332 §3), and `algorithm` must belong to the type of this key.
    ///
    /// # Errors
    ///
    /// [`SignatureError`], in the order: algorithm and key, layout, algorithm and signature, arithmetic.
    pub fn verify(
        &self,
        algorithm: &SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if algorithm.key_type != self.key_type() {
            let (algorithm, key_type) = (algorithm.name, self.key_type());
            return Err(SignatureError::WrongKeyType { algorithm, key_type });
        }
        let mut reader = Reader::new(signature);
        if reader.read_string()? != algorithm.name.as_bytes() {
            return Err(SignatureError::WrongAlgorithm { expected: algorithm.name });
        }
        let value = reader.read_string()?;
        reader.finish()?;
        if self.matches(algorithm.scheme, message, value)? { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    fn matches(&self, scheme: Scheme, message: &[u8], value: &[u8]) -> Result<bool, SignatureError> {
        Ok(match &self.0.parts {
            Parts::Ed25519(key) => ed25519::verify(key, message, value),
            Parts::Ecdsa { curve, point } => {
                // RFC 5656 §3.1.2: the value is "mpint r ‖ mpint s".
                let mut reader = Reader::new(value);
                let (r, s) = (reader.read_mpint()?, reader.read_mpint()?);
                reader.finish()?;
                let both = r.as_unsigned().zip(s.as_unsigned());
                both.and_then(|(r, s)| ecdsa::side_by_side(*curve, r, s))
                    .is_some_and(|both| ecdsa::verify(*curve, point, message, &both))
            }
            Parts::Rsa { n, e } => rsa_pkcs1::verify(scheme, n, e, message, value),
            Parts::Dss { p, q, g, y } => DssNumbers { p, q, g, y }.verify(message, value),
        })
    }
}

/// An mpint above zero, without its sign.
fn positive<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], KeyError> {
    match reader.read_mpint()?.as_unsigned() {
        Some(magnitude) if !magnitude.is_empty() => Ok(magnitude),
        _ => Err(KeyError::Invalid { what: "a number that is not positive" }),
    }
}

fn decode_ecdsa(curve: Curve, reader: &mut Reader<'_>) -> Result<Parts, KeyError> {
    if reader.read_string()? != curve.identifier().as_bytes() {
        return Err(KeyError::Invalid { what: "the curve is not the one of the key type" });
    }
    let point = reader.read_string()?;
    if !ecdsa::is_point(curve, point) {
        return Err(KeyError::Invalid { what: "not an uncompressed point of the curve" });
    }
    Ok(Parts::Ecdsa { curve, point: point.to_vec() })
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
