use super::harness::{PATIENCE, Watched, connected, connected_on, open, server_config};
use crate::connection::Connection;
use crate::error::Error;
use konko_transport::channel::{ChannelKind, OpenOptions};
use konko_transport::packet::PacketError;
use konko_transport::wire::number::DisconnectReason;
use konko_transport::{ClientConfig, Timer};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// The driver waits two seconds at most for a peer that does not close its end.
const END: Duration = Duration::from_secs(60);

#[test]
fn dropping_the_last_handle_tells_the_peer_and_ends_the_thread() {
    let (one, other) = UnixStream::pair().expect("a pair");
    let (one, _, client_gone) = Watched::new(one);
    let (other, _, server_gone) = Watched::new(other);
    let (client, server) = connected_on(one, other, ClientConfig::default(), server_config());
    let (near, far) = open(&client, &server);
    drop(client);
    assert!(near.connection_error().is_none(), "a channel is a handle of its connection");
    (&near).write_all(b"last words").expect("written");
    near.send_eof().expect("sent");
    drop(near);
    client_gone.recv_timeout(END).expect("the client's thread ends");
    let mut words = String::new();
    (&far).read_to_string(&mut words).expect("the channel was closed in order");
    assert_eq!(words, "last words");
    match server.closed(PATIENCE).expect("in time") {
        Error::Transport(konko_transport::Error::Packet(PacketError::Disconnected { reason, .. })) => {
            assert_eq!(reason, DisconnectReason::BY_APPLICATION);
        }
        other => panic!("{other:?}"),
    }
    server_gone.recv_timeout(END).expect("the server's thread ends, handles or not");
    assert!(server.next_event(PATIENCE).is_ok());
}

#[test]
fn a_peer_that_says_nothing_cannot_hold_the_thread() {
    let (one, mut other) = UnixStream::pair().expect("a pair");
    let (one, _, gone) = Watched::new(one);
    let client = Connection::client(one, Arc::new(ClientConfig::default())).expect("a client");
    drop(client);
    gone.recv_timeout(END).expect("the thread ends");
    let mut said = Vec::new();
    other.read_to_end(&mut said).expect("read");
    assert!(said.starts_with(b"SSH-2.0-"));
}

#[test]
fn waits_end_when_the_peer_vanishes() {
    let (client, server) = connected();
    let (near, far) = open(&client, &server);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| (&near).read(&mut [0]));
        let asking = scope.spawn(|| near.request("exec", b"", PATIENCE));
        let opening =
            scope.spawn(|| client.open_channel(ChannelKind::Session, OpenOptions::default(), PATIENCE));
        let global = scope.spawn(|| client.global_request("x@y", b"", PATIENCE));
        server.abandon();
        // A stream that was cut does not look like one that ended.
        assert!(reading.join().expect("no panic").is_err());
        assert!(asking.join().expect("no panic").is_err());
        assert!(opening.join().expect("no panic").is_err());
        assert!(global.join().expect("no panic").is_err());
    });
    assert!((&near).write(b"x").is_err());
    assert!(far.connection_error().is_some());
    let why = client.closed(PATIENCE).expect("in time");
    assert_eq!(client.error(), Some(why));
    while client.next_event(PATIENCE).expect("in time").is_some() {}
}

/// The other holder of the socket goes on with it.
#[test]
fn an_abandoned_stream_stays_open_and_silent() {
    let (one, other) = UnixStream::pair().expect("a pair");
    let mut copy = other.try_clone().expect("a copy");
    let (other, _, gone) = Watched::new(other);
    let (client, server) = connected_on(one, other, ClientConfig::default(), server_config());
    let (near, _far) = open(&client, &server);
    server.abandon();
    gone.recv_timeout(END).expect("our part is let go");
    (&near).write_all(&[1; 1_000]).expect("written");
    let mut sealed = [0; 1_000];
    copy.read_exact(&mut sealed).expect("the copy reads what the client sends");
    assert_eq!(client.error(), None, "nobody has said anything to it");
    drop(copy);
    client.closed(PATIENCE).expect("with the last copy the connection is cut");
}

/// The thread asks a peer that is silent, and gives it up, while the application does nothing.
#[test]
fn a_silent_peer_is_given_up() {
    let (one, other) = UnixStream::pair().expect("a pair");
    let _open = other.try_clone().expect("a copy");
    let mut config = ClientConfig::default();
    config.keepalive.interval = Some(Duration::from_millis(300));
    let (client, server) = connected_on(one, other, config, server_config());
    server.abandon();
    let why = client.closed(PATIENCE).expect("in time");
    assert_eq!(why, Error::Transport(konko_transport::Error::TimedOut(Timer::Keepalive)));
}

#[test]
fn a_disconnect_comes_through_whatever_is_unread() {
    let (client, server) = connected();
    let (near, far) = open(&client, &server);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let piece = [0; 50_000];
            while (&far).write_all(&piece).is_ok() {}
        });
        (&near).read_exact(&mut [0; 100_000]).expect("read");
        client.disconnect(DisconnectReason::BY_APPLICATION, "enough");
        match server.closed(PATIENCE).expect("in time") {
            Error::Transport(konko_transport::Error::Packet(PacketError::Disconnected {
                description,
                ..
            })) => assert_eq!(description, "enough"),
            other => panic!("{other:?}"),
        }
    });
    assert_eq!(client.closed(PATIENCE), Ok(Error::Transport(konko_transport::Error::Closed)));
}
