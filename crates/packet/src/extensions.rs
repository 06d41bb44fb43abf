//! Extension negotiation (RFC 8308) and the names that stand among the key exchange methods without being one.

use crate::algorithms::name_list;
use crate::error::{PacketError, malformed};
use konko_keys::signature_algorithm::SignatureAlgorithm;
use konko_wire::encode::Encode;
use konko_wire::message::transport::ExtInfo;
use konko_wire::name_list::NameList;

/// The client takes `SSH_MSG_EXT_INFO` (RFC 8308 §2.1).
pub(crate) const EXT_INFO_CLIENT: &str = "ext-info-c";
/// The server takes `SSH_MSG_EXT_INFO`.
pub(crate) const EXT_INFO_SERVER: &str = "ext-info-s";
/// The client does strict key exchange.
pub(crate) const STRICT_CLIENT: &str = "kex-strict-c-v00@openssh.com";
/// The server does strict key exchange.
pub(crate) const STRICT_SERVER: &str = "kex-strict-s-v00@openssh.com";

const SERVER_SIG_ALGS: &str = "server-sig-algs";
const PING: &str = "ping@openssh.com";
const HOST_BOUND: &str = "publickey-hostbound@openssh.com";

/// The most names and names of extensions that are remembered.
const MAXIMUM_NAMES: usize = 1024;

/// What the peer says in `SSH_MSG_EXT_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerExtensions {
    /// The signature algorithms that the server takes for user authentication (RFC 8308 §3.1).
    pub server_sig_algs: Option<Vec<String>>,
    /// Whether the peer answers `SSH2_MSG_PING` (OpenSSH PROTOCOL, `ping@openssh.com` version 0).
    pub ping: bool,
    /// Whether the server knows the method `publickey-hostbound-v00@openssh.com` (OpenSSH PROTOCOL §3.1, version 0).
    pub host_bound: bool,
    /// The names of all extensions, known and unknown. From the peer: escape before showing.
    pub names: Vec<String>,
}

impl PeerExtensions {
    /// Takes one `SSH_MSG_EXT_INFO`. RFC 8308 §2.4: where a server sends a second one, its values replace those
    /// of the first, and extensions that it leaves out stay as they were.
    pub(crate) fn update(&mut self, payload: &[u8]) -> Result<(), PacketError> {
        let message = ExtInfo::decode(payload).map_err(malformed(ExtInfo::NAME))?;
        for (name, value) in &message.extensions {
            match *name {
                SERVER_SIG_ALGS => {
                    let list = NameList::parse(value).map_err(malformed(ExtInfo::NAME))?;
                    self.server_sig_algs = Some(list.iter().map(str::to_owned).collect());
                }
                PING => self.ping = *value == b"0",
                HOST_BOUND => self.host_bound = *value == b"0",
                _ => {}
            }
            if name.len() <= 64 && self.names.len() < MAXIMUM_NAMES && !self.names.iter().any(|n| n == name) {
                self.names.push((*name).to_owned());
            }
        }
        Ok(())
    }
}

/// What a server says of itself.
pub(crate) struct ServerExtensions<'a> {
    pub(crate) user_signature_algorithms: &'a [&'static SignatureAlgorithm],
}

impl Encode for ServerExtensions<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        let algorithms = name_list(self.user_signature_algorithms);
        let extensions = vec![(SERVER_SIG_ALGS, algorithms.as_bytes()), (PING, b"0"), (HOST_BOUND, b"0")];
        ExtInfo { extensions }.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konko_keys::signature_algorithm::{RSA_SHA2_256, SSH_ED25519};

    #[test]
    fn what_a_server_says_is_understood() {
        let message = ServerExtensions { user_signature_algorithms: &[&SSH_ED25519, &RSA_SHA2_256] }.to_vec();
        let mut extensions = PeerExtensions::default();
        extensions.update(&message).expect("decodes");
        assert_eq!(extensions.server_sig_algs, Some(vec!["ssh-ed25519".into(), "rsa-sha2-256".into()]));
        assert!(extensions.ping && extensions.host_bound);
        let names = ["server-sig-algs", "ping@openssh.com", "publickey-hostbound@openssh.com"];
        assert_eq!(extensions.names, names);
    }

    /// RFC 8308 §2.4
    #[test]
    fn a_second_message_replaces_values() {
        let mut extensions = PeerExtensions::default();
        let first = ExtInfo { extensions: vec![("server-sig-algs", b"a,b"), ("ping@openssh.com", b"0")] };
        let second = ExtInfo { extensions: vec![("server-sig-algs", b"c"), ("x", b"\xff")] };
        extensions.update(&first.to_vec()).expect("decodes");
        extensions.update(&second.to_vec()).expect("decodes");
        assert_eq!(extensions.server_sig_algs, Some(vec!["c".into()]));
        assert!(extensions.ping);
        assert_eq!(extensions.names.len(), 3);
    }

    /// covers: K31
    #[test]
    fn counts_beyond_the_body_are_refused() {
        for count in [1u32, 1023, 1024, 1025, 1 << 31, u32::MAX] {
            let mut payload = vec![7];
            payload.extend_from_slice(&count.to_be_bytes());
            assert!(PeerExtensions::default().update(&payload).is_err(), "{count}");
        }
    }
}
