//! The machine by itself: its questions are answered by hand.

use crate::message::attributes::Attributes;
use crate::message::extension::{CopyData, ExtensionRequest, Fsync, Limits, LimitsReply, UsersGroupsById};
use crate::message::initialization::{Init, Version};
use crate::message::number::{OpenFlags, PacketType, StatusCode};
use crate::message::packet::{Packet, put_packet};
use crate::message::reply::{Data, Handle, Status};
use crate::message::request::{
    Close, Fstat, Lstat, Mkdir, Open, Read, Readdir, Rename, Setstat, Stat, Write,
};
use crate::server::answer::OpenedFile;
use crate::server::config::ServerConfig;
use crate::server::error::ServerError;
use crate::server::failure::Failure;
use crate::server::machine::SftpServer;
use crate::server::question::{PathQuestion, Question, SlowQuestion};
use crate::server::request_name::RequestName;
use bytes::Bytes;
use konko_wire::decode::DecodeError;
use konko_wire::encode::{Encode, put_string, put_u32};

type Server = SftpServer<u32, ()>;
type Asked = Question<u32, ()>;

fn packet(packet_type: PacketType, id: u32, fields: &impl Encode) -> Bytes {
    let mut out = Vec::new();
    put_packet(&mut out, packet_type, id, fields);
    Bytes::from(out)
}

fn init() -> Bytes {
    Bytes::from(Init { version: 3, extensions: Vec::new() }.to_vec())
}

fn started(config: ServerConfig) -> Server {
    let mut server = Server::new(config);
    server.handle_input(init());
    assert!(server.next_question().unwrap().is_none());
    let len = server.output().len();
    server.consume_output(len);
    server
}

fn ask(server: &mut Server) -> Asked {
    server.next_question().unwrap().expect("a question")
}

/// The packets of the output, which is consumed.
fn replies(server: &mut Server) -> Vec<(PacketType, u32, Vec<u8>)> {
    let output = server.output().to_vec();
    server.consume_output(output.len());
    let (mut rest, mut replies) = (&output[..], Vec::new());
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (bytes, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        let packet = Packet::split(bytes).unwrap();
        replies.push((packet.packet_type, packet.id, packet.fields.to_vec()));
        rest = behind;
    }
    replies
}

fn status(server: &mut Server) -> (u32, StatusCode) {
    match replies(server).as_slice() {
        [(PacketType::STATUS, id, fields)] => (*id, Status::decode(fields).unwrap().code),
        other => panic!("{other:?}"),
    }
}

fn open_file(server: &mut Server, id: u32, file: u32) -> Vec<u8> {
    let open = Open { filename: b"f", pflags: OpenFlags::READ, attributes: Attributes::default() };
    server.handle_input(packet(PacketType::OPEN, id, &open));
    let Question::Open { ticket, .. } = ask(server) else { panic!() };
    server.answer(ticket, Ok(OpenedFile(file)));
    let replies = replies(server);
    let [(PacketType::HANDLE, reply_id, fields)] = replies.as_slice() else { panic!("{replies:?}") };
    assert_eq!(*reply_id, id);
    Handle::decode(fields).unwrap().handle.to_vec()
}

// covers: F10
#[test]
fn init_is_answered_with_version_3_once_whatever_is_offered() {
    for version in [0, 1, 2, 3, 4, 6, u32::MAX] {
        let mut server = Server::new(ServerConfig::default());
        let extensions = vec![(&b"newline@vandyke.com"[..], &b"\r\n"[..])];
        server.handle_input(Bytes::from(Init { version, extensions }.to_vec()));
        assert!(server.next_question().unwrap().is_none());
        let answer = Version::decode(&server.output()[4..]).unwrap();
        assert_eq!(answer.version, 3);
        assert!(answer.extensions.contains(&(b"posix-rename@openssh.com", b"1")));
        assert!(answer.extensions.contains(&(b"statvfs@openssh.com", b"2")));
        server.handle_input(init());
        assert_eq!(server.next_question().unwrap_err(), ServerError::RepeatedInit);
        assert!(!server.wants_input());
    }
}

// covers: F10
#[test]
fn nothing_comes_before_init_and_no_server_s_packet_ever() {
    for number in 0..=255 {
        let packet_type = PacketType(number);
        if packet_type == PacketType::INIT {
            continue;
        }
        let mut server = Server::new(ServerConfig::default());
        server.handle_input(packet(packet_type, 7, &Stat { path: b"/" }));
        assert_eq!(server.next_question().unwrap_err(), ServerError::BeforeInit { packet_type });
    }
    for number in [2, 101, 102, 103, 104, 105, 201] {
        let packet_type = PacketType(number);
        let mut server = started(ServerConfig::default());
        server.handle_input(packet(packet_type, 7, &Stat { path: b"/" }));
        assert_eq!(server.next_question().unwrap_err(), ServerError::ServersPacket { packet_type });
        assert_eq!(server.next_question().unwrap_err(), ServerError::ServersPacket { packet_type });
    }
    let mut short = Server::new(ServerConfig::default());
    short.handle_input(Bytes::from_static(&[0, 0, 0, 6, 1, 0, 0, 0, 3, 9]));
    assert_eq!(short.next_question().unwrap_err(), ServerError::MalformedInit(DecodeError::Truncated));
}

// covers: F22
#[test]
fn what_is_not_known_is_unsupported() {
    for number in (0..=255u8).filter(|number| !matches!(number, 1..=20 | 101..=105 | 200 | 201)) {
        let mut server = started(ServerConfig::default());
        server.handle_input(packet(PacketType(number), 9, &Stat { path: b"/" }));
        assert!(server.next_question().unwrap().is_none());
        assert_eq!(status(&mut server), (9, StatusCode::OP_UNSUPPORTED));
    }
    let mut server = started(ServerConfig::default());
    let extension = ExtensionRequest { name: "shell@example.com", fields: Stat { path: b"x" } };
    server.handle_input(packet(PacketType::EXTENDED, 3, &extension));
    assert!(server.next_question().unwrap().is_none());
    assert_eq!(status(&mut server), (3, StatusCode::OP_UNSUPPORTED));
}

// covers: F09, F22
#[test]
fn requests_that_do_not_parse_are_bad_messages_and_hurt_nobody() {
    let mut cut = Vec::new();
    put_string(&mut cut, b"/a");
    put_u32(&mut cut, 0x8000_000f);
    let mut endless = Vec::new();
    put_string(&mut endless, b"/a");
    put_u32(&mut endless, 0x8000_0000);
    put_u32(&mut endless, u32::MAX);
    let mut long_path = Vec::new();
    put_u32(&mut long_path, u32::MAX);
    let mut twice = Stat { path: b"/a" }.to_vec();
    twice.push(0);
    let ids = ExtensionRequest {
        name: UsersGroupsById::NAME,
        fields: UsersGroupsById { uids: &[0; 5], gids: &[] },
    };
    let many = vec![0; 4 * 5000];
    let many =
        ExtensionRequest { name: UsersGroupsById::NAME, fields: UsersGroupsById { uids: &many, gids: &[] } };
    for (packet_type, fields) in [
        (PacketType::SETSTAT, cut.clone()),
        (PacketType::MKDIR, endless),
        (PacketType::STAT, long_path),
        (PacketType::STAT, twice),
        (PacketType::STAT, Vec::new()),
        (PacketType::READ, cut.clone()),
        (PacketType::WRITE, cut),
        (PacketType::EXTENDED, ids.to_vec()),
        (PacketType::EXTENDED, many.to_vec()),
    ] {
        let mut server = started(ServerConfig::default());
        let mut bytes = Vec::new();
        put_packet(&mut bytes, packet_type, 5, &konko_wire::decode::Rest(&fields));
        server.handle_input(Bytes::from(bytes));
        server.handle_input(packet(PacketType::STAT, 6, &Stat { path: b"/ok" }));
        let Question::Path(PathQuestion::Attributes(at)) = ask(&mut server) else { panic!("{packet_type}") };
        assert_eq!(&at.path[..], b"/ok");
        assert_eq!(status(&mut server), (5, StatusCode::BAD_MESSAGE), "{packet_type}");
    }
}

// covers: F04
#[test]
fn handles_lead_only_where_they_were_given_out_for() {
    let mut server = started(ServerConfig::default());
    let handle = open_file(&mut server, 1, 77);
    assert!(handle.len() <= 16);
    for bad in [vec![], vec![0; 255], vec![0; 257], vec![0; 65_536], handle[..7].to_vec()] {
        server.handle_input(packet(PacketType::FSTAT, 2, &Fstat { handle: &bad }));
        assert!(server.next_question().unwrap().is_none());
        assert_eq!(status(&mut server), (2, StatusCode::FAILURE));
    }
    server.handle_input(packet(PacketType::READDIR, 3, &Readdir { handle: &handle }));
    assert!(server.next_question().unwrap().is_none());
    assert_eq!(status(&mut server), (3, StatusCode::FAILURE));
    for (id, expected) in [(4, StatusCode::OK), (5, StatusCode::FAILURE)] {
        server.handle_input(packet(PacketType::CLOSE, id, &Close { handle: &handle }));
        if let Some(Question::Close { ticket, .. }) = server.next_question().unwrap() {
            server.answer(ticket, Ok(()));
        }
        assert_eq!(status(&mut server), (id, expected));
    }
    assert_eq!(server.open_handles(), 0);
}

// covers: F05
#[test]
fn handles_are_limited_also_while_they_are_being_opened() {
    let mut server = started(ServerConfig { maximum_handles: 2, ..ServerConfig::default() });
    open_file(&mut server, 1, 1);
    let open = Open { filename: b"f", pflags: OpenFlags::READ, attributes: Attributes::default() };
    for id in [2, 3] {
        server.handle_input(packet(PacketType::OPEN, id, &open));
    }
    let Question::Open { ticket, .. } = ask(&mut server) else { panic!() };
    assert!(server.next_question().unwrap().is_none());
    assert_eq!(status(&mut server), (3, StatusCode::FAILURE));
    server.answer(ticket, Ok(OpenedFile(2)));
    assert_eq!(server.open_handles(), 2);
    server.close();
    assert_eq!(server.open_handles(), 0);
}

// covers: F06
#[test]
fn reads_are_cut_to_what_is_allowed_and_filled_in_place() {
    let mut server = started(ServerConfig::default());
    let handle = open_file(&mut server, 1, 77);
    for length in [1u32, 32_768, 262_144, 1 << 31, u32::MAX] {
        let read = Read { handle: &handle, offset: u64::MAX, length };
        server.handle_input(packet(PacketType::READ, 2, &read));
        let Question::Read { ticket, file, offset, length: asked } = ask(&mut server) else { panic!() };
        assert_eq!((*file, offset, asked), (77, u64::MAX, length.min(255 * 1024)));
        server.answer_read(ticket, asked, |buffer| {
            assert_eq!(buffer.len(), asked as usize);
            buffer[0] = 42;
            Ok(1)
        });
        let replies = replies(&mut server);
        let [(PacketType::DATA, 2, fields)] = replies.as_slice() else { panic!() };
        assert_eq!(Data::decode(fields).unwrap().data, [42]);
    }
    server.handle_input(packet(PacketType::READ, 3, &Read { handle: &handle, offset: 0, length: 0 }));
    assert!(server.next_question().unwrap().is_none());
    assert_eq!(replies(&mut server), [(PacketType::DATA, 3, vec![0; 4])]);
    server.handle_input(packet(PacketType::READ, 4, &Read { handle: &handle, offset: 0, length: 9 }));
    let Question::Read { ticket, .. } = ask(&mut server) else { panic!() };
    server.answer_read(ticket, 9, |_| Ok(0));
    assert_eq!(status(&mut server), (4, StatusCode::EOF));
}

#[test]
fn written_data_is_handed_on_as_parts_of_the_input() {
    let mut server = started(ServerConfig::default());
    let handle = open_file(&mut server, 1, 77);
    let data: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let whole = packet(PacketType::WRITE, 2, &Write { handle: &handle, offset: 5, data: &data });
    for piece in [whole.slice(..20), whole.slice(20..60_000), whole.slice(60_000..)] {
        assert!(server.wants_input());
        server.handle_input(piece);
    }
    let Question::Write { ticket, offset, pieces, .. } = ask(&mut server) else { panic!() };
    assert_eq!((offset, pieces.concat()), (5, data));
    let range = whole.as_ptr_range();
    for piece in &pieces {
        assert!(range.contains(&piece.as_ptr()), "a copy");
    }
    server.answer(ticket, Err(Failure::other("No space left on device")));
    assert_eq!(status(&mut server), (2, StatusCode::FAILURE));
}

// covers: F20
#[test]
fn a_client_that_only_asks_holds_a_bounded_share() {
    let config = ServerConfig { maximum_requests: 8, maximum_output: 1000, ..ServerConfig::default() };
    let mut server = started(config);
    let mut questions = Vec::new();
    for id in 0..10_000 {
        if !server.wants_input() {
            break;
        }
        server.handle_input(packet(PacketType::STAT, id, &Stat { path: b"/a" }));
        questions.extend(server.next_question().unwrap());
    }
    assert_eq!(questions.len(), 8);
    assert!(!server.wants_input());
    // Answers that nobody reads hold it up as well.
    let mut answered = Vec::new();
    for id in 8..10_000 {
        match questions.pop() {
            Some(Question::Path(PathQuestion::Attributes(at))) => {
                answered.push(at.ticket.id);
                server.answer(at.ticket, Ok(Attributes::with_size(1)));
            }
            None => break,
            other => panic!("{other:?}"),
        }
        if server.wants_input() {
            server.handle_input(packet(PacketType::STAT, id, &Stat { path: b"/a" }));
        }
        questions.extend(server.next_question().unwrap());
    }
    assert!(server.output().len() < 1400, "{}", server.output().len());
    assert!(!server.wants_input());
    let ids: Vec<u32> = replies(&mut server).iter().map(|(_, id, _)| *id).collect();
    assert_eq!(ids, answered);
    assert!(server.wants_input());
}

// covers: F20
#[test]
fn writes_that_wait_are_bounded_in_bytes() {
    let config = ServerConfig { maximum_held: 100_000, ..ServerConfig::default() };
    let mut server = started(config);
    let handle = open_file(&mut server, 1, 77);
    let fsync = ExtensionRequest { name: Fsync::NAME, fields: Fsync { handle: &handle } };
    server.handle_input(packet(PacketType::EXTENDED, 2, &fsync));
    let Question::Slow(SlowQuestion::Sync(slow)) = ask(&mut server) else { panic!() };
    let mut sent = 0;
    while server.wants_input() {
        let write = Write { handle: &handle, offset: 0, data: &[0; 30_000] };
        server.handle_input(packet(PacketType::WRITE, 3, &write));
        assert!(server.next_question().unwrap().is_none());
        sent += 1;
    }
    assert_eq!(sent, 4);
    server.answer(slow.ticket, Ok(()));
    for _ in 0..sent {
        let Question::Write { ticket, .. } = ask(&mut server) else { panic!() };
        server.answer(ticket, Ok(()));
    }
    assert!(server.wants_input());
}

#[test]
fn slow_requests_are_overtaken_but_not_by_those_about_the_same_file() {
    let mut server = started(ServerConfig::default());
    let (a, b) = (open_file(&mut server, 1, 10), open_file(&mut server, 2, 20));
    let fsync = ExtensionRequest { name: Fsync::NAME, fields: Fsync { handle: &a } };
    server.handle_input(packet(PacketType::EXTENDED, 3, &fsync));
    server.handle_input(packet(PacketType::WRITE, 4, &Write { handle: &a, offset: 0, data: b"x" }));
    server.handle_input(packet(PacketType::CLOSE, 5, &Close { handle: &a }));
    server.handle_input(packet(PacketType::WRITE, 6, &Write { handle: &b, offset: 0, data: b"x" }));
    let Question::Slow(SlowQuestion::Sync(slow)) = ask(&mut server) else { panic!() };
    let Question::Write { ticket, file, .. } = ask(&mut server) else { panic!() };
    assert_eq!(*file, 20);
    server.answer(ticket, Ok(()));
    assert!(server.next_question().unwrap().is_none());
    server.answer(slow.ticket, Ok(()));
    let Question::Write { ticket, file, .. } = ask(&mut server) else { panic!() };
    assert_eq!(*file, 10);
    assert!(server.next_question().unwrap().is_none());
    server.answer(ticket, Ok(()));
    let Question::Close { ticket, .. } = ask(&mut server) else { panic!() };
    server.answer(ticket, Ok(()));
    let ids: Vec<u32> = replies(&mut server).iter().map(|(_, id, _)| *id).collect();
    assert_eq!(ids, [6, 3, 4, 5]);
}

#[test]
fn what_changes_paths_is_done_in_order() {
    let mut server = started(ServerConfig::default());
    let mkdir = Mkdir { path: b"/d", attributes: Attributes::default() };
    server.handle_input(packet(PacketType::LSTAT, 1, &Lstat { path: b"/d" }));
    server.handle_input(packet(PacketType::STAT, 2, &Stat { path: b"/d" }));
    server.handle_input(packet(PacketType::MKDIR, 3, &mkdir));
    server.handle_input(packet(PacketType::RENAME, 4, &Rename { old_path: b"/d", new_path: b"/e" }));
    let Question::Path(PathQuestion::LinkAttributes(first)) = ask(&mut server) else { panic!() };
    let Question::Path(PathQuestion::Attributes(second)) = ask(&mut server) else { panic!() };
    assert!(server.next_question().unwrap().is_none());
    server.answer(second.ticket, Err(Failure::no_such_file()));
    assert!(server.next_question().unwrap().is_none());
    server.answer(first.ticket, Err(Failure::no_such_file()));
    let Question::Path(PathQuestion::CreateDirectory { at, .. }) = ask(&mut server) else { panic!() };
    assert!(server.next_question().unwrap().is_none());
    server.answer(at.ticket, Ok(()));
    let Question::Path(PathQuestion::Rename(_)) = ask(&mut server) else { panic!() };
}

#[test]
fn only_what_is_allowed_is_done_and_advertised() {
    let config = ServerConfig {
        allowed: Some(vec![RequestName::Stat, RequestName::Fsync, RequestName::Setstat]),
        denied: vec![RequestName::Setstat],
        ..ServerConfig::default()
    };
    let mut server = Server::new(config);
    server.handle_input(init());
    server.next_question().unwrap();
    let version = server.output().to_vec();
    let names: Vec<&[u8]> =
        Version::decode(&version[4..]).unwrap().extensions.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, [&b"fsync@openssh.com"[..]]);
    server.consume_output(version.len());
    let setstat = Setstat { path: b"/", attributes: Attributes::default() };
    server.handle_input(packet(PacketType::SETSTAT, 1, &setstat));
    server.handle_input(packet(PacketType::LSTAT, 2, &Lstat { path: b"/" }));
    server.handle_input(packet(PacketType::STAT, 3, &Stat { path: b"/" }));
    assert!(matches!(ask(&mut server), Question::Path(PathQuestion::Attributes(_))));
    for (packet_type, _, fields) in replies(&mut server) {
        assert_eq!(packet_type, PacketType::STATUS);
        assert_eq!(Status::decode(&fields).unwrap().code, StatusCode::PERMISSION_DENIED);
    }
}

#[test]
fn limits_are_told() {
    let mut server = started(ServerConfig::default());
    let request = ExtensionRequest { name: Limits::NAME, fields: Limits {} };
    server.handle_input(packet(PacketType::EXTENDED, 1, &request));
    assert!(server.next_question().unwrap().is_none());
    let replies = replies(&mut server);
    let [(PacketType::EXTENDED_REPLY, 1, fields)] = replies.as_slice() else { panic!() };
    let expected = LimitsReply {
        max_packet_length: 262_144,
        max_read_length: 261_120,
        max_write_length: 261_120,
        max_open_handles: 256,
    };
    assert_eq!(LimitsReply::decode(fields).unwrap(), expected);
}

#[test]
fn what_came_before_the_end_is_served_and_what_is_cut_off_is_an_error() {
    let mut server = started(ServerConfig::default());
    server.handle_input(packet(PacketType::STAT, 1, &Stat { path: b"/" }));
    server.handle_end();
    assert!(!server.is_finished());
    let Question::Path(PathQuestion::Attributes(at)) = ask(&mut server) else { panic!() };
    assert!(!server.is_finished());
    server.answer(at.ticket, Ok(Attributes::default()));
    assert!(server.is_finished());
    let mut server = started(ServerConfig::default());
    server.handle_input(packet(PacketType::STAT, 1, &Stat { path: b"/" }).slice(..7));
    server.handle_end();
    assert_eq!(server.next_question().unwrap_err(), ServerError::UnexpectedEnd);
}

// covers: F12
#[test]
fn copying_between_two_handles_waits_for_both_and_answers_late_are_dropped() {
    let mut server = started(ServerConfig::default());
    let (a, b) = (open_file(&mut server, 1, 10), open_file(&mut server, 2, 20));
    let fields = CopyData {
        read_from_handle: &a,
        read_from_offset: 1,
        read_data_length: 0,
        write_to_handle: &b,
        write_to_offset: 2,
    };
    server.handle_input(packet(PacketType::EXTENDED, 3, &ExtensionRequest { name: CopyData::NAME, fields }));
    server.handle_input(packet(PacketType::READ, 4, &Read { handle: &b, offset: 0, length: 5 }));
    let Question::Slow(SlowQuestion::Copy { ticket, source, from, length, target, to }) = ask(&mut server)
    else {
        panic!()
    };
    assert_eq!((*source, from, length, *target, to), (10, 1, 0, 20, 2));
    assert!(server.next_question().unwrap().is_none());
    server.close();
    server.answer(ticket, Ok(()));
    assert!(server.output().is_empty());
}
