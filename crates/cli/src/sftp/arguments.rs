//! The command line of `konko sftp`.

use crate::sftp::command::TransferFlags;
use crate::transfer::command_line::{self, Flags, Invocation};
use crate::transfer::flags::{self, FlagError, Size, SshFlags, limit, number};
use crate::transfer::location::{Location, Remote};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Requests of less make no sense, and of more no server takes.
const LARGEST_BUFFER: u32 = 255 * 1024;

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SftpArguments {
    /// Where to connect to; `None` with [`program`](Self::program).
    pub remote: Option<Remote>,
    /// Where a single file is to be put here.
    pub local: Option<PathBuf>,
    /// How to connect.
    pub ssh: SshFlags,
    /// `-b`: the file with commands; `-` is standard input.
    pub batch: Option<PathBuf>,
    /// `-D`: a program that speaks SFTP on its standard streams, in place of a connection.
    pub program: Option<OsString>,
    /// `-s`: the subsystem, or the path of the server's program.
    pub subsystem: Option<String>,
    /// `-a`, `-f`, `-p`, `-r`: for all transfers.
    pub transfer: TransferFlags,
    /// `-l`: the most bytes a second.
    pub limit: Option<u64>,
    /// `-B`: the most bytes of one request.
    pub buffer: Option<u32>,
    /// `-R`: the most requests at once.
    pub requests: Option<u32>,
    /// `-N`: commands of a batch are shown in spite of `-q`.
    pub shows_commands: bool,
}

impl SftpArguments {
    /// Reads a command line, without the program's name.
    ///
    /// # Errors
    ///
    /// [`FlagError`] says what is wrong with it.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation<Self>, FlagError> {
        let mut parsed = Self::default();
        let Some(operands) = command_line::read(&mut parsed, arguments)? else { return Ok(Invocation::Help) };
        parsed.operands(operands)?;
        Ok(Invocation::Run(Box::new(parsed)))
    }

    fn operands(&mut self, operands: Vec<OsString>) -> Result<(), FlagError> {
        let mut operands = operands.into_iter();
        let destination = operands.next();
        self.local = operands.next().map(PathBuf::from);
        if operands.next().is_some() {
            return Err(FlagError::Usage("one destination and one local path are enough"));
        }
        match (destination, &self.program) {
            (None, Some(_)) => Ok(()),
            (None, None) => Err(FlagError::Usage("no destination: usage: konko sftp [options] destination")),
            (Some(_), Some(_)) => Err(FlagError::Usage("with -D there is no destination")),
            (Some(destination), None) => {
                let bytes = destination.into_vec();
                let shown = String::from_utf8_lossy(&bytes).into_owned();
                let parsed = Location::parse(&bytes, "sftp");
                let invalid = |expected| FlagError::InvalidValue('h', shown.clone(), expected);
                let remote = match parsed {
                    Ok(Location::Remote(remote)) => remote,
                    Ok(Location::Local(host)) => {
                        let destination = String::from_utf8(host).map_err(|_| invalid("a host"))?;
                        Remote { destination, port: None, path: Vec::new() }
                    }
                    Err(_) => return Err(invalid("a destination: [user@]host[:path] or sftp://...")),
                };
                if self.local.is_some() && remote.path.is_empty() {
                    return Err(FlagError::Usage("a local path needs a remote one: host:path local"));
                }
                self.remote = Some(remote);
                Ok(())
            }
        }
    }
}

impl Flags for SftpArguments {
    const WITH_VALUE: &'static str = "BbcDFiJloPRSsX";

    fn flag(&mut self, flag: char) -> Result<(), FlagError> {
        match flag {
            'a' => self.transfer.resume = true,
            'f' => self.transfer.sync = true,
            'p' => self.transfer.preserve = true,
            'r' => self.transfer.recursive = true,
            'N' => self.shows_commands = true,
            flag => return self.ssh.take(flag),
        }
        Ok(())
    }

    fn flag_with_value(&mut self, flag: char, value: OsString) -> Result<(), FlagError> {
        match flag {
            'b' => {
                self.batch = Some(PathBuf::from(value));
                // There is nobody to ask.
                self.ssh.option("BatchMode=yes");
            }
            'B' => {
                let buffer = number(flag, &value, "a number of bytes")?;
                if !(1..=LARGEST_BUFFER).contains(&buffer) {
                    let value = value.to_string_lossy().into_owned();
                    return Err(FlagError::InvalidValue(flag, value, "between 1 and 261120 bytes"));
                }
                self.buffer = Some(buffer);
            }
            'R' => {
                let requests = number(flag, &value, "a number of requests")?;
                if requests == 0 {
                    return Err(FlagError::InvalidValue(
                        flag,
                        "0".to_owned(),
                        "a number of requests above 0",
                    ));
                }
                self.requests = Some(requests);
            }
            'D' => self.program = Some(value),
            'l' => self.limit = Some(limit(flag, &value)?),
            's' => {
                let name = value.to_str().map(str::to_owned);
                let invalid =
                    || FlagError::InvalidValue(flag, value.to_string_lossy().into_owned(), "a name");
                self.subsystem = Some(name.filter(|name| !name.is_empty()).ok_or_else(invalid)?);
            }
            'X' => {
                let (size, number) = flags::size(&value)?;
                let same = match size {
                    Size::Requests => 'R',
                    Size::Buffer => 'B',
                };
                return self.flag_with_value(same, number);
            }
            flag => return self.ssh.take_with_value(flag, &value),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<SftpArguments, FlagError> {
        match SftpArguments::parse(line.split(' ').map(OsString::from))? {
            Invocation::Run(arguments) => Ok(*arguments),
            Invocation::Help => panic!("help"),
        }
    }

    fn words(arguments: &SftpArguments) -> String {
        let words = arguments.ssh.arguments(arguments.remote.as_ref().unwrap());
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn flags_of_the_connection_become_those_of_ssh() {
        let parsed = parse("-qCv -P2222 -i key -o User=me -F none -J jump -c aes128-ctr host:dir").unwrap();
        assert_eq!(
            words(&parsed),
            "-q -C -v -p 2222 -i key -o User=me -F none -J jump -c aes128-ctr -- host"
        );
        assert_eq!(parsed.remote.unwrap().path, b"dir");
        let parsed = parse("sftp://me@host:2222/dir/file local").unwrap();
        assert_eq!(words(&parsed), "-p 2222 -- me@host");
        assert_eq!(parsed.local, Some(PathBuf::from("local")));
        assert_eq!(words(&parse("-b - host").unwrap()), "-o BatchMode=yes -- host");
    }

    #[test]
    fn the_other_flags_are_kept() {
        let parsed = parse("-afprN -l 800 -B 1024 -R 7 -s /usr/lib/sftp-server host").unwrap();
        let all = TransferFlags { resume: true, sync: true, preserve: true, recursive: true };
        assert_eq!((parsed.transfer, parsed.limit), (all, Some(102_400)));
        assert_eq!((parsed.buffer, parsed.requests), (Some(1024), Some(7)));
        assert_eq!(parsed.subsystem.as_deref(), Some("/usr/lib/sftp-server"));
        let parsed = parse("-X buffer=10 -X nrequests=3 -D ./server").unwrap();
        assert_eq!((parsed.buffer, parsed.requests, parsed.remote), (Some(10), Some(3), None));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for line in [
            "-1 host",
            "-z host",
            "-b",
            "-B 0 host",
            "-B 1000000 host",
            "-R 0 host",
            "-l x host",
            "-l 0 host",
            "-S ssh host",
            "-X y=1 host",
            "-D x host",
            "host a b",
            "host local",
            "-q",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
