//! Signatures of FIDO authenticators ("security keys"; OpenSSH's PROTOCOL.u2f). An authenticator signs not the
//! message itself but a hash of it, together with the name of the application, a byte of flags and a counter.

use crate::error::SignatureError;
use crate::signature_algorithm::Scheme;
use base64ct::{Base64UrlUnpadded, Encoding};
use konko_wire::decode::Reader;
use sha2::{Digest, Sha256};

/// The bit of the flags that says that somebody touched the authenticator.
pub const USER_PRESENT: u8 = 0x01;
/// The bit of the flags that says that the authenticator knew who that was, by a PIN or a finger.
pub const USER_VERIFIED: u8 = 0x04;
/// "Attested credential data included": never in an assertion.
const ATTESTED: u8 = 0x40;
/// "Extension data included".
const EXTENDED: u8 = 0x80;

/// What a signature of a security key must say to be accepted. Signatures of other keys are not touched by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecurityKeyPolicy {
    /// Somebody must have touched the authenticator; the option `no-touch-required` turns this off.
    pub user_presence: bool,
    /// The authenticator must have known who it was; the option `verify-required` turns this on.
    pub user_verification: bool,
}

impl SecurityKeyPolicy {
    /// Demands nothing.
    pub const ANY: Self = Self { user_presence: false, user_verification: false };
}

impl Default for SecurityKeyPolicy {
    /// Demands a touch, no PIN.
    fn default() -> Self {
        Self { user_presence: true, user_verification: false }
    }
}

/// What the authenticator said of itself in a signature that was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SecurityKeyAssertion {
    /// [`USER_PRESENT`], [`USER_VERIFIED`] and others of FIDO's bits.
    pub flags: u8,
    /// How many signatures the authenticator has made, as it counts them; many count nothing.
    pub counter: u32,
}

impl SecurityKeyAssertion {
    /// Whether somebody touched the authenticator.
    pub const fn user_present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }

    /// Whether the authenticator knew who that was.
    pub const fn user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    /// Demands what the policy demands. It is called once the signature is known to be good.
    pub(crate) const fn satisfies(&self, policy: SecurityKeyPolicy) -> Result<(), SignatureError> {
        if policy.user_presence && !self.user_present() {
            return Err(SignatureError::NoUserPresence);
        }
        if policy.user_verification && !self.user_verified() {
            return Err(SignatureError::NoUserVerification);
        }
        Ok(())
    }
}

/// A signature taken apart.
pub(crate) struct Asserted<'a> {
    /// The value of the plain algorithm inside.
    pub(crate) value: &'a [u8],
    /// What the authenticator said.
    pub(crate) assertion: SecurityKeyAssertion,
    /// What was really signed.
    pub(crate) signed: Vec<u8>,
}

/// Reads what follows the name of the algorithm, to the end.
pub(crate) fn read<'a>(
    scheme: Scheme,
    application: &str,
    message: &[u8],
    reader: &mut Reader<'a>,
) -> Result<Asserted<'a>, SignatureError> {
    let value = reader.read_string()?;
    let (flags, counter) = (reader.read_u8()?, reader.read_u32()?);
    let mut signed = Sha256::digest(application).to_vec();
    signed.push(flags);
    signed.extend_from_slice(&counter.to_be_bytes());
    if scheme == Scheme::WebAuthn {
        let (origin, client_data) = (reader.read_string()?, reader.read_string()?);
        let extensions = reader.read_string()?;
        // PROTOCOL.u2f: the extensions are there if and only if the flags say so.
        let consistent = flags & ATTESTED == 0 && (flags & EXTENDED != 0) != extensions.is_empty();
        if !consistent || !client_data.starts_with(&client_data_preamble(message, origin)?) {
            return Err(SignatureError::ClientData);
        }
        signed.extend_from_slice(extensions);
        signed.extend_from_slice(&Sha256::digest(client_data));
    } else {
        signed.extend_from_slice(&Sha256::digest(message));
    }
    reader.finish()?;
    Ok(Asserted { value, assertion: SecurityKeyAssertion { flags, counter }, signed })
}

/// How the JSON that a browser signs must begin: its type, what is signed and for which site, in this order.
fn client_data_preamble(message: &[u8], origin: &[u8]) -> Result<Vec<u8>, SignatureError> {
    if origin.iter().any(|byte| matches!(byte, b'"' | b'\\' | 0)) {
        return Err(SignatureError::ClientData);
    }
    let challenge = Base64UrlUnpadded::encode_string(message);
    let mut preamble =
        format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":""#).into_bytes();
    preamble.extend_from_slice(origin);
    preamble.push(b'"');
    Ok(preamble)
}

#[cfg(test)]
mod tests;
