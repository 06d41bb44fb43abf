//! Which algorithms are offered, in order of preference.

use crate::compression::{self, CompressionAlgorithm};
use crate::selection::Row;
use konko_crypto::cipher::{CIPHERS, CipherAlgorithm};
use konko_crypto::kex::{KEX_ALGORITHMS, KexAlgorithm, KexMethod};
use konko_crypto::mac::{MACS, MacAlgorithm};
use konko_keys::signature_algorithm::{CERTIFICATE_ALGORITHMS, SIGNATURE_ALGORITHMS, SignatureAlgorithm};

/// Lists of rows, the preferred one first. A list is never widened silently.
#[derive(Debug, Clone)]
pub struct Algorithms {
    /// Key exchange methods.
    pub kex: Vec<&'static KexAlgorithm>,
    /// Signature algorithms of host keys and of certificates of host keys. A server offers those of them that it has
    /// a key or a certificate for.
    pub host_key: Vec<&'static SignatureAlgorithm>,
    /// Ciphers from client to server.
    pub cipher_client_to_server: Vec<&'static CipherAlgorithm>,
    /// Ciphers from server to client.
    pub cipher_server_to_client: Vec<&'static CipherAlgorithm>,
    /// MACs from client to server; of no effect for ciphers with an integrity of their own.
    pub mac_client_to_server: Vec<&'static MacAlgorithm>,
    /// MACs from server to client; of no effect for ciphers with an integrity of their own.
    pub mac_server_to_client: Vec<&'static MacAlgorithm>,
    /// Compression from client to server.
    pub compression_client_to_server: Vec<&'static CompressionAlgorithm>,
    /// Compression from server to client.
    pub compression_server_to_client: Vec<&'static CompressionAlgorithm>,
}

impl Default for Algorithms {
    /// Every row that is not legacy. AES-GCM comes before ChaCha20-Poly1305, since nearly every processor today
    /// has instructions for AES; CTR comes last. Payloads are not compressed: compression tells an observer
    /// something about the contents. Certificates of host keys come after the bare keys: whoever knows an authority
    /// of the host moves them to the front.
    fn default() -> Self {
        let ciphers = ordered_ciphers(|row| !row.legacy);
        let macs = ordered_macs(|row| !row.legacy);
        Self {
            kex: rows(KEX_ALGORITHMS, |row| !row.legacy),
            host_key: host_key_rows(|row| !row.legacy),
            cipher_client_to_server: ciphers.clone(),
            cipher_server_to_client: ciphers,
            mac_client_to_server: macs.clone(),
            mac_server_to_client: macs,
            compression_client_to_server: vec![&compression::NONE],
            compression_server_to_client: vec![&compression::NONE],
        }
    }
}

impl Algorithms {
    /// The default, and every legacy row after it. Compression stays off.
    pub fn legacy() -> Self {
        let mut algorithms = Self::default();
        algorithms.kex.extend(rows(KEX_ALGORITHMS, |row| row.legacy));
        algorithms.host_key.extend(host_key_rows(|row| row.legacy));
        algorithms.cipher_client_to_server.extend(ordered_ciphers(|row| row.legacy));
        algorithms.cipher_server_to_client.extend(ordered_ciphers(|row| row.legacy));
        algorithms.mac_client_to_server.extend(ordered_macs(|row| row.legacy));
        algorithms.mac_server_to_client.extend(ordered_macs(|row| row.legacy));
        algorithms
    }

    /// The default of a server, stricter than that of a client, which has to reach servers of every age: no NIST
    /// curve and no fixed Diffie–Hellman group for key exchange (a few cheap messages of a stranger would cost the
    /// server much work), and of the MACs only encrypt-then-MAC with tags of 128 bits or more.
    pub fn server_default() -> Self {
        let mut algorithms = Self::default();
        algorithms
            .kex
            .retain(|row| !row.name.starts_with("ecdh-") && !row.name.starts_with("diffie-hellman-group1"));
        let macs = ordered_macs(|row| !row.legacy && row.encrypt_then_mac && row.tag_len >= 16);
        algorithms.mac_client_to_server = macs.clone();
        algorithms.mac_server_to_client = macs;
        algorithms
    }

    /// The same lists with `rows` for the ciphers of both directions.
    pub fn with_ciphers(mut self, rows: Vec<&'static CipherAlgorithm>) -> Self {
        self.cipher_client_to_server = rows.clone();
        self.cipher_server_to_client = rows;
        self
    }

    /// The same lists with `rows` for the MACs of both directions.
    pub fn with_macs(mut self, rows: Vec<&'static MacAlgorithm>) -> Self {
        self.mac_client_to_server = rows.clone();
        self.mac_server_to_client = rows;
        self
    }

    /// The same lists with `rows` for the compression of both directions.
    pub fn with_compression(mut self, rows: Vec<&'static CompressionAlgorithm>) -> Self {
        self.compression_client_to_server = rows.clone();
        self.compression_server_to_client = rows;
        self
    }
}

/// Whether a key exchange method needs groups that only some servers have.
pub(crate) fn needs_moduli(row: &KexAlgorithm) -> bool {
    matches!(row.method, KexMethod::GroupExchange)
}

/// The rows' names as they stand in a name-list.
pub(crate) fn name_list<T: Row>(rows: &[&'static T]) -> String {
    rows.iter().map(|row| row.name()).collect::<Vec<_>>().join(",")
}

fn rows<T>(all: &[&'static T], chosen: impl Fn(&T) -> bool) -> Vec<&'static T> {
    all.iter().copied().filter(|row| chosen(row)).collect()
}

/// Bare keys, then certificates of such keys.
fn host_key_rows(chosen: impl Fn(&SignatureAlgorithm) -> bool) -> Vec<&'static SignatureAlgorithm> {
    let mut all = rows(SIGNATURE_ALGORITHMS, &chosen);
    let can_sign = |row: &&&'static SignatureAlgorithm| SIGNATURE_ALGORITHMS.contains(&row.of_signature());
    all.extend(CERTIFICATE_ALGORITHMS.iter().filter(can_sign).copied().filter(|row| chosen(row)));
    all
}

fn ordered_ciphers(chosen: impl Fn(&CipherAlgorithm) -> bool) -> Vec<&'static CipherAlgorithm> {
    let mut ciphers = rows(CIPHERS, chosen);
    ciphers.sort_by_key(|row| match row.name {
        name if name.contains("-gcm@") => 0,
        _ if row.is_aead() => 1,
        _ => 2,
    });
    ciphers
}

fn ordered_macs(chosen: impl Fn(&MacAlgorithm) -> bool) -> Vec<&'static MacAlgorithm> {
    let mut macs = rows(MACS, chosen);
    macs.sort_by_key(|row| (!row.encrypt_then_mac, !row.name.starts_with("hmac-")));
    macs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: T30, K13, K34, K40, Z02, Z05
    #[test]
    fn nothing_weak_is_offered_without_being_asked_for() {
        for algorithms in [Algorithms::default(), Algorithms::server_default()] {
            let names = [
                name_list(&algorithms.kex),
                name_list(&algorithms.host_key),
                name_list(&algorithms.cipher_client_to_server),
                name_list(&algorithms.mac_server_to_client),
            ]
            .join(",");
            for weak in
                ["sha1", "ssh-rsa", "ssh-dss", "cbc", "3des", "arcfour", "md5", "-96", "none", "rsa1024"]
            {
                assert!(!names.contains(weak), "{weak} in {names}");
            }
            assert_eq!(name_list(&algorithms.compression_client_to_server), "none");
            assert_eq!(name_list(&algorithms.compression_server_to_client), "none");
        }
        let legacy = Algorithms::legacy();
        assert!(name_list(&legacy.kex).ends_with("diffie-hellman-group1-sha1"));
        assert!(name_list(&legacy.cipher_client_to_server).ends_with("3des-cbc"));
        assert_eq!(name_list(&legacy.compression_client_to_server), "none");
    }

    // covers: K33
    #[test]
    fn the_offer_of_a_server() {
        let server = Algorithms::server_default();
        assert_eq!(
            name_list(&server.kex),
            "mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,\
             curve25519-sha256@libssh.org,diffie-hellman-group-exchange-sha256"
        );
        assert_eq!(
            name_list(&server.cipher_server_to_client),
            "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,\
             aes128-ctr,aes192-ctr,aes256-ctr"
        );
        assert_eq!(
            name_list(&server.mac_client_to_server),
            "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com"
        );
    }
}
