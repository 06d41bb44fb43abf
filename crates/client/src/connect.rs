//! From a host name to a TCP connection, by the operating system.

use crate::addresses::{Network, connect_to_host};
use crate::error::Error;
use crate::options::ClientOptions;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpSocket, TcpStream};

/// Connects to the first address of the host that answers. Small packets are sent at once (TCP_NODELAY), and the
/// operating system notices when the other end is gone (SO_KEEPALIVE).
///
/// # Errors
///
/// [`Error::Resolve`], or [`Error::Connect`] with every address that was tried.
pub(crate) async fn connect(host: &str, port: u16, options: &ClientOptions) -> Result<TcpStream, Error> {
    connect_to_host(&System(options), host, port, options).await
}

/// The operating system's network.
struct System<'a>(&'a ClientOptions);

impl Network for System<'_> {
    type Stream = TcpStream;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        connect_to(address, self.0).await
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
    if let Some(interface) = &options.bind_interface {
        bind_to_interface(socket2::SockRef::from(&socket), interface)?;
    }
    set_traffic_class(socket2::SockRef::from(&socket), address.is_ipv4(), options.traffic_class);
    socket.set_nodelay(true)?;
    socket.set_keepalive(options.tcp_keepalive)?;
    socket.connect(address).await
}

/// What the socket sends goes through that interface, and it hears from no other.
#[cfg(target_os = "linux")]
fn bind_to_interface(socket: socket2::SockRef<'_>, interface: &str) -> io::Result<()> {
    socket.bind_device(Some(interface.as_bytes())).map_err(|error| {
        io::Error::new(error.kind(), format!("the network interface {interface} cannot be used: {error}"))
    })
}

#[cfg(not(target_os = "linux"))]
fn bind_to_interface(_: socket2::SockRef<'_>, _: &str) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "a network interface cannot be chosen on this system"))
}

/// A mere preference: where it cannot be had, that is told to the log.
#[cfg(target_os = "linux")]
fn set_traffic_class(socket: socket2::SockRef<'_>, is_ipv4: bool, class: Option<u8>) {
    let Some(class) = class else { return };
    let set = if is_ipv4 { socket.set_tos_v4(class.into()) } else { socket.set_tclass_v6(class.into()) };
    if let Err(error) = set {
        tracing::debug!(%error, class, "the class of traffic cannot be set");
    }
}

#[cfg(not(target_os = "linux"))]
fn set_traffic_class(_: socket2::SockRef<'_>, _: bool, class: Option<u8>) {
    if class.is_some() {
        tracing::debug!("the class of traffic cannot be set on this system");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host_keys::HostKeyPolicy;
    use crate::options::AddressFamily;

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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_class_of_traffic_is_set() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let with_class = ClientOptions { traffic_class: Some(0x48), ..options() };
        let stream = connect("127.0.0.1", port, &with_class).await.expect("connected");
        assert_eq!(socket2::SockRef::from(&stream).tos_v4().expect("an option"), 0x48);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_interface_is_connected_through() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let through = |name: &str| ClientOptions { bind_interface: Some(name.to_owned()), ..options() };
        let stream = connect("127.0.0.1", port, &through("lo")).await.expect("connected");
        let device = socket2::SockRef::from(&stream).device().expect("an option");
        assert_eq!(device.as_deref(), Some(&b"lo"[..]));
        let error = connect("127.0.0.1", port, &through("no-such-0")).await.expect_err("no interface");
        assert!(error.to_string().contains("the network interface no-such-0 cannot be used"), "{error}");
    }

    #[tokio::test]
    async fn a_name_that_cannot_exist() {
        // Longer than any name, so that no name server is asked.
        let error = connect(&"a".repeat(300), 22, &options()).await.expect_err("no such name");
        assert!(matches!(error, Error::Resolve { .. }), "{error}");
    }
}
