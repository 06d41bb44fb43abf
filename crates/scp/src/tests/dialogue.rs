//! Whole transfers, in pieces of every size.

use crate::error::ScpError;
use crate::expected::Expected;
use crate::record::Times;
use crate::sink::{Entry, Sink, SinkEvent, SinkOptions};
use crate::source::{Source, SourceEvent};
use bytes::Bytes;
use std::collections::VecDeque;

/// What is sent.
#[derive(Clone)]
enum Thing {
    File(&'static str, Vec<u8>, u32),
    /// Content that breaks off after so many bytes.
    Broken(&'static str, u64, usize),
    Directory(&'static str),
    End,
    Missing(&'static str),
}

const TIMES: Times =
    Times { modified: 1_183_828_267, modified_microseconds: 5, accessed: 7, accessed_microseconds: 999_999 };

/// A source with things to send.
struct Sender {
    source: Source,
    things: VecDeque<Thing>,
    /// What was announced last.
    current: Option<Thing>,
    /// How much of its content is sent.
    sent: usize,
    is_done: bool,
    heard: Vec<String>,
}

impl Sender {
    fn new(things: &[Thing]) -> Self {
        let things = things.iter().cloned().collect();
        let (source, heard) = (Source::new(), Vec::new());
        Self { source, things, current: None, sent: 0, is_done: false, heard }
    }

    fn hear(&mut self) {
        while let Some(event) = self.source.poll().unwrap() {
            match event {
                SourceEvent::Ready => {}
                SourceEvent::Accepted if !matches!(self.current, Some(Thing::Directory(_))) => continue,
                SourceEvent::Accepted => {}
                SourceEvent::Refused(text) => {
                    self.heard.push(format!("refused {text}"));
                    self.skip();
                }
                SourceEvent::Complete(text) => self.heard.push(format!("complete {text:?}")),
            }
            self.announce();
        }
    }

    /// What is in a directory that was refused is not sent.
    fn skip(&mut self) {
        let mut depth = usize::from(matches!(self.current, Some(Thing::Directory(_))));
        while depth > 0 {
            match self.things.pop_front().unwrap() {
                Thing::Directory(_) => depth += 1,
                Thing::End => depth -= 1,
                _ => {}
            }
        }
    }

    fn announce(&mut self) {
        self.sent = 0;
        while let Some(Thing::Missing(name)) = self.things.front() {
            self.source.warn(&format!("{name}: not there")).unwrap();
            self.things.pop_front();
        }
        self.current = self.things.pop_front();
        match &self.current {
            None => self.is_done = true,
            Some(Thing::File(name, bytes, mode)) => {
                self.source.file(name.as_bytes(), bytes.len() as u64, *mode, Some(TIMES)).unwrap();
            }
            Some(Thing::Broken(name, size, _)) => {
                self.source.file(name.as_bytes(), *size, 0o644, None).unwrap();
            }
            Some(Thing::Directory(name)) => {
                self.source.directory(name.as_bytes(), 0o2755, Some(TIMES)).unwrap();
            }
            Some(Thing::End) => self.source.end_directory().unwrap(),
            Some(Thing::Missing(_)) => unreachable!(),
        }
    }

    /// Puts some content into its place.
    fn fill(&mut self, piece: usize) {
        let content = match &self.current {
            Some(Thing::File(_, bytes, _)) => bytes.clone(),
            Some(Thing::Broken(_, _, after)) => vec![b'x'; *after],
            _ => return,
        };
        if self.source.remaining() == 0 || self.source.pad() {
            return;
        }
        let slot = self.source.slot(piece);
        let n = slot.len().min(content.len() - self.sent);
        slot[..n].copy_from_slice(&content[self.sent..self.sent + n]);
        self.source.commit(n);
        self.sent += n;
        if n == 0 && self.source.remaining() > 0 {
            self.source.fail_file("it broke off");
        }
    }
}

/// What a sink sees, that refuses one name.
fn see(sink: &mut Sink, refused: &str, file: &mut Vec<u8>, seen: &mut Vec<String>) {
    while let Some(event) = sink.poll().unwrap() {
        match event {
            SinkEvent::File(entry) | SinkEvent::Directory(entry) if entry.name == refused.as_bytes() => {
                seen.push(format!("refuse {}", told(&entry)));
                sink.refuse("not here").unwrap();
            }
            SinkEvent::File(entry) => {
                seen.push(format!("file {}", told(&entry)));
                file.clear();
                sink.accept().unwrap();
            }
            SinkEvent::Directory(entry) => {
                seen.push(format!("directory {}", told(&entry)));
                sink.accept().unwrap();
            }
            SinkEvent::Data(data) => file.extend_from_slice(&data),
            SinkEvent::FileEnd(warning) => {
                let sum: u64 = file.iter().enumerate().map(|(i, b)| i as u64 * u64::from(*b)).sum();
                seen.push(format!("content {} {sum} {warning:?}", file.len()));
                sink.finish().unwrap();
            }
            SinkEvent::DirectoryEnd => seen.push("end".to_owned()),
            SinkEvent::Warning(text) => seen.push(format!("warning {text}")),
            SinkEvent::End => seen.push("END".to_owned()),
        }
    }
}

/// Sends all, in pieces of at most `piece` bytes; what the sink saw, and what the source heard.
fn transfer(
    things: &[Thing],
    options: SinkOptions,
    piece: usize,
    refused: &str,
) -> (Vec<String>, Vec<String>) {
    let mut sender = Sender::new(things);
    let mut sink = Sink::new(options);
    let (mut seen, mut file) = (Vec::new(), Vec::new());
    for _ in 0..1_000_000 {
        let n = sink.output().len().min(piece);
        sender.source.handle_input(Bytes::copy_from_slice(&sink.output()[..n]));
        sink.consume_output(n);
        sender.hear();
        sender.fill(piece);
        let n = sender.source.output().len().min(piece);
        sink.handle_input(Bytes::copy_from_slice(&sender.source.output()[..n]));
        sender.source.consume_output(n);
        if sender.is_done && sender.source.output().is_empty() {
            sink.handle_eof();
        }
        see(&mut sink, refused, &mut file, &mut seen);
        if seen.last().is_some_and(|last| last == "END") {
            return (seen, sender.heard);
        }
    }
    panic!("the transfer stands still: {seen:?} {:?}", sender.heard);
}

fn told(entry: &Entry) -> String {
    let name = String::from_utf8_lossy(&entry.name);
    format!("{name} {:o} {} {}", entry.mode, entry.size, entry.times.is_some())
}

fn everything() -> SinkOptions {
    SinkOptions { recursive: true, preserve: true, ..SinkOptions::new(Expected::Any) }
}

fn tree() -> Vec<Thing> {
    vec![
        Thing::Missing("ghost"),
        Thing::Directory("d"),
        Thing::File("a b", (0..100_000u32).map(|i| i as u8).collect(), 0o4755),
        Thing::Directory("e"),
        Thing::File("empty", Vec::new(), 0o600),
        Thing::End,
        Thing::Broken("broken", 200_000, 70_000),
        Thing::End,
        Thing::File("last", b"x".to_vec(), 0o644),
    ]
}

#[test]
fn a_tree_arrives_in_pieces_of_every_size() {
    let sum: u64 = (0..100_000u64).map(|i| i * (i & 0xff)).sum();
    let broken: u64 = (0..70_000u64).map(|i| i * u64::from(b'x')).sum();
    let expected = vec![
        "warning ghost: not there".to_owned(),
        "directory d 2755 0 true".to_owned(),
        "file a b 4755 100000 true".to_owned(),
        format!("content 100000 {sum} None"),
        "directory e 2755 0 true".to_owned(),
        "file empty 600 0 true".to_owned(),
        "content 0 0 None".to_owned(),
        "end".to_owned(),
        "file broken 644 200000 false".to_owned(),
        format!("content 200000 {broken} Some(\"it broke off\")"),
        "end".to_owned(),
        "file last 644 1 true".to_owned(),
        "content 1 0 None".to_owned(),
        "END".to_owned(),
    ];
    for piece in [1, 2, 3, 7, 1000, 1 << 20] {
        let (seen, heard) = transfer(&tree(), everything(), piece, "");
        assert_eq!(seen, expected, "pieces of {piece}");
        assert_eq!(heard, vec!["complete None"; 6], "pieces of {piece}");
    }
}

#[test]
fn what_is_refused_is_skipped_with_all_that_is_in_it() {
    let (seen, heard) = transfer(&tree(), everything(), 64, "d");
    assert_eq!(
        seen,
        [
            "warning ghost: not there",
            "refuse d 2755 0 true",
            "file last 644 1 true",
            "content 1 0 None",
            "END"
        ]
    );
    assert_eq!(heard, ["refused not here", "complete None"]);
    let (seen, heard) = transfer(&tree(), everything(), 64, "a b");
    assert_eq!(seen[2], "refuse a b 4755 100000 true");
    assert_eq!(seen[3], "directory e 2755 0 true");
    assert_eq!(heard[0], "refused not here");
}

// covers: Y06
#[test]
fn without_preserve_neither_times_nor_special_bits_come() {
    let options = SinkOptions { preserve: false, ..everything() };
    let (seen, _) = transfer(&tree(), options, 100, "");
    assert_eq!(seen[1], "directory d 755 0 false");
    assert_eq!(seen[2], "file a b 755 100000 false");
}

#[test]
fn data_is_handed_on_without_a_copy() {
    let mut sink = Sink::new(everything());
    sink.handle_input(Bytes::from_static(b"C0644 3 a\n"));
    assert!(matches!(sink.poll(), Ok(Some(SinkEvent::File(_)))));
    sink.accept().unwrap();
    let piece = Bytes::from(b"abc\0".to_vec());
    let address = piece.as_ptr();
    sink.handle_input(piece);
    let Ok(Some(SinkEvent::Data(data))) = sink.poll() else { panic!("no data") };
    assert_eq!((&data[..], data.as_ptr()), (&b"abc"[..], address));
    assert_eq!(sink.poll(), Ok(Some(SinkEvent::FileEnd(None))));
}

#[test]
fn content_may_be_sent_past_the_source() {
    let mut source = Source::new();
    source.handle_input(Bytes::from_static(b"\0"));
    assert_eq!(source.poll(), Ok(Some(SourceEvent::Ready)));
    source.file(b"a", 10, 0o644, None).unwrap();
    source.consume_output(source.output().len());
    source.handle_input(Bytes::from_static(b"\0"));
    assert_eq!(source.poll(), Ok(Some(SourceEvent::Accepted)));
    source.count_sent(4);
    assert_eq!(source.remaining(), 6);
    assert_eq!(source.output(), b"");
    source.count_sent(6);
    assert_eq!(source.output(), b"\0");
    assert!(matches!(source.file(b"b", 1, 0o644, None), Err(ScpError::Misuse(_))));
}
