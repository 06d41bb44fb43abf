//! From a host name to a TCP connection: every address is tried, and every failure is told.

use crate::error::{ConnectAttempt, Error};
use crate::options::{AddressFamily, ClientOptions};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// Connects to the first address of the host that answers. Small packets are sent at once (TCP_NODELAY), and the
/// operating system notices when the other end is gone (SO_KEEPALIVE).
///
/// # Errors
///
/// [`Error::Resolve`], or [`Error::Connect`] with every address that was tried.
pub(crate) async fn connect(host: &str, port: u16, options: &ClientOptions) -> Result<TcpStream, Error> {
    let addresses = resolve(host, port, options).await?;
    let mut attempts = Vec::new();
    for address in addresses {
        match connect_to(address, options).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                tracing::debug!(%address, %error, "cannot connect");
                attempts.push(ConnectAttempt { address, error });
            }
        }
    }
    Err(Error::Connect { host: host.to_owned(), port, attempts })
}

async fn resolve(host: &str, port: u16, options: &ClientOptions) -> Result<Vec<SocketAddr>, Error> {
    let wanted = |address: &SocketAddr| match options.address_family {
        AddressFamily::Any => true,
        AddressFamily::V4 => address.is_ipv4(),
        AddressFamily::V6 => address.is_ipv6(),
    };
    let lookup = tokio::net::lookup_host((host, port));
    let found = match options.timeouts.connect {
        None => lookup.await,
        Some(after) => match tokio::time::timeout(after, lookup).await {
            Ok(found) => found,
            Err(_) => Err(timed_out(after)),
        },
    };
    match found {
        Ok(found) => {
            let mut addresses: Vec<SocketAddr> = Vec::new();
            for address in found.filter(wanted) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            Ok(addresses)
        }
        Err(error) => Err(Error::Resolve { host: host.to_owned(), error }),
    }
}

async fn connect_to(address: SocketAddr, options: &ClientOptions) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local) = options.bind_address {
        if local.is_ipv4() != address.is_ipv4() {
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "the local address to connect from is of another family",
            ));
        }
        socket.bind(SocketAddr::new(local, 0))?;
    }
    socket.set_nodelay(true)?;
    socket.set_keepalive(options.tcp_keepalive)?;
    match options.timeouts.connect {
        None => socket.connect(address).await,
        Some(after) => match tokio::time::timeout(after, socket.connect(address)).await {
            Ok(result) => result,
            Err(_) => Err(timed_out(after)),
        },
    }
}

fn timed_out(after: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {after:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host_keys::HostKeyPolicy;

    fn options() -> ClientOptions {
        ClientOptions::new("user", HostKeyPolicy::InsecureAcceptAny)
    }

    async fn closed_port() -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address").port()
    }

    #[tokio::test]
    async fn every_address_that_was_tried_is_told() {
        let port = closed_port().await;
        let error = connect("127.0.0.1", port, &options()).await.expect_err("nobody listens");
        let Error::Connect { attempts, .. } = &error else { panic!("{error}") };
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}: ")), "{error}");
    }

    #[tokio::test]
    async fn families_are_kept_apart() {
        let port = closed_port().await;
        let only_v6 = ClientOptions { address_family: AddressFamily::V6, ..options() };
        let error = connect("127.0.0.1", port, &only_v6).await.expect_err("no address");
        assert!(matches!(&error, Error::Connect { attempts, .. } if attempts.is_empty()));
        let from_v6 = ClientOptions { bind_address: "::1".parse().ok(), ..options() };
        let error = connect("127.0.0.1", port, &from_v6).await.expect_err("another family");
        let Error::Connect { attempts, .. } = &error else { panic!("{error}") };
        assert_eq!(attempts[0].error.kind(), io::ErrorKind::AddrNotAvailable);
    }

    #[tokio::test]
    async fn small_packets_are_sent_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let from = ClientOptions { bind_address: "127.0.0.1".parse().ok(), ..options() };
        let stream = connect("127.0.0.1", port, &from).await.expect("connected");
        assert!(stream.nodelay().expect("an option"));
    }

    #[tokio::test]
    async fn a_name_that_cannot_exist() {
        // Longer than any name, so that no name server is asked.
        let error = connect(&"a".repeat(300), 22, &options()).await.expect_err("no such name");
        assert!(matches!(error, Error::Resolve { .. }), "{error}");
    }
}
