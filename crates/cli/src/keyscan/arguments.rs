//! The command line of `konko keyscan`.

use std::path::PathBuf;
use std::time::Duration;

/// Print the host keys of servers, as ssh-keyscan(1) does. They are as trustworthy as the network.
#[derive(Debug, clap::Args)]
pub struct KeyscanArguments {
    /// Use IPv4 addresses only
    #[arg(short = '4', conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Use IPv6 addresses only
    #[arg(short = '6')]
    pub ipv6: bool,
    /// Ask for certificates in place of plain keys
    #[arg(short = 'c')]
    pub certificates: bool,
    /// Print SSHFP records for the DNS
    #[arg(short = 'D', conflicts_with = "certificates")]
    pub dns: bool,
    /// Hash the names of hosts
    #[arg(short = 'H')]
    pub hash: bool,
    /// Tell why a server has no key of a type
    #[arg(short = 'v')]
    pub verbose: bool,
    /// Read hosts from a file, one in a line, with the names to print behind them; `-` is standard input
    #[arg(short = 'f', value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The port
    #[arg(short = 'p', value_name = "PORT", default_value_t = 22, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// How many seconds a server may take for everything
    #[arg(short = 'T', value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    /// Types of keys, separated by commas: rsa, ecdsa, ed25519, ecdsa-sk, ed25519-sk, dsa
    #[arg(
        short = 't',
        value_name = "TYPES",
        value_delimiter = ',',
        default_value = "rsa,ecdsa,ed25519,ecdsa-sk,ed25519-sk"
    )]
    pub types: Vec<KeyType>,
    /// Hosts, addresses or networks such as 192.0.2.0/24
    #[arg(value_name = "HOST", required_unless_present = "files")]
    pub hosts: Vec<String>,
}

impl KeyscanArguments {
    /// How long a server may take for everything.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout as u64)
    }
}

/// The types of keys, in the words of ssh-keyscan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyType {
    /// RSA of any size.
    Rsa,
    /// ECDSA on any curve.
    Ecdsa,
    /// Ed25519.
    Ed25519,
    /// ECDSA in an authenticator.
    #[value(name = "ecdsa-sk")]
    EcdsaSk,
    /// Ed25519 in an authenticator.
    #[value(name = "ed25519-sk")]
    Ed25519Sk,
    /// DSA.
    #[value(alias = "dss")]
    Dsa,
}

impl KeyType {
    /// Whether a key of this type, as it stands at its beginning, is meant.
    pub fn includes(self, key_type: &str) -> bool {
        match self {
            Self::Rsa => key_type == "ssh-rsa",
            Self::Ecdsa => key_type.starts_with("ecdsa-sha2-"),
            Self::Ed25519 => key_type == "ssh-ed25519",
            Self::EcdsaSk => key_type.starts_with("sk-ecdsa-"),
            Self::Ed25519Sk => key_type.starts_with("sk-ssh-ed25519"),
            Self::Dsa => key_type == "ssh-dss",
        }
    }
}
