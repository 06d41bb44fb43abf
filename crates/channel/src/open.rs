//! What a channel is opened for (RFC 4254 §5.1, §6.1, §6.3.2, §7.2; OpenSSH PROTOCOL 2.4), and the question
//! whether to. Who may open what is not decided here.

use konko_wire::decode::DecodeError;
use konko_wire::encode::Encode;
use konko_wire::message::channel::{
    DirectStreamlocal, DirectTcpip, ForwardedStreamlocal, ForwardedTcpip, SessionOpen, X11Open,
};

/// OpenSSH's name for a connection to the agent.
const AUTH_AGENT: &str = "auth-agent@openssh.com";
/// The name of the same in RFC 9987.
const AGENT_CONNECT: &str = "agent-connect";

/// What a channel is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelKind {
    /// `session`: a shell, a command or a subsystem.
    Session,
    /// `direct-tcpip`: a connection from the client's network to the server's.
    DirectTcpip {
        /// Where to connect to.
        host: String,
        /// Its port.
        port: u16,
        /// Who asked, as the opener says.
        originator_address: String,
        /// Its port, as the opener says.
        originator_port: u32,
    },
    /// `forwarded-tcpip`: somebody connected to a forwarded port.
    ForwardedTcpip {
        /// The address that was connected to, as in the request to forward it.
        address: String,
        /// The port that was connected to.
        port: u16,
        /// Who connected, as the opener says.
        originator_address: String,
        /// Its port, as the opener says.
        originator_port: u32,
    },
    /// `direct-streamlocal@openssh.com`: a connection to a Unix socket of the server.
    DirectStreamlocal {
        /// Its path.
        socket_path: Vec<u8>,
    },
    /// `forwarded-streamlocal@openssh.com`: somebody connected to a forwarded Unix socket.
    ForwardedStreamlocal {
        /// Its path, as in the request to forward it.
        socket_path: Vec<u8>,
    },
    /// `x11`: an X11 client.
    X11 {
        /// Who connected, as the opener says.
        originator_address: String,
        /// Its port, as the opener says.
        originator_port: u32,
    },
    /// `auth-agent@openssh.com`, or `agent-connect` of RFC 9987.
    AgentConnection,
    /// Any other type.
    Custom {
        /// Its name.
        name: String,
        /// The part that depends on the name.
        data: Vec<u8>,
    },
}

/// Why an open that came has no [`ChannelKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindError {
    /// Its body is malformed.
    Malformed(DecodeError),
    /// It is well-formed and cannot be meant: a port beyond 65,535, a host name that is no text.
    Impossible(&'static str),
}

impl From<DecodeError> for KindError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl ChannelKind {
    /// The channel type on the wire.
    pub fn channel_type(&self) -> &str {
        match self {
            Self::Session => SessionOpen::NAME,
            Self::DirectTcpip { .. } => DirectTcpip::NAME,
            Self::ForwardedTcpip { .. } => ForwardedTcpip::NAME,
            Self::DirectStreamlocal { .. } => DirectStreamlocal::NAME,
            Self::ForwardedStreamlocal { .. } => ForwardedStreamlocal::NAME,
            Self::X11 { .. } => X11Open::NAME,
            Self::AgentConnection => AUTH_AGENT,
            Self::Custom { name, .. } => name,
        }
    }

    /// The part of the open that depends on the type.
    pub fn type_specific(&self) -> Vec<u8> {
        match self {
            Self::Session | Self::AgentConnection => Vec::new(),
            Self::DirectTcpip { host, port, originator_address, originator_port } => DirectTcpip {
                host: host.as_bytes(),
                port: u32::from(*port),
                originator_address: originator_address.as_bytes(),
                originator_port: *originator_port,
            }
            .to_vec(),
            Self::ForwardedTcpip { address, port, originator_address, originator_port } => ForwardedTcpip {
                address: address.as_bytes(),
                port: u32::from(*port),
                originator_address: originator_address.as_bytes(),
                originator_port: *originator_port,
            }
            .to_vec(),
            Self::DirectStreamlocal { socket_path } => {
                DirectStreamlocal { socket_path, reserved_string: b"", reserved_number: 0 }.to_vec()
            }
            Self::ForwardedStreamlocal { socket_path } => {
                ForwardedStreamlocal { socket_path, reserved: b"" }.to_vec()
            }
            Self::X11 { originator_address, originator_port } => X11Open {
                originator_address: originator_address.as_bytes(),
                originator_port: *originator_port,
            }
            .to_vec(),
            Self::Custom { data, .. } => data.clone(),
        }
    }

    /// The kind an open asks for.
    pub fn decode(channel_type: &str, type_specific: &[u8]) -> Result<Self, KindError> {
        Ok(match channel_type {
            SessionOpen::NAME => SessionOpen::decode(type_specific).map(|SessionOpen {}| Self::Session)?,
            DirectTcpip::NAME => {
                let body = DirectTcpip::decode(type_specific)?;
                Self::DirectTcpip {
                    host: text(body.host)?,
                    port: port(body.port)?,
                    originator_address: text(body.originator_address)?,
                    originator_port: body.originator_port,
                }
            }
            ForwardedTcpip::NAME => {
                let body = ForwardedTcpip::decode(type_specific)?;
                Self::ForwardedTcpip {
                    address: text(body.address)?,
                    port: port(body.port)?,
                    originator_address: text(body.originator_address)?,
                    originator_port: body.originator_port,
                }
            }
            DirectStreamlocal::NAME => {
                let body = DirectStreamlocal::decode(type_specific)?;
                Self::DirectStreamlocal { socket_path: body.socket_path.to_vec() }
            }
            ForwardedStreamlocal::NAME => {
                let body = ForwardedStreamlocal::decode(type_specific)?;
                Self::ForwardedStreamlocal { socket_path: body.socket_path.to_vec() }
            }
            X11Open::NAME => {
                let body = X11Open::decode(type_specific)?;
                Self::X11 {
                    originator_address: text(body.originator_address)?,
                    originator_port: body.originator_port,
                }
            }
            AUTH_AGENT | AGENT_CONNECT => {
                SessionOpen::decode(type_specific).map(|SessionOpen {}| Self::AgentConnection)?
            }
            _ => Self::Custom { name: channel_type.to_owned(), data: type_specific.to_vec() },
        })
    }

    /// Whether standard error can come on such a channel. On others it is dropped as it comes, or nobody would
    /// ever read it and its window would be lost.
    pub const fn has_stderr(&self) -> bool {
        matches!(self, Self::Session | Self::Custom { .. })
    }
}

fn text(bytes: &[u8]) -> Result<String, KindError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(KindError::Impossible("an address is not text")),
    }
}

fn port(number: u32) -> Result<u16, KindError> {
    u16::try_from(number).map_err(|_| KindError::Impossible("no such port"))
}

/// The peer's wish to open a channel. Accept or reject it.
#[derive(Debug)]
#[must_use = "the peer waits until the open is accepted or rejected"]
pub struct OpenQuestion {
    pub(crate) kind: ChannelKind,
    pub(crate) sender_channel: u32,
    pub(crate) initial_window_size: u32,
    pub(crate) maximum_packet_size: u32,
}

impl OpenQuestion {
    /// What it would be for.
    pub const fn kind(&self) -> &ChannelKind {
        &self.kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_survive_the_wire() {
        for kind in [
            ChannelKind::Session,
            ChannelKind::DirectTcpip {
                host: "example.org".into(),
                port: 80,
                originator_address: "::1".into(),
                originator_port: 65_536,
            },
            ChannelKind::ForwardedTcpip {
                address: String::new(),
                port: 65_535,
                originator_address: "192.0.2.1".into(),
                originator_port: 1,
            },
            ChannelKind::DirectStreamlocal { socket_path: b"/run/\xff".to_vec() },
            ChannelKind::ForwardedStreamlocal { socket_path: b"/run/x".to_vec() },
            ChannelKind::X11 { originator_address: "::1".into(), originator_port: 6010 },
            ChannelKind::AgentConnection,
            ChannelKind::Custom { name: "x@example.org".into(), data: vec![1, 2] },
        ] {
            let body = kind.type_specific();
            assert_eq!(ChannelKind::decode(kind.channel_type(), &body), Ok(kind.clone()));
            if !matches!(kind, ChannelKind::Custom { .. }) {
                let longer = [&body[..], &[0]].concat();
                assert_eq!(
                    ChannelKind::decode(kind.channel_type(), &longer),
                    Err(KindError::Malformed(DecodeError::TrailingBytes))
                );
            }
        }
    }

    /// covers: H22
    #[test]
    fn ports_that_do_not_exist_are_not_cut_to_ones_that_do() {
        for number in [65_536, 65_616, u32::MAX] {
            let body = DirectTcpip { host: b"h", port: number, originator_address: b"", originator_port: 0 }
                .to_vec();
            assert_eq!(
                ChannelKind::decode("direct-tcpip", &body),
                Err(KindError::Impossible("no such port"))
            );
        }
    }
}
