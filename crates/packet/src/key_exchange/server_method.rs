//! The server's part of the key exchange methods: what it takes, and what it answers.

use crate::config::GroupSizes;
use crate::error::{Incompatibility, PacketError, malformed};
use crate::key_exchange::client_method::{group_values, mpint, unsigned};
use crate::key_exchange::transcript::{magnitude, put_value};
use crate::outbound::Outbound;
use konko_crypto::kex::{Agreement, DhGroup, KexAlgorithm, KexMethod, Moduli, SharedSecret, ValueEncoding};
use konko_wire::message::kex::{
    KexDhGexGroup, KexDhGexInit, KexDhGexReply, KexDhGexRequest, KexDhInit, KexDhReply, KexEcdhInit,
    KexEcdhReply,
};

/// Where the server stands.
pub(super) enum ServerMethod {
    /// The client's value is awaited.
    Agreement(Agreement),
    /// The client's request for a group is awaited.
    GroupAwaited,
    /// The client has the group, and its value is awaited.
    GroupGiven(GroupSizes, DhGroup),
}

/// The server's last message, without the signature.
pub(super) struct UnsignedReply {
    kind: ReplyKind,
    server_value: Vec<u8>,
}

#[derive(Clone, Copy)]
enum ReplyKind {
    Ecdh,
    Dh,
    DhGex,
}

/// What the client's last message leads to.
pub(super) struct ClientValue {
    pub(super) reply: UnsignedReply,
    /// As they enter the exchange hash.
    pub(super) values: Vec<u8>,
    pub(super) shared_secret: SharedSecret,
}

/// What a message leads to.
pub(super) enum ServerProgress {
    Waits(ServerMethod),
    Done(ClientValue),
}

impl ServerMethod {
    pub(super) fn start(kex: &KexAlgorithm) -> Self {
        match kex.method {
            KexMethod::Agreement(agreement) => Self::Agreement(agreement),
            KexMethod::GroupExchange => Self::GroupAwaited,
        }
    }

    /// The only message number that may come next.
    pub(super) fn due(&self) -> u8 {
        match self {
            Self::Agreement(_) => KexEcdhInit::NUMBER,
            Self::GroupAwaited => KexDhGexRequest::NUMBER,
            Self::GroupGiven(..) => KexDhGexInit::NUMBER,
        }
    }

    /// Takes the message that is due.
    pub(super) fn handle(
        self,
        payload: &[u8],
        moduli: Option<&Moduli>,
        outbound: &mut Outbound,
    ) -> Result<ServerProgress, PacketError> {
        match self {
            Self::Agreement(agreement) => {
                let (kind, client_value) = match agreement.encoding {
                    ValueEncoding::String => {
                        let init = KexEcdhInit::decode(payload).map_err(malformed(KexEcdhInit::NAME))?;
                        (ReplyKind::Ecdh, init.client_value)
                    }
                    ValueEncoding::Mpint => {
                        let init = KexDhInit::decode(payload).map_err(malformed(KexDhInit::NAME))?;
                        (ReplyKind::Dh, magnitude(init.client_value)?)
                    }
                };
                let (server_value, shared_secret) = (agreement.respond)(outbound.random(), client_value)?;
                let mut values = Vec::new();
                put_value(&mut values, agreement.encoding, client_value);
                put_value(&mut values, agreement.encoding, &server_value);
                let reply = UnsignedReply { kind, server_value };
                Ok(ServerProgress::Done(ClientValue { reply, values, shared_secret }))
            }
            Self::GroupAwaited => {
                let request = KexDhGexRequest::decode(payload).map_err(malformed(KexDhGexRequest::NAME))?;
                let (minimum, preferred, maximum) = (request.minimum, request.preferred, request.maximum);
                let group = moduli.and_then(|m| m.choose(minimum, preferred, maximum, outbound.random()));
                let group = group.ok_or(Incompatibility::NoGroup { minimum, maximum })?;
                let (prime, generator) = (unsigned(&group.prime_bytes()), unsigned(&group.generator_bytes()));
                outbound.send_now(&KexDhGexGroup { prime: mpint(&prime), generator: mpint(&generator) });
                let sizes = GroupSizes { minimum, preferred, maximum };
                Ok(ServerProgress::Waits(Self::GroupGiven(sizes, group)))
            }
            Self::GroupGiven(sizes, group) => {
                let init = KexDhGexInit::decode(payload).map_err(malformed(KexDhGexInit::NAME))?;
                let client_value = magnitude(init.client_value)?;
                let (server_value, shared_secret) = group.respond(outbound.random(), client_value)?;
                let values = group_values(sizes, &group, client_value, &server_value);
                let reply = UnsignedReply { kind: ReplyKind::DhGex, server_value };
                Ok(ServerProgress::Done(ClientValue { reply, values, shared_secret }))
            }
        }
    }
}

impl UnsignedReply {
    pub(super) fn send(&self, host_key: &[u8], signature: &[u8], outbound: &mut Outbound) {
        match self.kind {
            ReplyKind::Ecdh => {
                outbound.send_now(&KexEcdhReply { host_key, server_value: &self.server_value, signature });
            }
            ReplyKind::Dh => {
                let value = unsigned(&self.server_value);
                outbound.send_now(&KexDhReply { host_key, server_value: mpint(&value), signature });
            }
            ReplyKind::DhGex => {
                let value = unsigned(&self.server_value);
                outbound.send_now(&KexDhGexReply { host_key, server_value: mpint(&value), signature });
            }
        }
    }
}
