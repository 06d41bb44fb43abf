//! Writing PKCS#1 (RFC 8017 §A.1.2), SEC1 (RFC 5915) and PKCS#8 (RFC 5958) structures.

use crate::ecdsa::{Curve, EcdsaSecret};
use crate::error::KeyFileError;
use crate::key_file::der::{CONTEXT_0, CONTEXT_1};
use crate::key_file::der_writer::{Der, bits, identifier, octets, sequence, unsigned, value};
use crate::key_file::object_identifier as oid;
use crate::private_key::{PrivateKey, Secret};
use crate::rsa_pkcs1::RsaSecret;

pub(super) fn curve_identifier(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => oid::P256,
        Curve::P384 => oid::P384,
        Curve::P521 => oid::P521,
    }
}

fn pkcs1(secret: &RsaSecret) -> Result<Der, KeyFileError> {
    let numbers = secret.pkcs1_numbers().ok_or(KeyFileError::Malformed { what: "its RSA numbers" })?;
    let version = unsigned(&[]);
    let integers: Vec<Der> = numbers.iter().map(|number| unsigned(number)).collect();
    let mut parts: Vec<&[u8]> = vec![&version];
    parts.extend(integers.iter().map(|integer| integer.as_slice()));
    Ok(sequence(&parts))
}

/// `named` writes the curve into the structure, too; PKCS#8 names it outside.
fn sec1(secret: &EcdsaSecret, named: bool) -> Der {
    let curve = value(CONTEXT_0, &[&identifier(curve_identifier(secret.curve()))]);
    let public = value(CONTEXT_1, &[&bits(&secret.point())]);
    let scalar = octets(&secret.scalar());
    sequence(&[&unsigned(&[1]), &scalar, if named { &curve } else { &[] }, &public])
}

/// The label and the contents of a PKCS#1 or SEC1 file.
pub(super) fn write_traditional(key: &PrivateKey) -> Result<(&'static str, Der), KeyFileError> {
    match key.secret() {
        Secret::Rsa(secret) => Ok(("RSA PRIVATE KEY", pkcs1(secret)?)),
        Secret::Ecdsa(secret) => Ok(("EC PRIVATE KEY", sec1(secret, true))),
        _ => Err(no_format(key, "PEM")),
    }
}

/// The contents of a PKCS#8 file.
pub(super) fn write_pkcs8(key: &PrivateKey) -> Result<Der, KeyFileError> {
    let (algorithm, contents) = match key.secret() {
        Secret::Rsa(secret) => (sequence(&[&identifier(oid::RSA), &value(0x05, &[])]), pkcs1(secret)?),
        Secret::Ecdsa(secret) => {
            let curve = identifier(curve_identifier(secret.curve()));
            (sequence(&[&identifier(oid::EC), &curve]), sec1(secret, false))
        }
        Secret::Ed25519(secret) => (sequence(&[&identifier(oid::ED25519)]), octets(secret.as_bytes())),
        _ => return Err(no_format(key, "PKCS#8")),
    };
    Ok(sequence(&[&unsigned(&[]), &algorithm, &octets(&contents)]))
}

/// There is no such file for such a key.
pub(super) fn no_format(key: &PrivateKey, format: &str) -> KeyFileError {
    KeyFileError::Unsupported { what: format!("a {} key in a {format} file", key.public_key().key_type()) }
}
