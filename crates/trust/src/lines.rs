//! Text files in which every line speaks for itself: blank lines and comments aside, and no line so long, nor so many,
//! that reading them is a burden.

/// How much of a file is read.
pub(crate) struct LineLimits {
    /// The longest line, in bytes. All of a longer one is refused: its rest is never taken for a line.
    pub(crate) longest: usize,
    /// How many lines are read, with those that say nothing.
    pub(crate) most: usize,
}

/// What a line is that is not looked into.
pub(crate) enum UnreadLine {
    TooLong,
    /// It and all that follow it.
    TooMany,
    /// A NUL, or a text that is not UTF-8.
    NotText,
}

/// The lines that say something, without blanks around them, by their numbers from 1.
pub(crate) fn numbered(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let trimmed = lines.map(|(line, text)| (line, text.trim_ascii()));
    trimmed.filter(|(_, text)| !text.is_empty() && !text.starts_with(b"#"))
}

/// Reads a file: what `parse` makes of its lines, and the numbers of those that are not used, and why. No line affects
/// another.
pub(crate) fn read<T, E: From<UnreadLine>>(
    bytes: &[u8],
    limits: &LineLimits,
    parse: impl Fn(usize, &str) -> Result<T, E>,
) -> (Vec<T>, Vec<(usize, E)>) {
    let (mut understood, mut refused) = (Vec::new(), Vec::new());
    for (line, text) in numbered(bytes) {
        if line > limits.most {
            refused.push((line, UnreadLine::TooMany.into()));
            break;
        }
        match text_of(text, limits.longest).map_err(E::from).and_then(|text| parse(line, text)) {
            Ok(entry) => understood.push(entry),
            Err(error) => refused.push((line, error)),
        }
    }
    (understood, refused)
}

fn text_of(text: &[u8], longest: usize) -> Result<&str, UnreadLine> {
    if text.len() > longest {
        return Err(UnreadLine::TooLong);
    }
    let text = std::str::from_utf8(text).map_err(|_| UnreadLine::NotText)?;
    if text.contains('\0') { Err(UnreadLine::NotText) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl From<UnreadLine> for &'static str {
        fn from(unread: UnreadLine) -> Self {
            match unread {
                UnreadLine::TooLong => "too long",
                UnreadLine::TooMany => "too many",
                UnreadLine::NotText => "not text",
            }
        }
    }

    #[test]
    fn a_line_that_is_not_used_affects_no_other() {
        let text = b" a\r\n# comment\n\t\n12345678\n123456789\n\xff\nx\0y\nbad\n b c \n\n# 11\nlast\nafter";
        let (understood, refused) =
            read(text, &LineLimits { longest: 8, most: 11 }, |line, text| match text {
                "bad" => Err("bad"),
                text => Ok((line, text.to_owned())),
            });
        let expected = [(1, "a"), (4, "12345678"), (9, "b c")].map(|(line, text)| (line, text.to_owned()));
        assert_eq!(understood, expected);
        let expected = [(5, "too long"), (6, "not text"), (7, "not text"), (8, "bad"), (12, "too many")];
        assert_eq!(refused, expected);
    }
}
