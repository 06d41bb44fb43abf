//! What an agent answers (RFC 9987 §5).

use crate::identity::AgentIdentity;
use crate::number::{self, MAXIMUM_IDENTITIES};
use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{put_string, put_u32};

/// One reply, as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// SSH_AGENT_FAILURE (§5.1).
    Failure,
    /// SSH_AGENT_SUCCESS (§5.1). Before RFC 9987, agents put the contents of an extension's answer here.
    Success(Vec<u8>),
    /// SSH_AGENT_IDENTITIES_ANSWER (§5.5).
    Identities(Vec<AgentIdentity>),
    /// SSH_AGENT_SIGN_RESPONSE (§5.6): the whole signature blob.
    Signature(Vec<u8>),
    /// SSH_AGENT_EXTENSION_FAILURE (§5.8).
    ExtensionFailure,
    /// SSH_AGENT_EXTENSION_RESPONSE (§5.8): the name of the extension, and what it says.
    ExtensionResponse {
        /// The name, as in the request.
        name: Vec<u8>,
        /// What it says.
        contents: Vec<u8>,
    },
}

impl Reply {
    /// Reads a whole message, its number first.
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongMessage`] for the number of no reply; [`DecodeError::TooMany`] for a list of more than
    /// 2048 keys; otherwise what is wrong with its layout.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let reply = match reader.read_u8()? {
            // OpenSSH writes SSH_AGENT_FAILURE with nothing behind it; others have put a text there.
            number::FAILURE => {
                reader.rest();
                Self::Failure
            }
            number::SUCCESS => Self::Success(reader.rest().to_vec()),
            number::IDENTITIES_ANSWER => Self::Identities(identities(&mut reader)?),
            number::SIGN_RESPONSE => Self::Signature(reader.read_string()?.to_vec()),
            number::EXTENSION_FAILURE => {
                reader.rest();
                Self::ExtensionFailure
            }
            number::EXTENSION_RESPONSE => {
                let name = reader.read_string()?.to_vec();
                Self::ExtensionResponse { name, contents: reader.rest().to_vec() }
            }
            _ => return Err(DecodeError::WrongMessage),
        };
        reader.finish()?;
        Ok(reply)
    }

    /// The whole message, its number first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Failure => out.push(number::FAILURE),
            Self::Success(contents) => {
                out.push(number::SUCCESS);
                out.extend_from_slice(contents);
            }
            Self::Identities(identities) => {
                out.push(number::IDENTITIES_ANSWER);
                put_u32(&mut out, u32::try_from(identities.len()).unwrap_or(u32::MAX));
                for identity in identities {
                    put_string(&mut out, &identity.blob);
                    put_string(&mut out, identity.comment.as_bytes());
                }
            }
            Self::Signature(signature) => {
                out.push(number::SIGN_RESPONSE);
                put_string(&mut out, signature);
            }
            Self::ExtensionFailure => out.push(number::EXTENSION_FAILURE),
            Self::ExtensionResponse { name, contents } => {
                out.push(number::EXTENSION_RESPONSE);
                put_string(&mut out, name);
                out.extend_from_slice(contents);
            }
        }
        out
    }

    pub(crate) const fn number(&self) -> u8 {
        match self {
            Self::Failure => number::FAILURE,
            Self::Success(_) => number::SUCCESS,
            Self::Identities(_) => number::IDENTITIES_ANSWER,
            Self::Signature(_) => number::SIGN_RESPONSE,
            Self::ExtensionFailure => number::EXTENSION_FAILURE,
            Self::ExtensionResponse { .. } => number::EXTENSION_RESPONSE,
        }
    }
}

fn identities(reader: &mut Reader<'_>) -> Result<Vec<AgentIdentity>, DecodeError> {
    let count = reader.read_u32()? as usize;
    if count > MAXIMUM_IDENTITIES {
        return Err(DecodeError::TooMany);
    }
    let mut identities = Vec::new();
    for _ in 0..count {
        let blob = reader.read_string()?.to_vec();
        let comment = String::from_utf8_lossy(reader.read_string()?).into_owned();
        identities.push(AgentIdentity { blob, comment });
    }
    Ok(identities)
}
