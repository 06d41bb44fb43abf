//! From a host name to a TCP connection, waiting. It rhymes with the one that does not wait.

use crate::connect::{bind_to_interface, set_traffic_class};
use crate::error::{ConnectAttempt, Error};
use crate::options::{AddressFamily, ClientOptions};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};

/// Connects to the first address of the host that answers. How long the resolver takes is its own affair.
///
/// # Errors
///
/// [`Error::Resolve`], or [`Error::Connect`] with every address that was tried.
pub(crate) fn connect(host: &str, port: u16, options: &ClientOptions) -> Result<TcpStream, Error> {
    let wanted = |address: &SocketAddr| match options.address_family {
        AddressFamily::Any => true,
        AddressFamily::V4 => address.is_ipv4(),
        AddressFamily::V6 => address.is_ipv6(),
    };
    let found =
        (host, port).to_socket_addrs().map_err(|error| Error::Resolve { host: host.to_owned(), error })?;
    let mut attempts: Vec<ConnectAttempt> = Vec::new();
    for address in found.filter(wanted) {
        if attempts.iter().any(|attempt| attempt.address == address) {
            continue;
        }
        match connect_to(address, options) {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                tracing::debug!(%address, %error, "cannot connect");
                attempts.push(ConnectAttempt { address, error });
            }
        }
    }
    Err(Error::Connect { host: host.to_owned(), port, attempts })
}

fn connect_to(address: SocketAddr, options: &ClientOptions) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(local) = options.bind_address {
        if local.is_ipv4() != address.is_ipv4() {
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "the local address to connect from is of another family",
            ));
        }
        socket.bind(&SocketAddr::new(local, 0).into())?;
    }
    if let Some(interface) = &options.bind_interface {
        bind_to_interface(socket2::SockRef::from(&socket), interface)?;
    }
    set_traffic_class(socket2::SockRef::from(&socket), address.is_ipv4(), options.traffic_class);
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(options.tcp_keepalive)?;
    match options.timeouts.connect {
        None => socket.connect(&address.into())?,
        Some(timeout) => socket.connect_timeout(&address.into(), timeout)?,
    }
    Ok(socket.into())
}
