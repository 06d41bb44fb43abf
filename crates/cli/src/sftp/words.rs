//! The words of a line of sftp(1), with its quotes and patterns.

use konko::pattern::glob::{is_special, unescaped};

/// One word. A pattern is kept as one: what was quoted or escaped in it has a backslash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    pattern: Vec<u8>,
}

/// The characters that mean something in a pattern.
const SPECIAL: &[u8] = b"*?[\\";

impl Word {
    /// One that means itself.
    pub fn literal(bytes: &[u8]) -> Self {
        let mut word = Self::default();
        for byte in bytes {
            word.push(*byte, true);
        }
        word
    }

    fn push(&mut self, byte: u8, is_quoted: bool) {
        if is_quoted && SPECIAL.contains(&byte) {
            self.pattern.push(b'\\');
        }
        self.pattern.push(byte);
    }

    /// The pattern, in which a backslash takes the meaning from what follows.
    pub fn pattern(&self) -> &[u8] {
        &self.pattern
    }

    /// What it says where it is no pattern.
    pub fn plain(&self) -> Vec<u8> {
        unescaped(&self.pattern)
    }

    /// Whether names must be looked up for it.
    pub fn is_pattern(&self) -> bool {
        is_special(&self.pattern)
    }
}

/// A quote that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quote is not closed")]
pub struct Unterminated;

/// Splits a line at blanks. Within quotes a backslash stands only before that quote or a backslash; outside, before
/// anything. `#` at the beginning of a word begins a comment.
///
/// # Errors
///
/// [`Unterminated`] if a quote is open at the end.
pub fn split(line: &[u8]) -> Result<Vec<Word>, Unterminated> {
    let reading = read(line);
    if reading.open.is_some() { Err(Unterminated) } else { Ok(reading.words) }
}

/// A line that may not be complete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// Its words.
    pub words: Vec<Word>,
    /// The quote that is open at its end.
    pub open: Option<u8>,
    /// Where the last word begins, if the line ends within one.
    pub last: Option<usize>,
}

/// The words as far as they go.
pub fn read(line: &[u8]) -> Reading {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let (mut open, mut last) = (None, None);
    let mut index = 0;
    while let Some(byte) = line.get(index).copied() {
        let next = line.get(index + 1).copied();
        let is_blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        if open.is_none() && is_blank {
            words.extend(word.take());
            last = None;
            index += 1;
            continue;
        }
        if open.is_none() && word.is_none() {
            if byte == b'#' {
                break;
            }
            last = Some(index);
        }
        let word = word.get_or_insert_default();
        match (open, byte) {
            (Some(quote), byte) if byte == quote => open = None,
            (Some(quote), b'\\') if next == Some(quote) || next == Some(b'\\') => {
                word.push(next.unwrap_or(byte), true);
                index += 1;
            }
            (Some(_), byte) => word.push(byte, true),
            (None, b'\'' | b'"') => open = Some(byte),
            (None, b'\\') => {
                word.push(next.unwrap_or(byte), true);
                index += 1;
            }
            (None, byte) => word.push(byte, false),
        }
        index += 1;
    }
    words.extend(word);
    Reading { words, open, last }
}

/// Writes a name so that a line with it is read as it is. Within an open quote only what that quote needs.
pub fn quoted(name: &str, open: Option<char>) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        let needs = match open {
            Some(open) => character == open || character == '\\',
            None => character.is_whitespace() || "'\"\\#*?[".contains(character),
        };
        if needs {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> Vec<String> {
        let words = split(line.as_bytes()).unwrap();
        words.iter().map(|word| String::from_utf8(word.plain()).unwrap()).collect()
    }

    #[test]
    fn a_line_is_split_as_sftp_splits_it() {
        assert_eq!(plain("get  a b\tc"), ["get", "a", "b", "c"]);
        assert_eq!(plain("get 'a b' \"c d\" e\\ f"), ["get", "a b", "c d", "e f"]);
        assert_eq!(
            plain("get 'it\\'s' \"a\\\"b\" 'a\\nb' 'x\\\\y'"),
            ["get", "it's", "a\"b", "a\\nb", "x\\y"]
        );
        assert_eq!(plain("get a'b'\"c\"d ''"), ["get", "abcd", ""]);
        assert_eq!(plain("ls # comment"), ["ls"]);
        assert_eq!(plain("ls a#b"), ["ls", "a#b"]);
        assert_eq!(plain("  "), Vec::<String>::new());
        for line in ["get 'a", "get \"a", "get 'a\\'"] {
            assert_eq!(split(line.as_bytes()), Err(Unterminated), "{line}");
        }
    }

    #[test]
    fn what_is_quoted_is_no_pattern() {
        let word = |line: &str| split(line.as_bytes()).unwrap().remove(0);
        for (line, is_pattern, pattern) in [
            ("*.c", true, "*.c"),
            ("'*.c'", false, "\\*.c"),
            ("\\*.c", false, "\\*.c"),
            ("'*'*", true, "\\**"),
            ("a?", true, "a?"),
            ("\"[a]\"", false, "\\[a]"),
            ("a\\\\b", false, "a\\\\b"),
            ("a\\ b", false, "a b"),
        ] {
            assert_eq!(word(line).is_pattern(), is_pattern, "{line}");
            assert_eq!(word(line).pattern(), pattern.as_bytes(), "{line}");
        }
        assert_eq!(Word::literal(b"a*b").plain(), b"a*b");
        assert!(!Word::literal(b"a*b").is_pattern());
    }

    #[test]
    fn quoted_names_are_read_as_they_are() {
        for name in ["a b", "it's", "a\"b", "*", "#x", "a\\b", "[x]?", "\u{e4}"] {
            assert_eq!(plain(&quoted(name, None)), [name]);
            assert_eq!(plain(&format!("'{}'", quoted(name, Some('\'')))), [name]);
            assert_eq!(plain(&format!("\"{}\"", quoted(name, Some('"')))), [name]);
        }
        let reading = read(b"get 'a b");
        assert_eq!((reading.open, reading.last), (Some(b'\''), Some(4)));
        assert_eq!(read(b"get a ").last, None);
        assert_eq!(read(b"get a\\ b").last, Some(4));
    }
}
