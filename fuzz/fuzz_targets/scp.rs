//! Both halves of scp against any peer: names that were not asked for never come through, and nothing is awaited or
//! kept beyond the limits.
#![no_main]

use bytes::Bytes;
use konko_fuzz::choices::Choices;
use konko_scp::{Expected, ScpCommand, Sink, SinkEvent, SinkOptions, Source, SourceEvent};
use libfuzzer_sys::fuzz_target;

fn pieces<'a>(choices: &mut Choices<'a>) -> Vec<&'a [u8]> {
    let size = 1 + usize::from(choices.byte());
    choices.rest().chunks(size).collect()
}

fn sink(mut choices: Choices<'_>) {
    let mut options = SinkOptions::new(Expected::Names(vec![b"wanted".to_vec(), b"also".to_vec()]));
    (options.recursive, options.preserve) = (choices.flag(), choices.flag());
    let (recursive, preserve) = (options.recursive, options.preserve);
    let mut sink = Sink::new(options);
    let mut depth = 0_usize;
    let answers = choices.byte();
    for (index, piece) in pieces(&mut choices).into_iter().enumerate() {
        sink.handle_input(Bytes::copy_from_slice(piece));
        loop {
            let event = match sink.poll() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(_) => return,
            };
            let refuses = answers >> (index % 8) & 1 == 1;
            match event {
                SinkEvent::File(entry) | SinkEvent::Directory(entry) if refuses => {
                    assert!(!entry.name.contains(&b'/'));
                    drop(sink.refuse("no"));
                }
                SinkEvent::File(entry) => {
                    assert!(depth > 0 || entry.name == b"wanted" || entry.name == b"also");
                    assert!(preserve || entry.mode & 0o7000 == 0);
                    assert!(!matches!(&entry.name[..], b"" | b"." | b"..") && !entry.name.contains(&b'/'));
                    drop(sink.accept());
                }
                SinkEvent::Directory(entry) => {
                    assert!(recursive && depth < 64);
                    assert!(!matches!(&entry.name[..], b"" | b"." | b"..") && !entry.name.contains(&b'/'));
                    depth += 1;
                    drop(sink.accept());
                }
                SinkEvent::FileEnd(_) => drop(sink.finish()),
                SinkEvent::DirectoryEnd => depth = depth.checked_sub(1).expect("one was opened"),
                SinkEvent::End => return,
                _ => {}
            }
            assert_eq!(sink.depth(), depth);
        }
        let sent = sink.output().len();
        sink.consume_output(sent);
    }
    sink.handle_eof();
    while let Ok(Some(event)) = sink.poll() {
        if event == SinkEvent::End {
            break;
        }
    }
}

fn source(mut choices: Choices<'_>) {
    let mut source = Source::new();
    let mut announced = 0;
    for piece in pieces(&mut choices) {
        source.handle_input(Bytes::copy_from_slice(piece));
        loop {
            match source.poll() {
                Ok(Some(SourceEvent::Accepted)) => {
                    while source.remaining() > 0 {
                        let filled = source.slot(1000).len();
                        assert!(filled > 0);
                        source.commit(filled);
                        let sent = source.output().len();
                        source.consume_output(sent);
                    }
                }
                Ok(Some(_)) => {
                    announced += 1;
                    let size = announced * 700;
                    drop(match announced % 4 {
                        0 => source.directory(b"folder", 0o755, None),
                        1 => source.end_directory(),
                        _ => source.file(b"file", size, 0o644, None),
                    });
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        let sent = source.output().len();
        source.consume_output(sent);
    }
}

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    match choices.byte() % 3 {
        0 => sink(choices),
        1 => source(choices),
        _ => {
            if let Ok(Some(command)) = ScpCommand::parse(choices.rest()) {
                assert_eq!(ScpCommand::parse(&command.to_command()), Ok(Some(command)));
            }
        }
    }
});
