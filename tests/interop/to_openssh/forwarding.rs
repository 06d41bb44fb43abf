//! Forwarding through OpenSSH's server, in all directions.

use konko_client::{Error, SshClient, copy_both_ways};
use konko_tests::peers::{Sshd, SshdOptions};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::our_client::Target;
use crate::runtime::run_test;
use crate::table::{Failure, ensure};
use crate::transcript::{MEGABYTE, same};
use crate::user::User;

fn server(user: &User, lines: &[&str]) -> Option<Sshd> {
    lines
        .iter()
        .fold(SshdOptions::default().authorize(user.key()), |options, line| options.line(line))
        .start()
}

async fn client(sshd: &Sshd, user: &User) -> Result<SshClient, Failure> {
    let target = Target::sshd(sshd);
    target.connect(&target.options_with_key(user.key())).await
}

/// Sends back what comes until it ends, then says goodbye: only a half-closed stream gets to hear that.
async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(&mut stream);
    tokio::io::copy(&mut reader, &mut writer).await?;
    writer.write_all(b"goodbye").await?;
    writer.shutdown().await
}

/// Talks to [`echo`] at the other end.
async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), Failure> {
    let text = konko_tests::Seed::new(4).bytes(3 * MEGABYTE);
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut answer = Vec::new();
    let send = async {
        writer.write_all(&text).await?;
        writer.shutdown().await
    };
    tokio::try_join!(send, reader.read_to_end(&mut answer))?;
    let goodbye = answer.split_off(answer.len().saturating_sub(7));
    same("the echo", &text, &answer)?;
    same("what came after the end of what was sent", b"goodbye", &goodbye)
}

#[test]
fn to_a_port_that_the_server_reaches() {
    let user = User::new();
    let Some(sshd) = server(&user, &[]) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let echoes = tokio::spawn(async move {
            for _ in 0..2 {
                echo(listener.accept().await?.0).await?;
            }
            std::io::Result::Ok(listener)
        });
        talk(client.open_direct_tcpip("127.0.0.1", port, None).await?).await?;
        let local = client.forward_local("127.0.0.1:0".parse()?, "localhost", port).await?;
        talk(TcpStream::connect(local.address()).await?).await?;
        drop(echoes.await??);
        match client.open_direct_tcpip("127.0.0.1", port, None).await {
            Err(Error::OpenRefused { description, .. }) => {
                ensure(description.to_lowercase().contains("refused"), description)
            }
            other => Err(format!("a port where nobody listens: {other:?}").into()),
        }
    });
}

#[test]
fn to_us_from_a_port_of_the_server() {
    let user = User::new();
    let Some(sshd) = server(&user, &[]) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        let mut forward = client.forward_remote("localhost", 0).await?;
        let mut other = client.forward_remote("127.0.0.1", 0).await?;
        ensure(forward.port() != 0 && forward.port() != other.port(), "two ports of the server's choice")?;
        for forward in [&mut forward, &mut other] {
            let outside = TcpStream::connect(("127.0.0.1", forward.port())).await?;
            let from = outside.local_addr()?;
            let incoming = forward.accept().await.ok_or("nobody came")?;
            let (host, port) = incoming.originator.clone().ok_or("nobody in particular came")?;
            ensure(
                (host.as_str(), port) == ("127.0.0.1", u32::from(from.port())),
                format!("from {host}:{port}"),
            )?;
            let (talked, echoed) = tokio::join!(talk(outside), echo(incoming.tunnel));
            talked?;
            echoed?;
        }
        let port = forward.port();
        forward.cancel().await?;
        ensure(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "the server still listens")?;
        match client.forward_remote("127.0.0.1", other.port()).await {
            Err(Error::ForwardExists(_)) => Ok(()),
            twice => Err(format!("the same port twice: {twice:?}").into()),
        }
    });
}

#[test]
fn unix_sockets_both_ways() {
    let user = User::new();
    let Some(sshd) = server(&user, &[]) else { return };
    let folder = TempDir::new().unwrap();
    run_test(async {
        let client = client(&sshd, &user).await?;
        let path = folder.path().join("there");
        let listener = UnixListener::bind(&path)?;
        let tunnel = client.open_direct_streamlocal(path.as_os_str().as_encoded_bytes()).await?;
        let (talked, echoed) = tokio::join!(talk(tunnel), async { echo(listener.accept().await?.0).await });
        talked?;
        echoed?;

        let path = folder.path().join("here");
        let mut forward = client.forward_remote_streamlocal(path.as_os_str().as_encoded_bytes()).await?;
        let outside = UnixStream::connect(&path).await?;
        let incoming = forward.accept().await.ok_or("nobody came")?;
        let (talked, echoed) = tokio::join!(talk(outside), echo(incoming.tunnel));
        talked?;
        echoed?;
        forward.cancel().await?;
        ensure(UnixStream::connect(&path).await.is_err(), "the server still listens")
    });
}

#[test]
fn what_the_server_forbids() {
    let user = User::new();
    let lines = ["AllowTcpForwarding no", "AllowStreamLocalForwarding no"];
    let Some(sshd) = server(&user, &lines) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        match client.open_direct_tcpip("127.0.0.1", 1, None).await {
            Err(error @ Error::OpenRefused { .. }) => {
                ensure(error.to_string().contains("prohibited"), error)?;
            }
            other => return Err(format!("a forbidden connection: {other:?}").into()),
        }
        match client.open_direct_streamlocal("/nowhere").await {
            Err(Error::OpenRefused { .. }) => {}
            other => return Err(format!("a forbidden socket: {other:?}").into()),
        }
        match client.forward_remote("127.0.0.1", 0).await {
            Err(Error::ForwardRefused(_)) => {}
            other => return Err(format!("a forbidden port: {other:?}").into()),
        }
        match client.forward_remote_streamlocal("/nowhere").await {
            Err(Error::ForwardRefused(_)) => {}
            other => return Err(format!("a forbidden socket to listen on: {other:?}").into()),
        }
        // The connection is as good as before.
        crate::our_client::exchange(&client, 1000).await
    });
}

/// A server behind a server: the second connection runs inside a channel of the first.
#[test]
fn a_jump_host() {
    let user = User::new();
    let (Some(first), Some(second)) = (server(&user, &[]), server(&user, &[])) else { return };
    run_test(async {
        let jump = client(&first, &user).await?;
        let (host, port) = (second.address().ip().to_string(), second.address().port());
        let tunnel = jump.open_direct_tcpip(&host, port, None).await?;
        let target = Target::sshd(&second);
        let inner = SshClient::over(tunnel, &host, port, &target.options_with_key(user.key())).await?;
        crate::our_client::exchange(&inner, MEGABYTE).await?;
        inner.close().await;
        crate::our_client::exchange(&jump, 1000).await
    });
}

/// What `-W` does: two streams joined.
#[test]
fn streams_are_joined_with_their_half_closes() {
    let user = User::new();
    let Some(sshd) = server(&user, &[]) else { return };
    run_test(async {
        let client = client(&sshd, &user).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mut tunnel = client.open_direct_tcpip("127.0.0.1", port, None).await?;
        let (ours, mut theirs) = tokio::io::duplex(8192);
        let echoed = async { echo(listener.accept().await?.0).await };
        let (talked, copied, echoed) =
            tokio::join!(talk(ours), copy_both_ways(&mut theirs, &mut tunnel), echoed);
        talked?;
        echoed?;
        let expected = 3 * MEGABYTE as u64;
        ensure(copied? == (expected, expected + 7), "the numbers of bytes")
    });
}
