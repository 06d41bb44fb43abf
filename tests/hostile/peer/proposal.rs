//! The lists of one SSH_MSG_KEXINIT (RFC 4253 §7.1), as text, so that anything can stand in them.

use konko_transport::dispatch::Role;
use konko_wire::encode::put_string;

/// One proposal.
#[derive(Debug, Clone)]
pub struct Proposal {
    pub cookie: [u8; 16],
    pub kex: String,
    pub host_key: String,
    /// Client to server, server to client; so in the next three.
    pub ciphers: [String; 2],
    pub macs: [String; 2],
    pub compression: [String; 2],
    pub languages: [String; 2],
    pub first_kex_packet_follows: bool,
    pub reserved: u32,
}

fn both(name: &str) -> [String; 2] {
    [name.to_owned(), name.to_owned()]
}

impl Proposal {
    /// One of each, and both markers.
    pub fn new(role: Role, kex: &str, cipher: &str, mac: &str) -> Self {
        let letter = match role {
            Role::Client => 'c',
            Role::Server => 's',
        };
        Self {
            cookie: [0x5a; 16],
            kex: format!("{kex},ext-info-{letter},kex-strict-{letter}-v00@openssh.com"),
            host_key: "ssh-ed25519".to_owned(),
            ciphers: both(cipher),
            macs: both(mac),
            compression: both("none"),
            languages: both(""),
            first_kex_packet_follows: false,
            reserved: 0,
        }
    }

    /// The null rows.
    pub fn null(role: Role) -> Self {
        Self::new(role, "null@konko.test", "null@konko.test", "hmac-sha2-256")
    }

    /// Real rows that are fast.
    pub fn real(role: Role) -> Self {
        Self::new(role, "curve25519-sha256", "chacha20-poly1305@openssh.com", "hmac-sha2-256-etm@openssh.com")
    }

    /// Without the marker of strict key exchange.
    pub fn not_strict(mut self) -> Self {
        self.kex =
            self.kex.split(',').filter(|name| !name.starts_with("kex-strict")).collect::<Vec<_>>().join(",");
        self
    }

    /// Without the marker of RFC 8308.
    pub fn without_ext_info(mut self) -> Self {
        self.kex =
            self.kex.split(',').filter(|name| !name.starts_with("ext-info")).collect::<Vec<_>>().join(",");
        self
    }

    /// Another method in the first place, the markers as they are.
    pub fn with_kex(mut self, kex: &str) -> Self {
        let (_, markers) = self.kex.split_once(',').unwrap_or((&self.kex, ""));
        self.kex = if markers.is_empty() { kex.to_owned() } else { format!("{kex},{markers}") };
        self
    }

    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![20];
        out.extend_from_slice(&self.cookie);
        put_string(&mut out, self.kex.as_bytes());
        put_string(&mut out, self.host_key.as_bytes());
        for pair in [&self.ciphers, &self.macs, &self.compression, &self.languages] {
            for list in pair {
                put_string(&mut out, list.as_bytes());
            }
        }
        out.push(u8::from(self.first_kex_packet_follows));
        out.extend_from_slice(&self.reserved.to_be_bytes());
        out
    }
}
