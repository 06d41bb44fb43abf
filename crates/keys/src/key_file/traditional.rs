//! The formats of other tools, unencrypted: PKCS#1 (RFC 8017 §A.1.2), SEC1 (RFC 5915) and PKCS#8 (RFC 5958).

use crate::ecdsa::Curve;
use crate::error::KeyFileError;
use crate::key_file::der::{BIT_STRING, CONTEXT_0, CONTEXT_1, DerReader, OBJECT_IDENTIFIER, OCTET_STRING};
use crate::key_file::object_identifier::{EC, ED25519, P256, P384, P521, RSA};
use crate::private_key::{PrivateKey, Secret};
use crate::rsa_pkcs1::RsaSecret;

fn unsupported(what: &str) -> KeyFileError {
    KeyFileError::Unsupported { what: what.to_owned() }
}

pub(super) fn curve(identifier: &[u8]) -> Result<Curve, KeyFileError> {
    match identifier {
        P256 => Ok(Curve::P256),
        P384 => Ok(Curve::P384),
        P521 => Ok(Curve::P521),
        _ => Err(unsupported("an elliptic curve other than those of RFC 5656 §10.1")),
    }
}

/// `RSA PRIVATE KEY`.
pub(super) fn read_pkcs1(contents: &[u8]) -> Result<PrivateKey, KeyFileError> {
    let mut outer = DerReader::new(contents);
    let mut fields = outer.read_sequence()?;
    outer.finish()?;
    if fields.read_version()? != 0 {
        return Err(unsupported("an RSA key of more than two primes"));
    }
    let (n, e, d) = (fields.read_unsigned()?, fields.read_unsigned()?, fields.read_unsigned()?);
    let (p, q) = (fields.read_unsigned()?, fields.read_unsigned()?);
    // d mod p - 1, d mod q - 1 and the inverse of q are computed anew.
    for _ in 0..3 {
        fields.read_unsigned()?;
    }
    fields.finish()?;
    Ok(PrivateKey::from_secret(Secret::Rsa(Box::new(RsaSecret::new(n, e, d, p, q)?)), String::new())?)
}

/// `EC PRIVATE KEY`; `outside` is the curve that PKCS#8 has named already.
pub(super) fn read_sec1(contents: &[u8], outside: Option<&[u8]>) -> Result<PrivateKey, KeyFileError> {
    let mut outer = DerReader::new(contents);
    let mut fields = outer.read_sequence()?;
    outer.finish()?;
    if fields.read_version()? != 1 {
        return Err(unsupported("an EC key of another version than 1"));
    }
    let scalar = fields.read(OCTET_STRING)?;
    let inside = match fields.read_optional(CONTEXT_0)? {
        Some(parameters) => {
            let mut parameters = DerReader::new(parameters);
            let identifier = parameters.read_optional(OBJECT_IDENTIFIER)?;
            Some(identifier.ok_or_else(|| unsupported("an elliptic curve without a name"))?)
        }
        None => None,
    };
    let mismatch = KeyFileError::Malformed { what: "its curve" };
    let identifier = match (outside, inside) {
        (Some(outside), Some(inside)) if outside != inside => return Err(mismatch),
        (Some(identifier), _) | (None, Some(identifier)) => identifier,
        (None, None) => return Err(mismatch),
    };
    let point = match fields.read_optional(CONTEXT_1)? {
        Some(public) => {
            let mut public = DerReader::new(public);
            // The first byte of a BIT STRING counts its unused bits.
            let bits = public.read(BIT_STRING)?;
            public.finish()?;
            Some(bits.strip_prefix(&[0]).ok_or(KeyFileError::Malformed { what: "its public key" })?)
        }
        None => None,
    };
    fields.finish()?;
    Ok(PrivateKey::from_ecdsa(curve(identifier)?, scalar, point, String::new())?)
}

/// `PRIVATE KEY`.
pub(super) fn read_pkcs8(contents: &[u8]) -> Result<PrivateKey, KeyFileError> {
    let mut outer = DerReader::new(contents);
    let mut fields = outer.read_sequence()?;
    outer.finish()?;
    // RFC 5958 §2: version 1 may carry the public key, which is then derived anew all the same.
    if fields.read_version()? > 1 {
        return Err(unsupported("a PKCS#8 key of another version than 0 and 1"));
    }
    let mut algorithm = fields.read_sequence()?;
    let identifier = algorithm.read(OBJECT_IDENTIFIER)?;
    let key = fields.read(OCTET_STRING)?;
    match identifier {
        RSA => read_pkcs1(key),
        EC => {
            let named = algorithm.read_optional(OBJECT_IDENTIFIER)?;
            read_sec1(key, Some(named.ok_or_else(|| unsupported("an elliptic curve without a name"))?))
        }
        ED25519 => {
            // RFC 8410 §7: CurvePrivateKey is an OCTET STRING inside the OCTET STRING.
            let mut inner = DerReader::new(key);
            let seed = inner.read(OCTET_STRING)?;
            inner.finish()?;
            Ok(PrivateKey::from_ed25519(seed, None, String::new())?)
        }
        _ => Err(unsupported("a PKCS#8 key that is neither RSA nor EC nor Ed25519")),
    }
}
