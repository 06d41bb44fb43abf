use super::harness::{connected, connected_on, open, read_pattern, server_config, write_pattern};
use crate::pump::Halves;
use konko_transport::ClientConfig;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Sender;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// A connection within a connection, as through a jump host.
#[test]
fn a_channel_carries_a_connection() {
    let (client, server) = connected();
    let (near, far) = open(&client, &server);
    let (inner_client, inner_server) = connected_on(near, far, ClientConfig::default(), server_config());
    let (near, far) = open(&inner_client, &inner_server);
    std::thread::scope(|scope| {
        scope.spawn(|| write_pattern(&near, 8 * MIB).expect("written"));
        scope.spawn(|| write_pattern(&far, 8 * MIB).expect("written"));
        scope.spawn(|| read_pattern(&near, 8 * MIB, 9_000).expect("read"));
        read_pattern(&far, 8 * MIB, 9_000).expect("read");
    });
    near.send_eof().expect("sent");
    drop((inner_client, near));
    assert_eq!((&far).read(&mut [0]).expect("closed in order"), 0);
    drop((inner_server, far));
    assert_eq!((client.error(), server.error()), (None, None), "the outer connection goes on");
}

/// With the outer connection the inner one ends, and says so.
#[test]
fn a_cut_jump_cuts_the_connection_within() {
    let (client, server) = connected();
    let (near, far) = open(&client, &server);
    let (inner_client, inner_server) = connected_on(near, far, ClientConfig::default(), server_config());
    let (near, _far) = open(&inner_client, &inner_server);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| (&near).read(&mut [0]));
        server.abandon();
        assert!(reading.join().expect("no panic").is_err());
    });
}

/// A reader that tells when it is dropped.
struct Telling(UnixStream, Sender<()>);

impl Read for Telling {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let _ = self.1.send(());
    }
}

#[test]
fn any_reader_and_writer_carry_a_connection_and_are_let_go() {
    let (one, other) = UnixStream::pair().expect("a pair");
    let (gone, hears) = std::sync::mpsc::channel();
    let writer = one.try_clone().expect("a copy");
    let closer = one.try_clone().expect("a copy");
    let halves = Halves::new(Telling(one, gone), writer).on_close(move || {
        // Where the peer was faster there is nothing to shut down.
        let _ = closer.shutdown(Shutdown::Both);
    });
    let (client, server) = connected_on(halves, other, ClientConfig::default(), server_config());
    let (near, far) = open(&client, &server);
    std::thread::scope(|scope| {
        scope.spawn(|| write_pattern(&near, 8 * MIB).expect("written"));
        scope.spawn(|| write_pattern(&far, 8 * MIB).expect("written"));
        scope.spawn(|| read_pattern(&near, 8 * MIB, 9_000).expect("read"));
        read_pattern(&far, 8 * MIB, 9_000).expect("read");
    });
    near.send_eof().expect("sent");
    drop((client, near));
    hears.recv_timeout(Duration::from_secs(60)).expect("the helper threads end");
    assert_eq!((&far).read(&mut [0]).expect("closed in order"), 0);
}
