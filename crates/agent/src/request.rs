//! What a client asks of an agent (RFC 9987 §5).

use crate::agent_key::AgentKey;
use crate::constraint::{self, Constraint};
use crate::error::{AddError, AgentError};
use crate::number;
use konko_wire::decode::{DecodeError, Reader, Secret};
use konko_wire::encode::{put_string, put_u32};

/// One request, as it travels. What it borrows may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request<'a> {
    /// SSH_AGENTC_REQUEST_IDENTITIES (§5.5).
    RequestIdentities,
    /// SSH_AGENTC_SIGN_REQUEST (§5.6).
    SignRequest {
        /// The public key or certificate.
        key_blob: &'a [u8],
        /// What to sign.
        data: &'a [u8],
        /// [`RSA_SHA2_256_FLAG`](number::RSA_SHA2_256_FLAG) and
        /// [`RSA_SHA2_512_FLAG`](number::RSA_SHA2_512_FLAG).
        flags: u32,
    },
    /// SSH_AGENTC_ADD_IDENTITY and SSH_AGENTC_ADD_ID_CONSTRAINED (§5.2); [`AddIdentity`] reads the fields.
    AddIdentity {
        /// The key, its comment, and perhaps constraints.
        fields: Secret<'a>,
        /// Whether constraints may follow.
        constrained: bool,
    },
    /// SSH_AGENTC_REMOVE_IDENTITY (§5.4).
    RemoveIdentity {
        /// The public key or certificate.
        key_blob: &'a [u8],
    },
    /// SSH_AGENTC_REMOVE_ALL_IDENTITIES (§5.4).
    RemoveAllIdentities,
    /// SSH_AGENTC_ADD_SMARTCARD_KEY and SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED (§5.2.6).
    AddSmartcardKey {
        /// The reader or the library.
        id: &'a [u8],
        /// What unlocks the token.
        pin: Secret<'a>,
        /// The encoded constraints; empty for none.
        constraints: &'a [u8],
        /// Whether constraints may follow.
        constrained: bool,
    },
    /// SSH_AGENTC_REMOVE_SMARTCARD_KEY (§5.4).
    RemoveSmartcardKey {
        /// The reader or the library.
        id: &'a [u8],
        /// What unlocks the token.
        pin: Secret<'a>,
    },
    /// SSH_AGENTC_LOCK (§5.7).
    Lock {
        /// What will unlock the agent again.
        passphrase: Secret<'a>,
    },
    /// SSH_AGENTC_UNLOCK (§5.7).
    Unlock {
        /// What it was locked with.
        passphrase: Secret<'a>,
    },
    /// SSH_AGENTC_EXTENSION (§5.8).
    Extension {
        /// Its name.
        name: &'a [u8],
        /// What it says.
        contents: &'a [u8],
    },
}

impl<'a> Request<'a> {
    /// Reads a whole message, its number first.
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongMessage`] for the number of no request; otherwise what is wrong with its layout.
    pub fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let number = reader.read_u8()?;
        let request = match number {
            number::REQUEST_IDENTITIES => Self::RequestIdentities,
            number::SIGN_REQUEST => Self::SignRequest {
                key_blob: reader.read_string()?,
                data: reader.read_string()?,
                flags: reader.read_u32()?,
            },
            number::ADD_IDENTITY | number::ADD_ID_CONSTRAINED => Self::AddIdentity {
                fields: Secret(reader.rest()),
                constrained: number == number::ADD_ID_CONSTRAINED,
            },
            number::REMOVE_IDENTITY => Self::RemoveIdentity { key_blob: reader.read_string()? },
            number::REMOVE_ALL_IDENTITIES => Self::RemoveAllIdentities,
            number::ADD_SMARTCARD_KEY | number::ADD_SMARTCARD_KEY_CONSTRAINED => {
                let constrained = number == number::ADD_SMARTCARD_KEY_CONSTRAINED;
                let (id, pin) = (reader.read_string()?, Secret(reader.read_string()?));
                let constraints = if constrained { reader.rest() } else { &[] };
                Self::AddSmartcardKey { id, pin, constraints, constrained }
            }
            number::REMOVE_SMARTCARD_KEY => {
                Self::RemoveSmartcardKey { id: reader.read_string()?, pin: Secret(reader.read_string()?) }
            }
            number::LOCK => Self::Lock { passphrase: Secret(reader.read_string()?) },
            number::UNLOCK => Self::Unlock { passphrase: Secret(reader.read_string()?) },
            number::EXTENSION => Self::Extension { name: reader.read_string()?, contents: reader.rest() },
            _ => return Err(DecodeError::WrongMessage),
        };
        reader.finish()?;
        Ok(request)
    }

    /// Appends the whole message, its number first.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.number());
        match self {
            Self::RequestIdentities | Self::RemoveAllIdentities => {}
            Self::SignRequest { key_blob, data, flags } => {
                put_string(out, key_blob);
                put_string(out, data);
                put_u32(out, *flags);
            }
            Self::AddIdentity { fields, .. } => out.extend_from_slice(fields.0),
            Self::RemoveIdentity { key_blob } => put_string(out, key_blob),
            Self::AddSmartcardKey { id, pin, constraints, .. } => {
                put_string(out, id);
                put_string(out, pin.0);
                out.extend_from_slice(constraints);
            }
            Self::RemoveSmartcardKey { id, pin } => {
                put_string(out, id);
                put_string(out, pin.0);
            }
            Self::Lock { passphrase } | Self::Unlock { passphrase } => put_string(out, passphrase.0),
            Self::Extension { name, contents } => {
                put_string(out, name);
                out.extend_from_slice(contents);
            }
        }
    }

    /// How many bytes [`encode`](Self::encode) appends: room for them means that no copy of a secret is left behind.
    pub fn encoded_len(&self) -> usize {
        let (strings, rest) = match self {
            Self::RequestIdentities | Self::RemoveAllIdentities => (&[][..], 0),
            Self::SignRequest { key_blob, data, .. } => (&[*key_blob, *data][..], size_of::<u32>()),
            Self::AddIdentity { fields, .. } => (&[][..], fields.0.len()),
            Self::RemoveIdentity { key_blob } => (&[*key_blob][..], 0),
            Self::AddSmartcardKey { id, pin, constraints, .. } => (&[*id, pin.0][..], constraints.len()),
            Self::RemoveSmartcardKey { id, pin } => (&[*id, pin.0][..], 0),
            Self::Lock { passphrase } | Self::Unlock { passphrase } => (&[passphrase.0][..], 0),
            Self::Extension { name, contents } => (&[*name][..], contents.len()),
        };
        1 + rest + strings.iter().map(|string| size_of::<u32>() + string.len()).sum::<usize>()
    }

    const fn number(&self) -> u8 {
        match self {
            Self::RequestIdentities => number::REQUEST_IDENTITIES,
            Self::SignRequest { .. } => number::SIGN_REQUEST,
            Self::AddIdentity { constrained: false, .. } => number::ADD_IDENTITY,
            Self::AddIdentity { constrained: true, .. } => number::ADD_ID_CONSTRAINED,
            Self::RemoveIdentity { .. } => number::REMOVE_IDENTITY,
            Self::RemoveAllIdentities => number::REMOVE_ALL_IDENTITIES,
            Self::AddSmartcardKey { constrained: false, .. } => number::ADD_SMARTCARD_KEY,
            Self::AddSmartcardKey { constrained: true, .. } => number::ADD_SMARTCARD_KEY_CONSTRAINED,
            Self::RemoveSmartcardKey { .. } => number::REMOVE_SMARTCARD_KEY,
            Self::Lock { .. } => number::LOCK,
            Self::Unlock { .. } => number::UNLOCK,
            Self::Extension { .. } => number::EXTENSION,
        }
    }

    /// The message's name.
    pub fn name(&self) -> &'static str {
        number::request_name(self.number()).unwrap_or_default()
    }
}

/// A key that is given to an agent (§5.2). `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct AddIdentity {
    /// The key, perhaps with a certificate.
    pub key: AgentKey,
    /// What the agent is to say about it in its list.
    pub comment: String,
    /// What it may be used for.
    pub constraints: Vec<Constraint>,
}

impl AddIdentity {
    /// A key that may be used for everything.
    pub fn new(key: AgentKey, comment: &str) -> Self {
        Self { key, comment: comment.to_owned(), constraints: Vec::new() }
    }

    /// Reads the fields of [`Request::AddIdentity`].
    ///
    /// # Errors
    ///
    /// [`AddError`].
    pub fn decode(fields: &[u8], constrained: bool) -> Result<Self, AddError> {
        let mut reader = Reader::new(fields);
        let key = AgentKey::decode(&mut reader)?;
        let comment = String::from_utf8_lossy(reader.read_string()?).into_owned();
        let constraints = if constrained { constraint::decode_all(&mut reader)? } else { Vec::new() };
        reader.finish()?;
        Ok(Self { key, comment, constraints })
    }

    /// Appends the fields of [`Request::AddIdentity`].
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), AgentError> {
        self.key.encode(out)?;
        put_string(out, self.comment.as_bytes());
        constraint::encode_all(&self.constraints, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_comes_back_and_is_as_long_as_it_says() {
        let secret = Secret(b"secret");
        for request in [
            Request::RequestIdentities,
            Request::SignRequest { key_blob: b"key", data: b"data", flags: 6 },
            Request::AddIdentity { fields: secret, constrained: false },
            Request::AddIdentity { fields: secret, constrained: true },
            Request::RemoveIdentity { key_blob: b"key" },
            Request::RemoveAllIdentities,
            Request::AddSmartcardKey { id: b"id", pin: secret, constraints: b"", constrained: false },
            Request::AddSmartcardKey { id: b"id", pin: secret, constraints: b"\x02", constrained: true },
            Request::RemoveSmartcardKey { id: b"id", pin: secret },
            Request::Lock { passphrase: secret },
            Request::Unlock { passphrase: secret },
            Request::Extension { name: b"name", contents: b"contents" },
        ] {
            let mut bytes = Vec::new();
            request.encode(&mut bytes);
            assert_eq!(bytes.len(), request.encoded_len(), "{request:?}");
            assert_eq!(Request::decode(&bytes), Ok(request));
        }
    }
}
