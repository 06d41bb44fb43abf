//! `konko keygen -e` and `-i`: keys in the formats of others. `-r`: DNS records.

use crate::keygen::context::{Context, Format, read_file};
use crate::keygen::error::KeygenError;
use crate::keygen::generate::default_comment;
use crate::keygen::prompt;
use konko::keys::error::KeyFileError;
use konko::keys::identity::Identity;
use konko::keys::private_key::PrivateKey;
use konko::keys::randomart::family;
use konko::trust::sshfp::SshfpRecord;
use zeroize::Zeroizing;

/// Prints a public key in the format of `-m`.
///
/// # Errors
///
/// [`KeygenError`].
pub fn export(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("efmP")?;
    context.arguments.no_operands()?;
    let path = context.key_path()?;
    let identity = match context.load_public(&path) {
        Ok((identity, _)) => identity,
        Err(KeygenError::Public { error: KeyFileError::Encrypted, .. }) => {
            let loaded = context.load_private(&path, "Enter passphrase: ")?;
            Identity::Key(loaded.key.public_key().clone())
        }
        Err(error) => return Err(error),
    };
    let key = identity.public_key();
    let text = match context.format()?.unwrap_or(Format::OpenSsh) {
        Format::OpenSsh => {
            let (bits, family, who) = (key.bits(), family(&identity), default_comment());
            identity.to_rfc4716(&format!("{bits}-bit {family}, converted by {who} from OpenSSH"))
        }
        Format::Pkcs8 => key.to_pkcs8()?,
        Format::Pem => key.to_pem()?,
        Format::Ppk | Format::Ppk2 => {
            let what =
                "public keys in PuTTY's format, which is for private ones; -p -m PPK writes such a file";
            return Err(KeygenError::Unsupported(what.into()));
        }
    };
    prompt::write(&text)?;
    Ok(0)
}

/// Prints a key of the format of `-m` in OpenSSH's: a public key, or for PuTTY's format a private one.
///
/// # Errors
///
/// [`KeygenError`].
pub fn import(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("ifmPN")?;
    context.arguments.no_operands()?;
    let path = context.key_path()?;
    let format = context.format()?.unwrap_or(Format::OpenSsh);
    let text = read_file(&path)?;
    let begin: &[u8] = match format {
        Format::OpenSsh => b"---- BEGIN SSH2 PUBLIC KEY ----",
        Format::Pkcs8 => b"-----BEGIN PUBLIC KEY-----",
        Format::Pem => b"-----BEGIN RSA PUBLIC KEY-----",
        Format::Ppk | Format::Ppk2 => b"PuTTY-User-Key-File-",
    };
    if !text.windows(begin.len()).any(|window| window == begin) {
        let begin = String::from_utf8_lossy(begin);
        return Err(KeygenError::Other(format!("{}: there is no line {begin}", path.display())));
    }
    let public = |error| KeygenError::Public { path: path.clone(), error };
    if matches!(format, Format::Ppk | Format::Ppk2) {
        let key = import_ppk(context, &text).map_err(|error| match error {
            KeygenError::KeyFile(error) => KeygenError::Load { path: path.clone(), error },
            error => error,
        })?;
        let new = context.arguments.text('N')?.unwrap_or_default();
        prompt::write(&context.private_text(&key, Format::OpenSsh, new)?)?;
        return Ok(0);
    }
    let (identity, _) = Identity::from_any_format(&text).map_err(public)?;
    context.print(identity.to_openssh(""))?;
    Ok(0)
}

fn import_ppk(context: &Context, text: &[u8]) -> Result<PrivateKey, KeygenError> {
    match PrivateKey::from_openssh(text, None) {
        Err(KeyFileError::Encrypted) => {
            let passphrase = match context.arguments.text('P')? {
                Some(passphrase) => Zeroizing::new(passphrase.to_owned()),
                None => prompt::secret("Enter passphrase: ")?,
            };
            Ok(PrivateKey::from_openssh(text, Some(passphrase.as_bytes()))?)
        }
        read => Ok(read?),
    }
}

/// Prints the SSHFP records (RFC 4255) of a key for a host; in the notation of RFC 3597 after `-g`.
///
/// # Errors
///
/// [`KeygenError`].
pub fn dns_records(context: &Context) -> Result<u8, KeygenError> {
    context.arguments.only("rfg")?;
    context.arguments.no_operands()?;
    let host = context.arguments.text('r')?.unwrap_or_default();
    let path = context.key_path()?;
    let (identity, _) = context.load_public(&path)?;
    let records = SshfpRecord::of(identity.public_key());
    if records.is_empty() {
        let kind = identity.key_type();
        return Err(KeygenError::Unsupported(format!("DNS records for keys of the type {kind}")));
    }
    for record in records {
        if context.arguments.has('g') {
            let (algorithm, kind) = (record.algorithm, record.fingerprint_type);
            let digits: String = record.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
            let len = 2 + record.fingerprint.len();
            context.print(format_args!("{host} IN TYPE44 \\# {len} {algorithm:02x} {kind:02x} {digits}"))?;
        } else {
            context.print(format_args!("{host} IN SSHFP {record}"))?;
        }
    }
    Ok(0)
}
