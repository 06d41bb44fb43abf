//! The keys of one direction, from the result of a key exchange to the object that protects packets.

use crate::compression::CompressionAlgorithm;
use crate::error::PacketError;
use crate::negotiation::Negotiated;
use konko_crypto::cipher::CipherAlgorithm;
use konko_crypto::compose;
use konko_crypto::derive::{KeyPurpose, derive_key};
use konko_crypto::hash::HashOutput;
use konko_crypto::kex::SharedSecret;
use konko_crypto::mac::MacAlgorithm;
use konko_crypto::protection::{Open, Seal};
use zeroize::Zeroizing;

/// From whom to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ClientToServer,
    ServerToClient,
}

/// The outcome of a key exchange.
pub(crate) struct Agreed {
    pub(crate) negotiated: Negotiated,
    pub(crate) shared_secret: SharedSecret,
    pub(crate) exchange_hash: HashOutput,
    /// The host's signature of the exchange hash, on a client.
    pub(crate) host_signature: Option<Vec<u8>>,
}

/// Key, initial vector and integrity key of one direction, with the rows that they are for.
pub(crate) struct DirectionKeys {
    pub(crate) cipher: &'static CipherAlgorithm,
    mac: Option<&'static MacAlgorithm>,
    pub(crate) compression: &'static CompressionAlgorithm,
    key: Zeroizing<Vec<u8>>,
    initial_vector: Zeroizing<Vec<u8>>,
    mac_key: Zeroizing<Vec<u8>>,
}

impl DirectionKeys {
    /// RFC 4253 §7.2
    pub(crate) fn derive(agreed: &Agreed, session_id: &[u8], direction: Direction) -> Self {
        let negotiated = &agreed.negotiated;
        let (cipher, mac, compression, purposes) = match direction {
            Direction::ClientToServer => (
                negotiated.cipher_client_to_server,
                negotiated.mac_client_to_server,
                negotiated.compression_client_to_server,
                [
                    KeyPurpose::ClientToServerIv,
                    KeyPurpose::ClientToServerKey,
                    KeyPurpose::ClientToServerMacKey,
                ],
            ),
            Direction::ServerToClient => (
                negotiated.cipher_server_to_client,
                negotiated.mac_server_to_client,
                negotiated.compression_server_to_client,
                [
                    KeyPurpose::ServerToClientIv,
                    KeyPurpose::ServerToClientKey,
                    KeyPurpose::ServerToClientMacKey,
                ],
            ),
        };
        let hash = negotiated.kex.hash;
        let derive = |purpose, len| {
            derive_key(hash, &agreed.shared_secret, &agreed.exchange_hash, purpose, session_id, len)
        };
        let [iv, key, mac_key] = purposes;
        Self {
            cipher,
            mac,
            compression,
            key: derive(key, cipher.key_len),
            initial_vector: derive(iv, cipher.iv_len),
            mac_key: derive(mac_key, mac.map_or(0, |row| row.key_len)),
        }
    }

    pub(crate) fn seal(&self) -> Result<Box<dyn Seal>, PacketError> {
        compose::seal(self.cipher, self.mac, &self.key, &self.initial_vector, &self.mac_key).map_err(misfit)
    }

    pub(crate) fn open(&self) -> Result<Box<dyn Open>, PacketError> {
        compose::open(self.cipher, self.mac, &self.key, &self.initial_vector, &self.mac_key).map_err(misfit)
    }

    /// Whether an observer can learn from how much is read before a packet is refused (CVE-2008-5161): a chain
    /// of blocks hides the length, and nothing protects the length by itself.
    pub(crate) fn leaks_by_length(&self) -> bool {
        self.cipher.name.ends_with("-cbc") && self.mac.is_some_and(|row| !row.encrypt_then_mac)
    }
}

fn misfit(_: compose::ComposeError) -> PacketError {
    PacketError::ApiMisuse("the rows of a cipher and a MAC do not fit together")
}
