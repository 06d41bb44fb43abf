//! The lines that announce files and directories, strictly.

use crate::error::ScpError;
use crate::text::printable;

/// The longest line that is taken or sent, in bytes, with its newline.
pub const MAXIMUM_LINE: usize = 4096;
/// The bits of a mode without set-user-id, set-group-id and sticky.
pub const PERMISSION_BITS: u32 = 0o777;
/// How deep directories may be nested.
pub const MAXIMUM_DEPTH: usize = 64;
/// The longest decimal number of seconds: until the year 2286.
const MAXIMUM_SECOND_DIGITS: usize = 10;
const MICROSECONDS: u32 = 1_000_000;

/// When a file was last changed and read, in seconds and microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it was changed, in seconds.
    pub modified: u64,
    /// And microseconds, below a million.
    pub modified_microseconds: u32,
    /// When it was read, in seconds.
    pub accessed: u64,
    /// And microseconds, below a million.
    pub accessed_microseconds: u32,
}

/// One line of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// `T`.
    Times(Times),
    /// `C`.
    File { mode: u32, size: u64, name: Vec<u8> },
    /// `D`.
    Directory { mode: u32, name: Vec<u8> },
    /// `E`.
    End,
}

impl Record {
    /// Reads a line without its newline.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, ScpError> {
        match line.split_first() {
            Some((b'T', rest)) => {
                parse_times(rest).map(Self::Times).ok_or(ScpError::Protocol("malformed times"))
            }
            Some((b'C', rest)) => {
                let (mode, size, name) = parse_header(rest)?;
                Ok(Self::File { mode, size, name })
            }
            Some((b'D', rest)) => {
                // The size means nothing; some peers send that of the directory itself.
                let (mode, _, name) = parse_header(rest)?;
                Ok(Self::Directory { mode, name })
            }
            Some((b'E', [])) => Ok(Self::End),
            Some((b'E', _)) => Err(ScpError::Protocol("something follows the end of a directory")),
            _ => Err(ScpError::NotProtocol(printable(line))),
        }
    }

    /// The line, with its newline.
    ///
    /// # Errors
    ///
    /// [`ScpError::UnsendableName`] if the name would be another one to the peer.
    pub(crate) fn write(&self, output: &mut Vec<u8>) -> Result<(), ScpError> {
        let (kind, mode, size, name) = match self {
            Self::Times(times) => {
                let Times { modified, modified_microseconds, accessed, accessed_microseconds } = times;
                let line =
                    format!("T{modified} {modified_microseconds} {accessed} {accessed_microseconds}\n");
                output.extend_from_slice(line.as_bytes());
                return Ok(());
            }
            Self::End => {
                output.extend_from_slice(b"E\n");
                return Ok(());
            }
            Self::File { mode, size, name } => ('C', mode, *size, name),
            Self::Directory { mode, name } => ('D', mode, 0, name),
        };
        let head = format!("{kind}{:04o} {size} ", mode & 0o7777);
        let fits = head.len() + name.len() < MAXIMUM_LINE;
        if !is_component(name) || name.contains(&b'\n') || !fits {
            return Err(ScpError::UnsendableName(printable(name)));
        }
        output.extend_from_slice(head.as_bytes());
        output.extend_from_slice(name);
        output.push(b'\n');
        Ok(())
    }
}

/// Whether a name is one component of a path, and leads nowhere else.
pub(crate) fn is_component(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// Decimal digits and nothing else, at most so many of them.
fn decimal(text: &[u8], maximum_digits: usize) -> Option<u64> {
    if text.is_empty() || text.len() > maximum_digits || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `0644 1234 name`: four octal digits, a size that fits the offset of a file, the rest a name.
fn parse_header(rest: &[u8]) -> Result<(u32, u64, Vec<u8>), ScpError> {
    let mut fields = rest.splitn(3, |byte| *byte == b' ');
    let mode = fields.next().unwrap_or_default();
    if mode.len() != 4 || !mode.iter().all(|digit| (b'0'..=b'7').contains(digit)) {
        return Err(ScpError::Protocol("malformed mode"));
    }
    let mode = mode.iter().fold(0, |mode, digit| mode * 8 + u32::from(digit - b'0'));
    let size = fields
        .next()
        .and_then(|size| decimal(size, 19))
        .filter(|size| i64::try_from(*size).is_ok())
        .ok_or(ScpError::Protocol("malformed size"))?;
    let name = fields.next().ok_or(ScpError::Protocol("no name"))?;
    if !is_component(name) {
        return Err(ScpError::BadName(printable(name)));
    }
    Ok((mode, size, name.to_vec()))
}

/// `1183828267 0 1183828267 0`.
fn parse_times(rest: &[u8]) -> Option<Times> {
    let mut fields = rest.split(|byte| *byte == b' ');
    let mut time = || {
        let seconds = decimal(fields.next()?, MAXIMUM_SECOND_DIGITS)?;
        let microseconds = u32::try_from(decimal(fields.next()?, 6)?).ok()?;
        (microseconds < MICROSECONDS).then_some((seconds, microseconds))
    };
    let (modified, modified_microseconds) = time()?;
    let (accessed, accessed_microseconds) = time()?;
    if fields.next().is_some() {
        return None;
    }
    Some(Times { modified, modified_microseconds, accessed, accessed_microseconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(record: &Record) -> Vec<u8> {
        let mut line = Vec::new();
        record.write(&mut line).unwrap();
        assert_eq!(line.pop(), Some(b'\n'));
        line
    }

    #[test]
    fn records_are_read_as_they_are_written() {
        for (text, record) in [
            (&b"C0644 12 a b"[..], Record::File { mode: 0o644, size: 12, name: b"a b".to_vec() }),
            (b"C4755 0  \xff ", Record::File { mode: 0o4755, size: 0, name: b" \xff ".to_vec() }),
            (b"D0700 0 d", Record::Directory { mode: 0o700, name: b"d".to_vec() }),
            (b"E", Record::End),
            (
                b"T1183828267 0 9999999999 999999",
                Record::Times(Times {
                    modified: 1_183_828_267,
                    modified_microseconds: 0,
                    accessed: 9_999_999_999,
                    accessed_microseconds: 999_999,
                }),
            ),
        ] {
            assert_eq!(Record::parse(text).as_ref(), Ok(&record));
            assert_eq!(line(&record), text);
        }
        let largest = Record::parse(b"C0644 9223372036854775807 a");
        assert!(matches!(largest, Ok(Record::File { size: 0x7fff_ffff_ffff_ffff, .. })));
        assert!(Record::parse(b"D0755 4096 d").is_ok());
    }

    // covers: Y04
    #[test]
    fn malformed_records_are_refused() {
        for text in [
            "",
            "X",
            "E ",
            "Efoo",
            "C",
            "C0644",
            "C0644 ",
            "C0644 1",
            "C0644  1 a",
            "C644 1 a",
            "C00644 1 a",
            "C0999 1 a",
            "C17777 1 a",
            "C-644 1 a",
            "C+644 1 a",
            " C0644 1 a",
            "C0644 -1 a",
            "C0644 +1 a",
            "C0644 0x1 a",
            "C0644 9223372036854775808 a",
            "C0644 18446744073709551616 a",
            "C0644 111111111111111111111111111111 a",
            "C0644 1a a",
            "D0755 x d",
            "T",
            "T1",
            "T1 0 1",
            "T1 0 1 0 ",
            "T1 0 1 0 1",
            "T11111111111 0 1 0",
            "T1 1000000 1 0",
            "T1 0 1 1000000",
            "T-1 0 1 0",
            "T1 0  1 0",
            "Tx 0 1 0",
        ] {
            assert!(Record::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    // covers: Y01
    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [&b""[..], b".", b"..", b"/x", b"a/b", b"../x", b"a/", b"a\0b"] {
            for kind in [&b"C0644 1 "[..], b"D0755 0 "] {
                let parsed = Record::parse(&[kind, name].concat());
                assert!(matches!(parsed, Err(ScpError::BadName(_))), "{name:?}");
            }
        }
    }

    // covers: Y03
    #[test]
    fn names_that_would_be_lines_are_not_sent() {
        let mut output = Vec::new();
        for name in [&b"a\nC0644 1 b"[..], b"\n", b"a\0", b"a/b", b"..", b"", &[b'a'; MAXIMUM_LINE]] {
            let file = Record::File { mode: 0o644, size: 1, name: name.to_vec() };
            let directory = Record::Directory { mode: 0o755, name: name.to_vec() };
            assert!(matches!(file.write(&mut output), Err(ScpError::UnsendableName(_))));
            assert!(matches!(directory.write(&mut output), Err(ScpError::UnsendableName(_))));
        }
        assert!(output.is_empty());
    }
}
