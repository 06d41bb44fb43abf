//! The part of an exchange between the two proposals and the result: the method's own messages.

use crate::config::PacketConfig;
use crate::direction_keys::Agreed;
use crate::error::PacketError;
use crate::key_exchange::client_method::{ClientMethod, ClientProgress};
use crate::key_exchange::server_method::{ServerMethod, ServerProgress, UnsignedReply};
use crate::key_exchange::transcript::Transcript;
use crate::negotiation::Negotiated;
use crate::outbound::Outbound;
use crate::role::Role;
use konko_keys::error::{CertificateError, SignatureError};
use konko_keys::identity::Identity;
use konko_keys::signature_algorithm::SignatureAlgorithm;
use konko_wire::number::MessageRange;

enum Method {
    Client(ClientMethod),
    Server(ServerMethod),
}

/// Both proposals are there; the method runs.
pub(super) struct Exchanging {
    negotiated: Negotiated,
    transcript: Transcript,
    method: Method,
    /// The next message is the peer's wrong guess.
    discard_guess: bool,
}

/// What a message of the method leads to.
pub(super) enum Exchange {
    Waits(Exchanging),
    /// A client has the server's reply; the signature in it is verified.
    Verified(Agreed, Identity),
    /// A server has the client's value, and must sign.
    ToSign(Agreed, Identity, UnsignedReply),
}

impl Exchanging {
    /// Begins the method: a client sends its first message.
    pub(super) fn start(
        role: Role,
        negotiated: Negotiated,
        transcript: Transcript,
        discard_guess: bool,
        config: &PacketConfig,
        outbound: &mut Outbound,
    ) -> Self {
        let method = match role {
            Role::Client => Method::Client(ClientMethod::start(negotiated.kex, config.group_sizes, outbound)),
            Role::Server => Method::Server(ServerMethod::start(negotiated.kex)),
        };
        Self { negotiated, transcript, method, discard_guess }
    }

    /// Whether a message of this number may come now.
    pub(super) fn takes(&self, number: u8) -> bool {
        if self.discard_guess {
            return MessageRange::of(number) == MessageRange::KeyExchange;
        }
        match &self.method {
            Method::Client(method) => method.due() == number,
            Method::Server(method) => method.due() == number,
        }
    }

    /// Takes a message that [`takes`](Self::takes) lets pass.
    pub(super) fn handle(
        self,
        payload: &[u8],
        config: &PacketConfig,
        host_keys: &[Identity],
        outbound: &mut Outbound,
    ) -> Result<Exchange, PacketError> {
        if self.discard_guess {
            // RFC 4253 §7.1: "If the guessed algorithm is wrong, the next packet MUST be silently ignored".
            return Ok(Exchange::Waits(Self { discard_guess: false, ..self }));
        }
        let Self { negotiated, transcript, method, discard_guess } = self;
        match method {
            Method::Client(method) => match method.handle(payload, outbound)? {
                ClientProgress::Waits(method) => {
                    let method = Method::Client(method);
                    Ok(Exchange::Waits(Self { negotiated, transcript, method, discard_guess }))
                }
                ClientProgress::Done(reply) => {
                    let host_key = decode_host_key(&reply.host_key)?;
                    let bits = u32::try_from(host_key.public_key().bits()).unwrap_or(u32::MAX);
                    if host_key.public_key().key_type() == "ssh-rsa" && bits < config.minimum_rsa_bits {
                        return Err(PacketError::HostKeyTooShort { bits });
                    }
                    let hash = negotiated.kex.hash;
                    let exchange_hash =
                        transcript.exchange_hash(hash, &reply.host_key, &reply.values, &reply.shared_secret);
                    verify(&host_key, negotiated.host_key, &exchange_hash, &reply.signature)
                        .map_err(PacketError::HostKeySignature)?;
                    let shared_secret = reply.shared_secret;
                    let host_signature = Some(reply.signature);
                    let agreed = Agreed { negotiated, shared_secret, exchange_hash, host_signature };
                    Ok(Exchange::Verified(agreed, host_key))
                }
            },
            Method::Server(method) => match method.handle(payload, config.moduli.as_deref(), outbound)? {
                ServerProgress::Waits(method) => {
                    let method = Method::Server(method);
                    Ok(Exchange::Waits(Self { negotiated, transcript, method, discard_guess }))
                }
                ServerProgress::Done(value) => {
                    let key_type = negotiated.host_key.key_type;
                    let host_key = host_keys.iter().find(|key| key.key_type() == key_type);
                    let host_key = host_key.ok_or(PacketError::ApiMisuse("a host key is missing"))?.clone();
                    let hash = negotiated.kex.hash;
                    let exchange_hash =
                        transcript.exchange_hash(hash, host_key.blob(), &value.values, &value.shared_secret);
                    let shared_secret = value.shared_secret;
                    let agreed = Agreed { negotiated, shared_secret, exchange_hash, host_signature: None };
                    Ok(Exchange::ToSign(agreed, host_key, value.reply))
                }
            },
        }
    }
}

/// Reads what a server sent as its host key: a bare key, or a certificate whose authority has signed it.
fn decode_host_key(blob: &[u8]) -> Result<Identity, PacketError> {
    Identity::decode(blob).map_err(|error| match error {
        CertificateError::Key(error) => PacketError::HostKey(error),
        error => PacketError::HostCertificate(error),
    })
}

/// Verifies under the row that was agreed on: a certificate where a certificate was, and a bare key where not.
fn verify(
    host_key: &Identity,
    algorithm: &'static SignatureAlgorithm,
    exchange_hash: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    match host_key {
        Identity::Key(key) => key.verify(algorithm, exchange_hash, signature),
        Identity::Certificate(certificate) => certificate.verify(algorithm, exchange_hash, signature),
    }
}
