//! Who may connect, and how a server ends.

use crate::support::*;
use konko_server::transport::channel::config::OpenOptions;
use konko_server::transport::channel::open::ChannelKind;
use konko_server::{Error, Server, ServerLimits};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

#[test]
fn a_server_without_a_host_key_is_none() {
    assert!(matches!(Server::builder().build(), Err(Error::NoHostKey)));
}

/// covers: A28
#[test]
fn the_unauthenticated_are_limited_and_others_do_not_count() {
    run(async {
        let mut limits = ServerLimits::default();
        limits.maximum_unauthenticated_per_source = 2;
        let server = standard(options()).limits(limits).build().unwrap();
        let listener = Server::listen("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_running, shutdown) = oneshot::channel::<()>();
        tokio::spawn(async move { server.serve(listener, async { drop(shutdown.await) }).await });

        let first = client(TcpStream::connect(address).await.unwrap());
        let second = client(TcpStream::connect(address).await.unwrap());
        // Until the server has begun to speak it may not have counted them.
        assert!(matches!(login(&first, "user", password("x"), None).await, Login::Failure { .. }));
        assert!(matches!(login(&second, "user", password("x"), None).await, Login::Failure { .. }));
        let mut third = TcpStream::connect(address).await.unwrap();
        let mut words = String::new();
        third.read_to_string(&mut words).await.unwrap();
        assert_eq!(words, "Too many connections, try again later\r\n");

        assert_eq!(login(&first, "user", password("secret"), None).await, Login::Success);
        // Until the server has answered what came after it, it may not have noticed.
        let channel = first.open_channel(ChannelKind::Session, OpenOptions::default(), None).await.unwrap();
        let mut fourth = TcpStream::connect(address).await.unwrap();
        let mut words = [0; 8];
        fourth.read_exact(&mut words).await.unwrap();
        assert_eq!(&words, b"SSH-2.0-");
        drop(channel);
    });
}

#[test]
fn a_server_that_ends_says_so() {
    run(async {
        let server = standard(options()).build().unwrap();
        let listener = Server::listen("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, shutdown) = oneshot::channel::<()>();
        let served =
            tokio::spawn(async move { server.serve(listener, async { drop(shutdown.await) }).await });
        let connection = client(TcpStream::connect(address).await.unwrap());
        assert_eq!(login(&connection, "user", password("secret"), None).await, Login::Success);
        let channel =
            connection.open_channel(ChannelKind::Session, OpenOptions::default(), None).await.unwrap();
        assert!(exec(&channel, "exec sleep 1000").await);
        end.send(()).unwrap();
        assert!(connection.closed().await.to_string().contains("the server is shutting down"));
        drop((channel, connection));
        served.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    });
}

#[test]
fn a_silent_client_is_left_alone_after_the_grace_time() {
    run(async {
        let server = standard(options())
            .transport_config(|config| config.login_grace_time = Some(std::time::Duration::from_millis(50)))
            .build()
            .unwrap();
        let (near, far) = tokio::io::duplex(64 * 1024);
        let served = server.serve_connection(far, konko_server::PeerInfo::UNKNOWN);
        let connection = client(near);
        let (error, ()) = tokio::join!(connection.closed(), served);
        assert!(!error.to_string().is_empty());
    });
}
