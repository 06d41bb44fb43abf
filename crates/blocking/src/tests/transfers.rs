use super::harness::{PATIENCE, connected, connected_on, open, read_pattern, server_config, write_pattern};
use konko_transport::{ClientConfig, Event, ServerEvent};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const MIB: usize = 1024 * 1024;

/// Both ends write at once, more than any buffer or window holds, and read in small pieces.
#[test]
fn both_directions_at_once_with_slow_readers() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let one = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
    let (other, _) = listener.accept().expect("accepted");
    let (client, server) = connected_on(one, other, ClientConfig::default(), server_config());
    let (near, far) = open(&client, &server);
    std::thread::scope(|scope| {
        scope.spawn(|| write_pattern(near.writer(), 64 * MIB).expect("written"));
        scope.spawn(|| write_pattern(far.writer(), 64 * MIB).expect("written"));
        scope.spawn(|| read_pattern(near.reader(), 64 * MIB, 5_000).expect("read"));
        scope.spawn(|| read_pattern(far.reader(), 64 * MIB, 3_001).expect("read"));
    });
}

#[test]
fn a_channel_that_nobody_reads_holds_up_no_other() {
    let (client, server) = connected();
    let (mut unread, flooding) = open(&client, &server);
    let (near, far) = open(&client, &server);
    std::thread::scope(|scope| {
        let flood = scope.spawn(move || write_pattern(flooding.writer(), 8 * MIB));
        for direction in [(&near, &far), (&far, &near)] {
            scope.spawn(|| write_pattern(direction.0.writer(), 4 * MIB).expect("written"));
            read_pattern(direction.1.reader(), 4 * MIB, 32_768).expect("read");
        }
        // The flood waits for its window all this while; then it comes, whole.
        read_pattern(&mut unread, 8 * MIB, 100_000).expect("read");
        flood.join().expect("no panic").expect("written");
    });
    let mut rest = Vec::new();
    assert_eq!(unread.read_to_end(&mut rest).expect("the peer closed the channel"), 0);
}

#[test]
fn data_and_standard_error_come_apart_and_end_together() {
    let (client, server) = connected();
    let (near, far) = open(&client, &server);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            write_pattern(far.stderr_writer(), 3 * MIB).expect("written");
            far.send_eof().expect("sent");
        });
        scope.spawn(|| {
            read_pattern(near.stderr(), 3 * MIB, 10_000).expect("read");
            assert_eq!(near.stderr().read(&mut [0]).expect("the end"), 0);
        });
        assert_eq!((&near).read(&mut [0]).expect("the end"), 0);
    });
    // The other direction is open still.
    (&near).write_all(b"on").expect("written");
    let mut two = [0; 2];
    (&far).read_exact(&mut two).expect("read");
    assert_eq!(&two, b"on");
    assert_eq!((&far).write(b"x").expect_err("after EOF").kind(), std::io::ErrorKind::BrokenPipe);
}

#[test]
fn chunks_come_as_they_arrived() {
    let (client, server) = connected();
    let (near, far) = open(&client, &server);
    (&far).write_all(&[7; 3_000]).expect("written");
    far.send_eof().expect("sent");
    let mut reader = near.reader();
    let first = reader.read_chunk(1_000).expect("read").expect("not the end");
    assert_eq!(&first[..], &[7; 1_000]);
    let mut rest = 0;
    while let Some(chunk) = reader.read_chunk(usize::MAX).expect("read") {
        rest += chunk.len();
    }
    assert_eq!(rest, 2_000);
}

/// The threads of the connections re-exchange keys; neither application is inside a call of the client's.
#[test]
fn keys_are_exchanged_again_while_the_application_is_away() {
    let (client, server) = connected();
    for _ in 0..3 {
        server.with(|transport, now| transport.request_key_exchange(now));
        loop {
            match server.next_event(PATIENCE).expect("in time") {
                Some(ServerEvent::Common(Event::KeysChanged { first: false, .. })) => break,
                Some(_) => {}
                None => panic!("{:?}", server.error()),
            }
        }
    }
    let (near, far) = open(&client, &server);
    std::thread::scope(|scope| {
        scope.spawn(|| write_pattern(&near, MIB).expect("written"));
        read_pattern(&far, MIB, 4_096).expect("read");
    });
}

#[test]
fn keys_are_exchanged_again_amid_the_traffic() {
    let (client, server) = connected();
    let (near, far) = open(&client, &server);
    std::thread::scope(|scope| {
        scope.spawn(|| write_pattern(&near, 16 * MIB).expect("written"));
        scope.spawn(|| write_pattern(&far, 16 * MIB).expect("written"));
        scope.spawn(|| read_pattern(&near, 16 * MIB, 30_000).expect("read"));
        scope.spawn(|| read_pattern(&far, 16 * MIB, 30_000).expect("read"));
        // Whether or not an exchange is under way when another one is asked for, one ends after that.
        for _ in 0..4 {
            client.with(|transport, now| transport.request_key_exchange(now));
            client.next_event(PATIENCE).expect("in time").expect("the connection goes on");
            server.with(|transport, now| transport.request_key_exchange(now));
            server.next_event(PATIENCE).expect("in time").expect("the connection goes on");
        }
    });
}
