//! Tunnels and forwardings, against a server in this process.

use crate::scripted_server::{ScriptedServer, client, options};
use konko_client::transport::wire::number::OpenFailureReason;
use konko_client::{Error, SshClient};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_tunnel_is_a_stream_that_ends_one_way_at_a_time() {
    let client = client().await;
    let mut tunnel = client.open_direct_tcpip("echo.test", 7, None).await.expect("opened");
    // It keeps the connection.
    drop(client);
    tunnel.write_all(b"there and back").await.expect("written");
    tunnel.shutdown().await.expect("EOF");
    let mut back = String::new();
    tunnel.read_to_string(&mut back).await.expect("read");
    assert_eq!(back, "there and back");
}

#[tokio::test]
async fn a_refused_tunnel_tells_the_servers_words_harmlessly() {
    let client = client().await;
    let error = client.open_direct_tcpip("nobody.test", 9, None).await.expect_err("refused");
    assert!(
        matches!(&error, Error::OpenRefused { reason: OpenFailureReason::CONNECT_FAILED, .. }),
        "{error}"
    );
    assert!(!error.to_string().contains('\x1b'), "{error}");
    let mut tunnel = client.open_direct_streamlocal("/run/echo").await.expect("opened");
    tunnel.write_all(b"x").await.expect("written");
    assert_eq!(tunnel.read_u8().await.expect("read"), b'x');
}

#[tokio::test]
async fn a_connection_runs_through_another() {
    let outer = client().await;
    let inner_server = Arc::new(ScriptedServer::default());
    // The outer server echoes, so the inner connection is bridged by hand behind it.
    let mut there = inner_server.listen();
    let (near, mut far) = tokio::io::duplex(65_536);
    tokio::spawn(async move {
        let _ = tokio::io::copy_bidirectional(&mut far, &mut there).await;
    });
    let inner = SshClient::over(near, "inner.test", 22, &options()).await.expect("logged in");
    assert!(inner.command("status:0 close").output().await.expect("ended").status.is_success());
    // A tunnel is a stream like any other: what echoes is no SSH server, and is told as such.
    let tunnel = outer.open_direct_tcpip("echo.test", 7, None).await.expect("opened");
    let error = SshClient::over(tunnel, "echo.test", 22, &options()).await.expect_err("an echo");
    assert!(
        matches!(error, Error::Protocol { .. } | Error::Closed { .. } | Error::Incompatible(_)),
        "{error}"
    );
}

#[tokio::test]
async fn a_local_forward_passes_on_the_end_of_each_direction() {
    let client = client().await;
    let forward = client.forward_local("127.0.0.1:0".parse().expect("an address"), "echo.test", 7).await;
    let forward = forward.expect("listening");
    let mut streams = tokio::task::JoinSet::new();
    for index in 0..8u8 {
        let address = forward.address();
        streams.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            let sent = vec![index; 3_000_000];
            let (mut reader, mut writer) = stream.split();
            let mut back = Vec::new();
            let (written, read) = tokio::join!(
                async {
                    writer.write_all(&sent).await?;
                    writer.shutdown().await
                },
                reader.read_to_end(&mut back)
            );
            written.expect("written");
            read.expect("read");
            assert_eq!(back, sent);
        });
    }
    while let Some(result) = streams.join_next().await {
        result.expect("no panic");
    }
    let address = forward.address();
    drop(forward);
    // The listener goes with the task, which ends when the runtime gets to it.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// covers: H21
#[tokio::test]
async fn a_remote_forward_yields_what_was_asked_for_and_nothing_else() {
    let client = client().await;
    let mut forward = client.forward_remote("localhost", 0).await.expect("granted");
    assert_eq!(forward.port(), 4022);
    // The server also opened channels for another address and another port: those were refused.
    let mut incoming = forward.accept().await.expect("a connection");
    assert_eq!(incoming.originator, Some(("192.0.2.9".to_owned(), 4711)));
    let mut said = String::new();
    incoming.tunnel.read_to_string(&mut said).await.expect("read");
    assert_eq!(said, "hello from afar");
    assert!(matches!(client.forward_remote("localhost", 4022).await, Err(Error::ForwardExists(_))));
    let mut other = client.forward_remote("localhost", 4023).await.expect("granted");
    assert!(other.accept().await.is_some());
    forward.cancel().await.expect("cancelled");
    drop(client.forward_remote("localhost", 4022).await.expect("granted again"));
    let error = client.forward_remote_streamlocal("/run/x").await.expect_err("refused");
    assert!(matches!(error, Error::ForwardRefused(_)), "{error}");
    client.close().await;
    // What had come is still there, and then it ends.
    while other.accept().await.is_some() {}
}
