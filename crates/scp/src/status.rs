//! The answers to records: a NUL, or 1 or 2 and a line of text.

use crate::error::ScpError;
use crate::line::Input;
use crate::text::printable;

/// Success.
pub(crate) const OK: u8 = 0;
/// A text follows that concerns one file.
pub(crate) const WARNING: u8 = 1;
/// A text follows, and nothing else.
pub(crate) const FATAL: u8 = 2;

/// What the peer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    Warning(String),
}

/// Reads a status as it arrives.
#[derive(Debug, Default)]
pub(crate) struct StatusReader {
    /// The first byte of one whose text is to come.
    kind: Option<u8>,
}

impl StatusReader {
    /// The status, when all of it is there.
    pub(crate) fn read(&mut self, input: &mut Input) -> Result<Option<Status>, ScpError> {
        let kind = match self.kind {
            Some(kind) => kind,
            None => match input.peek() {
                None => return Ok(None),
                Some(OK) => {
                    input.byte();
                    return Ok(Some(Status::Ok));
                }
                Some(kind) => {
                    if matches!(kind, WARNING | FATAL) {
                        input.byte();
                    }
                    *self.kind.insert(kind)
                }
            },
        };
        let Some(line) = input.line()? else { return Ok(None) };
        self.kind = None;
        let text = printable(&line);
        match kind {
            WARNING => Ok(Some(Status::Warning(text))),
            FATAL => Err(ScpError::Remote(text)),
            _ => Err(ScpError::NotProtocol(text)),
        }
    }

    /// What it means that nothing more comes.
    pub(crate) fn end(&self, input: &Input, place: &'static str) -> ScpError {
        match self.kind {
            Some(FATAL) => ScpError::Remote(printable(input.unfinished())),
            Some(kind) if kind != WARNING => ScpError::NotProtocol(printable(input.unfinished())),
            _ => ScpError::PrematureEof(place),
        }
    }
}

/// A warning or the end of all, in our words. They are cut to what fits a line of the peer.
pub(crate) fn write_message(kind: u8, message: &str, output: &mut Vec<u8>) {
    const LONGEST: usize = 1024;
    let mut end = message.len().min(LONGEST);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    output.push(kind);
    output.extend(message.as_bytes()[..end].iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
    output.push(b'\n');
}
