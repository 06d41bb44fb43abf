//! One connection that ends as soon as the server has proved its key.

use crate::keyscan::arguments::{KeyType, KeyscanArguments};
use crate::keyscan::target::Target;
use konko::keys::identity::Identity;
use konko::keys::signature_algorithm::{
    CERTIFICATE_ALGORITHMS, SECURITY_KEY_ALGORITHMS, SIGNATURE_ALGORITHMS, SignatureAlgorithm,
};
use konko::tokio::Connection;
use konko::transport::packet::algorithms::Algorithms;
use konko::transport::packet::config::PacketConfig;
use konko::transport::wire::number::DisconnectReason;
use konko::transport::{Client, ClientConfig, ClientEvent};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};

/// How to ask.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// The type of key that is wanted.
    pub key_type: KeyType,
    /// A certificate is wanted, no plain key.
    pub certificate: bool,
    /// The port.
    pub port: u16,
    /// Only addresses of this version of IP.
    pub version: Option<IpVersion>,
    /// How long everything may take.
    pub timeout: Duration,
}

/// A version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Question {
    /// As the command line says, for one type of key.
    pub const fn new(arguments: &KeyscanArguments, key_type: KeyType) -> Self {
        let version = match (arguments.ipv4, arguments.ipv6) {
            (true, _) => Some(IpVersion::V4),
            (_, true) => Some(IpVersion::V6),
            _ => None,
        };
        let (certificate, port, timeout) = (arguments.certificates, arguments.port, arguments.timeout());
        Self { key_type, certificate, port, version, timeout }
    }

    /// The rows that are offered to the server.
    fn algorithms(&self) -> Vec<&'static SignatureAlgorithm> {
        let rows: Vec<_> = if self.certificate {
            CERTIFICATE_ALGORITHMS.to_vec()
        } else {
            SIGNATURE_ALGORITHMS.iter().chain(SECURITY_KEY_ALGORITHMS).copied().collect()
        };
        rows.into_iter().filter(|row| self.key_type.includes(row.of_signature().key_type)).collect()
    }

    fn allows(&self, address: &SocketAddr) -> bool {
        match self.version {
            None => true,
            Some(IpVersion::V4) => address.is_ipv4(),
            Some(IpVersion::V6) => address.is_ipv6(),
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The address that answered, and what it calls itself.
    pub identification: Option<(String, String)>,
    /// The key or the certificate.
    pub identity: Option<Identity>,
    /// Why there is none.
    pub failure: Option<Failed>,
}

/// Why a server shows no key.
#[derive(Debug)]
pub enum Failed {
    /// It cannot be reached.
    Unreachable(String),
    /// It was reached, and shows no such key.
    Refused(String),
}

/// Asks one server for one key.
pub async fn scan(target: Target, question: Question) -> Scanned {
    let mut scanned = Scanned::default();
    let outcome = tokio::time::timeout(question.timeout, ask(&target, &question, &mut scanned)).await;
    scanned.failure = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure),
        Err(_) if scanned.identification.is_some() => Some(Failed::Refused("it does not answer".into())),
        Err(_) => Some(Failed::Unreachable("Connection timed out".into())),
    };
    scanned
}

async fn ask(target: &Target, question: &Question, scanned: &mut Scanned) -> Result<(), Failed> {
    let (name, stream) = connect(target, question).await?;
    // Latency does not matter where so little is said; a socket that refuses this works all the same.
    let _ = stream.set_nodelay(true);
    // Nothing secret is said, so servers of every age may be asked.
    let algorithms = Algorithms { host_key: question.algorithms(), ..Algorithms::legacy() };
    // Whether a key is large enough is for whoever believes it.
    let packet = PacketConfig { algorithms, minimum_rsa_bits: 1024, ..PacketConfig::default() };
    let mut config = ClientConfig::default();
    config.packet = Arc::new(packet);
    let (connection, driver) = Connection::<Client>::client(stream, Arc::new(config));
    let events = async {
        while let Some(event) = connection.next_event().await {
            if let ClientEvent::HostKey(question) = event {
                return Some(match question.certificate {
                    Some(certificate) => Identity::Certificate(certificate),
                    None => Identity::Key(question.host_key),
                });
            }
        }
        None
    };
    let identity = tokio::select! {
        identity = events => identity,
        _ = driver => None,
    };
    let said = connection.with(|transport, _| transport.peer_identification().map(ToString::to_string));
    scanned.identification = said.map(|said| (name, said));
    match identity {
        Some(identity) => {
            connection.disconnect(DisconnectReason::BY_APPLICATION, "only the host key is wanted");
            scanned.identity = Some(identity);
            Ok(())
        }
        None => {
            let reason = connection
                .error()
                .map_or_else(|| "it closed the connection".into(), |error| error.to_string());
            Err(Failed::Refused(reason))
        }
    }
}

/// Tries the addresses one after the other.
async fn connect(target: &Target, question: &Question) -> Result<(String, TcpStream), Failed> {
    let mut reason = "it has no address".to_owned();
    for name in &target.addresses {
        let found = match lookup_host((name.as_str(), question.port)).await {
            Ok(found) => found,
            Err(error) => {
                reason = error.to_string();
                continue;
            }
        };
        for address in found.filter(|address| question.allows(address)) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok((name.clone(), stream)),
                Err(error) => reason = error.to_string(),
            }
        }
    }
    Err(Failed::Unreachable(reason))
}
