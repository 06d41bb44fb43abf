//! Messages of the authentication protocol (RFC 4252, RFC 4256).

use crate::decode::{DecodeError, Reader, Rest, Secret};
use crate::encode::{Encode, put_string, put_u32};
use crate::name_list::NameList;

messages! {
    /// Asks to be authenticated (RFC 4252 §5).
    UserauthRequest<'a> = 50 "SSH_MSG_USERAUTH_REQUEST" {
        /// Who.
        user_name: &'a [u8],
        /// For which service.
        service_name: &'a [u8],
        /// By which method.
        method_name: &'a [u8],
        /// What the method says; see the bodies in this module.
        method_fields: Rest<'a>,
    }
    /// The request is refused, or not enough yet (RFC 4252 §5.1).
    UserauthFailure<'a> = 51 "SSH_MSG_USERAUTH_FAILURE" {
        /// "authentications that can continue".
        methods_that_can_continue: NameList<'a>,
        /// Whether the request itself succeeded.
        partial_success: bool,
    }
    /// Authentication is complete (RFC 4252 §5.1).
    UserauthSuccess = 52 "SSH_MSG_USERAUTH_SUCCESS" {
    }
    /// A text for the user (RFC 4252 §5.4).
    UserauthBanner<'a> = 53 "SSH_MSG_USERAUTH_BANNER" {
        /// From the peer, so escape it before showing it.
        message: &'a [u8],
        /// RFC 3066 language tag.
        language_tag: &'a [u8],
    }
    /// The key would be acceptable (RFC 4252 §7).
    UserauthPkOk<'a> = 60 "SSH_MSG_USERAUTH_PK_OK" {
        /// As in the request.
        algorithm: &'a [u8],
        /// As in the request.
        public_key: &'a [u8],
    }
    /// The password must be changed (RFC 4252 §8).
    UserauthPasswdChangereq<'a> = 60 "SSH_MSG_USERAUTH_PASSWD_CHANGEREQ" {
        /// From the peer, so escape it before showing it.
        prompt: &'a [u8],
        /// RFC 3066 language tag.
        language_tag: &'a [u8],
    }
}

bodies! {
    /// The fields of the method `password` (RFC 4252 §8).
    Password<'a> = "password" {
        /// Whether [`PasswordChange`] is what really follows.
        change: bool,
        /// The password; with `change`, the old one.
        password: Secret<'a>,
    }
    /// The fields of the method `password` that changes it (RFC 4252 §8).
    PasswordChange<'a> = "password" {
        /// TRUE.
        change: bool,
        /// The old password.
        old_password: Secret<'a>,
        /// The new password.
        new_password: Secret<'a>,
    }
    /// The fields of the method `publickey` without a signature: a query (RFC 4252 §7).
    PublicKeyQuery<'a> = "publickey" {
        /// FALSE.
        has_signature: bool,
        /// The signature algorithm.
        algorithm: &'a [u8],
        /// The public key.
        public_key: &'a [u8],
    }
    /// The fields of the method `publickey` with a signature (RFC 4252 §7).
    PublicKeyProof<'a> = "publickey" {
        /// TRUE.
        has_signature: bool,
        /// The signature algorithm.
        algorithm: &'a [u8],
        /// The public key.
        public_key: &'a [u8],
        /// The signature.
        signature: &'a [u8],
    }
    /// The fields of the method `publickey-hostbound-v00@openssh.com` without a signature: a query (OpenSSH
    /// PROTOCOL §3.1).
    HostBoundPublicKeyQuery<'a> = "publickey-hostbound-v00@openssh.com" {
        /// FALSE.
        has_signature: bool,
        /// The signature algorithm.
        algorithm: &'a [u8],
        /// The public key.
        public_key: &'a [u8],
        /// The host key that the server showed in the first key exchange.
        host_key: &'a [u8],
    }
    /// The fields of the method `publickey-hostbound-v00@openssh.com` with a signature (OpenSSH PROTOCOL §3.1).
    HostBoundPublicKeyProof<'a> = "publickey-hostbound-v00@openssh.com" {
        /// TRUE.
        has_signature: bool,
        /// The signature algorithm.
        algorithm: &'a [u8],
        /// The public key.
        public_key: &'a [u8],
        /// The host key that the server showed in the first key exchange.
        host_key: &'a [u8],
        /// The signature.
        signature: &'a [u8],
    }
    /// The fields of the method `hostbased` (RFC 4252 §9).
    HostBased<'a> = "hostbased" {
        /// The signature algorithm.
        algorithm: &'a [u8],
        /// The public half of the client host's key, or a certificate for it.
        public_key: &'a [u8],
        /// The client host's name, fully qualified.
        client_host_name: &'a [u8],
        /// Who the user is on the client's host.
        client_user_name: &'a [u8],
        /// The signature by the host's key.
        signature: &'a [u8],
    }
    /// The fields of the method `keyboard-interactive` (RFC 4256 §3.1).
    KeyboardInteractive<'a> = "keyboard-interactive" {
        /// Deprecated; to be empty.
        language_tag: &'a [u8],
        /// Preferred submethods, comma-separated; usually empty.
        submethods: &'a [u8],
    }
}

/// The most prompts or responses that one message may carry.
pub const MAXIMUM_PROMPTS: u32 = 100;

/// One prompt of an [`UserauthInfoRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfoPrompt<'a> {
    /// From the peer, so escape it before showing it.
    pub prompt: &'a [u8],
    /// Whether the answer may be shown while it is typed.
    pub echo: bool,
}

/// Asks the user something (RFC 4256 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserauthInfoRequest<'a> {
    /// A title.
    pub name: &'a [u8],
    /// An explanation.
    pub instruction: &'a [u8],
    /// RFC 3066 language tag.
    pub language_tag: &'a [u8],
    /// The questions; may be none.
    pub prompts: Vec<InfoPrompt<'a>>,
}

impl<'a> UserauthInfoRequest<'a> {
    /// The message number.
    pub const NUMBER: u8 = 60;
    /// The message's name in its RFC.
    pub const NAME: &'static str = "SSH_MSG_USERAUTH_INFO_REQUEST";

    /// Decodes a whole payload. More than 100 prompts are refused.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        if reader.read_u8()? != Self::NUMBER {
            return Err(DecodeError::WrongMessage);
        }
        let (name, instruction) = (reader.read_string()?, reader.read_string()?);
        let language_tag = reader.read_string()?;
        let count = reader.read_u32()?;
        if count > MAXIMUM_PROMPTS {
            return Err(DecodeError::TooMany);
        }
        let mut prompts = Vec::new();
        for _ in 0..count {
            prompts.push(InfoPrompt { prompt: reader.read_string()?, echo: reader.read_bool()? });
        }
        reader.finish()?;
        Ok(Self { name, instruction, language_tag, prompts })
    }
}

impl Encode for UserauthInfoRequest<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::NUMBER);
        put_string(out, self.name);
        put_string(out, self.instruction);
        put_string(out, self.language_tag);
        put_u32(out, self.prompts.len() as u32);
        for prompt in &self.prompts {
            put_string(out, prompt.prompt);
            prompt.echo.encode(out);
        }
    }
}

/// The user's answers (RFC 4256 §3.4).
#[derive(Clone, PartialEq, Eq)]
pub struct UserauthInfoResponse<'a> {
    /// One for each prompt, in order.
    pub responses: Vec<&'a [u8]>,
}

impl std::fmt::Debug for UserauthInfoResponse<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UserauthInfoResponse({} responses)", self.responses.len())
    }
}

impl<'a> UserauthInfoResponse<'a> {
    /// The message number.
    pub const NUMBER: u8 = 61;
    /// The message's name in its RFC.
    pub const NAME: &'static str = "SSH_MSG_USERAUTH_INFO_RESPONSE";

    /// Decodes a whole payload. More than 100 responses are refused.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        if reader.read_u8()? != Self::NUMBER {
            return Err(DecodeError::WrongMessage);
        }
        let count = reader.read_u32()?;
        if count > MAXIMUM_PROMPTS {
            return Err(DecodeError::TooMany);
        }
        let mut responses = Vec::new();
        for _ in 0..count {
            responses.push(reader.read_string()?);
        }
        reader.finish()?;
        Ok(Self { responses })
    }
}

impl Encode for UserauthInfoResponse<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::NUMBER);
        put_u32(out, self.responses.len() as u32);
        for response in &self.responses {
            put_string(out, response);
        }
    }
}
