//! PuTTY's private key files, versions 2 and 3 (PuTTY manual, appendix "PPK file format").

use crate::error::{KeyError, KeyFileError};
use crate::key_file::armor::{PEM_LINE_LEN, push_lines};
use crate::key_file::dek_info::hexadecimal;
use crate::key_file::limits::KeyFileLimits;
use crate::key_file::ppk_encryption::{PpkKeys, PpkProtection, SALT_LEN};
use crate::key_file::traditional_writer::no_format;
use crate::private_fields::{malformed, truncated};
use crate::private_key::{PrivateKey, Secret};
use crate::public_key::PublicKey;
use crate::rsa_pkcs1::RsaSecret;
use base64ct::{Base64, Encoding};
use konko_crypto::random::SecureRandom;
use konko_wire::decode::Reader;
use konko_wire::encode::{put_mpint, put_string};
use konko_wire::peer_text::printable_ascii;
use sha1::{Digest, Sha1};
use std::fmt::Write;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How such a file begins.
pub(super) const MAGIC: &[u8] = b"PuTTY-User-Key-File-";
const CIPHER: &str = "aes256-cbc";
/// The private part is padded to blocks of AES.
const BLOCK_LEN: usize = 16;
/// More lines of base64 than a key of 16384 bits has.
const MOST_LINES: usize = 4096;

/// The lines of a file, read once and not judged yet.
struct Ppk<'a> {
    protection: PpkProtection,
    key_type: &'a str,
    encryption: &'a str,
    comment: &'a [u8],
    public: Vec<u8>,
    private: Zeroizing<Vec<u8>>,
    mac: Vec<u8>,
}

/// `name: value` lines, in the one order that they have.
struct Lines<'a> {
    lines: std::iter::Peekable<std::vec::IntoIter<&'a [u8]>>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8]) -> Self {
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
        let strip = |line: &'a [u8]| line.strip_suffix(b"\r").unwrap_or(line);
        Self { lines: lines.into_iter().map(strip).collect::<Vec<_>>().into_iter().peekable() }
    }

    fn raw(&mut self, name: &'static str) -> Result<&'a [u8], KeyFileError> {
        let line = self.lines.next().ok_or(malformed("it ends too early"))?;
        let value = line.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b": "));
        // An empty comment may have lost its blank in an editor.
        let value = value.or_else(|| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"));
        value.ok_or(malformed(name))
    }

    fn field(&mut self, name: &'static str) -> Result<&'a str, KeyFileError> {
        std::str::from_utf8(self.raw(name)?).map_err(|_| malformed(name))
    }

    fn number(&mut self, name: &'static str) -> Result<u32, KeyFileError> {
        self.field(name)?.trim().parse().map_err(|_| malformed(name))
    }

    fn base64(&mut self, name: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let count = self.number(name)? as usize;
        if count > MOST_LINES {
            return Err(KeyFileError::TooLarge);
        }
        let mut joined = Zeroizing::new(Vec::with_capacity(count * (PEM_LINE_LEN + 2)));
        for _ in 0..count {
            let line = self.lines.next().ok_or(malformed("it ends too early"))?.trim_ascii();
            if line.len() > PEM_LINE_LEN + 12 {
                return Err(malformed("one of its lines"));
            }
            joined.extend_from_slice(line);
        }
        let mut contents = Zeroizing::new(vec![0; joined.len() / 4 * 3]);
        let decoded = Base64::decode(&joined, contents.as_mut_slice());
        let len = decoded.map_err(|_| malformed("its base64 is invalid"))?.len();
        contents.truncate(len);
        Ok(contents)
    }
}

fn parse(text: &[u8]) -> Result<Ppk<'_>, KeyFileError> {
    let mut lines = Lines::new(text);
    // Text before the key is passed over, as in other formats.
    while lines.lines.next_if(|line| !line.starts_with(MAGIC)).is_some() {}
    let first = lines.lines.next().ok_or(KeyFileError::NotAKey)?;
    let first = std::str::from_utf8(first.strip_prefix(MAGIC).unwrap_or(first))
        .map_err(|_| malformed("its first line"))?;
    let (version, key_type) = first.split_once(": ").ok_or(malformed("its first line"))?;
    if version != "2" && version != "3" {
        let version = printable_ascii(version.as_bytes());
        return Err(KeyFileError::Unsupported { what: format!("a PuTTY key file of version {version}") });
    }
    let encryption = lines.field("Encryption")?;
    if encryption != "none" && encryption != CIPHER {
        return Err(KeyFileError::Unsupported {
            what: format!("the cipher {}", printable_ascii(encryption.as_bytes())),
        });
    }
    let comment = lines.raw("Comment")?;
    let public = lines.base64("Public-Lines")?.to_vec();
    let protection = match (version, encryption) {
        ("2", _) => PpkProtection::Version2,
        (_, "none") => PpkProtection::Version3Plain,
        _ => PpkProtection::Version3 {
            flavour: lines.field("Key-Derivation")?.parse()?,
            memory_kib: lines.number("Argon2-Memory")?,
            passes: lines.number("Argon2-Passes")?,
            parallelism: lines.number("Argon2-Parallelism")?,
            salt: hexadecimal(lines.field("Argon2-Salt")?.trim()).ok_or(malformed("Argon2-Salt"))?,
        },
    };
    let private = lines.base64("Private-Lines")?;
    let mac = hexadecimal(lines.field("Private-MAC")?.trim()).ok_or(malformed("Private-MAC"))?;
    Ok(Ppk { protection, key_type, encryption, comment, public, private, mac })
}

/// What the MAC covers: everything that means something.
fn authenticated(ppk_fields: [&[u8]; 4], private: &[u8]) -> Zeroizing<Vec<u8>> {
    let len: usize = ppk_fields.iter().map(|field| field.len() + 4).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(len + 4 + private.len()));
    ppk_fields.iter().for_each(|field| put_string(&mut out, field));
    put_string(&mut out, private);
    out
}

/// The public half, which stands there in the clear.
pub(super) fn public_half(text: &[u8]) -> Result<(PublicKey, String), KeyFileError> {
    let ppk = parse(text)?;
    let key = PublicKey::decode(&ppk.public)?;
    if key.key_type() != ppk.key_type {
        return Err(KeyError::TypeMismatch.into());
    }
    Ok((key, String::from_utf8_lossy(ppk.comment).into_owned()))
}

/// Reads a whole file.
pub(super) fn read(
    text: &[u8],
    passphrase: Option<&[u8]>,
    limits: &KeyFileLimits,
) -> Result<PrivateKey, KeyFileError> {
    let mut ppk = parse(text)?;
    let encrypted = ppk.encryption != "none";
    let public = PublicKey::decode(&ppk.public)?;
    if public.key_type() != ppk.key_type {
        return Err(KeyError::TypeMismatch.into());
    }
    let passphrase = match (encrypted, passphrase) {
        (true, None) => return Err(KeyFileError::Encrypted),
        (true, Some(passphrase)) => passphrase,
        (false, _) => b"",
    };
    let keys = PpkKeys::derive(&ppk.protection, passphrase, limits)?;
    if encrypted {
        if ppk.private.is_empty() {
            return Err(malformed("the length of its private part"));
        }
        keys.decrypt(&mut ppk.private)?;
    }
    let fields = [ppk.key_type.as_bytes(), ppk.encryption.as_bytes(), ppk.comment, &ppk.public];
    let expected = keys.mac(&authenticated(fields, &ppk.private))?;
    if !bool::from(expected.ct_eq(&ppk.mac)) {
        let damaged = malformed("its check sum");
        return Err(if encrypted { KeyFileError::WrongPassphrase } else { damaged });
    }
    let key = read_private(&public, &ppk.private)?;
    Ok(key.with_comment(&String::from_utf8_lossy(ppk.comment)))
}

fn read_private(public: &PublicKey, private: &[u8]) -> Result<PrivateKey, KeyFileError> {
    let mut reader = Reader::new(private);
    let mut positive = || {
        let number = reader.read_mpint().map_err(truncated)?;
        number.as_unsigned().filter(|magnitude| !magnitude.is_empty()).ok_or(malformed("one of its numbers"))
    };
    let no_comment = String::new();
    if let Some((n, e)) = public.rsa_numbers() {
        let (d, p, q, _inverse) = (positive()?, positive()?, positive()?, positive()?);
        let secret = RsaSecret::new(n, e, d, p, q)?;
        return Ok(PrivateKey::from_secret(Secret::Rsa(Box::new(secret)), no_comment)?);
    }
    if let Some((curve, point)) = public.ecdsa_point() {
        return Ok(PrivateKey::from_ecdsa(curve, positive()?, Some(point), no_comment)?);
    }
    if let Some(point) = public.ed25519_point() {
        // A number with its low byte first, without zeros at its end.
        let number = reader.read_string().map_err(truncated)?;
        let mut seed = Zeroizing::new([0; 32]);
        let place = seed.get_mut(..number.len()).ok_or(malformed("the length of its Ed25519 key"))?;
        place.copy_from_slice(number);
        return Ok(PrivateKey::from_ed25519(seed.as_slice(), Some(point), no_comment)?);
    }
    Err(KeyFileError::Unsupported { what: format!("the key type {}", public.key_type()) })
}

fn write_private(key: &PrivateKey) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let mut out = Zeroizing::new(Vec::with_capacity(16 * 1024));
    match key.secret() {
        Secret::Rsa(secret) => {
            let [d, inverse, p, q] = secret.private_numbers().ok_or(malformed("its RSA numbers"))?;
            [d, p, q, inverse].iter().for_each(|number| put_mpint(&mut out, number));
        }
        Secret::Ecdsa(secret) => {
            put_mpint(&mut out, &secret.scalar());
        }
        Secret::Ed25519(secret) => {
            let seed = secret.as_bytes();
            let zeros = seed.iter().rev().take_while(|byte| **byte == 0).count();
            put_string(&mut out, seed.get(..seed.len() - zeros).unwrap_or_default());
        }
        _ => return Err(no_format(key, "PuTTY")),
    }
    Ok(out)
}

/// Writes a whole file.
pub(super) fn write(
    key: &PrivateKey,
    passphrase: Option<&[u8]>,
    mut protection: PpkProtection,
    random: &mut dyn SecureRandom,
) -> Result<Zeroizing<String>, KeyFileError> {
    if passphrase.is_some_and(<[u8]>::is_empty) {
        return Err(KeyFileError::EmptyPassphrase);
    }
    let mut private = write_private(key)?;
    let encryption = if passphrase.is_some() { CIPHER } else { "none" };
    match (&mut protection, passphrase) {
        (PpkProtection::Version3 { salt, .. }, Some(_)) => {
            *salt = vec![0; SALT_LEN];
            random.fill(salt);
        }
        (PpkProtection::Version3Plain, Some(_)) => {
            return Err(malformed("a passphrase without a key derivation"));
        }
        (version3 @ PpkProtection::Version3 { .. }, None) => *version3 = PpkProtection::Version3Plain,
        _ => {}
    }
    let keys = PpkKeys::derive(&protection, passphrase.unwrap_or_default(), &KeyFileLimits::default())?;
    if passphrase.is_some() {
        // The padding is of no meaning; PuTTY takes it from a hash of what it pads.
        let padding = Sha1::digest(&*private);
        let missing = private.len().next_multiple_of(BLOCK_LEN) - private.len();
        private.extend_from_slice(padding.get(..missing).unwrap_or_default());
    }
    let comment: String = key.comment().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let (key_type, public) = (key.public_key().key_type(), key.public_key().blob());
    let fields = [key_type.as_bytes(), encryption.as_bytes(), comment.as_bytes(), public];
    let mac = keys.mac(&authenticated(fields, &private))?;
    if passphrase.is_some() {
        keys.encrypt(&mut private)?;
    }
    let mut text = Zeroizing::new(String::with_capacity(2 * (public.len() + private.len()) + 1024));
    // Writing into a string does not fail.
    let _ = writeln!(text, "PuTTY-User-Key-File-{}: {key_type}", protection.version());
    let _ = writeln!(text, "Encryption: {encryption}\nComment: {comment}");
    let lines = |contents: &[u8]| Base64::encoded_len(contents).div_ceil(PEM_LINE_LEN);
    let _ = writeln!(text, "Public-Lines: {}", lines(public));
    push_lines(&mut text, public, PEM_LINE_LEN);
    if let PpkProtection::Version3 { flavour, memory_kib, passes, parallelism, salt } = &protection {
        let _ = writeln!(text, "Key-Derivation: {flavour}");
        let _ = writeln!(text, "Argon2-Memory: {memory_kib}\nArgon2-Passes: {passes}");
        let _ = writeln!(text, "Argon2-Parallelism: {parallelism}");
        push_hexadecimal(&mut text, "Argon2-Salt", salt);
    }
    let _ = writeln!(text, "Private-Lines: {}", lines(&private));
    push_lines(&mut text, &private, PEM_LINE_LEN);
    push_hexadecimal(&mut text, "Private-MAC", &mac);
    Ok(text)
}

fn push_hexadecimal(text: &mut String, name: &str, bytes: &[u8]) {
    let _ = write!(text, "{name}: ");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
}
