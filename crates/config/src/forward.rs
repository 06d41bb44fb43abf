//! Forwardings as a line or a flag writes them.

use crate::number;
use std::fmt;

/// The longest name of a host.
const MAXIMUM_HOST_LEN: usize = 1024;
/// The longest path of a socket.
const MAXIMUM_SOCKET_PATH_LEN: usize = 107;

/// One end of a forwarding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// The address to listen on, where `None` follows `GatewayPorts`; or the host to connect to, which is
        /// always there.
        host: Option<String>,
        /// The port; 0 lets the server of a remote forwarding choose.
        port: u16,
    },
    /// A socket in the file system.
    Socket(
        /// Its path.
        String,
    ),
    /// Wherever a SOCKS client asks for; only to connect to.
    Socks,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host: None, port } => port.fmt(f),
            Self::Tcp { host: Some(host), port } => write!(f, "[{host}]:{port}"),
            Self::Socket(path) => f.write_str(path),
            Self::Socks => f.write_str("[socks]:0"),
        }
    }
}

/// What is forwarded from where to where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Forward {
    /// Where connections are waited for.
    pub listen: Endpoint,
    /// Where they lead.
    pub connect: Endpoint,
}

/// Which forwarding a text describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Local,
    Remote,
    /// `[listen host:]port` alone, which leads wherever SOCKS asks for.
    Dynamic {
        remote: bool,
    },
}

/// A part between colons, and whether it is a path.
#[derive(Debug)]
struct Field {
    text: String,
    is_path: bool,
}

/// Takes fields apart at colons. Square brackets keep colons in a field, and so do backslashes outside of them.
fn fields(text: &str) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    let mut rest = Some(text);
    while let Some(part) = rest.filter(|part| !part.is_empty()) {
        if fields.len() == 4 {
            return None;
        }
        if let Some(bracketed) = part.strip_prefix('[') {
            let (inner, after) = bracketed.split_once(']')?;
            rest = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
            fields.push(Field { text: inner.to_owned(), is_path: inner.contains('/') });
            continue;
        }
        let mut field = Field { text: String::new(), is_path: false };
        let mut symbols = part.char_indices();
        rest = None;
        while let Some((at, symbol)) = symbols.next() {
            match symbol {
                ':' => {
                    rest = part.get(at + 1..);
                    break;
                }
                '\\' => field.text.push(symbols.next()?.1),
                _ => {
                    field.is_path |= symbol == '/';
                    field.text.push(symbol);
                }
            }
        }
        fields.push(field);
    }
    Some(fields)
}

impl Forward {
    /// Reads `text`; `None` if it is no such forwarding. `service` gives the port of a name.
    pub(crate) fn parse(
        text: &str,
        direction: Direction,
        service: &dyn Fn(&str) -> Option<u16>,
    ) -> Option<Self> {
        let port = |text: &str| number::port(text).or_else(|| service(text));
        let listen_tcp = |host: Option<&Field>, at: &Field| {
            Some(Endpoint::Tcp { host: host.map(|host| host.text.clone()), port: port(&at.text)? })
        };
        let connect_tcp = |host: &Field, at: &Field| {
            let port = port(&at.text).filter(|port| *port != 0)?;
            Some(Endpoint::Tcp { host: Some(host.text.clone()), port })
        };
        let socket = |at: &Field| Endpoint::Socket(at.text.clone());
        let fields = fields(text.trim_start())?;
        let dynamic = matches!(direction, Direction::Dynamic { .. });
        let (listen, connect) = match fields.as_slice() {
            [at] if dynamic && at.is_path => (socket(at), Endpoint::Socks),
            [at] if dynamic => (listen_tcp(None, at)?, Endpoint::Socks),
            [host, at] if dynamic => (listen_tcp(Some(host), at)?, Endpoint::Socks),
            _ if dynamic => return None,
            [from, to] if from.is_path && to.is_path => (socket(from), socket(to)),
            [from, to] if to.is_path => (listen_tcp(None, from)?, socket(to)),
            [from, host, to] if from.is_path => (socket(from), connect_tcp(host, to)?),
            [host, from, to] if to.is_path => (listen_tcp(Some(host), from)?, socket(to)),
            [from, host, to] => (listen_tcp(None, from)?, connect_tcp(host, to)?),
            [listen, from, host, to] => (listen_tcp(Some(listen), from)?, connect_tcp(host, to)?),
            _ => return None,
        };
        let remote = matches!(direction, Direction::Remote | Direction::Dynamic { remote: true });
        if !remote && matches!(listen, Endpoint::Tcp { port: 0, .. }) {
            return None;
        }
        let fits = |end: &Endpoint| match end {
            Endpoint::Tcp { host, .. } => host.as_ref().is_none_or(|host| host.len() < MAXIMUM_HOST_LEN),
            Endpoint::Socket(path) => path.len() <= MAXIMUM_SOCKET_PATH_LEN,
            Endpoint::Socks => true,
        };
        (fits(&listen) && fits(&connect)).then_some(Self { listen, connect })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, direction: Direction) -> Option<String> {
        let forward = Forward::parse(text, direction, &|name| (name == "http").then_some(80))?;
        Some(format!("{} {}", forward.listen, forward.connect))
    }

    #[test]
    fn forwardings_are_read() {
        for (text, expected) in [
            ("4:b:5", Some("4 [b]:5")),
            ("a:4:b:http", Some("[a]:4 [b]:80")),
            (":4:b:5", Some("[]:4 [b]:5")),
            ("[::1]:4:[::2]:5", Some("[::1]:4 [::2]:5")),
            ("/x:/y", Some("/x /y")),
            ("4:/y", Some("4 /y")),
            ("a:4:/y", Some("[a]:4 /y")),
            ("/x:b:5", Some("/x [b]:5")),
            (r"/x\:y:b:5", Some("/x:y [b]:5")),
            ("4", None),
            ("0:b:5", None),
            ("4:b:0", None),
            ("4:b:65536", None),
            ("4:b:5:6:7", None),
            ("[::1:4:b:5", None),
            ("[::1]4:b:5", None),
            ("", None),
            (r"4:b:5\", None),
        ] {
            assert_eq!(shown(text, Direction::Local).as_deref(), expected, "{text}");
        }
        assert_eq!(shown("0:b:5", Direction::Remote).as_deref(), Some("0 [b]:5"));
        let dynamic = Direction::Dynamic { remote: false };
        assert_eq!(shown("1080", dynamic).as_deref(), Some("1080 [socks]:0"));
        assert_eq!(shown("[::1]:1080", dynamic).as_deref(), Some("[::1]:1080 [socks]:0"));
        assert_eq!(shown("0", dynamic), None);
        assert_eq!(shown("0", Direction::Dynamic { remote: true }).as_deref(), Some("0 [socks]:0"));
        assert_eq!(shown(&format!("/{}:b:5", "x".repeat(107)), Direction::Local), None);
    }
}
