//! Forwarded connections.

use crate::support::*;
use konko_server::transport::channel::config::OpenOptions;
use konko_server::transport::channel::open::ChannelKind;
use konko_server::transport::wire::encode::Encode;
use konko_server::transport::wire::message::global::{
    CancelStreamlocalForward, CancelTcpipForward, StreamlocalForward, TcpipForward, TcpipForwardReply,
};
use konko_server::transport::wire::number::OpenFailureReason;
use konko_server::transport::{Client, ClientEvent, Event};
use konko_server::{ServerBuilder, ServerLimits};
use konko_tokio::{Channel, Connection, Error};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

fn forwarding() -> ServerBuilder {
    let mut options = options();
    options.allow_local_forwarding = true;
    options.allow_remote_forwarding = true;
    standard(options)
}

async fn direct(connection: &Connection<Client>, port: u16) -> Result<Channel, Error> {
    let kind = ChannelKind::DirectTcpip {
        host: "localhost".into(),
        port,
        originator_address: "127.0.0.1".into(),
        originator_port: 1,
    };
    connection.open_channel(kind, OpenOptions::default(), None).await
}

async fn forward_port(connection: &Connection<Client>, address: &str, port: u32) -> Option<Vec<u8>> {
    let body = TcpipForward { address: address.as_bytes(), port }.to_vec();
    connection.global_request("tcpip-forward", &body, None).await.unwrap().map(|reply| reply.to_vec())
}

async fn cancel_port(connection: &Connection<Client>, address: &str, port: u16) -> bool {
    let body = CancelTcpipForward { address: address.as_bytes(), port: port.into() }.to_vec();
    connection.global_request("cancel-tcpip-forward", &body, None).await.unwrap().is_some()
}

async fn forward_socket(connection: &Connection<Client>, path: &Path) -> bool {
    let body = StreamlocalForward { socket_path: path.as_os_str().as_encoded_bytes() }.to_vec();
    connection.global_request("streamlocal-forward@openssh.com", &body, None).await.unwrap().is_some()
}

/// The channel of the next connection to something that is forwarded.
async fn forwarded(connection: &Connection<Client>) -> (ChannelKind, Channel) {
    loop {
        if let ClientEvent::Common(Event::OpenRequested(question)) = connection.next_event().await.unwrap() {
            return (question.kind().clone(), connection.accept_channel(question));
        }
    }
}

/// covers: H22
#[test]
fn nothing_is_forwarded_unless_allowed() {
    run(async {
        let connection = logged_in(standard(options())).await;
        let refused = direct(&connection, 1).await.unwrap_err();
        assert!(matches!(
            refused,
            Error::OpenRefused { reason: OpenFailureReason::ADMINISTRATIVELY_PROHIBITED, .. }
        ));
        for address in ["", "localhost", "0.0.0.0", "::"] {
            assert_eq!(forward_port(&connection, address, 0).await, None, "{address}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert!(!forward_socket(&connection, &path).await && !path.exists());
    });
}

/// covers: H30
#[test]
fn each_direction_of_a_connection_ends_by_itself() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connection = logged_in(forwarding()).await;

        // The client says EOF first and still hears the answer.
        let (channel, accepted) = tokio::join!(direct(&connection, port), listener.accept());
        let (channel, (mut stream, _)) = (channel.unwrap(), accepted.unwrap());
        channel.writer().write_all(b"question").await.unwrap();
        channel.send_eof();
        let mut question = String::new();
        stream.read_to_string(&mut question).await.unwrap();
        stream.write_all(b"answer").await.unwrap();
        drop(stream);
        let output = output(&channel).await;
        assert_eq!((question.as_str(), output.text().as_str()), ("question", "answer"));
        assert_eq!(output.events, ["eof", "closed"]);

        // The other side ends first and still hears more.
        let (channel, accepted) = tokio::join!(direct(&connection, port), listener.accept());
        let (channel, (mut stream, _)) = (channel.unwrap(), accepted.unwrap());
        stream.write_all(b"greeting").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut greeting = String::new();
        channel.reader().read_to_string(&mut greeting).await.unwrap();
        channel.writer().write_all(b"reply").await.unwrap();
        channel.send_eof();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        assert_eq!((greeting.as_str(), reply.as_str()), ("greeting", "reply"));
        assert_eq!(ending(&channel).await, ["eof", "closed"]);

        // A closed channel closes the connection, and a reset connection the channel.
        let (channel, accepted) = tokio::join!(direct(&connection, port), listener.accept());
        let (channel, (mut stream, _)) = (channel.unwrap(), accepted.unwrap());
        assert!(!granted(&channel, "exec", b"\0\0\0\x01x").await, "no request has a meaning here");
        channel.writer().write_all(b"last words").await.unwrap();
        channel.close();
        let mut words = String::new();
        stream.read_to_string(&mut words).await.unwrap();
        assert_eq!(words, "last words");
        let (channel, accepted) = tokio::join!(direct(&connection, port), listener.accept());
        let (channel, (stream, _)) = (channel.unwrap(), accepted.unwrap());
        stream.set_zero_linger().unwrap();
        drop(stream);
        assert_eq!(ending(&channel).await.last().unwrap(), "closed");
    });
}

#[test]
fn a_connection_that_fails_is_refused_with_the_reason() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let connection = logged_in(forwarding()).await;
        let refused = direct(&connection, port).await.unwrap_err();
        assert!(matches!(refused, Error::OpenRefused { reason: OpenFailureReason::CONNECT_FAILED, .. }));
    });
}

/// covers: H29
#[test]
fn a_port_is_forwarded_until_it_is_cancelled() {
    run(async {
        let connection = logged_in(forwarding()).await;
        let reply = forward_port(&connection, "localhost", 0).await.unwrap();
        let port = u16::try_from(TcpipForwardReply::decode(&reply).unwrap().port).unwrap();
        assert_eq!(forward_port(&connection, "localhost", port.into()).await, None, "it is taken");

        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (kind, channel) = forwarded(&connection).await;
        let ChannelKind::ForwardedTcpip { address, port: connected, originator_address, originator_port } =
            kind
        else {
            panic!("{kind:?}");
        };
        assert_eq!(
            (address.as_str(), connected, originator_address.as_str()),
            ("localhost", port, "127.0.0.1")
        );
        assert_eq!(originator_port, u32::from(stream.local_addr().unwrap().port()));

        assert!(!cancel_port(&connection, "", port).await, "it was asked for by another address");
        assert!(cancel_port(&connection, "localhost", port).await);
        assert!(!cancel_port(&connection, "localhost", port).await);
        // What is connected already stays; nobody else can connect once the listener's task has ended.
        channel.writer().write_all(b"hello").await.unwrap();
        channel.send_eof();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
        while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            tokio::task::yield_now().await;
        }

        // A given port is granted without a body.
        let mut granted = forward_port(&connection, "127.0.0.1", port.into()).await;
        while granted.is_none() {
            granted = forward_port(&connection, "127.0.0.1", port.into()).await;
        }
        assert_eq!(granted, Some(Vec::new()));
        drop((channel, connection));
        while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
}

/// covers: H22
#[test]
fn forwarded_ports_are_on_the_loopback_addresses_and_limited() {
    run(async {
        let mut limits = ServerLimits::default();
        limits.maximum_forward_listeners = 2;
        let connection = logged_in(forwarding().limits(limits)).await;
        let reply = forward_port(&connection, "0.0.0.0", 0).await.unwrap();
        let port = TcpipForwardReply::decode(&reply).unwrap().port;
        let bound = std::net::TcpListener::bind(("127.0.0.2", u16::try_from(port).unwrap()));
        assert!(bound.is_ok(), "only 127.0.0.1 is taken");
        for port in [65_536, 65_616, u32::MAX] {
            assert_eq!(forward_port(&connection, "localhost", port).await, None);
        }
        assert!(forward_port(&connection, "", 0).await.is_some());
        assert_eq!(forward_port(&connection, "", 0).await, None, "two are enough");
    });
}

/// covers: H23
#[test]
fn unix_sockets_are_forwarded_both_ways() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let connection = logged_in(forwarding()).await;

        let there = folder.path().join("there");
        let listener = UnixListener::bind(&there).unwrap();
        let open = |path: &[u8]| {
            let kind = ChannelKind::DirectStreamlocal { socket_path: path.to_vec() };
            connection.open_channel(kind, OpenOptions::default(), None)
        };
        let (channel, accepted) = tokio::join!(open(there.as_os_str().as_encoded_bytes()), listener.accept());
        let (channel, (mut stream, _)) = (channel.unwrap(), accepted.unwrap());
        stream.write_all(b"hello").await.unwrap();
        drop(stream);
        channel.send_eof();
        assert_eq!(output(&channel).await.text(), "hello");
        for path in [b"relative".as_slice(), b"\0abstract", b"/no/such/socket", b""] {
            let refused = open(path).await.unwrap_err();
            assert!(matches!(refused, Error::OpenRefused { reason: OpenFailureReason::CONNECT_FAILED, .. }));
        }

        let here = folder.path().join("here");
        assert!(!forward_socket(&connection, &there).await, "something stands there");
        assert!(forward_socket(&connection, &here).await);
        assert_eq!(std::fs::metadata(&here).unwrap().permissions().mode() & 0o777, 0o600);
        let mut stream = UnixStream::connect(&here).await.unwrap();
        let (kind, channel) = forwarded(&connection).await;
        let socket_path = here.as_os_str().as_encoded_bytes().to_vec();
        assert_eq!(kind, ChannelKind::ForwardedStreamlocal { socket_path: socket_path.clone() });
        channel.writer().write_all(b"hello").await.unwrap();
        channel.send_eof();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
        let body = CancelStreamlocalForward { socket_path: &socket_path }.to_vec();
        let name = "cancel-streamlocal-forward@openssh.com";
        assert!(connection.global_request(name, &body, None).await.unwrap().is_some());
        assert!(connection.global_request(name, &body, None).await.unwrap().is_none());
        while here.exists() {
            tokio::task::yield_now().await;
        }
    });
}
