//! A private key as a sequence of fields: inside an openssh-key-v1 file (PROTOCOL.key) and in the agent protocol
//! (RFC 9987 §3.2). The comment that follows in both is not part of it.

use crate::certificate::Certificate;
use crate::ecdsa::Curve;
use crate::error::{KeyError, KeyFileError};
#[cfg(feature = "mldsa")]
use crate::mldsa44_ed25519::CompositeSecret;
use crate::private_key::{PrivateKey, Secret, SecurityKeyHandle};
use crate::public_key::PublicKey;
use crate::rsa_pkcs1::RsaSecret;
use crate::signature_algorithm::for_certificate_type;
use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{put_mpint, put_string, put_u32};
use konko_wire::peer_text::printable_ascii;
use zeroize::Zeroizing;

/// Room for the largest key, so that writing one does not leave copies behind in freed memory.
const CAPACITY: usize = 16 * 1024;
/// The longest handle of a key in an authenticator that is read.
const LONGEST_HANDLE: usize = 16 * 1024;

pub(crate) fn malformed(what: &'static str) -> KeyFileError {
    KeyFileError::Malformed { what }
}

pub(crate) fn truncated(error: DecodeError) -> KeyFileError {
    malformed(match error {
        DecodeError::Truncated => "it ends too early",
        DecodeError::TrailingBytes => "superfluous bytes follow",
        _ => "one of its fields",
    })
}

fn positive<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], KeyFileError> {
    let number = reader.read_mpint().map_err(truncated)?;
    number.as_unsigned().filter(|magnitude| !magnitude.is_empty()).ok_or(malformed("one of its numbers"))
}

impl PrivateKey {
    /// Reads the type and the fields of a private key, and leaves what follows. Where the type is that of a
    /// certificate, the certificate stands among the fields and comes back, too; it belongs to the key.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Unsupported`] for a type that is not read, [`KeyFileError::Malformed`],
    /// [`KeyFileError::Key`] and [`KeyFileError::Certificate`].
    pub fn read_fields(reader: &mut Reader<'_>) -> Result<(Self, Option<Certificate>), KeyFileError> {
        let name = reader.read_string().map_err(truncated)?;
        let row = std::str::from_utf8(name).ok().and_then(|name| for_certificate_type(name).next());
        let Some(row) = row else {
            return Ok((read_plain(name, None, reader)?, None));
        };
        let certificate = Certificate::decode(reader.read_string().map_err(truncated)?)?;
        if certificate.certificate_type() != row.key_type {
            return Err(KeyError::TypeMismatch.into());
        }
        let public = certificate.public_key();
        let key = read_plain(public.key_type().as_bytes(), Some(public), reader)?;
        if key.public_key() != public {
            return Err(KeyError::PublicHalfMismatch.into());
        }
        Ok((key, Some(certificate)))
    }

    /// Writes the type and the fields, with a certificate of this key or without.
    ///
    /// # Errors
    ///
    /// [`KeyError::PublicHalfMismatch`] in [`KeyFileError::Key`] if the certificate is of another key.
    pub fn write_fields(
        &self,
        certificate: Option<&Certificate>,
    ) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let mut out =
            Zeroizing::new(Vec::with_capacity(CAPACITY + certificate.map_or(0, |it| it.blob().len())));
        match certificate {
            Some(certificate) if certificate.public_key() != self.public_key() => {
                return Err(KeyError::PublicHalfMismatch.into());
            }
            Some(certificate) => {
                put_string(&mut out, certificate.certificate_type().as_bytes());
                put_string(&mut out, certificate.blob());
            }
            None => put_string(&mut out, self.public_key().key_type().as_bytes()),
        }
        let certified = certificate.is_some();
        match self.secret() {
            Secret::Ed25519(secret) => {
                put_string(&mut out, secret.public());
                // The seed and the public half once more: 64 bytes.
                put_u32(&mut out, 64);
                out.extend_from_slice(secret.as_bytes());
                out.extend_from_slice(secret.public());
            }
            Secret::Ecdsa(secret) => {
                if !certified {
                    put_string(&mut out, secret.curve().identifier().as_bytes());
                    put_string(&mut out, &secret.point());
                }
                put_mpint(&mut out, &secret.scalar());
            }
            Secret::Rsa(secret) => {
                if !certified {
                    put_mpint(&mut out, &secret.n());
                    put_mpint(&mut out, &secret.e());
                }
                let numbers = secret.private_numbers().ok_or(malformed("its RSA numbers"))?;
                numbers.iter().for_each(|number| put_mpint(&mut out, number));
            }
            Secret::SecurityKey(handle) => write_security_key(&mut out, handle, certified)?,
            #[cfg(feature = "mldsa")]
            Secret::Composite(secret) => {
                if !certified {
                    put_string(&mut out, &secret.public());
                }
                put_string(&mut out, &secret.seeds());
            }
        }
        Ok(out)
    }
}

/// Reads the fields after the type; `certified` is the key of the certificate that stood before them, which leaves
/// some of them out.
fn read_plain(
    key_type: &[u8],
    certified: Option<&PublicKey>,
    reader: &mut Reader<'_>,
) -> Result<PrivateKey, KeyFileError> {
    let no_comment = String::new();
    match key_type {
        b"ssh-ed25519" => {
            let public = reader.read_string().map_err(truncated)?;
            let both = reader.read_string().map_err(truncated)?;
            let (seed, again) =
                both.split_at_checked(32).ok_or(malformed("the length of its Ed25519 key"))?;
            if public != again {
                return Err(KeyError::PublicHalfMismatch.into());
            }
            Ok(PrivateKey::from_ed25519(seed, Some(public), no_comment)?)
        }
        b"ssh-rsa" => {
            let (n, e) = match certified.and_then(PublicKey::rsa_numbers) {
                Some(numbers) => numbers,
                None => (positive(reader)?, positive(reader)?),
            };
            let (d, _inverse) = (positive(reader)?, positive(reader)?);
            let (p, q) = (positive(reader)?, positive(reader)?);
            Ok(PrivateKey::from_secret(Secret::Rsa(Box::new(RsaSecret::new(n, e, d, p, q)?)), no_comment)?)
        }
        b"sk-ssh-ed25519@openssh.com" | b"sk-ecdsa-sha2-nistp256@openssh.com" => {
            read_security_key(key_type, certified, reader)
        }
        #[cfg(feature = "mldsa")]
        b"ssh-mldsa44-ed25519@openssh.com" => {
            let public = match certified {
                Some(_) => None,
                None => Some(reader.read_string().map_err(truncated)?),
            };
            let secret = CompositeSecret::new(reader.read_string().map_err(truncated)?);
            let secret = secret.ok_or(malformed("the length of its seeds"))?;
            if public.is_some_and(|public| public != secret.public()) {
                return Err(KeyError::PublicHalfMismatch.into());
            }
            Ok(PrivateKey::from_secret(Secret::Composite(Box::new(secret)), no_comment)?)
        }
        name => {
            let curve = Curve::ALL.into_iter().find(|curve| curve.key_type().as_bytes() == name);
            let unsupported =
                || KeyFileError::Unsupported { what: format!("the key type {}", printable_ascii(name)) };
            let curve = curve.ok_or_else(unsupported)?;
            let point = match certified.and_then(PublicKey::ecdsa_point) {
                Some((_, point)) => point,
                None if reader.read_string().map_err(truncated)? != curve.identifier().as_bytes() => {
                    return Err(malformed("the name of its curve"));
                }
                None => reader.read_string().map_err(truncated)?,
            };
            Ok(PrivateKey::from_ecdsa(curve, positive(reader)?, Some(point), no_comment)?)
        }
    }
}

/// PROTOCOL.u2f: the public fields, the application, the flags, the handle and a reserved string. With a
/// certificate, the public fields of ECDSA are left out and those of Ed25519 are not.
fn read_security_key(
    key_type: &[u8],
    certified: Option<&PublicKey>,
    reader: &mut Reader<'_>,
) -> Result<PrivateKey, KeyFileError> {
    let mut blob = Vec::new();
    put_string(&mut blob, key_type);
    let fields = match (key_type.starts_with(b"sk-ecdsa"), certified) {
        (true, Some(_)) => 0,
        (true, None) => 2,
        (false, _) => 1,
    };
    for _ in 0..fields {
        put_string(&mut blob, reader.read_string().map_err(truncated)?);
    }
    let application = reader.read_string().map_err(truncated)?;
    put_string(&mut blob, application);
    let public = match certified {
        // The certificate counts, and what stands beside it must be the same.
        Some(public) if fields == 0 && public.application().map(str::as_bytes) == Some(application) => {
            public.clone()
        }
        Some(public) if public.blob() == blob => public.clone(),
        Some(_) => return Err(KeyError::PublicHalfMismatch.into()),
        None => PublicKey::decode(&blob)?,
    };
    let flags = reader.read_u8().map_err(truncated)?;
    let key_handle = reader.read_string().map_err(truncated)?;
    let reserved = reader.read_string().map_err(truncated)?;
    if key_handle.len() > LONGEST_HANDLE || reserved.len() > LONGEST_HANDLE {
        return Err(malformed("the length of its handle"));
    }
    let handle = SecurityKeyHandle::new(public, flags, key_handle, reserved)?;
    Ok(PrivateKey::from_security_key(handle, ""))
}

fn write_security_key(
    out: &mut Vec<u8>,
    handle: &SecurityKeyHandle,
    certified: bool,
) -> Result<(), KeyFileError> {
    let mut public = Reader::new(handle.public.blob());
    let key_type = public.read_string().map_err(truncated)?;
    if !certified {
        out.extend_from_slice(public.rest());
    } else {
        if key_type.starts_with(b"sk-ssh-ed25519") {
            put_string(out, public.read_string().map_err(truncated)?);
        }
        put_string(out, handle.public.application().unwrap_or_default().as_bytes());
    }
    out.push(handle.flags);
    put_string(out, &handle.key_handle);
    put_string(out, &handle.reserved);
    Ok(())
}
