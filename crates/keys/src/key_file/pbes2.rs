//! Encrypted PKCS#8 files (RFC 5958 §3) under PBES2 (RFC 8018 §6.2): a key from PBKDF2 (RFC 8018 §5.2) or scrypt
//! (RFC 7914), and AES or 3DES in CBC.

use crate::error::KeyFileError;
use crate::key_file::block_chain;
use crate::key_file::der::{DerReader, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use crate::key_file::der_writer::{identifier, octets, sequence, unsigned, value};
use crate::key_file::limits::KeyFileLimits;
use crate::key_file::object_identifier as oid;
use hmac::{Hmac, KeyInit, Mac};
use konko_crypto::cipher::CipherAlgorithm;
use konko_crypto::cipher::cbc::{AES128_CBC, AES192_CBC, AES256_CBC, TRIPLE_DES_CBC};
use konko_crypto::random::SecureRandom;
use pkcs8::pkcs5::scrypt;
use zeroize::Zeroizing;

/// A longer salt is not read.
const LONGEST_SALT: usize = 1024;
const SALT_LEN: usize = 16;

/// How the key of an encrypted PKCS#8 file is made from the passphrase. Files are encrypted with AES-256 in CBC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pbes2 {
    /// PBKDF2 with HMAC-SHA-256, which everybody reads.
    Pbkdf2 {
        /// Rounds: 1 to 10 million; OpenSSL takes 2048, which is little.
        iterations: u32,
    },
    /// scrypt, which OpenSSL reads since 1.1.
    Scrypt {
        /// The binary logarithm of the cost N.
        log_n: u8,
        /// The size of a block.
        block_size: u32,
        /// How many times it goes over its memory, of 128 · N · `block_size` bytes; 256 MiB are too much.
        parallelization: u32,
    },
}

impl Default for Pbes2 {
    fn default() -> Self {
        Self::Pbkdf2 { iterations: 600_000 }
    }
}

#[derive(Clone, Copy)]
enum Prf {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

fn unsupported(what: &str) -> KeyFileError {
    KeyFileError::Unsupported { what: what.to_owned() }
}

/// Decrypts the contents of an `ENCRYPTED PRIVATE KEY`; what comes out is a PKCS#8 structure.
pub(super) fn decrypt(
    contents: &[u8],
    passphrase: Option<&[u8]>,
    limits: &KeyFileLimits,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let mut outer = DerReader::new(contents);
    let mut fields = outer.read_sequence()?;
    outer.finish()?;
    let mut algorithm = fields.read_sequence()?;
    let encrypted = fields.read(OCTET_STRING)?;
    fields.finish()?;
    if algorithm.read(OBJECT_IDENTIFIER)? != oid::PBES2 {
        return Err(unsupported("a PKCS#8 encryption other than PBES2"));
    }
    let mut parameters = algorithm.read_sequence()?;
    let (mut kdf, mut scheme) = (parameters.read_sequence()?, parameters.read_sequence()?);
    let row = cipher(scheme.read(OBJECT_IDENTIFIER)?)?;
    let iv = scheme.read(OCTET_STRING)?;
    let kdf_name = kdf.read(OBJECT_IDENTIFIER)?;
    if kdf_name != oid::PBKDF2 && kdf_name != oid::SCRYPT {
        return Err(unsupported("a PKCS#8 key derivation other than PBKDF2 and scrypt"));
    }
    let passphrase = passphrase.ok_or(KeyFileError::Encrypted)?;
    let mut kdf_parameters = kdf.read_sequence()?;
    let key = if kdf_name == oid::PBKDF2 {
        read_pbkdf2(&mut kdf_parameters, passphrase, row.key_len, limits)?
    } else {
        read_scrypt(&mut kdf_parameters, passphrase, row.key_len, limits)?
    };
    block_chain::decrypt(row, &key, iv, encrypted)
}

fn cipher(name: &[u8]) -> Result<&'static CipherAlgorithm, KeyFileError> {
    match name {
        oid::AES128_CBC => Ok(&AES128_CBC),
        oid::AES192_CBC => Ok(&AES192_CBC),
        oid::AES256_CBC => Ok(&AES256_CBC),
        oid::DES_EDE3_CBC => Ok(&TRIPLE_DES_CBC),
        _ => Err(unsupported("a PKCS#8 cipher other than AES and 3DES in CBC")),
    }
}

fn salt<'a>(parameters: &mut DerReader<'a>) -> Result<&'a [u8], KeyFileError> {
    let salt = parameters.read(OCTET_STRING)?;
    if salt.len() > LONGEST_SALT {
        return Err(KeyFileError::Malformed { what: "the length of its salt" });
    }
    Ok(salt)
}

fn small(parameters: &mut DerReader<'_>) -> Result<u64, KeyFileError> {
    let magnitude = parameters.read_unsigned()?;
    let mut bytes = [0; 8];
    let at = bytes.len().checked_sub(magnitude.len()).ok_or(too_much())?;
    bytes.get_mut(at..).unwrap_or_default().copy_from_slice(magnitude);
    Ok(u64::from_be_bytes(bytes))
}

/// RFC 8018 §A.2: the length of the key may be told once more.
fn key_length(parameters: &mut DerReader<'_>, expected: usize) -> Result<(), KeyFileError> {
    let mut ahead = *parameters;
    if let Ok(told) = small(&mut ahead) {
        *parameters = ahead;
        if told != expected as u64 {
            return Err(KeyFileError::Malformed { what: "the length of its key" });
        }
    }
    Ok(())
}

fn too_much() -> KeyFileError {
    KeyFileError::TooMuchWork { what: "PKCS#8" }
}

fn read_pbkdf2(
    parameters: &mut DerReader<'_>,
    passphrase: &[u8],
    key_len: usize,
    limits: &KeyFileLimits,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let salt = salt(parameters)?;
    let iterations = small(parameters)?;
    key_length(parameters, key_len)?;
    // RFC 8018 §A.2: "prf AlgorithmIdentifier […] DEFAULT algid-hmacWithSHA1".
    let prf = match parameters.read_optional(SEQUENCE)? {
        None => Prf::Sha1,
        Some(prf) => match DerReader::new(prf).read(OBJECT_IDENTIFIER)? {
            oid::HMAC_SHA1 => Prf::Sha1,
            oid::HMAC_SHA256 => Prf::Sha256,
            oid::HMAC_SHA384 => Prf::Sha384,
            oid::HMAC_SHA512 => Prf::Sha512,
            _ => return Err(unsupported("a pseudorandom function other than HMAC with SHA-1 and SHA-2")),
        },
    };
    parameters.finish()?;
    pbkdf2(prf, passphrase, salt, iterations, key_len, limits)
}

fn pbkdf2(
    prf: Prf,
    passphrase: &[u8],
    salt: &[u8],
    iterations: u64,
    key_len: usize,
    limits: &KeyFileLimits,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    if iterations == 0 || iterations > u64::from(limits.pbkdf2_iterations) {
        return Err(too_much());
    }
    let wrong = KeyFileError::WrongPassphrase;
    let key = match prf {
        Prf::Sha1 => blocks(Hmac::<sha1::Sha1>::new_from_slice(passphrase), salt, iterations, key_len),
        Prf::Sha256 => blocks(Hmac::<sha2::Sha256>::new_from_slice(passphrase), salt, iterations, key_len),
        Prf::Sha384 => blocks(Hmac::<sha2::Sha384>::new_from_slice(passphrase), salt, iterations, key_len),
        Prf::Sha512 => blocks(Hmac::<sha2::Sha512>::new_from_slice(passphrase), salt, iterations, key_len),
    };
    key.ok_or(wrong)
}

/// RFC 8018 §5.2, for any HMAC; nothing where the key is not taken, which HMAC never does.
fn blocks<M: Mac + Clone, E>(
    mac: Result<M, E>,
    salt: &[u8],
    iterations: u64,
    len: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let mac = mac.ok()?;
    let mut key = Zeroizing::new(Vec::with_capacity(len + 64));
    for block in 1u32.. {
        if key.len() >= len {
            break;
        }
        let first = mac.clone().chain_update(salt).chain_update(block.to_be_bytes());
        let mut last = first.finalize().into_bytes();
        let mut sum = Zeroizing::new(last.to_vec());
        for _ in 1..iterations {
            last = mac.clone().chain_update(&last).finalize().into_bytes();
            sum.iter_mut().zip(&last).for_each(|(sum, last)| *sum ^= last);
        }
        key.extend_from_slice(&sum);
    }
    key.truncate(len);
    Some(key)
}

fn read_scrypt(
    parameters: &mut DerReader<'_>,
    passphrase: &[u8],
    key_len: usize,
    limits: &KeyFileLimits,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let salt = salt(parameters)?;
    let (n, block_size, parallelization) = (small(parameters)?, small(parameters)?, small(parameters)?);
    key_length(parameters, key_len)?;
    parameters.finish()?;
    if !n.is_power_of_two() || n == 1 {
        return Err(KeyFileError::Malformed { what: "the cost of its scrypt" });
    }
    run_scrypt([n, block_size, parallelization], passphrase, salt, key_len, limits)
}

fn run_scrypt(
    [n, block_size, parallelization]: [u64; 3],
    passphrase: &[u8],
    salt: &[u8],
    key_len: usize,
    limits: &KeyFileLimits,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let memory = n.saturating_mul(block_size).saturating_mul(128);
    let work = memory.saturating_mul(parallelization);
    if memory > limits.memory || work > limits.scrypt_work() {
        return Err(too_much());
    }
    let invalid = KeyFileError::Malformed { what: "the numbers of its scrypt" };
    let log_n = n.trailing_zeros() as u8;
    let (block_size, parallelization) = (u32::try_from(block_size), u32::try_from(parallelization));
    let (Ok(block_size), Ok(parallelization)) = (block_size, parallelization) else { return Err(invalid) };
    let parameters = scrypt::Params::new(log_n, block_size, parallelization).map_err(|_| invalid.clone())?;
    let mut key = Zeroizing::new(vec![0; key_len]);
    scrypt::scrypt(passphrase, salt, &parameters, &mut key).map_err(|_| invalid)?;
    Ok(key)
}

/// Encrypts a PKCS#8 structure.
pub(super) fn encrypt(
    plain: &[u8],
    passphrase: &[u8],
    kdf: Pbes2,
    random: &mut dyn SecureRandom,
) -> Result<Vec<u8>, KeyFileError> {
    if passphrase.is_empty() {
        return Err(KeyFileError::EmptyPassphrase);
    }
    let (mut salt, mut iv) = ([0; SALT_LEN], [0; 16]);
    random.fill(&mut salt);
    random.fill(&mut iv);
    let (row, limits) = (&AES256_CBC, &KeyFileLimits::default());
    let (key, kdf) = match kdf {
        Pbes2::Pbkdf2 { iterations } => {
            let key = pbkdf2(Prf::Sha256, passphrase, &salt, u64::from(iterations), row.key_len, limits)?;
            let prf = sequence(&[&identifier(oid::HMAC_SHA256), &value(0x05, &[])]);
            let parameters = sequence(&[&octets(&salt), &unsigned(&iterations.to_be_bytes()), &prf]);
            (key, sequence(&[&identifier(oid::PBKDF2), &parameters]))
        }
        Pbes2::Scrypt { log_n, block_size, parallelization } => {
            let n = 1u64.checked_shl(u32::from(log_n)).filter(|n| *n > 1).ok_or(too_much())?;
            let (r, p) = (u64::from(block_size), u64::from(parallelization));
            let key = run_scrypt([n, r, p], passphrase, &salt, row.key_len, limits)?;
            let parameters = sequence(&[
                &octets(&salt),
                &unsigned(&n.to_be_bytes()),
                &unsigned(&r.to_be_bytes()),
                &unsigned(&p.to_be_bytes()),
            ]);
            (key, sequence(&[&identifier(oid::SCRYPT), &parameters]))
        }
    };
    let encrypted = block_chain::encrypt(row, &key, &iv, plain)?;
    let scheme = sequence(&[&identifier(oid::AES256_CBC), &octets(&iv)]);
    let algorithm = sequence(&[&identifier(oid::PBES2), &sequence(&[&kdf, &scheme])]);
    Ok(sequence(&[&algorithm, &octets(&encrypted)]).to_vec())
}
