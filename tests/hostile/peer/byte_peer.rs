//! The peer itself: packets in and out, and its part of the key exchange, step by step and never by itself.

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress};
use konko_crypto::cipher::none::{NoneOpen, NoneSeal};
use konko_crypto::kex::{DhGroup, Initiator, KexMethod, Moduli, SharedSecret, ValueEncoding};
use konko_crypto::protection::{Open, Seal};
use konko_crypto::random::SecureRandom;
use konko_keys::private_key::PrivateKey;
use konko_keys::signature_algorithm;
use konko_tests::Seed;
use konko_transport::dispatch::Role;
use konko_wire::decode::Reader;
use konko_wire::encode::{put_mpint, put_string};

use super::chosen::{Chosen, Keys, names_kex};
use super::proposal::Proposal;

/// Numbers that follow from a seed, where a secure source is asked for.
pub struct SeededRandom(pub Seed);

impl SeededRandom {
    pub fn boxed(seed: u64) -> Box<Self> {
        Box::new(Self(Seed::new(seed)))
    }
}

impl SecureRandom for SeededRandom {
    fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }
}

/// Where the method stands.
enum Method {
    Start,
    /// Client: our value is sent.
    Initiated(ValueEncoding, Box<dyn Initiator>),
    /// Server: the client's value is there.
    ClientValue(Vec<u8>),
    /// Group exchange: the request was sent or received.
    GroupAsked,
    /// Group exchange: the group is known.
    Group(DhGroup, Option<Box<dyn Initiator>>),
    /// Group exchange, server: the client's value is there too.
    GroupValue(DhGroup, Vec<u8>),
}

/// The peer.
pub struct BytePeer {
    pub role: Role,
    pub identification: Vec<u8>,
    pub proposal: Proposal,
    pub host_key: PrivateKey,
    /// The sizes of a group exchange, as asked for.
    pub group_sizes: [u32; 3],
    pub next_out: u32,
    pub next_in: u32,
    pub session_id: Option<Vec<u8>>,
    pub their_identification: Option<Vec<u8>>,
    pub their_kex_init: Option<Vec<u8>>,
    /// Whether both first proposals carry the marker of strict key exchange.
    pub strict: bool,
    /// Something arrived that does not decrypt.
    pub garbled: bool,
    pub deflater: Option<Compress>,
    pub inflater: Option<Decompress>,
    /// Keys that are agreed on, until both directions use them.
    pub keys: Option<Keys>,
    random: SeededRandom,
    our_kex_init: Option<Vec<u8>>,
    method: Method,
    seal: Box<dyn Seal>,
    open: Box<dyn Open>,
    received: Vec<u8>,
    packet_len: Option<usize>,
}

impl BytePeer {
    pub fn new(role: Role, proposal: Proposal, host_key: PrivateKey) -> Self {
        Self {
            role,
            identification: b"SSH-2.0-byte_peer".to_vec(),
            proposal,
            host_key,
            group_sizes: [2048, 2048, 8192],
            next_out: 0,
            next_in: 0,
            session_id: None,
            their_identification: None,
            their_kex_init: None,
            strict: false,
            garbled: false,
            deflater: None,
            inflater: None,
            keys: None,
            random: SeededRandom(Seed::new(7)),
            our_kex_init: None,
            method: Method::Start,
            seal: Box::new(NoneSeal),
            open: Box::new(NoneOpen),
            received: Vec::new(),
            packet_len: None,
        }
    }

    /// A packet with that payload, protected by the keys in use.
    pub fn packet(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut contents = payload.to_vec();
        if let Some(deflater) = &mut self.deflater {
            contents = Vec::with_capacity(payload.len() + 1024);
            deflater.compress_vec(payload, &mut contents, FlushCompress::Partial).expect("compresses");
        }
        let unpadded = 5 + contents.len();
        let block = self.seal.block_len();
        let mut padding = block - (unpadded - self.seal.aligned_from()) % block;
        if padding < 4 {
            padding += block;
        }
        while unpadded + padding < 16 {
            padding += block;
        }
        self.packet_of((unpadded + padding - 4) as u32, padding as u8, &[contents, vec![0; padding]].concat())
    }

    /// A packet of just these parts, sealed with a valid tag, whether they make sense or not.
    pub fn packet_of(&mut self, packet_length: u32, padding_length: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = packet_length.to_be_bytes().to_vec();
        packet.push(padding_length);
        packet.extend_from_slice(rest);
        let mut tag = vec![0; self.seal.tag_len()];
        self.seal.seal(self.next_out, &mut packet, &mut tag);
        self.next_out = self.next_out.wrapping_add(1);
        packet.extend_from_slice(&tag);
        packet
    }

    /// Our proposal as a payload; remembered, because it is hashed.
    pub fn kex_init(&mut self) -> Vec<u8> {
        let payload = self.proposal.encode();
        self.our_kex_init = Some(payload.clone());
        self.method = Method::Start;
        if self.session_id.is_none() {
            self.learn_strict();
        }
        payload
    }

    fn learn_strict(&mut self) {
        if let (Some(ours), Some(theirs)) = (&self.our_kex_init, &self.their_kex_init) {
            let (our_mark, their_mark) = match self.role {
                Role::Client => ("kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com"),
                Role::Server => ("kex-strict-s-v00@openssh.com", "kex-strict-c-v00@openssh.com"),
            };
            self.strict = names_kex(ours, our_mark) && names_kex(theirs, their_mark);
        }
    }

    fn chosen(&self) -> Chosen {
        let ours = self.our_kex_init.as_deref().expect("our proposal");
        let theirs = self.their_kex_init.as_deref().expect("their proposal");
        match self.role {
            Role::Client => Chosen::of(ours, theirs),
            Role::Server => Chosen::of(theirs, ours),
        }
    }

    /// The next message of the method, as a payload.
    pub fn method_message(&mut self) -> Vec<u8> {
        let chosen = self.chosen();
        match (self.role, std::mem::replace(&mut self.method, Method::Start)) {
            (Role::Client, Method::Start) => match chosen.kex.method {
                KexMethod::Agreement(agreement) => {
                    let initiator = (agreement.initiate)(&mut self.random);
                    let mut payload = vec![30];
                    put_value(&mut payload, agreement.encoding, initiator.public());
                    self.method = Method::Initiated(agreement.encoding, initiator);
                    payload
                }
                KexMethod::GroupExchange => {
                    self.method = Method::GroupAsked;
                    let sizes = self.group_sizes.iter().flat_map(|size| size.to_be_bytes());
                    [34].into_iter().chain(sizes).collect()
                }
            },
            (Role::Client, Method::Group(group, None)) => {
                let initiator = group.initiate(&mut self.random);
                let mut payload = vec![32];
                put_mpint(&mut payload, initiator.public());
                self.method = Method::Group(group, Some(initiator));
                payload
            }
            (Role::Server, Method::GroupAsked) => {
                let [minimum, preferred, maximum] = self.group_sizes;
                let moduli = Moduli::builtin();
                let group = moduli.choose(minimum, preferred, maximum, &mut self.random).expect("a group");
                let mut payload = vec![31];
                put_mpint(&mut payload, &group.prime_bytes());
                put_mpint(&mut payload, &group.generator_bytes());
                self.method = Method::Group(group, None);
                payload
            }
            (Role::Server, Method::ClientValue(value)) => {
                let KexMethod::Agreement(agreement) = chosen.kex.method else { panic!("not an agreement") };
                let (ours, secret) = (agreement.respond)(&mut self.random, &value).expect("a valid value");
                let mut values = Vec::new();
                put_value(&mut values, agreement.encoding, &value);
                put_value(&mut values, agreement.encoding, &ours);
                self.reply(31, chosen, agreement.encoding, &ours, &values, secret)
            }
            (Role::Server, Method::GroupValue(group, value)) => {
                let (ours, secret) = group.respond(&mut self.random, &value).expect("a valid value");
                let values = self.group_values(&group, &value, &ours);
                self.reply(33, chosen, ValueEncoding::Mpint, &ours, &values, secret)
            }
            _ => panic!("no message of the method is due"),
        }
    }

    fn group_values(&self, group: &DhGroup, client: &[u8], server: &[u8]) -> Vec<u8> {
        let mut values: Vec<u8> = self.group_sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        for number in [&group.prime_bytes()[..], &group.generator_bytes(), client, server] {
            put_mpint(&mut values, number);
        }
        values
    }

    /// The server's last message, signed.
    fn reply(
        &mut self,
        number: u8,
        chosen: Chosen,
        encoding: ValueEncoding,
        value: &[u8],
        values: &[u8],
        secret: SharedSecret,
    ) -> Vec<u8> {
        let blob = self.host_key.public_key().blob().to_vec();
        let algorithm = signature_algorithm::by_name(&chosen.host_key).expect("a signature algorithm");
        self.agree(chosen, &blob, values, secret);
        let hash = self.keys.as_ref().expect("just agreed").exchange_hash.clone();
        // Where the key is not one for the algorithm, the first that fits it signs.
        let algorithm = if algorithm.key_type == self.host_key.public_key().key_type() {
            algorithm
        } else {
            signature_algorithm::for_key_type(self.host_key.public_key().key_type())
                .next()
                .expect("an algorithm")
        };
        let signature = self.host_key.sign(algorithm, &hash).expect("signs");
        let mut payload = vec![number];
        put_string(&mut payload, &blob);
        put_value(&mut payload, encoding, value);
        put_string(&mut payload, &signature);
        payload
    }

    /// RFC 4253 §8: H = hash(V_C || V_S || I_C || I_S || K_S || values || K).
    fn agree(&mut self, chosen: Chosen, host_key: &[u8], values: &[u8], secret: SharedSecret) {
        let ours = (self.identification.clone(), self.our_kex_init.clone().expect("our proposal"));
        let theirs = (
            self.their_identification.clone().expect("their identification"),
            self.their_kex_init.clone().expect("their proposal"),
        );
        let (client, server) = match self.role {
            Role::Client => (ours, theirs),
            Role::Server => (theirs, ours),
        };
        let mut front = Vec::new();
        for part in [&client.0[..], &server.0, &client.1, &server.1, host_key] {
            put_string(&mut front, part);
        }
        let exchange_hash = chosen.kex.hash.digest(&[&front, values, secret.encoded()]).to_vec();
        let session_id = self.session_id.get_or_insert_with(|| exchange_hash.clone()).clone();
        self.keys = Some(Keys { chosen, shared_secret: secret, exchange_hash, session_id });
    }

    /// SSH_MSG_NEWKEYS as a packet; what follows is under the new keys.
    pub fn new_keys(&mut self) -> Vec<u8> {
        let packet = self.packet(&[21]);
        self.use_sending_keys();
        packet
    }

    /// Goes over to the keys that were agreed on without saying so.
    pub fn use_sending_keys(&mut self) {
        let keys = self.keys.as_ref().expect("keys that were agreed on");
        self.seal = keys.seal(self.role);
        if self.strict {
            self.next_out = 0;
        }
    }

    /// Takes bytes of the other side; returns the payloads in them.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.received.extend_from_slice(bytes);
        if self.their_identification.is_none() {
            let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") else {
                return Vec::new();
            };
            let line: Vec<u8> = self.received.drain(..end + 2).collect();
            self.their_identification = Some(line[..end].to_vec());
        }
        let mut payloads = Vec::new();
        while let Some(payload) = self.next_payload() {
            self.follow(&payload);
            payloads.push(payload);
        }
        payloads
    }

    fn next_payload(&mut self) -> Option<Vec<u8>> {
        if self.garbled {
            return None;
        }
        let packet_len = match self.packet_len {
            Some(len) => len,
            None => {
                let prefix = self.received.get_mut(..self.open.prefix_len())?;
                let length = self.open.open_length(self.next_in, prefix);
                if length > 1 << 20 {
                    self.garbled = true;
                    return None;
                }
                *self.packet_len.insert(length as usize + 4)
            }
        };
        let whole = packet_len + self.open.tag_len();
        if self.received.len() < whole {
            return None;
        }
        self.packet_len = None;
        let mut packet: Vec<u8> = self.received.drain(..whole).collect();
        let tag = packet.split_off(packet_len);
        if self.open.open(self.next_in, &mut packet, &tag).is_err() {
            self.garbled = true;
            return None;
        }
        self.next_in = self.next_in.wrapping_add(1);
        let end = packet.len() - usize::from(packet[4]);
        let payload = packet[5..end].to_vec();
        let Some(inflater) = &mut self.inflater else { return Some(payload) };
        let mut inflated = Vec::with_capacity(1 << 18);
        inflater.decompress_vec(&payload, &mut inflated, FlushDecompress::Sync).expect("inflates");
        Some(inflated)
    }

    /// What a message of the other side means for the key exchange.
    fn follow(&mut self, payload: &[u8]) {
        let mut reader = Reader::new(payload);
        let number = reader.read_u8().expect("a number");
        match (self.role, number) {
            (_, 20) => {
                self.their_kex_init = Some(payload.to_vec());
                if self.session_id.is_none() {
                    self.learn_strict();
                }
            }
            (_, 21) => {
                let keys = self.keys.as_ref().expect("keys that were agreed on");
                let from = match self.role {
                    Role::Client => Role::Server,
                    Role::Server => Role::Client,
                };
                self.open = keys.open(from);
                if self.strict {
                    self.next_in = 0;
                }
            }
            (Role::Server, 30) => {
                let KexMethod::Agreement(agreement) = self.chosen().kex.method else { return };
                self.method = Method::ClientValue(read_value(&mut reader, agreement.encoding));
            }
            (Role::Server, 34) => {
                self.group_sizes = [(); 3].map(|()| reader.read_u32().expect("a size"));
                self.method = Method::GroupAsked;
            }
            (Role::Server, 32) => {
                if let Method::Group(group, None) = std::mem::replace(&mut self.method, Method::Start) {
                    self.method = Method::GroupValue(group, read_value(&mut reader, ValueEncoding::Mpint));
                }
            }
            (Role::Client, 31 | 33) => self.follow_reply(&mut reader),
            _ => {}
        }
    }

    fn follow_reply(&mut self, reader: &mut Reader<'_>) {
        let chosen = self.chosen();
        match std::mem::replace(&mut self.method, Method::Start) {
            Method::GroupAsked => {
                let [prime, generator] = [(); 2].map(|()| read_value(reader, ValueEncoding::Mpint));
                let group = DhGroup::from_peer(&prime, &generator, 2048, 8192).expect("a good group");
                self.method = Method::Group(group, None);
            }
            Method::Initiated(encoding, initiator) => {
                let host_key = reader.read_string().expect("a host key").to_vec();
                let value = read_value(reader, encoding);
                let mut values = Vec::new();
                put_value(&mut values, encoding, initiator.public());
                put_value(&mut values, encoding, &value);
                let secret = initiator.finish(&value).expect("a valid value");
                self.agree(chosen, &host_key, &values, secret);
            }
            Method::Group(group, Some(initiator)) => {
                let host_key = reader.read_string().expect("a host key").to_vec();
                let value = read_value(reader, ValueEncoding::Mpint);
                let values = self.group_values(&group, initiator.public(), &value);
                let secret = initiator.finish(&value).expect("a valid value");
                self.agree(chosen, &host_key, &values, secret);
            }
            other => self.method = other,
        }
    }
}

fn put_value(out: &mut Vec<u8>, encoding: ValueEncoding, value: &[u8]) {
    match encoding {
        ValueEncoding::String => put_string(out, value),
        ValueEncoding::Mpint => put_mpint(out, value),
    }
}

fn read_value(reader: &mut Reader<'_>, encoding: ValueEncoding) -> Vec<u8> {
    match encoding {
        ValueEncoding::String => reader.read_string().expect("a value").to_vec(),
        ValueEncoding::Mpint => {
            reader.read_mpint().expect("an mpint").as_unsigned().expect("a positive one").to_vec()
        }
    }
}
