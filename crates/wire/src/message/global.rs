//! Global requests (RFC 4254 §4, §7.1; OpenSSH PROTOCOL 2.2, 2.4, 2.5).

use crate::decode::{DecodeError, Reader, Rest};
use crate::encode::{Encode, put_string};

messages! {
    /// Asks something of the other side (RFC 4254 §4).
    GlobalRequest<'a> = 80 "SSH_MSG_GLOBAL_REQUEST" {
        /// What is asked.
        request_name: &'a [u8],
        /// Whether a reply is expected.
        want_reply: bool,
        /// Depends on the name; see the bodies in this module.
        request_specific: Rest<'a>,
    }
    /// The request is granted (RFC 4254 §4).
    RequestSuccess<'a> = 81 "SSH_MSG_REQUEST_SUCCESS" {
        /// Depends on the request.
        response_specific: Rest<'a>,
    }
    /// The request is refused (RFC 4254 §4).
    RequestFailure = 82 "SSH_MSG_REQUEST_FAILURE" {
    }
}

bodies! {
    /// Forwards a port (RFC 4254 §7.1).
    TcpipForward<'a> = "tcpip-forward" {
        /// Where to listen.
        address: &'a [u8],
        /// The port; zero lets the server choose.
        port: u32,
    }
    /// Ends the forwarding of a port (RFC 4254 §7.1).
    CancelTcpipForward<'a> = "cancel-tcpip-forward" {
        /// As in the request.
        address: &'a [u8],
        /// The port.
        port: u32,
    }
    /// The port the server chose, in reply to a [`TcpipForward`] of port zero (RFC 4254 §7.1).
    TcpipForwardReply = "tcpip-forward" {
        /// The port.
        port: u32,
    }
    /// Forwards a Unix socket (OpenSSH PROTOCOL 2.4).
    StreamlocalForward<'a> = "streamlocal-forward@openssh.com" {
        /// Where to listen.
        socket_path: &'a [u8],
    }
    /// Ends the forwarding of a Unix socket (OpenSSH PROTOCOL 2.4).
    CancelStreamlocalForward<'a> = "cancel-streamlocal-forward@openssh.com" {
        /// As in the request.
        socket_path: &'a [u8],
    }
    /// No more sessions will be opened (OpenSSH PROTOCOL 2.2).
    NoMoreSessions = "no-more-sessions@openssh.com" {
    }
    /// Is anybody there? Any answer will do (OpenSSH).
    Keepalive = "keepalive@openssh.com" {
    }
}

/// The most host keys that one message may carry.
pub const MAXIMUM_HOST_KEYS: usize = 64;

/// A sequence of strings to the end of the message: the host keys of `hostkeys-00@openssh.com` and
/// `hostkeys-prove-00@openssh.com`, and the signatures that answer the latter (OpenSSH PROTOCOL 2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeys<'a> {
    /// Public keys, or signatures.
    pub blobs: Vec<&'a [u8]>,
}

impl<'a> HostKeys<'a> {
    /// The server says which host keys it has.
    pub const ANNOUNCE: &'static str = "hostkeys-00@openssh.com";
    /// The client asks for proof that it has them.
    pub const PROVE: &'static str = "hostkeys-prove-00@openssh.com";

    /// Decodes a whole body. More than 64 entries are refused.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut blobs = Vec::new();
        while !reader.is_empty() {
            if blobs.len() == MAXIMUM_HOST_KEYS {
                return Err(DecodeError::TooMany);
            }
            blobs.push(reader.read_string()?);
        }
        Ok(Self { blobs })
    }
}

impl Encode for HostKeys<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        for blob in &self.blobs {
            put_string(out, blob);
        }
    }
}
