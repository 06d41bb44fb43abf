//! The chain of states of a key exchange, and what is remembered from one exchange to the next.

use crate::algorithms::Algorithms;
use crate::config::PacketConfig;
use crate::direction_keys::{Agreed, Direction, DirectionKeys};
use crate::error::{Incompatibility, PacketError, Phase, malformed};
use crate::extensions::ServerExtensions;
use crate::key_exchange::exchanging::{Exchange, Exchanging};
use crate::key_exchange::server_method::UnsignedReply;
use crate::key_exchange::transcript::Transcript;
use crate::negotiation::{
    Negotiated, guessed_wrong, negotiate, offered, peer_is_strict, peer_takes_ext_info, proposal,
};
use crate::outbound::Outbound;
use crate::received::{HostKeyQuestion, SignatureQuestion};
use crate::rekey::RekeyReason;
use crate::role::Role;
use bytes::Bytes;
use konko_crypto::hash::HashOutput;
use konko_keys::identity::Identity;
use konko_keys::public_key::PublicKey;
use konko_wire::identification::Identification;
use konko_wire::message::transport::{Encoded, KexInit, NewKeys};
use std::sync::Arc;

/// Our proposal is sent.
struct Proposed {
    ours: Bytes,
    reason: RekeyReason,
}

/// A client must know whether it may trust the host key.
struct HostKeyPending {
    agreed: Agreed,
    host_key: Identity,
    generation: u64,
    reason: RekeyReason,
}

/// A server needs a signature.
struct SignaturePending {
    agreed: Agreed,
    host_key: Identity,
    reply: UnsignedReply,
    generation: u64,
    reason: RekeyReason,
}

/// Our `SSH_MSG_NEWKEYS` is sent; the peer's is due, and then these keys.
struct NewKeysSent {
    receiving: DirectionKeys,
    first: bool,
    reason: RekeyReason,
}

enum State {
    Idle,
    Proposed(Proposed),
    Exchanging(Box<Exchanging>, RekeyReason),
    HostKeyPending(Box<HostKeyPending>),
    SignaturePending(Box<SignaturePending>),
    NewKeysSent(Box<NewKeysSent>),
    /// The exchange failed.
    Failed,
}

/// What the packet protocol is to do after a message.
pub(crate) enum Step {
    Nothing,
    AskHostKey(HostKeyQuestion),
    AskSignature(SignatureQuestion),
    /// The peer's new keys are to be put to use.
    InstallReceivingKeys {
        keys: DirectionKeys,
        first: bool,
        reason: RekeyReason,
    },
}

/// Key exchange, from the first to the last of a connection.
pub(crate) struct KeyExchange {
    role: Role,
    config: Arc<PacketConfig>,
    offered: Algorithms,
    host_keys: Vec<Identity>,
    peer_identification: Option<Identification>,
    session_id: Option<HashOutput>,
    negotiated: Option<Negotiated>,
    /// The host key of the first exchange, on a client.
    accepted_host_key: Option<PublicKey>,
    /// The host key of the first exchange as it was sent.
    first_host_key: Option<Vec<u8>>,
    /// The host's signature of the first exchange hash, on a client.
    first_host_signature: Option<Vec<u8>>,
    strict: bool,
    peer_takes_ext_info: bool,
    generation: u64,
    state: State,
    /// Changes our proposals before they are sent.
    #[cfg(test)]
    edit_proposal: Option<fn(&mut Vec<u8>)>,
}

impl KeyExchange {
    pub(crate) fn new(role: Role, config: Arc<PacketConfig>, host_keys: Vec<Identity>) -> Self {
        let has_moduli = config.moduli.as_ref().is_some_and(|moduli| !moduli.is_empty());
        Self {
            role,
            offered: offered(&config.algorithms, role, &host_keys, has_moduli),
            config,
            host_keys,
            peer_identification: None,
            session_id: None,
            negotiated: None,
            accepted_host_key: None,
            first_host_key: None,
            first_host_signature: None,
            strict: false,
            peer_takes_ext_info: false,
            generation: 0,
            state: State::Idle,
            #[cfg(test)]
            edit_proposal: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn with_edited_proposal(mut self, edit: fn(&mut Vec<u8>)) -> Self {
        self.edit_proposal = Some(edit);
        self
    }

    #[cfg(test)]
    pub(crate) fn edit_proposals(&mut self, edit: fn(&mut Vec<u8>)) {
        self.edit_proposal = Some(edit);
    }

    #[cfg(test)]
    pub(crate) fn offer(&mut self, change: impl FnOnce(&mut Algorithms)) {
        change(&mut self.offered);
    }

    /// Sends the reply and nothing after it.
    #[cfg(test)]
    pub(crate) fn reply_only(&mut self, signature: &[u8], outbound: &mut Outbound) {
        let State::SignaturePending(pending) = &self.state else { panic!("no signature is wanted") };
        pending.reply.send(pending.host_key.blob(), signature, outbound);
    }

    #[cfg(test)]
    pub(crate) fn replace_host_keys(&mut self, host_keys: Vec<PublicKey>) {
        self.host_keys = host_keys.into_iter().map(Identity::Key).collect();
    }

    pub(crate) fn session_id(&self) -> Option<&[u8]> {
        self.session_id.as_deref()
    }

    pub(crate) fn first_host_key(&self) -> Option<&[u8]> {
        self.first_host_key.as_deref()
    }

    pub(crate) fn first_host_signature(&self) -> Option<&[u8]> {
        self.first_host_signature.as_deref()
    }

    pub(crate) fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiated.as_ref()
    }

    pub(crate) fn peer_identification(&self) -> Option<&Identification> {
        self.peer_identification.as_ref()
    }

    pub(crate) fn set_peer_identification(&mut self, identification: Identification) {
        self.peer_identification = Some(identification);
    }

    /// Whether both sides do strict key exchange.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Whether an answer of the application is awaited, so that no message may be taken.
    pub(crate) fn waits_for_answer(&self) -> bool {
        matches!(self.state, State::HostKeyPending(_) | State::SignaturePending(_))
    }

    /// Where the peer stands: what it may send next.
    pub(crate) fn phase(&self) -> Phase {
        let first = self.session_id.is_none();
        match (&self.state, self.peer_identification.is_some()) {
            (_, false) => Phase::Identification,
            (State::Idle | State::Proposed(_), _) if first => Phase::Negotiation,
            (State::Idle | State::Proposed(_), _) => Phase::Established,
            (State::NewKeysSent(sent), _) if sent.first => Phase::NewKeys,
            (State::NewKeysSent(_), _) => Phase::KeyReExchange,
            _ if first => Phase::KeyExchange,
            _ => Phase::KeyReExchange,
        }
    }

    /// Whether the peer's `SSH_MSG_NEWKEYS` is due.
    pub(crate) fn awaits_new_keys(&self) -> bool {
        matches!(self.state, State::NewKeysSent(_))
    }

    /// Whether the peer's `SSH_MSG_KEXINIT` may come.
    pub(crate) fn awaits_kex_init(&self) -> bool {
        matches!(self.state, State::Idle | State::Proposed(_))
    }

    /// Whether a message of a key exchange method may come, and this is the one.
    pub(crate) fn takes(&self, number: u8) -> bool {
        matches!(&self.state, State::Exchanging(exchanging, _) if exchanging.takes(number))
    }

    /// Sends our proposal, if no exchange runs.
    pub(crate) fn propose(&mut self, reason: RekeyReason, outbound: &mut Outbound) {
        if !self.is_idle() {
            return;
        }
        let mut cookie = [0; 16];
        outbound.random().fill(&mut cookie);
        let proposal = proposal(&self.offered, self.role, cookie, self.session_id.is_none());
        #[cfg(test)]
        let proposal = self.edited(proposal);
        let ours = Bytes::from(proposal);
        outbound.begin_exchange();
        outbound.send_now(&Encoded(&ours));
        self.state = State::Proposed(Proposed { ours, reason });
    }

    #[cfg(test)]
    fn edited(&self, mut proposal: Vec<u8>) -> Vec<u8> {
        if let Some(edit) = self.edit_proposal {
            edit(&mut proposal);
        }
        proposal
    }

    /// Takes the peer's proposal.
    pub(crate) fn handle_kex_init(
        &mut self,
        sequence_number: u32,
        payload: &Bytes,
        outbound: &mut Outbound,
    ) -> Result<(), PacketError> {
        let theirs = KexInit::decode(payload).map_err(malformed(KexInit::NAME))?;
        self.propose(RekeyReason::Peer, outbound);
        let State::Proposed(Proposed { ours, reason }) = std::mem::replace(&mut self.state, State::Failed)
        else {
            return Err(PacketError::UnexpectedMessage { number: KexInit::NUMBER, phase: self.phase() });
        };
        if self.session_id.is_none() {
            self.learn_markers(sequence_number, &theirs)?;
        }
        let negotiated = negotiate(self.role, &self.offered, &theirs)?;
        tracing::debug!(
            kex = negotiated.kex.name,
            host_key = negotiated.host_key.name,
            client_to_server = negotiated.cipher_client_to_server.name,
            server_to_client = negotiated.cipher_server_to_client.name,
            strict = self.strict,
            ?reason,
            "algorithms negotiated"
        );
        let discard_guess = guessed_wrong(&self.offered, &theirs);
        let transcript = self.transcript(ours, payload.clone())?;
        let exchanging =
            Exchanging::start(self.role, negotiated, transcript, discard_guess, &self.config, outbound);
        self.state = State::Exchanging(Box::new(exchanging), reason);
        Ok(())
    }

    /// The markers of the first proposal; those of later ones mean nothing.
    fn learn_markers(&mut self, sequence_number: u32, theirs: &KexInit<'_>) -> Result<(), PacketError> {
        self.strict = peer_is_strict(self.role, theirs);
        self.peer_takes_ext_info = peer_takes_ext_info(self.role, theirs);
        if self.strict && sequence_number != 0 {
            return Err(PacketError::PeerMisbehaved(
                "strict key exchange: SSH_MSG_KEXINIT was not the first packet",
            ));
        }
        if !self.strict && self.config.require_strict_kex {
            return Err(Incompatibility::NoStrictKeyExchange.into());
        }
        Ok(())
    }

    fn transcript(&self, ours: Bytes, theirs: Bytes) -> Result<Transcript, PacketError> {
        let our_identification = self.config.identification.clone();
        let peer_identification = self.peer_identification.clone();
        let peer_identification =
            peer_identification.ok_or(PacketError::ApiMisuse("a key exchange before the identification"))?;
        Ok(match self.role {
            Role::Client => Transcript {
                client_identification: our_identification,
                server_identification: peer_identification,
                client_kex_init: ours,
                server_kex_init: theirs,
            },
            Role::Server => Transcript {
                client_identification: peer_identification,
                server_identification: our_identification,
                client_kex_init: theirs,
                server_kex_init: ours,
            },
        })
    }

    /// Takes a message that [`takes`](Self::takes) lets pass.
    pub(crate) fn handle_method(
        &mut self,
        payload: &[u8],
        outbound: &mut Outbound,
    ) -> Result<Step, PacketError> {
        let State::Exchanging(exchanging, reason) = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(PacketError::PeerMisbehaved("a key exchange message without a key exchange"));
        };
        match exchanging.handle(payload, &self.config, &self.host_keys, outbound)? {
            Exchange::Waits(exchanging) => {
                self.state = State::Exchanging(Box::new(exchanging), reason);
                Ok(Step::Nothing)
            }
            Exchange::Verified(agreed, host_key) => self.verified(agreed, host_key, reason, outbound),
            Exchange::ToSign(agreed, host_key, reply) => {
                self.generation += 1;
                let question = SignatureQuestion {
                    algorithm: agreed.negotiated.host_key.of_signature(),
                    host_key: host_key.public_key().clone(),
                    data: agreed.exchange_hash.to_vec(),
                    generation: self.generation,
                };
                let generation = self.generation;
                let pending = SignaturePending { agreed, host_key, reply, generation, reason };
                self.state = State::SignaturePending(Box::new(pending));
                Ok(Step::AskSignature(question))
            }
        }
    }

    fn verified(
        &mut self,
        agreed: Agreed,
        host_key: Identity,
        reason: RekeyReason,
        outbound: &mut Outbound,
    ) -> Result<Step, PacketError> {
        if let Some(accepted) = &self.accepted_host_key {
            // The certificate may have been renewed in the meantime; the key is the one that was believed.
            if accepted != host_key.public_key() {
                return Err(PacketError::HostKeyChanged);
            }
            self.send_new_keys(agreed, reason, outbound)?;
            return Ok(Step::Nothing);
        }
        self.generation += 1;
        let generation = self.generation;
        let algorithm = agreed.negotiated.host_key;
        let (key, certificate) = (host_key.public_key().clone(), host_key.certificate().cloned());
        let question = HostKeyQuestion { host_key: key, certificate, algorithm, generation };
        self.state = State::HostKeyPending(Box::new(HostKeyPending { agreed, host_key, generation, reason }));
        Ok(Step::AskHostKey(question))
    }

    pub(crate) fn accept_host_key(
        &mut self,
        question: &HostKeyQuestion,
        outbound: &mut Outbound,
    ) -> Result<(), PacketError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::HostKeyPending(pending) if pending.generation == question.generation => {
                self.first_host_key.get_or_insert_with(|| pending.host_key.blob().to_vec());
                self.accepted_host_key = Some(pending.host_key.public_key().clone());
                self.send_new_keys(pending.agreed, pending.reason, outbound)
            }
            _ => Err(PacketError::ApiMisuse("an answer to a host key question that is not open")),
        }
    }

    pub(crate) fn provide_signature(
        &mut self,
        question: &SignatureQuestion,
        signature: &[u8],
        outbound: &mut Outbound,
    ) -> Result<(), PacketError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::SignaturePending(pending) if pending.generation == question.generation => {
                pending.reply.send(pending.host_key.blob(), signature, outbound);
                self.first_host_key.get_or_insert_with(|| pending.host_key.blob().to_vec());
                self.send_new_keys(pending.agreed, pending.reason, outbound)
            }
            _ => Err(PacketError::ApiMisuse("an answer to a signature question that is not open")),
        }
    }

    /// Sends `SSH_MSG_NEWKEYS`, and from then on under the new keys.
    fn send_new_keys(
        &mut self,
        mut agreed: Agreed,
        reason: RekeyReason,
        outbound: &mut Outbound,
    ) -> Result<(), PacketError> {
        let first = self.session_id.is_none();
        if first {
            self.first_host_signature = agreed.host_signature.take();
        }
        // RFC 4253 §7.2: "The exchange hash H from the first key exchange is additionally used as the session
        // identifier ... Once computed, the session identifier is not changed".
        let session_id = *self.session_id.get_or_insert(agreed.exchange_hash);
        let (sending, receiving) = match self.role {
            Role::Client => (Direction::ClientToServer, Direction::ServerToClient),
            Role::Server => (Direction::ServerToClient, Direction::ClientToServer),
        };
        let sending = DirectionKeys::derive(&agreed, &session_id, sending);
        let receiving = DirectionKeys::derive(&agreed, &session_id, receiving);
        outbound.send_now(&NewKeys {});
        if first && outbound.has_wrapped() {
            return Err(PacketError::LimitExceeded("sequence numbers in the first key exchange"));
        }
        outbound.install_keys(&sending, &self.config.rekey, self.strict)?;
        // RFC 8308 §2.4: "As the next packet following the server's first SSH_MSG_NEWKEYS". A client has nothing
        // to say.
        if first && self.role == Role::Server && self.peer_takes_ext_info {
            let user_signature_algorithms = &self.config.user_signature_algorithms;
            outbound.send_now(&ServerExtensions { user_signature_algorithms });
        }
        outbound.end_exchange();
        self.negotiated = Some(agreed.negotiated);
        self.state = State::NewKeysSent(Box::new(NewKeysSent { receiving, first, reason }));
        Ok(())
    }

    /// Takes the peer's `SSH_MSG_NEWKEYS`.
    pub(crate) fn handle_new_keys(&mut self, payload: &[u8]) -> Result<Step, PacketError> {
        NewKeys::decode(payload).map_err(malformed(NewKeys::NAME))?;
        match std::mem::replace(&mut self.state, State::Idle) {
            State::NewKeysSent(sent) => {
                let NewKeysSent { receiving: keys, first, reason } = *sent;
                Ok(Step::InstallReceivingKeys { keys, first, reason })
            }
            _ => Err(PacketError::PeerMisbehaved("SSH_MSG_NEWKEYS before the end of the key exchange")),
        }
    }
}
