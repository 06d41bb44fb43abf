use super::harness::{PATIENCE, Watched, accept, connected, connected_on, open, server_config};
use crate::error::Error;
use konko_transport::channel::{ChannelEvent, ChannelKind, OpenOptions};
use konko_transport::wire::number::OpenFailureReason;
use konko_transport::{ClientConfig, Event, ServerEvent};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

const SHORT: Option<Duration> = Some(Duration::from_millis(5));

#[test]
fn every_wait_ends_at_its_time() {
    let (client, server) = connected();
    let session = || ChannelKind::Session;
    let refused = client.open_channel(session(), OpenOptions::default(), SHORT).map(|_| ());
    assert!(matches!(refused, Err(Error::TimedOut { .. })), "{refused:?}");
    // It is let go: should the server open it now, it closes again.
    let late = accept(&server);
    while let Some(event) = late.next_event(PATIENCE).expect("in time") {
        drop(event);
    }

    let (near, far) = open(&client, &server);
    let timed_out = |result: Result<bool, Error>| matches!(result, Err(Error::TimedOut { .. }));
    assert!(timed_out(near.request("exec", b"\0\0\0\x01x", SHORT)));
    assert!(timed_out(near.next_event(SHORT).map(|_| true)));
    assert!(timed_out(client.next_event(SHORT).and_then(|_| client.next_event(SHORT)).map(|_| true)));
    assert!(timed_out(client.global_request("x@y", b"", SHORT).map(|_| true)));
    assert!(timed_out(client.closed(SHORT).map(|_| true)));

    near.set_timeout(SHORT);
    assert_eq!(near.timeout(), SHORT);
    assert_eq!((&near).read(&mut [0]).expect_err("nothing comes").kind(), ErrorKind::TimedOut);
    assert_eq!(near.stderr().read(&mut [0]).expect_err("nothing comes").kind(), ErrorKind::TimedOut);
    near.set_timeout(Some(Duration::ZERO));
    assert_eq!((&near).read(&mut [0]).expect_err("nothing is there").kind(), ErrorKind::TimedOut);
    near.set_timeout(SHORT);
    let piece = vec![0; 100_000];
    let full = loop {
        if let Err(error) = (&near).write(&piece) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::TimedOut, "nobody reads, so the window is used up");
    assert!(client.error().is_none() && far.connection_error().is_none());
}

#[test]
fn the_answers_to_abandoned_requests_are_not_taken_for_later_ones() {
    let (client, server) = connected();
    let (near, far) = open(&client, &server);
    assert!(matches!(near.request("first", b"", SHORT), Err(Error::TimedOut { .. })));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for granted in [false, true] {
                match far.next_event(PATIENCE).expect("in time") {
                    Some(ChannelEvent::Request(question)) => far.answer(question, granted),
                    other => panic!("{other:?}"),
                }
            }
        });
        assert_eq!(near.request("second", b"", PATIENCE), Ok(true));
    });
    assert!(matches!(client.global_request("first", b"", SHORT), Err(Error::TimedOut { .. })));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for reply in [None, Some(&b"data"[..])] {
                loop {
                    match server.next_event(PATIENCE).expect("in time") {
                        Some(ServerEvent::Common(Event::GlobalRequest(question))) => {
                            break server.answer_global(question, reply);
                        }
                        Some(_) => {}
                        None => panic!("{:?}", server.error()),
                    }
                }
            }
        });
        let reply = client.global_request("second", b"", PATIENCE).expect("answered");
        assert_eq!(reply.as_deref(), Some(&b"data"[..]));
    });
}

#[test]
fn a_refused_channel_says_why() {
    let (client, server) = connected();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                match server.next_event(PATIENCE).expect("in time") {
                    Some(ServerEvent::Common(Event::OpenRequested(question))) => {
                        let reason = OpenFailureReason::ADMINISTRATIVELY_PROHIBITED;
                        break server.reject_channel(question, reason, "not here");
                    }
                    Some(_) => {}
                    None => panic!("{:?}", server.error()),
                }
            }
        });
        match client.open_channel(ChannelKind::Session, OpenOptions::default(), PATIENCE) {
            Err(Error::OpenRefused { reason, description }) => {
                assert_eq!(reason, OpenFailureReason::ADMINISTRATIVELY_PROHIBITED);
                assert_eq!(description, "not here");
            }
            other => panic!("{other:?}"),
        }
    });
}

/// An idle connection has no timer but that of the next key exchange.
#[test]
fn an_idle_connection_wakes_nobody() {
    let (one, other) = UnixStream::pair().expect("a pair");
    let (one, watch, _gone) = Watched::new(one);
    let mut config = ClientConfig::default();
    let mut packet = (*config.packet).clone();
    packet.rekey.interval = None;
    config.packet = Arc::new(packet);
    let (client, server) = connected_on(one, other, config, server_config());
    let (near, far) = open(&client, &server);
    (&near).write_all(b"hello").expect("written");
    (&far).read_exact(&mut [0; 5]).expect("read");
    assert!(watch.until(|wanted, until| wanted.readable && !wanted.writable && until.is_none()));
}

#[test]
fn more_requests_than_anybody_looks_at_end_the_connection() {
    let (client, server) = connected();
    let (near, _far) = open(&client, &server);
    while near.notify("window-change", &[0; 16]).is_ok() {}
    let why = server.closed(PATIENCE).expect("in time");
    assert!(matches!(why, Error::Channel(_) | Error::Transport(_)), "{why:?}");
    assert!(why.to_string().contains("limit"), "{why}");
}
