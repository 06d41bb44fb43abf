//! The same ways for those who wait, and a forwarding at the end of one.

use super::*;
use konko_client::blocking::SshClient;
use std::io::{Read, Write};
use std::net::TcpStream;

/// How often it is looked whether a listener is gone; each look is a connection.
const MOMENTS: usize = 20_000;

fn output(client: &SshClient) -> String {
    let output = client.command("echo $SSH_CONNECTION").output().expect("an output");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[test]
fn hosts_on_the_way() {
    let Some(world) = World::new(3) else { return };
    let file = world.configure(
        "Host h0\n Port {0}\n IdentityFile {d}/key0\n\
         Host h1\n Port {1}\n IdentityFile {d}/key1\n ProxyJump h0\n\
         Host h2\n Port {2}\n IdentityFile {d}/key2\n ProxyJump h1\n\
         Host gone\n Port 1\n ProxyJump h0\n",
    );
    for (host, number) in [("h0", 0), ("h1", 1), ("h2", 2)] {
        let route = route(file.clone(), host, &[]).expect("a way");
        let client = route.connect_waiting(&Unattended).unwrap_or_else(|error| panic!("{host}: {error}"));
        let port = world.servers[number].address().port();
        assert!(output(&client).ends_with(&format!(" {port}")), "{host}");
        client.close();
    }
    let gone =
        route(file, "gone", &[]).expect("a way").connect_waiting(&Unattended).expect_err("nobody listens");
    assert!(
        matches!(&gone, Error::Connection { error, .. } if matches!(**error, konko_client::Error::OpenRefused { .. })),
        "{gone}"
    );
}

#[test]
fn a_real_client_is_the_proxy_command() {
    let (Some(world), Some(ssh)) = (World::new(2), find::require_peer("ssh")) else { return };
    let file = world.configure(&format!(
        "Host h0\n Port {{0}}\n IdentityFile {{d}}/key0\n\
         Host h1\n Port {{1}}\n IdentityFile {{d}}/key1\n ProxyCommand {} -F {{d}}/config -W %h:%p h0\n\
         Host none\n Port 1\n ProxyCommand sh -c 'exit 7'\n",
        ssh.display()
    ));
    let client =
        route(file.clone(), "h1", &[]).expect("a way").connect_waiting(&Unattended).expect("a client");
    assert!(output(&client).ends_with(&format!(" {}", world.servers[1].address().port())));
    drop(client);
    let none = route(file, "none", &[]).expect("a way").connect_waiting(&Unattended).expect_err("no stream");
    assert!(none.to_string().contains("exit status: 7"), "{none}");
}

/// A connection through the forwarding reaches the other server; the forwarding ends when it is dropped, and so does
/// what went through it.
#[test]
fn connections_are_forwarded() {
    let Some(world) = World::new(2) else { return };
    let file = world.configure("Host h0\n Port {0}\n IdentityFile {d}/key0\n");
    let client = route(file, "h0", &[]).expect("a way").connect_waiting(&Unattended).expect("a client");
    let to = world.servers[1].address().port();
    let forward =
        client.forward_local("127.0.0.1:0".parse().expect("an address"), "127.0.0.1", to).expect("a port");
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(forward.address()).expect("connected");
        stream.write_all(b"SSH-2.0-test\r\n").expect("written");
        let mut identification = [0; 8];
        stream.read_exact(&mut identification).expect("an answer");
        assert_eq!(&identification, b"SSH-2.0-");
        streams.push(stream);
    }
    // What one side ends, the other side learns: the server says why it ends.
    let mut broken = TcpStream::connect(forward.address()).expect("connected");
    broken.write_all(b"nonsense\r\n").expect("written");
    let mut answer = Vec::new();
    broken.read_to_end(&mut answer).expect("it ends");
    assert!(String::from_utf8_lossy(&answer).contains("Invalid SSH identification"), "{answer:?}");
    let address = forward.address();
    drop(forward);
    for mut stream in streams {
        // Cut, one way or the other.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    // The listener is closed by the thread that waited for connections.
    let gone = (0..MOMENTS).any(|_| TcpStream::connect(address).is_err());
    assert!(gone, "somebody listens still");
    assert!(output(&client).starts_with("127.0.0.1 "), "the connection itself goes on");
}
