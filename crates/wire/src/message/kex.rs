//! Messages of the key exchange methods (RFC 4253 §8, RFC 4419 §3, RFC 5656 §4, RFC 8731; the hybrids share
//! the layout of RFC 5656).

use crate::mpint::Mpint;

messages! {
    /// The client's value, as a string: ECDH, X25519 and the hybrids.
    KexEcdhInit<'a> = 30 "SSH_MSG_KEX_ECDH_INIT" {
        /// The client's ephemeral public value.
        client_value: &'a [u8],
    }
    /// The server's value, as a string, with its host key and signature.
    KexEcdhReply<'a> = 31 "SSH_MSG_KEX_ECDH_REPLY" {
        /// The server's public host key.
        host_key: &'a [u8],
        /// The server's ephemeral public value.
        server_value: &'a [u8],
        /// Over the exchange hash.
        signature: &'a [u8],
    }
    /// The client's value e (RFC 4253 §8).
    KexDhInit<'a> = 30 "SSH_MSG_KEXDH_INIT" {
        /// e.
        client_value: Mpint<'a>,
    }
    /// The server's value f, with its host key and signature (RFC 4253 §8).
    KexDhReply<'a> = 31 "SSH_MSG_KEXDH_REPLY" {
        /// The server's public host key.
        host_key: &'a [u8],
        /// f.
        server_value: Mpint<'a>,
        /// Over the exchange hash.
        signature: &'a [u8],
    }
    /// Asks for a group (RFC 4419 §3).
    KexDhGexRequest = 34 "SSH_MSG_KEX_DH_GEX_REQUEST" {
        /// Smallest acceptable size in bits.
        minimum: u32,
        /// Preferred size in bits.
        preferred: u32,
        /// Largest acceptable size in bits.
        maximum: u32,
    }
    /// The group (RFC 4419 §3).
    KexDhGexGroup<'a> = 31 "SSH_MSG_KEX_DH_GEX_GROUP" {
        /// p.
        prime: Mpint<'a>,
        /// g.
        generator: Mpint<'a>,
    }
    /// The client's value e (RFC 4419 §3).
    KexDhGexInit<'a> = 32 "SSH_MSG_KEX_DH_GEX_INIT" {
        /// e.
        client_value: Mpint<'a>,
    }
    /// The server's value f, with its host key and signature (RFC 4419 §3).
    KexDhGexReply<'a> = 33 "SSH_MSG_KEX_DH_GEX_REPLY" {
        /// The server's public host key.
        host_key: &'a [u8],
        /// f.
        server_value: Mpint<'a>,
        /// Over the exchange hash.
        signature: &'a [u8],
    }
}
