//! Version, tickets, and a server that does not keep to the protocol.

use konko_sansio::Machine;
use konko_wire::decode::DecodeError;

use super::scripted_server::Session;
use crate::answer::Handle;
use crate::client::{Event, SftpClient};
use crate::config::ClientConfig;
use crate::error::{Error, Misbehaviour};
use crate::message::attributes::Attributes;
use crate::message::extension::{Fsync, PosixRename};
use crate::message::number::{OpenFlags, PacketType, StatusCode};
use crate::message::reply::{Attrs, Name, NameEntry};
use crate::message::request::{Close, Lstat, Mkdir, Open, Read, Realpath, Stat, Symlink};

const OPEN: Open<'_> = Open { filename: b"f", pflags: OpenFlags::READ, attributes: no_attributes() };

const fn no_attributes() -> Attributes {
    Attributes { size: None, owner: None, permissions: None, times: None, extended: Vec::new() }
}

fn names(names: &[&[u8]]) -> Vec<u8> {
    use konko_wire::encode::Encode;
    let entry = |filename| NameEntry { filename, longname: b"", attributes: Attributes::default() };
    Name { entries: names.iter().map(|name| entry(name)).collect() }.to_vec()
}

// covers: I15
#[test]
fn the_type_of_the_ticket_is_the_type_of_the_answer() {
    for feed in [1, 7, usize::MAX] {
        let mut session = Session::plain();
        session.feed = feed;
        let lane = session.client.open_lane();
        let open = session.client.request(session.now, lane, &OPEN).unwrap();
        let stat = session.client.request(session.now, lane, &Stat { path: b"f" }).unwrap();
        let mkdir = Mkdir { path: b"d", attributes: Attributes::default() };
        let mkdir = session.client.request(session.now, lane, &mkdir).unwrap();
        let real = session.client.request(session.now, lane, &Realpath { path: b"." }).unwrap();
        let seen = session.requests();
        assert_eq!(seen.len(), 4);
        assert!(session.client.reply(&open).is_none());
        // Answered in another order than asked.
        let attrs = Attrs { attributes: Attributes::with_size(7) };
        session.reply(seen[1].id, PacketType::ATTRS, &attrs).unwrap();
        session.reply(seen[3].id, PacketType::NAME, &konko_wire::decode::Rest(&names(&[b"/home"]))).unwrap();
        session.status(seen[2].id, StatusCode::FAILURE, "File exists").unwrap();
        session.handle(seen[0].id, b"\0\0\0\x01").unwrap();
        assert_eq!(session.client.poll_event(), Some(Event::Answered(lane)));
        assert_eq!(session.client.poll_event(), None);
        let handle: Handle = session.client.reply(&open).unwrap().unwrap();
        assert_eq!(handle.as_bytes(), b"\0\0\0\x01");
        assert_eq!(session.client.reply(&stat).unwrap().unwrap().len(), 7);
        assert_eq!(session.client.reply(&real).unwrap().unwrap().0, b"/home");
        let error = session.client.reply(&mkdir).unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(session.client.requests(), 0);
        // A ticket is answered once.
        assert!(matches!(session.client.reply(&open), Some(Err(Error::ApiMisuse(_)))));
    }
}

#[test]
fn limits_are_asked_at_once_and_nothing_waits_for_them() {
    let mut session = Session::with_extensions(&[("limits@openssh.com", "1"), ("x@y", "")]);
    assert!(session.client.limits_pending());
    assert!(session.client.offers("x@y") && !session.client.offers("posix-rename@openssh.com"));
    let lane = session.client.open_lane();
    let _ticket = session.client.request(session.now, lane, &Stat { path: b"f" }).unwrap();
    assert_eq!(session.requests().len(), 2);
    assert_eq!(session.client.limits().read_length, 32 * 1024);
    let refused = session.client.request(session.now, lane, &PosixRename { old_path: b"a", new_path: b"b" });
    assert_eq!(refused.unwrap_err(), Error::NotOffered("posix-rename@openssh.com"));
    assert!(session.client.request(session.now, lane, &Fsync { handle: b"h" }).is_err());
    let session = Session::with_limits(261_120, 261_120);
    assert_eq!(session.client.limits().write_length, 261_120);
}

#[test]
fn a_refused_limits_request_leaves_what_everybody_takes() {
    let mut session = Session::with_extensions(&[("limits@openssh.com", "1")]);
    let id = session.requests()[0].id;
    session.status(id, StatusCode::OP_UNSUPPORTED, "").unwrap();
    assert_eq!(session.client.poll_event(), Some(Event::Limits));
    assert_eq!(session.client.limits().read_length, 32 * 1024);
}

#[test]
fn requests_before_the_version_are_a_mistake_of_the_caller() {
    let mut session = Session::unanswered(ClientConfig::default());
    let lane = session.client.open_lane();
    let result = session.client.request(session.now, lane, &OPEN);
    assert!(matches!(result, Err(Error::ApiMisuse(_))));
}

// covers: G05
#[test]
fn versions_that_were_not_offered_are_refused() {
    for version in [0, 2, 4, u32::MAX] {
        let mut session = Session::unanswered(ClientConfig::default());
        assert_eq!(session.send_version(version, &[]), Err(Error::Version(version)));
        assert_eq!(session.send(b"more"), Err(Error::Version(version)));
    }
    let mut session = Session::unanswered(ClientConfig::default());
    let result = session.handle(0, b"h");
    assert!(matches!(result, Err(Error::PeerMisbehaved(Misbehaviour::WrongReply { .. }))), "{result:?}");
    let mut session = Session::unanswered(ClientConfig::default());
    let result = session.send(&[0, 0, 0, 9, 2, 0, 0, 0, 3, 0, 0, 0, 1]);
    assert_eq!(result, Err(Error::Decode { packet: PacketType::VERSION, error: DecodeError::Truncated }));
}

// covers: G06
#[test]
fn what_a_shell_writes_is_named_so() {
    for feed in [1, usize::MAX] {
        let mut session = Session::unanswered(ClientConfig::default());
        session.feed = feed;
        let noise = "Welcome\x1b[31m to ".repeat(1000);
        let Err(Error::ShellOutput(text)) = session.send(noise.as_bytes()) else { panic!("not noticed") };
        assert!(text.starts_with("Welc") && text.len() < 4096 && !text.contains('\x1b'), "{text}");
    }
    let mut session = Session::unanswered(ClientConfig::default());
    session.send(b"hi\n").unwrap();
    let now = session.now;
    assert_eq!(session.client.handle_eof(now), Err(Error::ShellOutput("hi\\n".to_owned())));
}

// covers: G02
#[test]
fn unknown_stale_and_wrong_replies_end_the_session() {
    let begin = || {
        let mut session = Session::plain();
        let lane = session.client.open_lane();
        let ticket = session.client.request(session.now, lane, &Lstat { path: b"f" }).unwrap();
        (session, ticket)
    };
    let (mut session, ticket) = begin();
    let result = session.status(ticket.id() ^ 1, StatusCode::OK, "");
    assert!(matches!(result, Err(Error::PeerMisbehaved(Misbehaviour::UnknownRequest { .. }))), "{result:?}");
    assert!(matches!(session.client.reply(&ticket), Some(Err(Error::PeerMisbehaved(_)))));
    let lane = session.client.open_lane();
    assert!(session.client.request(session.now, lane, &Lstat { path: b"f" }).is_err());

    // Twice.
    let (mut session, ticket) = begin();
    session.status(ticket.id(), StatusCode::NO_SUCH_FILE, "").unwrap();
    assert!(session.status(ticket.id(), StatusCode::NO_SUCH_FILE, "").is_err());

    // Of another type, or success without what was asked for.
    let (mut session, ticket) = begin();
    let result = session.handle(ticket.id(), b"h");
    assert!(matches!(result, Err(Error::PeerMisbehaved(Misbehaviour::WrongReply { .. }))), "{result:?}");
    let (mut session, ticket) = begin();
    let result = session.status(ticket.id(), StatusCode::OK, "");
    assert!(matches!(result, Err(Error::PeerMisbehaved(Misbehaviour::WrongReply { .. }))), "{result:?}");
}

// covers: G03
#[test]
fn lengths_are_not_believed() {
    let begin = || {
        let mut session = Session::plain();
        let lane = session.client.open_lane();
        let read = Read { handle: b"h", offset: 0, length: 16 };
        let id = session.client.request(session.now, lane, &read).unwrap().id();
        (session, id)
    };
    let (mut session, id) = begin();
    let result = session.data(id, &[0; 17]);
    assert_eq!(result, Err(Misbehaviour::TooMuchData { got: 17, asked: 16 }.into()));
    let (mut session, id) = begin();
    assert_eq!(session.data(id, &[]), Err(Misbehaviour::EmptyData.into()));
    // 2^31−1 bytes declared, 17 there.
    let (mut session, id) = begin();
    let mut packet = vec![0, 0, 0, 26, 103];
    packet.extend_from_slice(&id.to_be_bytes());
    packet.extend_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
    packet.extend_from_slice(&[0; 17]);
    assert!(matches!(session.send(&packet), Err(Error::PeerMisbehaved(Misbehaviour::TooMuchData { .. }))));
    // Less in the packet than the string says, and more.
    for declared in [7u8, 9] {
        let (mut session, id) = begin();
        let mut packet = vec![0, 0, 0, 17, 103];
        packet.extend_from_slice(&id.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, declared]);
        packet.extend_from_slice(&[0; 8]);
        assert!(matches!(session.send(&packet), Err(Error::Decode { .. })));
    }
    let (mut session, _) = begin();
    let result = session.send(&[0, 4, 0, 1, 103]);
    assert_eq!(result, Err(Misbehaviour::PacketLength { length: 0x0004_0001, limit: 256 * 1024 }.into()));
    let (mut session, _) = begin();
    assert_eq!(session.send(&[0, 0, 0, 4]), Err(Misbehaviour::ShortPacket(4).into()));
}

// covers: G10
#[test]
fn a_path_is_exactly_one_name() {
    for (listed, wrong) in [(&[][..], true), (&[&b"/a"[..], b"/b"], true), (&[b""], true), (&[b"/a"], false)]
    {
        let mut session = Session::plain();
        let lane = session.client.open_lane();
        let ticket = session.client.request(session.now, lane, &Realpath { path: b"." }).unwrap();
        session.reply(ticket.id(), PacketType::NAME, &konko_wire::decode::Rest(&names(listed))).unwrap();
        assert_eq!(session.client.reply(&ticket).unwrap().is_err(), wrong);
    }
    let mut session = Session::plain();
    let lane = session.client.open_lane();
    let ticket = session.client.request(session.now, lane, &OPEN).unwrap();
    assert_eq!(session.handle(ticket.id(), &[0; 257]), Err(Misbehaviour::LongHandle(257).into()));
}

// covers: G09
#[test]
fn a_forgotten_handle_is_closed_when_it_comes() {
    for late in [true, false] {
        let mut session = Session::plain();
        let lane = session.client.open_lane();
        let ticket = session.client.request(session.now, lane, &OPEN).unwrap();
        let id = session.requests()[0].id;
        let now = session.now;
        if late {
            session.client.forget(now, ticket);
            session.handle(id, b"late").unwrap();
        } else {
            session.handle(id, b"late").unwrap();
            session.client.close_lane(lane);
        }
        let seen = session.requests();
        assert_eq!(seen.len(), 1);
        assert_eq!(Close::decode(&seen[0].fields).unwrap().handle, b"late");
        assert_eq!(session.client.requests(), 1);
        session.status(seen[0].id, StatusCode::OK, "").unwrap();
        assert_eq!(session.client.requests(), 0);
    }
}

#[test]
fn the_end_of_the_stream_answers_every_ticket() {
    let mut session = Session::plain();
    let lane = session.client.open_lane();
    let (asked, answered) = (
        session.client.request(session.now, lane, &OPEN).unwrap(),
        session.client.request(session.now, lane, &OPEN).unwrap(),
    );
    session.handle(answered.id(), b"h").unwrap();
    let now = session.now;
    assert_eq!(session.client.handle_eof(now), Err(Error::Ended));
    assert_eq!(session.client.reply(&asked), Some(Err(Error::Ended)));
    assert!(session.client.reply(&answered).unwrap().is_ok(), "what was answered stays answered");
}

#[test]
fn the_machine_takes_bytes_as_others_do() {
    let mut client = SftpClient::default();
    let now = std::time::Instant::now();
    for byte in [0, 0, 0, 5, 2, 0, 0, 0, 3] {
        client.input_buf()[0] = byte;
        client.handle_input(now, 1).unwrap();
    }
    assert_eq!(client.version(), Some(3));
    assert_eq!(client.handle_eof(now), Err(Error::Ended));
    assert!(client.input_buf().is_empty());
}

#[test]
fn versions_4_to_6_are_spoken_where_they_are_offered() {
    for version in 4..=6 {
        let config = ClientConfig { maximum_version: 6, ..ClientConfig::default() };
        let mut session = Session::unanswered(config);
        assert_eq!(session.client.output(), [0, 0, 0, 5, 1, 0, 0, 0, 6]);
        let n = session.client.output().len();
        session.client.consume_output(n);
        session.send_version(version, &[]).unwrap();
        let lane = session.client.open_lane();
        let open = session.client.request(session.now, lane, &OPEN).unwrap();
        let stat = session.client.request(session.now, lane, &Stat { path: b"f" }).unwrap();
        let symlink = Symlink { target_path: b"t", link_path: b"l" };
        let symlink = session.client.request(session.now, lane, &symlink).unwrap();
        let seen = session.requests();
        let attributes = [0, 0, 0, 0, 5];
        let open_fields = match version {
            4 => [&b"\0\0\0\x01f\0\0\0\x01"[..], &attributes].concat(),
            _ => [&b"\0\0\0\x01f\0\0\0\x81\0\0\0\x02"[..], &attributes].concat(),
        };
        assert_eq!(seen[0].fields, open_fields);
        assert_eq!(seen[1].fields, b"\0\0\0\x01f\0\0\x01\xbd");
        let link_type = if version == 6 { PacketType::LINK } else { PacketType::SYMLINK };
        assert_eq!(seen[2].packet_type, link_type);
        session.handle(open.id(), b"h").unwrap();
        session.status(symlink.id(), StatusCode::NOT_A_DIRECTORY, "").unwrap();
        // Owner and group by name, and a type of its own.
        let fields = b"\0\0\0\x80\x02\0\0\0\x04root\0\0\0\x05wheel";
        session.reply(stat.id(), PacketType::ATTRS, &konko_wire::decode::Rest(fields)).unwrap();
        let metadata = session.client.reply(&stat).unwrap().unwrap();
        assert!(metadata.is_dir());
        assert_eq!(metadata.user.as_deref(), Some(&b"root"[..]));
        let error = session.client.reply(&symlink).unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory);
    }
}
