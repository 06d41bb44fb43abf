//! Where a forwarded port is listened on (RFC 4254 §7.1).

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::TcpListener;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// Both loopback addresses.
pub(crate) const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The addresses that a text of RFC 4254 §7.1 stands for; empty for a name that is none of them. `*` is OpenSSH's
/// for the empty text.
pub(crate) fn addresses(text: &str) -> Vec<IpAddr> {
    match text {
        "" | "*" => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        "localhost" => LOOPBACK.to_vec(),
        _ => text.parse().into_iter().collect(),
    }
}

/// How often a port is chosen anew where the one chosen first is taken in the other address family.
const CHOICES: usize = 8;

/// Listens on `port` of each address. Zero chooses a port, the same for all. An address family that the system
/// does not have is left out, as long as another is there.
pub(crate) fn listen(addresses: &[IpAddr], port: u16) -> io::Result<(u16, Vec<TcpListener>)> {
    let mut result = listen_once(addresses, port);
    for _ in 1..CHOICES {
        match &result {
            Err(error) if port == 0 && error.kind() == io::ErrorKind::AddrInUse => {
                result = listen_once(addresses, port);
            }
            _ => break,
        }
    }
    result
}

fn listen_once(addresses: &[IpAddr], port: u16) -> io::Result<(u16, Vec<TcpListener>)> {
    let mut listeners = Vec::new();
    let mut port = port;
    let mut failed = io::Error::new(io::ErrorKind::AddrNotAvailable, "no such address");
    for address in addresses {
        match listen_on(SocketAddr::new(*address, port)) {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            // Half a port would send some of those who connect to somebody else.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => failed = error,
        }
    }
    if listeners.is_empty() { Err(failed) } else { Ok((port, listeners)) }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4254 §7.1's table, covers: H22
    #[test]
    fn texts_stand_for_addresses() {
        let of = |text: &str| addresses(text).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of(""), ["0.0.0.0", "::"]);
        assert_eq!(of("*"), ["0.0.0.0", "::"]);
        assert_eq!(of("0.0.0.0"), ["0.0.0.0"]);
        assert_eq!(of("::"), ["::"]);
        assert_eq!(of("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(of("127.0.0.1"), ["127.0.0.1"]);
        assert_eq!(of("::1"), ["::1"]);
        assert!(of("example.org").is_empty() && of("127.0.0.1 ").is_empty() && of("0").is_empty());
    }
}
