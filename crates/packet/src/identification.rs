//! Reading the peer's identification string and what a server may send before it (RFC 4253 §4.2).

use crate::config::Limits;
use crate::error::PacketError;
use crate::peer_text;
use crate::role::Role;
use konko_sansio::InputBuffer;
use konko_wire::identification::{Identification, IdentificationError, MAXIMUM_LEN};

/// How many bytes of lines before the identification string are kept for the application.
const MAXIMUM_KEPT: usize = 16 * 1024;

/// Reads lines until one begins with `SSH-`.
#[derive(Debug, Default)]
pub(crate) struct IdentificationReader {
    /// How many bytes of the input are known to hold no line end.
    searched: usize,
    lines: usize,
    bytes: usize,
    kept: Vec<String>,
    kept_bytes: usize,
}

impl IdentificationReader {
    /// The lines so far, escaped, 1 KiB at most of each and 16 KiB of all.
    pub(crate) fn lines_before(&self) -> &[String] {
        &self.kept
    }

    /// The peer's identification string, once it is there.
    pub(crate) fn read(
        &mut self,
        input: &mut InputBuffer,
        role: Role,
        limits: &Limits,
    ) -> Result<Option<Identification>, PacketError> {
        loop {
            let filled: &[u8] = input.filled();
            let unsearched = filled.get(self.searched..).unwrap_or_default();
            let end = unsearched.iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
            let line = &filled[..end.unwrap_or(filled.len())];
            self.check(line, end.is_some(), role, limits)?;
            let Some(end) = end else {
                self.searched = filled.len();
                return Ok(None);
            };
            // RFC 4253 §4.2 asks for CR LF; some servers and tools send LF alone.
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let identification = line
                .starts_with(b"SSH-")
                .then(|| Identification::parse(line, role == Role::Client))
                .transpose()
                .map_err(PacketError::Identification)?;
            if identification.is_none() {
                self.keep(line);
            }
            self.searched = 0;
            input.take(end + 1);
            if identification.is_some() {
                return Ok(identification);
            }
        }
    }

    /// Refuses a line as early as it can be known to be wrong. `line` is without its LF, `complete` if that is
    /// there.
    fn check(&mut self, line: &[u8], complete: bool, role: Role, limits: &Limits) -> Result<(), PacketError> {
        let begins = line.iter().zip(b"SSH-").all(|(byte, expected)| byte == expected);
        let is_identification = begins && (line.len() >= 4 || !complete);
        if is_identification {
            // The limit counts CR and LF.
            let len = line.len() + usize::from(complete);
            return if len > MAXIMUM_LEN || (!complete && len >= MAXIMUM_LEN) {
                Err(PacketError::Identification(IdentificationError::TooLong))
            } else {
                Ok(())
            };
        }
        // RFC 4253 §4.2: only "the server MAY send other lines of data before sending the version string".
        if role == Role::Server {
            return Err(PacketError::Identification(IdentificationError::Malformed));
        }
        if line.len() > limits.maximum_line_len_before_identification {
            return Err(PacketError::LimitExceeded("the length of a line before the identification string"));
        }
        if self.bytes + line.len() > limits.maximum_bytes_before_identification {
            return Err(PacketError::LimitExceeded("bytes before the identification string"));
        }
        if complete {
            self.lines += 1;
            self.bytes += line.len() + 1;
            if self.lines > limits.maximum_lines_before_identification {
                return Err(PacketError::LimitExceeded("lines before the identification string"));
            }
        }
        Ok(())
    }

    fn keep(&mut self, line: &[u8]) {
        let line = peer_text::escape(line);
        if self.kept_bytes + line.len() <= MAXIMUM_KEPT {
            self.kept_bytes += line.len();
            self.kept.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &[u8], role: Role, piece: usize) -> (Result<Option<Vec<u8>>, PacketError>, usize, usize) {
        let mut input = InputBuffer::default();
        let mut reader = IdentificationReader::default();
        for bytes in stream.chunks(piece) {
            let mut rest = bytes;
            while !rest.is_empty() {
                let spare = input.spare();
                let n = rest.len().min(spare.len());
                spare[..n].copy_from_slice(&rest[..n]);
                input.commit(n);
                rest = &rest[n..];
            }
            match reader.read(&mut input, role, &Limits::default()) {
                Ok(None) => {}
                result => {
                    let result = result.map(|found| found.map(|id| id.as_bytes().to_vec()));
                    return (result, reader.lines_before().len(), input.len());
                }
            }
        }
        (Ok(None), reader.lines_before().len(), input.len())
    }

    fn refused(error: IdentificationError) -> Result<Option<Vec<u8>>, PacketError> {
        Err(PacketError::Identification(error))
    }

    /// covers: T01
    #[test]
    fn a_server_takes_no_line_before() {
        for piece in [1, 7, 100_000] {
            let good = Ok(Some(b"SSH-2.0-x".to_vec()));
            assert_eq!(read(b"SSH-2.0-x\r\nrest", Role::Server, piece).0, good);
            assert_eq!(read(b"SSH-2.0-x\n", Role::Server, piece).0, good);
            for stream in
                [&b"hello\r\nSSH-2.0-x\r\n"[..], b"\r\n", b"\n", b"GET / HTTP/1.1\r\n", b"SSH\n", b"\0"]
            {
                let result = read(stream, Role::Server, piece).0;
                assert_eq!(result, refused(IdentificationError::Malformed), "{stream:?}");
            }
            let nul = read(b"SSH-2.0-a\0b\r\n", Role::Server, piece).0;
            assert_eq!(nul, refused(IdentificationError::InvalidCharacter));
        }
    }

    /// covers: T01, T02
    #[test]
    fn an_identification_string_has_255_bytes_at_most() {
        for piece in [1, 100_000] {
            for role in [Role::Client, Role::Server] {
                let mut line = b"SSH-2.0-".to_vec();
                line.resize(253, b'x');
                assert!(matches!(read(&[&line[..], b"\r\n"].concat(), role, piece).0, Ok(Some(_))));
                line.push(b'x');
                let too_long = refused(IdentificationError::TooLong);
                assert_eq!(read(&[&line[..], b"\r\n"].concat(), role, piece).0, too_long);
                line.resize(64 * 1024, b'x');
                let (result, _, buffered) = read(&line, role, piece);
                assert_eq!(result, too_long);
                assert!(piece > 1 || buffered <= 255);
                line.fill(b'\r');
                line[..4].copy_from_slice(b"SSH-");
                assert_eq!(read(&line, role, piece).0, too_long);
            }
        }
    }

    /// covers: I01, I04, T02
    #[test]
    fn a_client_takes_lines_before_within_limits() {
        for piece in [1, 4096, 100_000] {
            let mut stream = b"notice\r\n".repeat(1024);
            stream.extend_from_slice(b"SSH-1.99-old\n");
            let (result, lines, _) = read(&stream, Role::Client, piece);
            assert_eq!(result, Ok(Some(b"SSH-1.99-old".to_vec())));
            assert_eq!(lines, 1024);
            stream.splice(0..0, *b"one more\n");
            let many = PacketError::LimitExceeded("lines before the identification string");
            assert_eq!(read(&stream, Role::Client, piece).0, Err(many));
            let long = |len: usize| [&vec![b'x'; len][..], b"\nSSH-2.0-x\r\n"].concat();
            assert!(matches!(read(&long(8192), Role::Client, piece).0, Ok(Some(_))));
            let too_long =
                PacketError::LimitExceeded("the length of a line before the identification string");
            assert_eq!(read(&long(8193), Role::Client, piece).0, Err(too_long));
            let all = PacketError::LimitExceeded("bytes before the identification string");
            assert_eq!(
                read(
                    &[b'x'; 999]
                        .chunks(1)
                        .flat_map(|_| [b'x'; 999].into_iter().chain([b'\n']))
                        .collect::<Vec<u8>>(),
                    Role::Client,
                    piece
                )
                .0,
                Err(all)
            );
        }
    }
}
