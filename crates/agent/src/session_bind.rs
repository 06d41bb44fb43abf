//! `session-bind@openssh.com` (PROTOCOL.agent §1): a client tells the agent over which connection it is about to
//! log in, or to forward the agent, and proves it with the host's signature.

use crate::error::AgentError;
use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::put_string;

/// The name of the extension.
pub const SESSION_BIND: &str = "session-bind@openssh.com";

/// What a connection to an agent is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionBind {
    /// The server's host key or certificate, as it travels.
    pub host_key: Vec<u8>,
    /// The session identifier: the exchange hash of the first key exchange (RFC 4253 §7.2).
    pub session_id: Vec<u8>,
    /// The host's signature of it, as it came in that key exchange's reply.
    pub signature: Vec<u8>,
    /// Whether the agent is being forwarded to that host, rather than used to log in there.
    pub is_forwarding: bool,
}

impl SessionBind {
    /// The contents of the extension request, behind its name.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, &self.host_key);
        put_string(&mut out, &self.session_id);
        put_string(&mut out, &self.signature);
        out.push(u8::from(self.is_forwarding));
        out
    }

    /// Reads the contents of the extension request.
    ///
    /// # Errors
    ///
    /// [`AgentError::Decode`].
    pub fn decode(contents: &[u8]) -> Result<Self, AgentError> {
        let decode = || -> Result<Self, DecodeError> {
            let mut reader = Reader::new(contents);
            let bind = Self {
                host_key: reader.read_string()?.to_vec(),
                session_id: reader.read_string()?.to_vec(),
                signature: reader.read_string()?.to_vec(),
                is_forwarding: reader.read_bool()?,
            };
            reader.finish()?;
            Ok(bind)
        };
        decode().map_err(|error| AgentError::Decode(SESSION_BIND, error))
    }
}
