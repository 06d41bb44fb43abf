//! The command that a client starts the other half with.

use crate::words::{Word, WordsError, quote, quote_pattern, split};

/// What the other half does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `-f`: it is the source.
    Source,
    /// `-t`: it is the sink.
    Sink,
}

/// `scp -f` or `scp -t`, with its flags and paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScpCommand {
    /// `-f` or `-t`.
    pub direction: Direction,
    /// `-r`: directories are sent with all that is in them.
    pub recursive: bool,
    /// `-p`: modes and times are sent and kept.
    pub preserve: bool,
    /// `-d`: the target is a directory.
    pub directory: bool,
    /// `-v`: it says on its standard error what it does.
    pub verbose: bool,
    /// The paths: one target, or one or more sources.
    pub paths: Vec<Vec<u8>>,
}

/// Why a command is none that a server without a shell can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandLineError {
    /// It needs a shell.
    #[error("the command cannot be read: {0}")]
    Words(#[from] WordsError),
    /// A flag is unknown.
    #[error("scp: unknown option -{}", char::from(*.0).escape_default())]
    UnknownFlag(u8),
    /// Neither or both of `-f` and `-t` are given.
    #[error("scp: one of -f and -t is needed")]
    NoDirection,
    /// A path is missing, or there is more than one target.
    #[error("scp: one path is needed")]
    Paths,
    /// A path has a pattern or a home directory that only a shell could replace.
    #[error("scp: only a shell could expand the path")]
    Expansion,
}

impl ScpCommand {
    /// A command with one path and no flags.
    pub fn new(direction: Direction, path: impl Into<Vec<u8>>) -> Self {
        Self {
            direction,
            recursive: false,
            preserve: false,
            directory: false,
            verbose: false,
            paths: vec![path.into()],
        }
    }

    fn flags(&self) -> Vec<u8> {
        let mut line = b"scp".to_vec();
        for (flag, is_set) in
            [(" -v", self.verbose), (" -r", self.recursive), (" -p", self.preserve), (" -d", self.directory)]
        {
            if is_set {
                line.extend_from_slice(flag.as_bytes());
            }
        }
        line.extend_from_slice(match self.direction {
            Direction::Source => b" -f",
            Direction::Sink => b" -t",
        });
        // Only where it is needed: what has no shell may not know it either.
        if self.paths.iter().any(|path| path.first() == Some(&b'-')) {
            line.extend_from_slice(b" --");
        }
        line
    }

    /// The command line. Each path is exactly one argument, whatever is in it; only a `~` or `~name` at its front
    /// is left to the shell. No path is the home directory.
    pub fn to_command(&self) -> Vec<u8> {
        self.with_paths(quote)
    }

    /// As [`to_command`](Self::to_command), but the other side's shell replaces patterns (`*`, `?`, `[...]`) in
    /// paths by names. Nothing else is left to it.
    pub fn to_pattern_command(&self) -> Vec<u8> {
        self.with_paths(quote_pattern)
    }

    fn with_paths(&self, quote: fn(&[u8], &mut Vec<u8>)) -> Vec<u8> {
        let mut line = self.flags();
        for path in &self.paths {
            line.push(b' ');
            let home = home_prefix(path);
            line.extend_from_slice(&path[..home]);
            match &path[home..] {
                [] if home > 0 => {}
                [] => line.push(b'.'),
                rest => quote(rest, &mut line),
            }
        }
        line
    }

    /// Reads a command line, if it is one of scp: `Ok(None)` for another program's.
    ///
    /// # Errors
    ///
    /// [`CommandLineError`] if it is, but cannot be run without a shell, or has an unknown flag. A `~` or `~/` at
    /// the front of a path is the directory in which the command starts, which is the home directory.
    pub fn parse(command: &[u8]) -> Result<Option<Self>, CommandLineError> {
        let is_scp = {
            let trimmed = command.trim_ascii_start();
            let end = trimmed.iter().position(u8::is_ascii_whitespace).unwrap_or(trimmed.len());
            trimmed[..end] == *b"scp" || trimmed[..end].ends_with(b"/scp")
        };
        if !is_scp {
            return Ok(None);
        }
        let words = split(command)?;
        let mut parsed = Self { paths: Vec::new(), ..Self::new(Direction::Sink, Vec::new()) };
        let mut directions = (false, false);
        let mut flags_ended = false;
        for word in words.into_iter().skip(1) {
            match word.bytes.as_slice() {
                b"--" if !flags_ended => flags_ended = true,
                [b'-', flags @ ..] if !flags_ended && !flags.is_empty() => {
                    for flag in flags {
                        match flag {
                            b'f' => directions.0 = true,
                            b't' => directions.1 = true,
                            b'r' => parsed.recursive = true,
                            b'p' => parsed.preserve = true,
                            b'd' => parsed.directory = true,
                            b'v' => parsed.verbose = true,
                            // It says nothing in any case.
                            b'q' => {}
                            flag => return Err(CommandLineError::UnknownFlag(*flag)),
                        }
                    }
                }
                _ => {
                    flags_ended = true;
                    parsed.paths.push(expand(word)?);
                }
            }
        }
        parsed.direction = match directions {
            (true, false) => Direction::Source,
            (false, true) => Direction::Sink,
            _ => return Err(CommandLineError::NoDirection),
        };
        match (parsed.direction, parsed.paths.len()) {
            (Direction::Source, 1..) | (Direction::Sink, 1) => Ok(Some(parsed)),
            _ => Err(CommandLineError::Paths),
        }
    }
}

/// The length of a `~` or `~name` at the front of a path, up to the first `/`.
fn home_prefix(path: &[u8]) -> usize {
    if path.first() != Some(&b'~') {
        return 0;
    }
    let end = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if path[1..end].iter().all(is_name) { end } else { 0 }
}

fn expand(word: Word) -> Result<Vec<u8>, CommandLineError> {
    if word.has_pattern {
        return Err(CommandLineError::Expansion);
    }
    if !word.has_tilde {
        return Ok(word.bytes);
    }
    match word.bytes.as_slice() {
        b"~" | b"~/" => Ok(b".".to_vec()),
        [b'~', b'/', rest @ ..] => {
            let start = rest.iter().position(|byte| *byte != b'/').unwrap_or(rest.len());
            Ok(if rest[start..].is_empty() { b".".to_vec() } else { rest[start..].to_vec() })
        }
        _ => Err(CommandLineError::Expansion),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(command: &ScpCommand) -> String {
        String::from_utf8(command.to_command()).unwrap()
    }

    // covers: Y02
    #[test]
    fn a_path_is_one_argument() {
        for (path, line) in [
            ("plain/path.txt", "scp -t plain/path.txt"),
            ("a b", "scp -t 'a b'"),
            ("-rf", "scp -t -- -rf"),
            ("", "scp -t ."),
            ("$(id)`id`;\n", "scp -t '$(id)`id`;\n'"),
            ("it's", "scp -t 'it'\\''s'"),
            ("~/a b", "scp -t ~'/a b'"),
            ("~", "scp -t ~"),
            ("~joe/x", "scp -t ~joe/x"),
            ("~$(id)/x", "scp -t '~$(id)/x'"),
            ("a*", "scp -t 'a*'"),
        ] {
            assert_eq!(text(&ScpCommand::new(Direction::Sink, path)), line);
        }
        let all = ScpCommand {
            recursive: true,
            preserve: true,
            directory: true,
            verbose: true,
            ..ScpCommand::new(Direction::Source, "x")
        };
        assert_eq!(text(&all), "scp -v -r -p -d -f x");
        let pattern = ScpCommand::new(Direction::Source, "~/a b/*.[ch];");
        assert_eq!(pattern.to_pattern_command(), b"scp -f ~/a\\ b/*.[ch]\\;");
    }

    #[test]
    fn what_is_written_is_read() {
        for path in ["plain", "a b", "-rf", "--", "$(id)`id`;\n", "it's", "a*", "\u{e4}"] {
            let command = ScpCommand { recursive: true, ..ScpCommand::new(Direction::Source, path) };
            assert_eq!(ScpCommand::parse(&command.to_command()), Ok(Some(command)));
        }
        let read = |line: &str| ScpCommand::parse(line.as_bytes());
        assert_eq!(read("scpx -t a"), Ok(None));
        assert_eq!(read("cat $(id)"), Ok(None));
        assert_eq!(read(""), Ok(None));
        let plain = ScpCommand::new(Direction::Sink, "a");
        assert_eq!(read("/usr/bin/scp -t a"), Ok(Some(plain.clone())));
        assert_eq!(read("scp -qt -- a"), Ok(Some(plain.clone())));
        let both = ScpCommand { recursive: true, preserve: true, ..plain };
        assert_eq!(read("scp -prt a"), Ok(Some(both)));
        assert_eq!(read("scp -f a 'b c'").unwrap().unwrap().paths, [&b"a"[..], b"b c"]);
        assert_eq!(read("scp -t ~/a").unwrap().unwrap().paths, [b"a"]);
        assert_eq!(read("scp -t ~").unwrap().unwrap().paths, [b"."]);
        assert_eq!(read("scp -t '~'").unwrap().unwrap().paths, [b"~"]);
        assert_eq!(read("scp -t ''").unwrap().unwrap().paths, [b""]);
    }

    // covers: Y02
    #[test]
    fn what_cannot_be_run_is_refused() {
        let read = |line: &str| ScpCommand::parse(line.as_bytes()).unwrap_err();
        assert_eq!(read("scp -t a; id"), CommandLineError::Words(WordsError::Syntax(b';')));
        assert_eq!(read("scp -x a"), CommandLineError::UnknownFlag(b'x'));
        assert_eq!(read("scp a"), CommandLineError::NoDirection);
        assert_eq!(read("scp -tf a"), CommandLineError::NoDirection);
        assert_eq!(read("scp -t"), CommandLineError::Paths);
        assert_eq!(read("scp -t a b"), CommandLineError::Paths);
        assert_eq!(read("scp -f *.c"), CommandLineError::Expansion);
        assert_eq!(read("scp -f ~joe/x"), CommandLineError::Expansion);
    }
}
