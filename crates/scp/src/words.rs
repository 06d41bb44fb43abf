//! The words of a command line as sh(1) reads them, as far as they need no shell.

/// One word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// Its bytes, without quotes.
    pub bytes: Vec<u8>,
    /// Whether it begins with a `~` that a shell would replace by a home directory.
    pub has_tilde: bool,
    /// Whether it holds a `*`, `?` or `[` that a shell would replace by names.
    pub has_pattern: bool,
}

/// Why a command line cannot be read without a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordsError {
    /// A character that a shell would act on.
    #[error("it holds '{}', which only a shell understands", char::from(*.0).escape_default())]
    Syntax(u8),
    /// A quote or a backslash at the end.
    #[error("a quote is not closed")]
    Unclosed,
}

/// Splits a command line into words.
///
/// # Errors
///
/// [`WordsError`] for all that would make a shell do more than split and unquote: variables, substitutions, pipes,
/// redirections, several commands.
pub fn split(line: &[u8]) -> Result<Vec<Word>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut rest = line;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b' ' | b'\t' => words.extend(word.take()),
            b'\'' => {
                let end = rest.iter().position(|byte| *byte == b'\'').ok_or(WordsError::Unclosed)?;
                word.get_or_insert_default().bytes.extend_from_slice(&rest[..end]);
                rest = &rest[end + 1..];
            }
            b'"' => rest = double_quoted(rest, &mut word.get_or_insert_default().bytes)?,
            b'\\' => {
                let (byte, after) = rest.split_first().ok_or(WordsError::Unclosed)?;
                rest = after;
                // A line that goes on is one word or two, as if the newline were not there.
                if *byte != b'\n' {
                    word.get_or_insert_default().bytes.push(*byte);
                }
            }
            b'#' if word.is_none() => return Err(WordsError::Syntax(*byte)),
            b'|' | b'&' | b';' | b'<' | b'>' | b'(' | b')' | b'$' | b'`' | b'\n' => {
                return Err(WordsError::Syntax(*byte));
            }
            byte => {
                let is_first = word.is_none();
                let word = word.get_or_insert_default();
                word.has_tilde |= is_first && *byte == b'~';
                word.has_pattern |= matches!(byte, b'*' | b'?' | b'[');
                word.bytes.push(*byte);
            }
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads what is between double quotes; what follows them.
fn double_quoted<'a>(line: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], WordsError> {
    let mut rest = line;
    loop {
        let (byte, after) = rest.split_first().ok_or(WordsError::Unclosed)?;
        rest = after;
        match (byte, rest) {
            (b'"', _) => return Ok(rest),
            (b'$' | b'`', _) => return Err(WordsError::Syntax(*byte)),
            (b'\\', [escaped @ (b'"' | b'\\' | b'$' | b'`'), after @ ..]) => {
                word.push(*escaped);
                rest = after;
            }
            (b'\\', [b'\n', after @ ..]) => rest = after,
            _ => word.push(*byte),
        }
    }
}

/// Whether a byte means itself to every shell, and to devices that have none.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'.' | b'/' | b',' | b':' | b'=' | b'@' | b'%' | b'+' | b'-')
}

/// Writes one word so that a POSIX shell reads exactly these bytes.
pub fn quote(word: &[u8], output: &mut Vec<u8>) {
    if !word.is_empty() && word.iter().copied().all(is_plain) {
        output.extend_from_slice(word);
        return;
    }
    output.push(b'\'');
    for byte in word {
        if *byte == b'\'' {
            output.extend_from_slice(b"'\\''");
        } else {
            output.push(*byte);
        }
    }
    output.push(b'\'');
}

/// As [`quote`], but what a shell would replace by names (`*`, `?`, `[...]`) is left to it. A backslash takes the
/// meaning from what follows it.
pub fn quote_pattern(pattern: &[u8], output: &mut Vec<u8>) {
    let mut rest = pattern;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let literal = match (byte, rest) {
            (b'\\', [escaped, after @ ..]) => {
                rest = after;
                *escaped
            }
            (b'*' | b'?' | b'[' | b']' | b'!' | b'^', _) => {
                output.push(*byte);
                continue;
            }
            _ => *byte,
        };
        match literal {
            literal if is_plain(literal) => output.push(literal),
            // A backslash before a newline would take it away.
            b'\n' => output.extend_from_slice(b"'\n'"),
            literal => output.extend_from_slice(&[b'\\', literal]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let words = split(line.as_bytes()).unwrap();
        words.into_iter().map(|word| String::from_utf8(word.bytes).unwrap()).collect()
    }

    #[test]
    fn words_are_split_and_unquoted() {
        assert_eq!(texts("scp -t  'a b'"), ["scp", "-t", "a b"]);
        assert_eq!(texts(r#"a\ b "c \"d\" \x" 'e'\''f'"g" '' "#), ["a b", r#"c "d" \x"#, "e'fg", ""]);
        assert_eq!(texts("a\\\nb #"[..4].trim()), ["ab"]);
        let words = split(b"~/x '~/y' *.c '*' a~b").unwrap();
        let flags: Vec<_> = words.iter().map(|word| (word.has_tilde, word.has_pattern)).collect();
        assert_eq!(flags, [(true, false), (false, false), (false, true), (false, false), (false, false)]);
    }

    // covers: Y02
    #[test]
    fn what_needs_a_shell_is_refused() {
        for line in [
            "scp -t a; rm b",
            "scp -t $(id)",
            "scp -t `id`",
            "scp -t \"$HOME\"",
            "scp -t \"`id`\"",
            "a | b",
            "a & b",
            "a > b",
            "a < b",
            "(a)",
            "a\nb",
            "#a",
        ] {
            assert!(matches!(split(line.as_bytes()), Err(WordsError::Syntax(_))), "{line}");
        }
        for line in ["'a", "\"a", "a\\", "\"a\\\""] {
            assert_eq!(split(line.as_bytes()), Err(WordsError::Unclosed), "{line}");
        }
    }

    // covers: Y02, L02
    #[test]
    fn a_quoted_word_is_one_argument_of_a_shell() {
        let words: [&[u8]; 14] = [
            b"plain",
            b"",
            b"a b",
            b"`id`",
            b"$(id)",
            b"$HOME",
            b"a;b",
            b"a\nb",
            b"it's",
            b"\"",
            b"\\",
            b"*",
            b"-rf",
            b"\xff\xfe'\x01",
        ];
        let mut line = b"printf '%s\\0'".to_vec();
        for word in words {
            line.push(b' ');
            quote(word, &mut line);
        }
        let ours: Vec<Vec<u8>> = split(&line).unwrap().into_iter().skip(2).map(|word| word.bytes).collect();
        assert_eq!(ours, words);
        let text = std::os::unix::ffi::OsStringExt::from_vec(line);
        let text: std::ffi::OsString = text;
        let output = std::process::Command::new("sh").arg("-c").arg(text).output().unwrap();
        let theirs: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).take(words.len()).collect();
        assert_eq!(theirs, words);
    }

    // covers: Y02
    #[test]
    fn of_a_pattern_only_the_pattern_is_left_to_the_shell() {
        let directory = std::env::temp_dir().join(format!("konko-scp-words-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        for name in ["a $(id);.txt", "b.txt", "c.md", "*.x"] {
            std::fs::write(directory.join(name), b"").unwrap();
        }
        let expand = |pattern: &[u8]| {
            let mut line = b"printf '%s\\n' ".to_vec();
            quote_pattern(pattern, &mut line);
            let line: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(line);
            let mut sh = std::process::Command::new("sh");
            let output = sh.current_dir(&directory).arg("-c").arg(line).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(expand(b"*.txt"), "a $(id);.txt\nb.txt\n");
        assert_eq!(expand(b"a $(id);*"), "a $(id);.txt\n");
        assert_eq!(expand(b"[bc].*"), "b.txt\nc.md\n");
        assert_eq!(expand(b"\\*.x"), "*.x\n");
        assert_eq!(expand(b"`id`\n'\"&"), "`id`\n'\"&\n");
        std::fs::remove_dir_all(directory).unwrap();
    }
}
