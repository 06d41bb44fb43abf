//! What two proposals lead to (RFC 4253 §7.1), worked out a second time, and the keys that follow (§7.2).

use konko_crypto::cipher::{CIPHERS, CipherAlgorithm};
use konko_crypto::compose;
use konko_crypto::derive::{KeyPurpose, derive_key};
use konko_crypto::kex::{KEX_ALGORITHMS, KexAlgorithm, SharedSecret};
use konko_crypto::mac::{MACS, MacAlgorithm};
use konko_crypto::protection::{Open, Seal};
use konko_transport::dispatch::Role;
use konko_wire::decode::Reader;

use super::null_rows::{NULL_CIPHER, NULL_KEX};

/// The lists of a proposal, in wire order.
fn lists(kex_init: &[u8]) -> Vec<Vec<String>> {
    let mut reader = Reader::new(&kex_init[17..]);
    (0..10)
        .map(|_| {
            let text = String::from_utf8_lossy(reader.read_string().expect("a list")).into_owned();
            text.split(',').map(str::to_owned).collect()
        })
        .collect()
}

/// The choice.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub kex: &'static KexAlgorithm,
    pub host_key: String,
    /// Client to server, server to client.
    ciphers: [&'static CipherAlgorithm; 2],
    macs: [Option<&'static MacAlgorithm>; 2],
}

/// Whether a proposal carries a name among its key exchange methods.
pub fn names_kex(kex_init: &[u8], name: &str) -> bool {
    lists(kex_init)[0].iter().any(|other| other == name)
}

impl Chosen {
    /// RFC 4253 §7.1: the first of the client's names that the server has too.
    pub fn of(client: &[u8], server: &[u8]) -> Self {
        let (client, server) = (lists(client), lists(server));
        let pick = |index: usize| {
            let common = client[index].iter().find(|name| server[index].contains(name));
            common.unwrap_or_else(|| panic!("no common entry of list {index}")).clone()
        };
        let cipher = |index| {
            let name = pick(index);
            let rows = CIPHERS.iter().copied().chain([&NULL_CIPHER]);
            rows.into_iter().find(|row| row.name == name).expect("a cipher")
        };
        let ciphers = [cipher(2), cipher(3)];
        let mac = |way: usize| {
            if ciphers[way].is_aead() {
                return None;
            }
            let name = pick(4 + way);
            Some(MACS.iter().copied().find(|row| row.name == name).expect("a MAC"))
        };
        let name = pick(0);
        let mut methods = KEX_ALGORITHMS.iter().copied().chain([&NULL_KEX]);
        Self {
            kex: methods.find(|row| row.name == name).expect("a method"),
            host_key: pick(1),
            ciphers,
            macs: [mac(0), mac(1)],
        }
    }
}

/// The outcome of an exchange, in keys.
pub struct Keys {
    pub chosen: Chosen,
    pub shared_secret: SharedSecret,
    pub exchange_hash: Vec<u8>,
    pub session_id: Vec<u8>,
}

impl Keys {
    fn derive(&self, from: Role) -> (usize, [Vec<u8>; 3]) {
        let (way, purposes) = match from {
            Role::Client => (
                0,
                [
                    KeyPurpose::ClientToServerKey,
                    KeyPurpose::ClientToServerIv,
                    KeyPurpose::ClientToServerMacKey,
                ],
            ),
            Role::Server => (
                1,
                [
                    KeyPurpose::ServerToClientKey,
                    KeyPurpose::ServerToClientIv,
                    KeyPurpose::ServerToClientMacKey,
                ],
            ),
        };
        let cipher = self.chosen.ciphers[way];
        let lengths = [cipher.key_len, cipher.iv_len, self.chosen.macs[way].map_or(0, |mac| mac.key_len)];
        let mut keys = [const { Vec::new() }; 3];
        for (key, (purpose, len)) in keys.iter_mut().zip(purposes.into_iter().zip(lengths)) {
            let hash = self.chosen.kex.hash;
            *key = derive_key(hash, &self.shared_secret, &self.exchange_hash, purpose, &self.session_id, len)
                .to_vec();
        }
        (way, keys)
    }

    /// What protects packets sent by `from`.
    pub fn seal(&self, from: Role) -> Box<dyn Seal> {
        let (way, [key, iv, mac]) = self.derive(from);
        compose::seal(self.chosen.ciphers[way], self.chosen.macs[way], &key, &iv, &mac)
            .expect("keys that fit")
    }

    /// What opens packets sent by `from`.
    pub fn open(&self, from: Role) -> Box<dyn Open> {
        let (way, [key, iv, mac]) = self.derive(from);
        compose::open(self.chosen.ciphers[way], self.chosen.macs[way], &key, &iv, &mac)
            .expect("keys that fit")
    }
}
