//! The client's part of the key exchange methods: what it sends, and what it takes for an answer.

use crate::config::GroupSizes;
use crate::error::{PacketError, malformed};
use crate::key_exchange::transcript::{magnitude, put_value};
use crate::outbound::Outbound;
use konko_crypto::kex::{DhGroup, Initiator, KexAlgorithm, KexMethod, SharedSecret, ValueEncoding};
use konko_wire::encode::{put_mpint, put_string, put_u32};
use konko_wire::message::kex::{
    KexDhGexGroup, KexDhGexInit, KexDhGexReply, KexDhGexRequest, KexDhInit, KexDhReply, KexEcdhInit,
    KexEcdhReply,
};
use konko_wire::mpint::Mpint;

/// Where the client stands.
pub(super) enum ClientMethod {
    /// Its value is sent.
    Agreement(ValueEncoding, Box<dyn Initiator>),
    /// It has asked for a group.
    GroupAsked(GroupSizes),
    /// It has the group and its value is sent.
    GroupGiven(GroupSizes, DhGroup, Box<dyn Initiator>),
}

/// The server's last message, and what follows from it.
pub(super) struct ServerReply {
    pub(super) host_key: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// As they enter the exchange hash.
    pub(super) values: Vec<u8>,
    pub(super) shared_secret: SharedSecret,
}

/// What an answer leads to.
pub(super) enum ClientProgress {
    Waits(ClientMethod),
    Done(ServerReply),
}

impl ClientMethod {
    /// Sends the first message.
    pub(super) fn start(kex: &KexAlgorithm, sizes: GroupSizes, outbound: &mut Outbound) -> Self {
        match kex.method {
            KexMethod::Agreement(agreement) => {
                let initiator = (agreement.initiate)(outbound.random());
                match agreement.encoding {
                    ValueEncoding::String => {
                        outbound.send_now(&KexEcdhInit { client_value: initiator.public() });
                    }
                    ValueEncoding::Mpint => {
                        let value = unsigned(initiator.public());
                        outbound.send_now(&KexDhInit { client_value: mpint(&value) });
                    }
                }
                Self::Agreement(agreement.encoding, initiator)
            }
            KexMethod::GroupExchange => {
                outbound.send_now(&KexDhGexRequest {
                    minimum: sizes.minimum,
                    preferred: sizes.preferred,
                    maximum: sizes.maximum,
                });
                Self::GroupAsked(sizes)
            }
        }
    }

    /// The only message number that may come next.
    pub(super) fn due(&self) -> u8 {
        match self {
            Self::Agreement(..) => KexEcdhReply::NUMBER,
            Self::GroupAsked(_) => KexDhGexGroup::NUMBER,
            Self::GroupGiven(..) => KexDhGexReply::NUMBER,
        }
    }

    /// Takes the message that is due.
    pub(super) fn handle(
        self,
        payload: &[u8],
        outbound: &mut Outbound,
    ) -> Result<ClientProgress, PacketError> {
        match self {
            Self::Agreement(ValueEncoding::String, initiator) => {
                let reply = KexEcdhReply::decode(payload).map_err(malformed(KexEcdhReply::NAME))?;
                let mut values = Vec::new();
                put_string(&mut values, initiator.public());
                put_string(&mut values, reply.server_value);
                let shared_secret = initiator.finish(reply.server_value)?;
                Ok(done(reply.host_key, reply.signature, values, shared_secret))
            }
            Self::Agreement(ValueEncoding::Mpint, initiator) => {
                let reply = KexDhReply::decode(payload).map_err(malformed(KexDhReply::NAME))?;
                let server_value = magnitude(reply.server_value)?;
                let mut values = Vec::new();
                put_mpint(&mut values, initiator.public());
                put_mpint(&mut values, server_value);
                let shared_secret = initiator.finish(server_value)?;
                Ok(done(reply.host_key, reply.signature, values, shared_secret))
            }
            Self::GroupAsked(sizes) => {
                let message = KexDhGexGroup::decode(payload).map_err(malformed(KexDhGexGroup::NAME))?;
                let (prime, generator) = (magnitude(message.prime)?, magnitude(message.generator)?);
                let group = DhGroup::from_peer(prime, generator, sizes.minimum, sizes.maximum)?;
                let initiator = group.initiate(outbound.random());
                let value = unsigned(initiator.public());
                outbound.send_now(&KexDhGexInit { client_value: mpint(&value) });
                Ok(ClientProgress::Waits(Self::GroupGiven(sizes, group, initiator)))
            }
            Self::GroupGiven(sizes, group, initiator) => {
                let reply = KexDhGexReply::decode(payload).map_err(malformed(KexDhGexReply::NAME))?;
                let server_value = magnitude(reply.server_value)?;
                let values = group_values(sizes, &group, initiator.public(), server_value);
                let shared_secret = initiator.finish(server_value)?;
                Ok(done(reply.host_key, reply.signature, values, shared_secret))
            }
        }
    }
}

fn done(host_key: &[u8], signature: &[u8], values: Vec<u8>, shared_secret: SharedSecret) -> ClientProgress {
    ClientProgress::Done(ServerReply {
        host_key: host_key.to_vec(),
        signature: signature.to_vec(),
        values,
        shared_secret,
    })
}

/// RFC 4419 §3: min, n, max, p, g, e and f.
pub(super) fn group_values(sizes: GroupSizes, group: &DhGroup, e: &[u8], f: &[u8]) -> Vec<u8> {
    let mut values = Vec::new();
    for size in [sizes.minimum, sizes.preferred, sizes.maximum] {
        put_u32(&mut values, size);
    }
    for number in [&group.prime_bytes()[..], &group.generator_bytes(), e, f] {
        put_value(&mut values, ValueEncoding::Mpint, number);
    }
    values
}

/// The contents of an mpint for an unsigned number.
pub(super) fn unsigned(big_endian: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(big_endian.len() + 5);
    put_mpint(&mut encoded, big_endian);
    encoded.split_off(4)
}

/// The mpint of such contents.
pub(super) fn mpint(contents: &[u8]) -> Mpint<'_> {
    Mpint::parse(contents).expect("put_mpint writes the shortest form")
}
