//! How a command line of scp(1) or sftp(1) is read: flags, one by one or many behind one dash, then operands.

use crate::transfer::flags::FlagError;
use std::ffi::OsString;

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation<A> {
    /// To do what a program does, so.
    Run(Box<A>),
    /// `-h`.
    Help,
}

/// Who knows what the letters mean.
pub trait Flags {
    /// The flags that take a value.
    const WITH_VALUE: &'static str;

    /// Takes a flag without a value.
    ///
    /// # Errors
    ///
    /// [`FlagError`] for one that is not known or not supported.
    fn flag(&mut self, flag: char) -> Result<(), FlagError>;

    /// Takes a flag with its value.
    ///
    /// # Errors
    ///
    /// [`FlagError`] for one that is not known or not supported, or whose value makes no sense.
    fn flag_with_value(&mut self, flag: char, value: OsString) -> Result<(), FlagError>;
}

/// Gives every flag to `flags` and returns the operands, or nothing where help is asked for. As with getopt(3), flags
/// end at `--` or at the first argument that is none.
///
/// # Errors
///
/// [`FlagError`] of the first flag that is wrong.
pub fn read<F: Flags>(
    flags: &mut F,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Option<Vec<OsString>>, FlagError> {
    let mut rest = arguments.into_iter();
    let mut operands = Vec::new();
    while let Some(argument) = rest.next() {
        match argument.to_str() {
            Some("--") => break,
            Some("-h" | "--help") => return Ok(None),
            Some(text) if text.len() > 1 && text.starts_with('-') => cluster(flags, &text[1..], &mut rest)?,
            _ => {
                operands.push(argument);
                break;
            }
        }
    }
    operands.extend(rest);
    Ok(Some(operands))
}

/// The flags behind one dash. The value of one is all that follows it, or the next argument.
fn cluster<F: Flags>(
    flags: &mut F,
    cluster: &str,
    rest: &mut impl Iterator<Item = OsString>,
) -> Result<(), FlagError> {
    let mut letters = cluster.chars();
    while let Some(flag) = letters.next() {
        if F::WITH_VALUE.contains(flag) {
            let value = match letters.as_str() {
                "" => rest.next().ok_or(FlagError::MissingValue(flag))?,
                attached => OsString::from(attached),
            };
            return flags.flag_with_value(flag, value);
        }
        flags.flag(flag)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(String);

    impl Flags for Seen {
        const WITH_VALUE: &'static str = "o";

        fn flag(&mut self, flag: char) -> Result<(), FlagError> {
            if flag == 'z' {
                return Err(FlagError::Unknown(flag));
            }
            self.0.push(flag);
            Ok(())
        }

        fn flag_with_value(&mut self, flag: char, value: OsString) -> Result<(), FlagError> {
            self.0.push_str(&format!("{flag}={},", value.to_string_lossy()));
            Ok(())
        }
    }

    #[test]
    fn flags_end_where_operands_begin() {
        for (line, seen, operands) in [
            ("-ab -c x -d", "abc", Some("x -d")),
            ("-ao=1 -o 2 -oo -", "ao==1,o=2,o=o,", Some("-")),
            ("-o -- -a -- -b --", "o=--,a", Some("-b --")),
            ("-a", "a", Some("")),
            ("-a -h -z", "a", None),
            ("--help", "", None),
            ("x -h", "", Some("x -h")),
        ] {
            let mut flags = Seen::default();
            let read = read(&mut flags, line.split(' ').map(OsString::from)).expect(line);
            let read = read.map(|words| words.join(" ".as_ref()).to_string_lossy().into_owned());
            assert_eq!((flags.0.as_str(), read.as_deref()), (seen, operands), "{line}");
        }
        let mut flags = Seen::default();
        let mut wrong = |line: &str| read(&mut flags, line.split(' ').map(OsString::from));
        assert_eq!(wrong("-a -bo"), Err(FlagError::MissingValue('o')));
        assert_eq!(wrong("-az"), Err(FlagError::Unknown('z')));
    }
}
