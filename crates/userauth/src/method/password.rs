//! The method `password` (RFC 4252 §8).

use konko_wire::encode::{Encode, put_string};
use konko_wire::message::userauth::{Password, PasswordChange, UserauthPasswdChangereq};
use zeroize::Zeroizing;

use crate::attempt::AttemptKind;
use crate::error::AuthError;

/// The fields of a request with a password.
pub(crate) fn request_fields(password: &str) -> Zeroizing<Vec<u8>> {
    // Room for all of it from the start, so that no copy is left behind by growing.
    let mut fields = Zeroizing::new(Vec::with_capacity(1 + 4 + password.len()));
    false.encode(&mut fields);
    put_string(&mut fields, password.as_bytes());
    fields
}

/// The fields of a request that changes a password.
pub(crate) fn change_fields(old: &str, new: &str) -> Zeroizing<Vec<u8>> {
    let mut fields = Zeroizing::new(Vec::with_capacity(1 + 4 + old.len() + 4 + new.len()));
    true.encode(&mut fields);
    put_string(&mut fields, old.as_bytes());
    put_string(&mut fields, new.as_bytes());
    fields
}

/// The prompt of a server's demand for a new password.
pub(crate) fn change_prompt(payload: &[u8]) -> Result<String, AuthError> {
    let message = UserauthPasswdChangereq::decode(payload)
        .map_err(AuthError::decoding(UserauthPasswdChangereq::NAME))?;
    Ok(String::from_utf8_lossy(message.prompt).into_owned())
}

/// What a server makes of a request's fields; `None` refuses it without asking the application.
///
/// A change is refused unless it was demanded: there is nothing to check a new password against, and to hash it
/// would be work for the peer's asking.
pub(crate) fn attempt(
    fields: &[u8],
    maximum_len: usize,
    change_demanded: bool,
) -> Result<Option<AttemptKind>, AuthError> {
    if fields.first().is_some_and(|change| *change != 0) {
        let fields = PasswordChange::decode(fields).map_err(AuthError::decoding("the password request"))?;
        if !change_demanded {
            return Ok(None);
        }
        let (old, new) =
            (secret(fields.old_password.0, maximum_len), secret(fields.new_password.0, maximum_len));
        return Ok(old.zip(new).map(|(old, new)| AttemptKind::PasswordChange { old, new }));
    }
    let fields = Password::decode(fields).map_err(AuthError::decoding("the password request"))?;
    Ok(secret(fields.password.0, maximum_len).map(|password| AttemptKind::Password { password }))
}

/// A secret of at most `maximum_len` bytes of UTF-8.
pub(crate) fn secret(bytes: &[u8], maximum_len: usize) -> Option<Zeroizing<String>> {
    if bytes.len() > maximum_len {
        return None;
    }
    // RFC 4252 §8: passwords are "in ISO-10646 UTF-8 encoding".
    std::str::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}
