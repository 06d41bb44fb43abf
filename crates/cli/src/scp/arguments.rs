//! The command line of `konko scp`.

use crate::transfer::command_line::{self, Flags, Invocation};
use crate::transfer::flags::{self, FlagError, Size, SshFlags, limit, number};
use crate::transfer::location::Location;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScpArguments {
    /// What is copied.
    pub sources: Vec<Location>,
    /// Where to.
    pub target: Option<Location>,
    /// How to connect.
    pub ssh: SshFlags,
    /// `-O`: the protocol of scp, in place of SFTP.
    pub legacy: bool,
    /// `-p`: modes and times are preserved.
    pub preserve: bool,
    /// `-r`: directories with all that is in them.
    pub recursive: bool,
    /// `-R`: between two other computers, the first one connects to the second. Without it all goes through this
    /// one, which is what `-3` asks for, too.
    pub remote_to_remote: bool,
    /// `-T`: names that a server sends are not compared with what was asked for.
    pub trusts_names: bool,
    /// `-l`: the most bytes a second.
    pub limit: Option<u64>,
    /// `-D`: a program that speaks SFTP on its standard streams, in place of a connection.
    pub program: Option<OsString>,
    /// `-X buffer=`: the most bytes of one request.
    pub buffer: Option<u32>,
    /// `-X nrequests=`: the most requests at once.
    pub requests: Option<u32>,
}

impl ScpArguments {
    /// Reads a command line, without the program's name.
    ///
    /// # Errors
    ///
    /// [`FlagError`] says what is wrong with it.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation<Self>, FlagError> {
        let mut parsed = Self::default();
        let Some(operands) = command_line::read(&mut parsed, arguments)? else { return Ok(Invocation::Help) };
        for operand in operands {
            let bytes = operand.into_vec();
            let location = Location::parse(&bytes, "scp").map_err(|_| {
                let shown = String::from_utf8_lossy(&bytes).into_owned();
                FlagError::InvalidValue('h', shown, "a file: path, [user@]host:path or scp://...")
            })?;
            parsed.sources.push(location);
        }
        parsed.target = parsed.sources.pop();
        if parsed.sources.is_empty() {
            return Err(FlagError::Usage(
                "a source and a target are needed: konko scp [options] source ... target",
            ));
        }
        Ok(Invocation::Run(Box::new(parsed)))
    }
}

impl Flags for ScpArguments {
    const WITH_VALUE: &'static str = "cDFiJloPSX";

    fn flag(&mut self, flag: char) -> Result<(), FlagError> {
        match flag {
            '3' => self.remote_to_remote = false,
            'B' => self.ssh.option("BatchMode=yes"),
            'O' => self.legacy = true,
            's' => self.legacy = false,
            'p' => self.preserve = true,
            'r' => self.recursive = true,
            'R' => self.remote_to_remote = true,
            'T' => self.trusts_names = true,
            'd' | 'f' | 't' => {
                return Err(FlagError::Unsupported(flag, "this is not the half that a server runs"));
            }
            flag => return self.ssh.take(flag),
        }
        Ok(())
    }

    fn flag_with_value(&mut self, flag: char, value: OsString) -> Result<(), FlagError> {
        match flag {
            'D' => self.program = Some(value),
            'l' => self.limit = Some(limit(flag, &value)?),
            'X' => {
                let (size, digits) = flags::size(&value)?;
                let number = number(flag, &digits, "a number")?;
                if number == 0 {
                    let value = value.to_string_lossy().into_owned();
                    return Err(FlagError::InvalidValue(flag, value, "a number above 0"));
                }
                match size {
                    Size::Requests => self.requests = Some(number),
                    Size::Buffer => self.buffer = Some(number),
                }
            }
            flag => return self.ssh.take_with_value(flag, &value),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::location::Remote;

    fn parse(line: &str) -> Result<ScpArguments, FlagError> {
        match ScpArguments::parse(line.split(' ').map(OsString::from))? {
            Invocation::Run(arguments) => Ok(*arguments),
            Invocation::Help => panic!("help"),
        }
    }

    #[test]
    fn sources_and_a_target() {
        let parsed = parse("-rpO -l 8 -P 22 a me@host:b scp://x:1/c d").unwrap();
        assert!(parsed.recursive && parsed.preserve && parsed.legacy && !parsed.remote_to_remote);
        assert_eq!(parsed.limit, Some(1024));
        assert_eq!(parsed.sources.len(), 3);
        assert_eq!(parsed.target, Some(Location::Local(b"d".to_vec())));
        let remote = Remote { destination: "me@host".to_owned(), port: None, path: b"b".to_vec() };
        assert_eq!(parsed.sources[1], Location::Remote(remote));
        assert!(!parse("-Os a b").unwrap().legacy);
        assert!(parse("-R a:b c:d").unwrap().remote_to_remote);
        assert_eq!(parse("-- -a -b").unwrap().sources, [Location::Local(b"-a".to_vec())]);
        assert_eq!(parse("-X nrequests=4 -X buffer=9 a b").unwrap().requests, Some(4));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for line in [
            "a",
            "-r a",
            "-z a b",
            "-S ssh a b",
            "-t a",
            "-1 a b",
            "-l 0 a b",
            "-X z=1 a b",
            "-P",
            "scp://h:0/x b",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
