//! The command line of `konko keygen`, in the letters of ssh-keygen(1).

use crate::keygen::error::KeygenError;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Letters that stand alone.
const FLAGS: &str = "ABHKLQUXceghiklopquvy";
/// Letters with a value.
const VALUES: &str = "CDEFIJMNOPRSTVWYZabfjmnrstwz";
/// Letters that ssh-keygen knows and this program does not act on, with the reason.
const UNSUPPORTED: [(char, &str); 5] = [
    ('D', "keys in PKCS#11 tokens"),
    ('K', "resident keys of an authenticator"),
    ('w', "a library for authenticators"),
    ('M', "making moduli"),
    ('X', "a letter that ssh-keygen has dropped"),
];

/// The command line, taken apart.
#[derive(Debug, Default)]
pub struct Arguments {
    flags: String,
    values: BTreeMap<char, Vec<OsString>>,
    /// What follows the options.
    pub operands: Vec<OsString>,
}

impl Arguments {
    /// Takes a command line apart. Options may stand behind other words; `--` ends them.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Usage`] for a letter that is not known or lacks its value, [`KeygenError::Unsupported`].
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, KeygenError> {
        let mut arguments = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let bytes = word.as_bytes();
            if bytes == b"--" {
                arguments.operands.extend(words);
                break;
            }
            match bytes.strip_prefix(b"-") {
                None | Some(b"") => arguments.operands.push(word),
                Some(letters) => arguments.read_letters(letters, &mut words)?,
            }
        }
        Ok(arguments)
    }

    fn read_letters(
        &mut self,
        letters: &[u8],
        words: &mut impl Iterator<Item = OsString>,
    ) -> Result<(), KeygenError> {
        for (at, letter) in letters.iter().map(|byte| char::from(*byte)).enumerate() {
            if let Some((_, what)) = UNSUPPORTED.iter().find(|(known, _)| *known == letter) {
                return Err(KeygenError::Unsupported(format!("-{letter}: {what}")));
            }
            if FLAGS.contains(letter) {
                self.flags.push(letter);
                continue;
            }
            if !VALUES.contains(letter) {
                return Err(KeygenError::Usage(format!("unknown option -{letter}")));
            }
            let rest = letters.get(at + 1..).unwrap_or_default();
            let value = if rest.is_empty() {
                words.next().ok_or_else(|| KeygenError::Usage(format!("option -{letter} needs a value")))?
            } else {
                OsString::from_vec(rest.to_vec())
            };
            self.values.entry(letter).or_default().push(value);
            return Ok(());
        }
        Ok(())
    }

    /// Whether a letter stands there.
    pub fn has(&self, letter: char) -> bool {
        self.flags.contains(letter) || self.values.contains_key(&letter)
    }

    /// The value of a letter, the last one if there are several.
    pub fn value(&self, letter: char) -> Option<&OsStr> {
        self.values.get(&letter)?.last().map(OsString::as_os_str)
    }

    /// All values of a letter.
    pub fn all(&self, letter: char) -> impl Iterator<Item = &OsStr> {
        self.values.get(&letter).into_iter().flatten().map(OsString::as_os_str)
    }

    /// The value of a letter as text.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Usage`] if it is not UTF-8.
    pub fn text(&self, letter: char) -> Result<Option<&str>, KeygenError> {
        let not_text = || KeygenError::Usage(format!("the value of -{letter} is not UTF-8"));
        self.value(letter).map(|value| value.to_str().ok_or_else(not_text)).transpose()
    }

    /// The value of a letter as a number in a range.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Usage`] for anything else.
    pub fn number(
        &self,
        letter: char,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<u32>, KeygenError> {
        let Some(text) = self.text(letter)? else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let wrong = || {
            let (first, last) = (range.start(), range.end());
            KeygenError::Usage(format!("-{letter} {text}: not a number from {first} to {last}"))
        };
        number.map(Some).ok_or_else(wrong)
    }

    /// The value of `-f`.
    pub fn file(&self) -> Option<PathBuf> {
        self.value('f').map(PathBuf::from)
    }

    /// Refuses every letter that the action does not look at, so that nothing is silently ignored.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Usage`].
    pub fn only(&self, letters: &str) -> Result<(), KeygenError> {
        // How much is said never changes what is done; `-o` is the format that is written anyway.
        let always = "qvo";
        let all = self.flags.chars().chain(self.values.keys().copied());
        let mut strange = all.filter(|letter| !letters.contains(*letter) && !always.contains(*letter));
        match strange.next() {
            Some(letter) => Err(KeygenError::Usage(format!("-{letter} has no meaning here"))),
            None => Ok(()),
        }
    }

    /// Refuses operands where the action takes none.
    ///
    /// # Errors
    ///
    /// [`KeygenError::Usage`].
    pub fn no_operands(&self) -> Result<(), KeygenError> {
        match self.operands.first() {
            Some(operand) => Err(KeygenError::Usage(format!("too many arguments: {}", operand.display()))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(words.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn letters_stand_together_and_values_behind_them() {
        let arguments =
            parse(&["-lvf", "file", "-Esha256", "operand", "-v", "--", "-x"]).expect("understood");
        assert!(arguments.has('l') && arguments.has('f') && !arguments.has('y'));
        assert_eq!(arguments.file(), Some(PathBuf::from("file")));
        assert_eq!(arguments.text('E').expect("text"), Some("sha256"));
        assert_eq!(arguments.operands, ["operand", "-x"]);
        let several = parse(&["-O", "clear", "-O", "no-pty"]).expect("understood");
        assert_eq!(several.all('O').collect::<Vec<_>>(), ["clear", "no-pty"]);
        assert_eq!(several.text('O').expect("text"), Some("no-pty"));
        assert_eq!(parse(&["-"]).expect("understood").operands, ["-"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(parse(&["-f"]).is_err_and(|error| error.contains("-f needs a value")));
        assert!(parse(&["-G", "x"]).is_err_and(|error| error.contains("unknown option -G")));
        assert!(parse(&["-D", "x"]).is_err_and(|error| error.contains("PKCS#11")));
        let arguments = parse(&["-l", "-b", "17"]).expect("understood");
        assert!(arguments.only("l").is_err());
        assert!(arguments.only("lb").is_ok());
        assert!(arguments.number('b', 18..=20).is_err());
        assert_eq!(arguments.number('b', 1..=20).expect("a number"), Some(17));
    }
}
