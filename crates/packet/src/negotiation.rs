//! Algorithm negotiation (RFC 4253 §7.1): two proposals in, one choice out.

use crate::algorithms::{Algorithms, name_list, needs_moduli};
use crate::compression::CompressionAlgorithm;
use crate::error::{AlgorithmKind, Incompatibility};
use crate::extensions::{EXT_INFO_CLIENT, EXT_INFO_SERVER, STRICT_CLIENT, STRICT_SERVER};
use crate::peer_text;
use crate::role::Role;
use crate::selection::Row;
use konko_crypto::cipher::CipherAlgorithm;
use konko_crypto::kex::KexAlgorithm;
use konko_crypto::mac::MacAlgorithm;
use konko_keys::identity::Identity;
use konko_keys::signature_algorithm::SignatureAlgorithm;
use konko_wire::encode::Encode;
use konko_wire::message::transport::KexInit;
use konko_wire::name_list::NameList;

/// What two sides have agreed on.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Negotiated {
    /// The key exchange method.
    pub kex: &'static KexAlgorithm,
    /// The algorithm that the server signs the exchange hash under.
    pub host_key: &'static SignatureAlgorithm,
    /// The cipher from client to server.
    pub cipher_client_to_server: &'static CipherAlgorithm,
    /// The cipher from server to client.
    pub cipher_server_to_client: &'static CipherAlgorithm,
    /// The MAC from client to server; none where the cipher has an integrity of its own.
    pub mac_client_to_server: Option<&'static MacAlgorithm>,
    /// The MAC from server to client; none where the cipher has an integrity of its own.
    pub mac_server_to_client: Option<&'static MacAlgorithm>,
    /// The compression from client to server.
    pub compression_client_to_server: &'static CompressionAlgorithm,
    /// The compression from server to client.
    pub compression_server_to_client: &'static CompressionAlgorithm,
}

/// The rows that this side offers on this connection.
pub(crate) fn offered(
    algorithms: &Algorithms,
    role: Role,
    host_keys: &[Identity],
    has_moduli: bool,
) -> Algorithms {
    let mut offered = algorithms.clone();
    if role == Role::Server {
        offered.kex.retain(|row| has_moduli || !needs_moduli(row));
        offered.host_key.retain(|row| host_keys.iter().any(|key| key.key_type() == row.key_type));
    }
    offered
}

/// Our `SSH_MSG_KEXINIT`. The markers of RFC 8308 and of strict key exchange stand in the first one only.
pub(crate) fn proposal(offered: &Algorithms, role: Role, cookie: [u8; 16], first: bool) -> Vec<u8> {
    let mut kex = name_list(&offered.kex);
    if first {
        let (ext_info, strict) = match role {
            Role::Client => (EXT_INFO_CLIENT, STRICT_CLIENT),
            Role::Server => (EXT_INFO_SERVER, STRICT_SERVER),
        };
        kex = [kex.as_str(), ext_info, strict]
            .into_iter()
            .filter(|n| !n.is_empty())
            .collect::<Vec<_>>()
            .join(",");
    }
    KexInit {
        cookie,
        kex_algorithms: NameList::of(&kex),
        server_host_key_algorithms: NameList::of(&name_list(&offered.host_key)),
        encryption_algorithms_client_to_server: NameList::of(&name_list(&offered.cipher_client_to_server)),
        encryption_algorithms_server_to_client: NameList::of(&name_list(&offered.cipher_server_to_client)),
        mac_algorithms_client_to_server: NameList::of(&name_list(&offered.mac_client_to_server)),
        mac_algorithms_server_to_client: NameList::of(&name_list(&offered.mac_server_to_client)),
        compression_algorithms_client_to_server: NameList::of(&name_list(
            &offered.compression_client_to_server,
        )),
        compression_algorithms_server_to_client: NameList::of(&name_list(
            &offered.compression_server_to_client,
        )),
        languages_client_to_server: NameList::of(""),
        languages_server_to_client: NameList::of(""),
        first_kex_packet_follows: false,
        reserved: 0,
    }
    .to_vec()
}

/// Whether the peer's first proposal bears the marker of strict key exchange.
pub(crate) fn peer_is_strict(role: Role, theirs: &KexInit<'_>) -> bool {
    theirs.kex_algorithms.contains(match role {
        Role::Client => STRICT_SERVER,
        Role::Server => STRICT_CLIENT,
    })
}

/// Whether the peer's first proposal says that it takes `SSH_MSG_EXT_INFO`.
pub(crate) fn peer_takes_ext_info(role: Role, theirs: &KexInit<'_>) -> bool {
    theirs.kex_algorithms.contains(match role {
        Role::Client => EXT_INFO_SERVER,
        Role::Server => EXT_INFO_CLIENT,
    })
}

/// Makes the choice.
pub(crate) fn negotiate(
    role: Role,
    ours: &Algorithms,
    theirs: &KexInit<'_>,
) -> Result<Negotiated, Incompatibility> {
    use AlgorithmKind as Kind;
    let cipher_client_to_server = choose(
        role,
        Kind::CipherClientToServer,
        &ours.cipher_client_to_server,
        &theirs.encryption_algorithms_client_to_server,
    )?;
    let cipher_server_to_client = choose(
        role,
        Kind::CipherServerToClient,
        &ours.cipher_server_to_client,
        &theirs.encryption_algorithms_server_to_client,
    )?;
    let mac = |kind, cipher: &CipherAlgorithm, ours: &[&'static MacAlgorithm], theirs| {
        if cipher.is_aead() { Ok(None) } else { choose(role, kind, ours, theirs).map(Some) }
    };
    Ok(Negotiated {
        kex: choose(role, Kind::KeyExchange, &ours.kex, &theirs.kex_algorithms)?,
        host_key: choose(role, Kind::HostKey, &ours.host_key, &theirs.server_host_key_algorithms)?,
        cipher_client_to_server,
        cipher_server_to_client,
        mac_client_to_server: mac(
            Kind::MacClientToServer,
            cipher_client_to_server,
            &ours.mac_client_to_server,
            &theirs.mac_algorithms_client_to_server,
        )?,
        mac_server_to_client: mac(
            Kind::MacServerToClient,
            cipher_server_to_client,
            &ours.mac_server_to_client,
            &theirs.mac_algorithms_server_to_client,
        )?,
        compression_client_to_server: choose(
            role,
            Kind::CompressionClientToServer,
            &ours.compression_client_to_server,
            &theirs.compression_algorithms_client_to_server,
        )?,
        compression_server_to_client: choose(
            role,
            Kind::CompressionServerToClient,
            &ours.compression_server_to_client,
            &theirs.compression_algorithms_server_to_client,
        )?,
    })
}

/// RFC 4253 §7.1: "The chosen algorithm MUST be the first algorithm on the client's name-list that is also on the
/// server's name-list."
fn choose<T: Row>(
    role: Role,
    kind: AlgorithmKind,
    ours: &[&'static T],
    theirs: &NameList<'_>,
) -> Result<&'static T, Incompatibility> {
    let chosen = match role {
        Role::Client => ours.iter().find(|row| theirs.contains(row.name())),
        Role::Server => theirs.iter().find_map(|name| ours.iter().find(|row| row.name() == name)),
    };
    chosen.copied().ok_or_else(|| Incompatibility::NoCommonAlgorithm {
        kind,
        ours: name_list(ours),
        theirs: peer_text::escape(theirs.as_str().as_bytes()),
    })
}

/// Whether the packet that the peer sends before it has seen our proposal is to be thrown away.
///
/// RFC 4253 §7: "The guess is considered wrong if: the kex algorithm and/or the host key algorithm is guessed
/// wrong (server and client have different preferred algorithm)".
pub(crate) fn guessed_wrong(ours: &Algorithms, theirs: &KexInit<'_>) -> bool {
    theirs.first_kex_packet_follows
        && (theirs.kex_algorithms.first() != ours.kex.first().map(|row| row.name)
            || theirs.server_host_key_algorithms.first() != ours.host_key.first().map(|row| row.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_crypto::kex::table::{CURVE25519_SHA256, ECDH_SHA2_NISTP256};

    fn offer() -> Algorithms {
        Algorithms::default()
    }

    fn with_kex<'a>(payload: &'a [u8], kex: &'a str) -> KexInit<'a> {
        let mut message = KexInit::decode(payload).expect("our own message");
        message.kex_algorithms = NameList::of(kex);
        message
    }

    /// RFC 4253 §7.1
    #[test]
    fn the_clients_preference_decides() {
        let ours = Algorithms { kex: vec![&CURVE25519_SHA256, &ECDH_SHA2_NISTP256], ..offer() };
        let payload = proposal(&offer(), Role::Client, [0; 16], false);
        let theirs = with_kex(&payload, "x,ecdh-sha2-nistp256,curve25519-sha256");
        let as_client = negotiate(Role::Client, &ours, &theirs).expect("common algorithms");
        assert_eq!(as_client.kex.name, "curve25519-sha256");
        let as_server = negotiate(Role::Server, &ours, &theirs).expect("common algorithms");
        assert_eq!(as_server.kex.name, "ecdh-sha2-nistp256");
    }

    /// covers: K08
    #[test]
    fn markers_are_no_methods() {
        let markers =
            ["ext-info-c", "ext-info-s", "kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com"];
        let payload = proposal(&offer(), Role::Client, [0; 16], true);
        for role in [Role::Client, Role::Server] {
            for at in 0..=markers.len() {
                let mut names = markers.to_vec();
                names.insert(at, "curve25519-sha256");
                let names = names.join(",");
                let chosen = negotiate(role, &offer(), &with_kex(&payload, &names)).expect("a method");
                assert_eq!(chosen.kex.name, "curve25519-sha256");
            }
            let names = markers.join(",");
            let error = negotiate(role, &offer(), &with_kex(&payload, &names)).expect_err("no method");
            assert!(matches!(
                error,
                Incompatibility::NoCommonAlgorithm { kind: AlgorithmKind::KeyExchange, theirs, .. } if theirs == names
            ));
        }
    }

    #[test]
    fn markers_stand_in_the_first_proposal_only() {
        for (role, strict, ext_info) in
            [(Role::Client, STRICT_CLIENT, EXT_INFO_CLIENT), (Role::Server, STRICT_SERVER, EXT_INFO_SERVER)]
        {
            let first = proposal(&offer(), role, [0; 16], true);
            let list = KexInit::decode(&first).expect("our own message").kex_algorithms;
            assert!(list.contains(strict) && list.contains(ext_info));
            let later = proposal(&offer(), role, [0; 16], false);
            let list = KexInit::decode(&later).expect("our own message").kex_algorithms;
            assert_eq!(list.as_str(), name_list(&offer().kex));
        }
    }

    /// covers: I14, K37
    #[test]
    fn a_mac_is_only_needed_where_the_cipher_has_no_integrity() {
        let payload = proposal(&offer(), Role::Client, [0; 16], false);
        let mut theirs = KexInit::decode(&payload).expect("our own message");
        theirs.encryption_algorithms_client_to_server = NameList::of("aes128-gcm@openssh.com");
        theirs.mac_algorithms_client_to_server = NameList::of("");
        theirs.encryption_algorithms_server_to_client = NameList::of("aes128-ctr");
        let chosen = negotiate(Role::Server, &offer(), &theirs).expect("common algorithms");
        assert!(chosen.mac_client_to_server.is_none());
        assert!(chosen.mac_server_to_client.is_some());
        theirs.mac_algorithms_server_to_client = NameList::of("hmac-none");
        let error = negotiate(Role::Server, &offer(), &theirs).expect_err("no MAC");
        let Incompatibility::NoCommonAlgorithm { kind, .. } = error else { panic!("{error}") };
        assert_eq!(kind, AlgorithmKind::MacServerToClient);
    }
}
