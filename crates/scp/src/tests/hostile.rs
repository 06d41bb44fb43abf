//! Peers that lie, stop and shout.

use crate::error::ScpError;
use crate::expected::Expected;
use crate::record::{MAXIMUM_DEPTH, MAXIMUM_LINE};
use crate::sink::{Sink, SinkEvent, SinkOptions};
use crate::source::{Source, SourceEvent};
use bytes::Bytes;

fn one(name: &str) -> SinkOptions {
    SinkOptions::new(Expected::Names(vec![name.as_bytes().to_vec()]))
}

fn recursive(name: &str) -> SinkOptions {
    SinkOptions { recursive: true, ..one(name) }
}

/// What a sink says to these bytes and the end of the stream, fed in pieces; it accepts all that it is asked.
fn feed(options: &SinkOptions, bytes: &[u8], piece: usize) -> (Vec<SinkEvent>, Option<ScpError>, Vec<u8>) {
    let mut sink = Sink::new(options.clone());
    let mut events = Vec::new();
    let mut pieces = bytes.chunks(piece);
    let error = loop {
        match sink.poll() {
            Ok(Some(SinkEvent::End)) => break None,
            Ok(Some(event)) => {
                match event {
                    SinkEvent::File(_) | SinkEvent::Directory(_) => sink.accept().unwrap(),
                    SinkEvent::FileEnd(_) => sink.finish().unwrap(),
                    _ => {}
                }
                events.push(event);
            }
            Ok(None) => match pieces.next() {
                Some(piece) => sink.handle_input(Bytes::copy_from_slice(piece)),
                None => sink.handle_eof(),
            },
            Err(error) => {
                assert_eq!(sink.poll(), Err(error.clone()), "an error is for ever");
                break Some(error);
            }
        }
    };
    (events, error, sink.output().to_vec())
}

/// As [`feed`], byte by byte and at once, which are the same; only the error and what was written.
fn judged(options: &SinkOptions, bytes: &[u8]) -> (ScpError, usize) {
    let (whole, single) = (feed(options, bytes, usize::MAX), feed(options, bytes, 1));
    assert_eq!(whole.1, single.1);
    let written = |events: &[SinkEvent]| {
        let data = |event: &SinkEvent| if let SinkEvent::Data(data) = event { data.len() } else { 0 };
        events.iter().map(data).sum()
    };
    let lengths: (usize, usize) = (written(&whole.0), written(&single.0));
    assert_eq!(lengths.0, lengths.1);
    (whole.1.expect("an error"), lengths.0)
}

// covers: Y01
#[test]
fn only_what_was_asked_for_is_taken() {
    for name in ["..", ".", "", "/x", "a/b", "../a", "a/"] {
        for kind in ["C0644 3", "D0755 0"] {
            let line = format!("{kind} {name}\nabc\0");
            let (error, written) = judged(&recursive("a"), line.as_bytes());
            assert!(matches!(error, ScpError::BadName(_)), "{name}: {error}");
            assert_eq!(written, 0);
        }
    }
    let (error, written) = judged(&one("a"), b"C0644 3 .bashrc\nabc\0");
    assert_eq!((error, written), (ScpError::Unexpected(".bashrc".to_owned()), 0));
    let (error, written) = judged(&one("a"), b"C0644 3 a\nabc\0C0644 3 b\nabc\0");
    assert_eq!((error, written), (ScpError::Unexpected("b".to_owned()), 3));
    let (error, _) = judged(&one("a"), b"C0644 3 a\nabc\0C0644 3 a\nabc\0");
    assert_eq!(error, ScpError::Unexpected("a".to_owned()));
    let (error, _) = judged(&one("a"), b"D0755 0 a\nC0644 3 b\nabc\0E\n");
    assert_eq!(error, ScpError::Directory("a".to_owned()));
    let patterns = SinkOptions::new(Expected::Patterns(vec![b"*.c".to_vec()]));
    let (error, written) = judged(&patterns, b"C0644 3 a.c\nabc\0C0644 3 a.h\nabc\0");
    assert_eq!((error, written), (ScpError::Unexpected("a.h".to_owned()), 3));
}

// covers: Y01
#[test]
fn the_source_is_told_why_it_is_cut_off() {
    let (_, error, output) = feed(&one("a"), b"C0644 3 b\n", 100);
    assert_eq!(error, Some(ScpError::Unexpected("b".to_owned())));
    assert_eq!(output[..2], [0, 2]);
    assert!(output.ends_with(b"which was not asked for\n"));
}

// covers: Y04
#[test]
fn lines_have_an_end() {
    let endless = vec![b'x'; 1 << 20];
    assert_eq!(judged(&one("a"), &endless).0, ScpError::LineTooLong);
    let long = [&b"C0644 1 "[..], &[b'a'; 65_536], b"\n"].concat();
    assert_eq!(judged(&one("a"), &long).0, ScpError::LineTooLong);
    for kind in [1, 2] {
        assert_eq!(judged(&one("a"), &[&[kind][..], &endless].concat()).0, ScpError::LineTooLong);
    }
    let fits = [&b"C0644 1 "[..], &vec![b'a'; MAXIMUM_LINE - 9], b"\n"].concat();
    assert!(matches!(judged(&one("a"), &fits).0, ScpError::Unexpected(_)));
}

// covers: Y04
#[test]
fn words_of_the_source_are_shown_without_their_escapes() {
    let (events, error, _) = feed(&one("a"), b"\x01scp: a\x1b[2J: no\n\x02bye\x07\n", 3);
    assert_eq!(events, [SinkEvent::Warning("scp: a\\u{1b}[2J: no".to_owned())]);
    assert_eq!(error, Some(ScpError::Remote("bye\\u{7}".to_owned())));
    let (error, _) = judged(&one("a"), b"sh: scp: not found\n");
    assert_eq!(error, ScpError::NotProtocol("sh: scp: not found".to_owned()));
    let (error, _) = judged(&one("a"), b"Welcome!");
    assert_eq!(error, ScpError::NotProtocol("Welcome!".to_owned()));
    assert_eq!(judged(&one("a"), b"\x02gone").0, ScpError::Remote("gone".to_owned()));
}

// covers: Y05
#[test]
fn directories_end_and_are_not_nested_for_ever() {
    assert!(matches!(judged(&recursive("a"), b"E\n").0, ScpError::Protocol(_)));
    assert!(matches!(judged(&recursive("a"), b"D0755 0 a\nE\nE\n").0, ScpError::Protocol(_)));
    let nested = [&b"D0755 0 a\n"[..], &b"D0755 0 b\n".repeat(10_000)].concat();
    let (events, error, _) = feed(&recursive("a"), &nested, 1 << 16);
    assert_eq!(error, Some(ScpError::TooDeep(MAXIMUM_DEPTH)));
    assert_eq!(events.len(), MAXIMUM_DEPTH);
    assert_eq!(judged(&recursive("a"), b"D0755 0 a\n").0, ScpError::PrematureEof("a directory"));
}

// covers: Y04, Y08
#[test]
fn an_early_end_is_an_error_wherever_it_comes() {
    let whole = b"T1 0 1 0\nD0755 0 a\nT1 0 1 0\nC0644 5 b\nhello\0E\n";
    let preserving = SinkOptions { preserve: true, ..recursive("a") };
    assert_eq!(feed(&preserving, whole, 1).1, None);
    assert_eq!(feed(&preserving, b"", 1).1, None);
    for cut in 1..whole.len() {
        let (error, _) = judged(&preserving, &whole[..cut]);
        assert!(matches!(error, ScpError::PrematureEof(_)), "cut at {cut}: {error}");
    }
    let (error, written) = judged(&one("a"), &[&b"C0644 1073741824 a\n"[..], &[7; 1024]].concat());
    assert_eq!((error, written), (ScpError::PrematureEof("a file"), 1024));
}

// covers: Y04
#[test]
fn times_belong_to_something() {
    assert!(matches!(judged(&one("a"), b"T1 0 1 0\nT1 0 1 0\n").0, ScpError::Protocol(_)));
    assert!(matches!(judged(&recursive("a"), b"D0755 0 a\nT1 0 1 0\nE\n").0, ScpError::Protocol(_)));
    let (events, error, _) = feed(&one("a"), b"T1 0 1 0\n\x01no\nC0644 0 a\n\0", 5);
    assert_eq!((events.len(), error), (3, None));
}

/// What a source says to an answer in each of its states.
fn answered(answers: &[&[u8]], eof: bool, piece: usize) -> Result<Vec<SourceEvent>, ScpError> {
    let mut source = Source::new();
    let mut events = Vec::new();
    for bytes in answers {
        for piece in bytes.chunks(piece) {
            source.handle_input(Bytes::copy_from_slice(piece));
            while let Some(event) = source.poll()? {
                match (&event, events.len()) {
                    (SourceEvent::Ready, _) => source.file(b"a", 3, 0o644, None).unwrap(),
                    (SourceEvent::Accepted, _) => {
                        source.slot(3).copy_from_slice(b"abc");
                        source.commit(3);
                    }
                    _ => {}
                }
                events.push(event);
            }
        }
    }
    if eof {
        source.handle_eof();
        while let Some(event) = source.poll()? {
            events.push(event);
        }
    }
    Ok(events)
}

// covers: Y08
#[test]
fn a_sink_that_stops_or_shouts_is_an_error() {
    for piece in [1, 100] {
        let complete = answered(&[b"\0", b"\0", b"\0"], false, piece).unwrap();
        assert_eq!(complete, [SourceEvent::Ready, SourceEvent::Accepted, SourceEvent::Complete(None)]);
        let refused = answered(&[b"\0", b"\x01no room\n"], false, piece).unwrap();
        assert_eq!(refused[1], SourceEvent::Refused("no room".to_owned()));
        let warned = answered(&[b"\0", b"\0", b"\x01full\x1b\n"], false, piece).unwrap();
        assert_eq!(warned[2], SourceEvent::Complete(Some("full\\u{1b}".to_owned())));
        let cut: [&[&[u8]]; 4] = [&[], &[b"\0"], &[b"\0", b"\0"], &[b"\0", b"\x01no"]];
        for answers in cut {
            let error = answered(answers, true, piece).unwrap_err();
            assert!(matches!(error, ScpError::PrematureEof(_)), "{error}");
        }
        let fatal = answered(&[b"\0", b"\x02disk gone\n"], false, piece).unwrap_err();
        assert_eq!(fatal, ScpError::Remote("disk gone".to_owned()));
        let start = answered(&[b"\x01scp: x: Not a directory\n"], false, piece).unwrap_err();
        assert_eq!(start, ScpError::Remote("scp: x: Not a directory".to_owned()));
        let shell = answered(&[b"sh: scp: not found\n"], true, piece).unwrap_err();
        assert_eq!(shell, ScpError::NotProtocol("sh: scp: not found".to_owned()));
        let shell = answered(&[b"Hello"], true, piece).unwrap_err();
        assert_eq!(shell, ScpError::NotProtocol("Hello".to_owned()));
        let endless = answered(&[&[b'x'; 1 << 16]], false, piece).unwrap_err();
        assert_eq!(endless, ScpError::LineTooLong);
        let unasked = answered(&[b"\0", b"\0", b"\0\0"], false, piece).unwrap_err();
        assert!(matches!(unasked, ScpError::Protocol(_)));
    }
}

// covers: Y03
#[test]
fn a_name_that_cannot_be_sent_leaves_the_source_ready() {
    let mut source = Source::new();
    source.handle_input(Bytes::from_static(b"\0"));
    source.poll().unwrap();
    let unsendable = |result| matches!(result, Err(ScpError::UnsendableName(_)));
    assert!(unsendable(source.file(b"a\nb", 1, 0o644, None)));
    assert!(unsendable(source.directory(b"../x", 0o755, None)));
    assert_eq!(source.output(), b"");
    source.file(b"\r\xff \x1b", 1, 0o644, None).unwrap();
    assert_eq!(source.output(), b"C0644 1 \r\xff \x1b\n");
    source.abort("enough\nC0644 1 x");
    assert!(source.output().ends_with(b"\n\x02enough C0644 1 x\n"));
}
