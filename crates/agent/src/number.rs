//! The message numbers of RFC 9987, its signature flags and its constraint numbers.

/// SSH_AGENT_FAILURE.
pub const FAILURE: u8 = 5;
/// SSH_AGENT_SUCCESS.
pub const SUCCESS: u8 = 6;
/// SSH_AGENTC_REQUEST_IDENTITIES.
pub const REQUEST_IDENTITIES: u8 = 11;
/// SSH_AGENT_IDENTITIES_ANSWER.
pub const IDENTITIES_ANSWER: u8 = 12;
/// SSH_AGENTC_SIGN_REQUEST.
pub const SIGN_REQUEST: u8 = 13;
/// SSH_AGENT_SIGN_RESPONSE.
pub const SIGN_RESPONSE: u8 = 14;
/// SSH_AGENTC_ADD_IDENTITY.
pub const ADD_IDENTITY: u8 = 17;
/// SSH_AGENTC_REMOVE_IDENTITY.
pub const REMOVE_IDENTITY: u8 = 18;
/// SSH_AGENTC_REMOVE_ALL_IDENTITIES.
pub const REMOVE_ALL_IDENTITIES: u8 = 19;
/// SSH_AGENTC_ADD_SMARTCARD_KEY.
pub const ADD_SMARTCARD_KEY: u8 = 20;
/// SSH_AGENTC_REMOVE_SMARTCARD_KEY.
pub const REMOVE_SMARTCARD_KEY: u8 = 21;
/// SSH_AGENTC_LOCK.
pub const LOCK: u8 = 22;
/// SSH_AGENTC_UNLOCK.
pub const UNLOCK: u8 = 23;
/// SSH_AGENTC_ADD_ID_CONSTRAINED.
pub const ADD_ID_CONSTRAINED: u8 = 25;
/// SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED.
pub const ADD_SMARTCARD_KEY_CONSTRAINED: u8 = 26;
/// SSH_AGENTC_EXTENSION.
pub const EXTENSION: u8 = 27;
/// SSH_AGENT_EXTENSION_FAILURE.
pub const EXTENSION_FAILURE: u8 = 28;
/// SSH_AGENT_EXTENSION_RESPONSE.
pub const EXTENSION_RESPONSE: u8 = 29;

/// SSH_AGENT_RSA_SHA2_256: an RSA key signs under `rsa-sha2-256`.
pub const RSA_SHA2_256_FLAG: u32 = 2;
/// SSH_AGENT_RSA_SHA2_512: an RSA key signs under `rsa-sha2-512`.
pub const RSA_SHA2_512_FLAG: u32 = 4;

/// SSH_AGENT_CONSTRAIN_LIFETIME.
pub const CONSTRAIN_LIFETIME: u8 = 1;
/// SSH_AGENT_CONSTRAIN_CONFIRM.
pub const CONSTRAIN_CONFIRM: u8 = 2;
/// SSH_AGENT_CONSTRAIN_EXTENSION.
pub const CONSTRAIN_EXTENSION: u8 = 255;

/// The name of the request of that number; nothing for other messages.
pub const fn request_name(number: u8) -> Option<&'static str> {
    Some(match number {
        REQUEST_IDENTITIES => "SSH_AGENTC_REQUEST_IDENTITIES",
        SIGN_REQUEST => "SSH_AGENTC_SIGN_REQUEST",
        ADD_IDENTITY => "SSH_AGENTC_ADD_IDENTITY",
        REMOVE_IDENTITY => "SSH_AGENTC_REMOVE_IDENTITY",
        REMOVE_ALL_IDENTITIES => "SSH_AGENTC_REMOVE_ALL_IDENTITIES",
        ADD_SMARTCARD_KEY => "SSH_AGENTC_ADD_SMARTCARD_KEY",
        REMOVE_SMARTCARD_KEY => "SSH_AGENTC_REMOVE_SMARTCARD_KEY",
        LOCK => "SSH_AGENTC_LOCK",
        UNLOCK => "SSH_AGENTC_UNLOCK",
        ADD_ID_CONSTRAINED => "SSH_AGENTC_ADD_ID_CONSTRAINED",
        ADD_SMARTCARD_KEY_CONSTRAINED => "SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED",
        EXTENSION => "SSH_AGENTC_EXTENSION",
        _ => return None,
    })
}

/// The longest message, in bytes, without its length field: OpenSSH's limit, in both directions.
pub const MAXIMUM_MESSAGE: usize = 256 * 1024;
/// The most keys that one list may hold: OpenSSH's limit.
pub const MAXIMUM_IDENTITIES: usize = 2048;
