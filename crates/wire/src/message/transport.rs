//! Messages of the transport layer (RFC 4253 §11, §7; RFC 8308; OpenSSH PROTOCOL 1.5 for ping).

use crate::decode::{DecodeError, Reader, Rest};
use crate::encode::{Encode, put_string, put_u32};
use crate::name_list::NameList;
use crate::number::DisconnectReason;

messages! {
    /// Ends the connection (RFC 4253 §11.1).
    Disconnect<'a> = 1 "SSH_MSG_DISCONNECT" {
        /// Why.
        reason: DisconnectReason,
        /// In words; from the peer, so escape it before showing it.
        description: &'a [u8],
        /// RFC 3066 language tag of the description.
        language_tag: &'a [u8],
    }
    /// To be ignored (RFC 4253 §11.2).
    Ignore<'a> = 2 "SSH_MSG_IGNORE" {
        /// Anything.
        data: &'a [u8],
    }
    /// The peer does not know a message (RFC 4253 §11.4).
    Unimplemented = 3 "SSH_MSG_UNIMPLEMENTED" {
        /// The sequence number of the packet that it did not know.
        sequence_number: u32,
    }
    /// For debugging (RFC 4253 §11.3).
    Debug<'a> = 4 "SSH_MSG_DEBUG" {
        /// Whether the sender asks that it be shown.
        always_display: bool,
        /// In words; from the peer, so escape it before showing it.
        message: &'a [u8],
        /// RFC 3066 language tag of the message.
        language_tag: &'a [u8],
    }
    /// Asks for a service (RFC 4253 §10).
    ServiceRequest<'a> = 5 "SSH_MSG_SERVICE_REQUEST" {
        /// Its name, see [`crate::number::service`].
        service_name: &'a [u8],
    }
    /// Grants a service (RFC 4253 §10).
    ServiceAccept<'a> = 6 "SSH_MSG_SERVICE_ACCEPT" {
        /// Its name.
        service_name: &'a [u8],
    }
    /// Proposes algorithms (RFC 4253 §7.1).
    KexInit<'a> = 20 "SSH_MSG_KEXINIT" {
        /// Random.
        cookie: [u8; 16],
        /// Key exchange methods, and the markers `ext-info-*` and `kex-strict-*`.
        kex_algorithms: NameList<'a>,
        /// Signature algorithms of host keys.
        server_host_key_algorithms: NameList<'a>,
        /// Ciphers, client to server.
        encryption_algorithms_client_to_server: NameList<'a>,
        /// Ciphers, server to client.
        encryption_algorithms_server_to_client: NameList<'a>,
        /// MACs, client to server.
        mac_algorithms_client_to_server: NameList<'a>,
        /// MACs, server to client.
        mac_algorithms_server_to_client: NameList<'a>,
        /// Compression, client to server.
        compression_algorithms_client_to_server: NameList<'a>,
        /// Compression, server to client.
        compression_algorithms_server_to_client: NameList<'a>,
        /// Languages, client to server; not used.
        languages_client_to_server: NameList<'a>,
        /// Languages, server to client; not used.
        languages_server_to_client: NameList<'a>,
        /// A guessed key exchange packet follows.
        first_kex_packet_follows: bool,
        /// "0 (reserved for future extension)".
        reserved: u32,
    }
    /// The next packet is under the new keys (RFC 4253 §7.3).
    NewKeys = 21 "SSH_MSG_NEWKEYS" {
    }
    /// Asks for a [`Pong`] (OpenSSH, `ping@openssh.com`).
    Ping<'a> = 192 "SSH2_MSG_PING" {
        /// To be sent back.
        data: &'a [u8],
    }
    /// Answers a [`Ping`] (OpenSSH).
    Pong<'a> = 193 "SSH2_MSG_PONG" {
        /// As in the ping.
        data: &'a [u8],
    }
}

/// The most extensions that an [`ExtInfo`] may carry.
pub const MAXIMUM_EXTENSIONS: u32 = 1024;

/// Extensions of the sender (RFC 8308 §2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtInfo<'a> {
    /// Names and values, in order.
    pub extensions: Vec<(&'a str, &'a [u8])>,
}

impl<'a> ExtInfo<'a> {
    /// The message number.
    pub const NUMBER: u8 = 7;
    /// The message's name in its RFC.
    pub const NAME: &'static str = "SSH_MSG_EXT_INFO";

    /// Decodes a whole payload. More than 1,024 extensions are refused. Extensions whose name is not UTF-8
    /// are left out.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        if reader.read_u8()? != Self::NUMBER {
            return Err(DecodeError::WrongMessage);
        }
        let count = reader.read_u32()?;
        if count > MAXIMUM_EXTENSIONS {
            return Err(DecodeError::TooMany);
        }
        let mut extensions = Vec::new();
        for _ in 0..count {
            let name = reader.read_string()?;
            let value = reader.read_string()?;
            if let Ok(name) = std::str::from_utf8(name) {
                extensions.push((name, value));
            }
        }
        reader.finish()?;
        Ok(Self { extensions })
    }

    /// The value of the extension `name`.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.extensions.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }
}

impl Encode for ExtInfo<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::NUMBER);
        put_u32(out, self.extensions.len() as u32);
        for (name, value) in &self.extensions {
            put_string(out, name.as_bytes());
            put_string(out, value);
        }
    }
}

/// A payload that is already encoded, number first.
#[derive(Debug, Clone, Copy)]
pub struct Encoded<'a>(pub &'a [u8]);

impl Encode for Encoded<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        Rest(self.0).encode(out);
    }
}
