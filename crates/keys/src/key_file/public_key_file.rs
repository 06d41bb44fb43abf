//! Public key files: of OpenSSH, of RFC 4716, SubjectPublicKeyInfo (RFC 5280 §4.1), `RSA PUBLIC KEY`
//! (RFC 8017 §A.1.1) and of PuTTY.

use crate::error::{CertificateError, KeyError, KeyFileError};
use crate::identity::Identity;
use crate::key_file::armor::{self, OPENSSH_LINE_LEN, PEM_LINE_LEN, push_lines};
use crate::key_file::der::{BIT_STRING, DerReader, OBJECT_IDENTIFIER};
use crate::key_file::der_writer::{Der, bits, identifier, sequence, unsigned, value};
use crate::key_file::object_identifier as oid;
use crate::key_file::ppk;
use crate::key_file::private_key_file::LARGEST_FILE;
use crate::key_file::traditional::curve;
use crate::key_file::traditional_writer::curve_identifier;
use crate::private_fields::malformed;
use crate::private_key::PrivateKey;
use crate::public_key::PublicKey;
use base64ct::{Base64, Encoding};

const BEGIN_SSH2: &str = "---- BEGIN SSH2 PUBLIC KEY ----";
const END_SSH2: &str = "---- END SSH2 PUBLIC KEY ----";
/// RFC 4716 §3.3: "A line that is longer than 72 octets … MUST be broken"; the last byte is the backslash.
const HEADER_LINE_LEN: usize = 71;

impl Identity {
    /// Reads a public key or certificate file of any format, and the public half of a private key file as far as
    /// it stands there in the clear; the comment comes back, too.
    ///
    /// Of a file of OpenSSH with several lines, the first that is not empty and does not begin with `#` counts.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`]; [`KeyFileError::NotAKey`] where no format fits.
    pub fn from_any_format(text: &[u8]) -> Result<(Self, String), KeyFileError> {
        if text.len() > LARGEST_FILE {
            return Err(KeyFileError::TooLarge);
        }
        let has_line = |start: &[u8]| {
            text.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_start().starts_with(start))
        };
        if has_line(BEGIN_SSH2.as_bytes()) {
            let text = std::str::from_utf8(text).map_err(|_| malformed("its text"))?;
            return read_rfc4716(text);
        }
        if has_line(ppk::MAGIC) {
            return ppk::public_half(text).map(|(key, comment)| (Self::Key(key), comment));
        }
        if has_line(b"-----BEGIN ") {
            if let Ok(armored) = armor::read(text, b"PUBLIC KEY") {
                let key = match armored.label.as_str() {
                    "PUBLIC KEY" => read_public_key_info(&armored.contents)?,
                    "RSA PUBLIC KEY" => read_pkcs1(&armored.contents)?,
                    label => {
                        return Err(KeyFileError::Unsupported {
                            what: format!("a file of the kind {label}"),
                        });
                    }
                };
                return Ok((Self::Key(key), String::new()));
            }
            let key = PrivateKey::public_half_of(text)?;
            // The comment stands in the private part, which is read where that takes no passphrase.
            let comment = PrivateKey::from_openssh(text, None).map(|key| key.comment().to_owned());
            return Ok((Self::Key(key), comment.unwrap_or_default()));
        }
        let text = std::str::from_utf8(text).map_err(|_| KeyFileError::NotAKey)?;
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        from_line(line.ok_or(KeyFileError::NotAKey)?)
    }
}

/// Errors of the shape of a line are no news about a file that is something else altogether.
fn from_line(line: &str) -> Result<(Identity, String), KeyFileError> {
    Identity::from_openssh(line).map_err(|error| match error {
        CertificateError::Key(KeyError::NotAKey) => KeyFileError::NotAKey,
        CertificateError::Key(error) => error.into(),
        error => error.into(),
    })
}

impl PublicKey {
    /// Reads a public key file of any format, as [`Identity::from_any_format`] does.
    ///
    /// # Errors
    ///
    /// As there; [`KeyFileError::Unsupported`] for a certificate.
    pub fn from_any_format(text: &[u8]) -> Result<(Self, String), KeyFileError> {
        match Identity::from_any_format(text)? {
            (Identity::Key(key), comment) => Ok((key, comment)),
            (Identity::Certificate(_), _) => {
                Err(KeyFileError::Unsupported { what: "a certificate in place of a key".into() })
            }
        }
    }

    /// Writes a SubjectPublicKeyInfo, `BEGIN PUBLIC KEY`, as `ssh-keygen -e -m PKCS8` does.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Unsupported`] for keys of authenticators and DSA.
    pub fn to_pkcs8(&self) -> Result<String, KeyFileError> {
        let (algorithm, contents): (Der, Der) = if let Some((n, e)) = self.rsa_numbers() {
            let key = sequence(&[&unsigned(n), &unsigned(e)]);
            (sequence(&[&identifier(oid::RSA), &value(0x05, &[])]), key)
        } else if let Some((curve, point)) = self.ecdsa_point() {
            let curve = identifier(curve_identifier(curve));
            (sequence(&[&identifier(oid::EC), &curve]), point.to_vec().into())
        } else if let Some(point) = self.ed25519_point() {
            (sequence(&[&identifier(oid::ED25519)]), point.to_vec().into())
        } else {
            return Err(self.no_format("PKCS#8"));
        };
        let contents = sequence(&[&algorithm, &bits(&contents)]);
        Ok(armor::write("PUBLIC KEY", &contents, PEM_LINE_LEN).to_string())
    }

    /// Writes an RSA key as `BEGIN RSA PUBLIC KEY`, as `ssh-keygen -e -m PEM` does.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Unsupported`] for all other keys.
    pub fn to_pem(&self) -> Result<String, KeyFileError> {
        let (n, e) = self.rsa_numbers().ok_or_else(|| self.no_format("PEM"))?;
        let contents = sequence(&[&unsigned(n), &unsigned(e)]);
        Ok(armor::write("RSA PUBLIC KEY", &contents, PEM_LINE_LEN).to_string())
    }

    fn no_format(&self, format: &str) -> KeyFileError {
        KeyFileError::Unsupported { what: format!("a {} key in a {format} file", self.key_type()) }
    }
}

impl Identity {
    /// Writes a file of RFC 4716, as `ssh-keygen -e` does. Control characters of the comment become spaces.
    pub fn to_rfc4716(&self, comment: &str) -> String {
        let mut text = format!("{BEGIN_SSH2}\n");
        if !comment.is_empty() {
            let visible: String = comment.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            push_header(&mut text, &format!("Comment: \"{visible}\""));
        }
        push_lines(&mut text, self.blob(), OPENSSH_LINE_LEN);
        text.push_str(END_SSH2);
        text.push('\n');
        text
    }
}

/// RFC 4716 §3.3: a header that goes on in the next line ends with a backslash.
fn push_header(text: &mut String, header: &str) {
    let mut len = 0;
    for (at, c) in header.char_indices() {
        let is_last = at + c.len_utf8() == header.len();
        if len + c.len_utf8() > HEADER_LINE_LEN && !(is_last && len < HEADER_LINE_LEN + 1) {
            text.push_str("\\\n");
            len = 0;
        }
        text.push(c);
        len += c.len_utf8();
    }
    text.push('\n');
}

fn read_rfc4716(text: &str) -> Result<(Identity, String), KeyFileError> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != BEGIN_SSH2).skip(1);
    let (mut comment, mut base64) = (String::new(), String::new());
    loop {
        let line = lines.next().ok_or(malformed("its last line is missing"))?;
        if line == END_SSH2 {
            break;
        }
        // RFC 4716 §3.3: headers have a colon, which base64 does not have.
        if !line.contains(':') {
            base64.push_str(line);
            continue;
        }
        let mut header = line.to_owned();
        while let Some(start) = header.strip_suffix('\\') {
            let next = lines.next().ok_or(malformed("its last line is missing"))?;
            header = format!("{start}{next}");
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("Comment")
        {
            let value = value.trim();
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            comment = quoted.unwrap_or(value).to_owned();
        }
    }
    let blob = Base64::decode_vec(&base64).map_err(|_| malformed("its base64 is invalid"))?;
    Ok((Identity::decode(&blob).map_err(without_layer)?, comment))
}

fn without_layer(error: CertificateError) -> KeyFileError {
    match error {
        CertificateError::Key(error) => error.into(),
        error => error.into(),
    }
}

fn read_pkcs1(contents: &[u8]) -> Result<PublicKey, KeyFileError> {
    let mut outer = DerReader::new(contents);
    let mut fields = outer.read_sequence()?;
    outer.finish()?;
    let (n, e) = (fields.read_unsigned()?, fields.read_unsigned()?);
    fields.finish()?;
    Ok(PublicKey::from_rsa(n, e)?)
}

fn read_public_key_info(contents: &[u8]) -> Result<PublicKey, KeyFileError> {
    let mut outer = DerReader::new(contents);
    let mut fields = outer.read_sequence()?;
    outer.finish()?;
    let mut algorithm = fields.read_sequence()?;
    let bits = fields.read(BIT_STRING)?;
    fields.finish()?;
    let key = bits.strip_prefix(&[0]).ok_or(malformed("its public key"))?;
    match algorithm.read(OBJECT_IDENTIFIER)? {
        oid::RSA => read_pkcs1(key),
        oid::EC => {
            let named = algorithm.read_optional(OBJECT_IDENTIFIER)?;
            let unnamed = || KeyFileError::Unsupported { what: "an elliptic curve without a name".into() };
            Ok(PublicKey::from_ecdsa(curve(named.ok_or_else(unnamed)?)?, key)?)
        }
        oid::ED25519 => Ok(PublicKey::from_ed25519(key)?),
        _ => Err(KeyFileError::Unsupported {
            what: "a public key that is neither RSA nor EC nor Ed25519".into(),
        }),
    }
}
