//! A line and its words: the two ways in which OpenSSH takes lines apart.

use crate::error::Problem;

/// Blanks between a keyword and its value.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// The next word of `rest` up to a blank or one `=`, which are taken away with it. A quotation mark takes all up
/// to the next one into the word, which then ends. `rest` is `None` where nothing is left.
///
/// The keyword of a line, and the criteria of `Match`, are taken apart like this.
///
/// # Errors
///
/// [`Problem::Quotes`].
pub(crate) fn next_field(rest: &mut Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = rest.take() else { return Ok(None) };
    let Some(end) = text.find(|symbol| BLANKS.contains(&symbol) || symbol == '"' || symbol == '=') else {
        return Ok(Some(text));
    };
    let (word, after) = text.split_at(end);
    if let Some(quoted) = after.strip_prefix('"') {
        let (inner, after) = quoted.split_once('"').ok_or(Problem::Quotes)?;
        *rest = Some(after.trim_start_matches(BLANKS).to_owned());
        return Ok(Some(format!("{word}{inner}")));
    }
    let equals = after.starts_with('=');
    let mut after = after.get(1..).unwrap_or_default().trim_start_matches(BLANKS);
    if !equals && let Some(value) = after.strip_prefix('=') {
        after = value.trim_start_matches(BLANKS);
    }
    let word = word.to_owned();
    *rest = Some(after.to_owned());
    Ok(Some(word))
}

/// The keyword of a line and what follows it; `None` for a line that says nothing.
///
/// # Errors
///
/// [`Problem::Quotes`].
pub(crate) fn keyword_and_value(line: &str) -> Result<Option<(String, String)>, Problem> {
    // Form feeds are allowed at the end only.
    let line = line.trim_end_matches(|symbol| BLANKS.contains(&symbol) || symbol == '\u{c}');
    let mut rest = Some(line.to_owned());
    let mut keyword = next_field(&mut rest)?;
    if keyword.as_deref() == Some("") {
        keyword = next_field(&mut rest)?;
    }
    match keyword {
        None => Ok(None),
        Some(word) if word.is_empty() || word.starts_with('#') => Ok(None),
        Some(word) => Ok(Some((word, rest.unwrap_or_default().trim_start_matches(BLANKS).to_owned()))),
    }
}

/// The words of a value, taken from the front.
#[derive(Debug)]
pub(crate) struct Words {
    words: std::vec::IntoIter<String>,
}

impl Words {
    /// Takes `text` apart at blanks outside quotation marks, single or double. A backslash keeps a quotation mark,
    /// a backslash or a blank as it is. A `#` at the beginning of a word ends the line.
    ///
    /// # Errors
    ///
    /// [`Problem::Quotes`].
    pub(crate) fn split(text: &str) -> Result<Self, Problem> {
        let mut words = Vec::new();
        let mut symbols = text.chars().peekable();
        loop {
            while symbols.next_if(|symbol| matches!(symbol, ' ' | '\t')).is_some() {}
            match symbols.peek() {
                None | Some('#') => break,
                Some(_) => {}
            }
            let mut word = String::new();
            let mut quote = None;
            while let Some(symbol) = symbols.next() {
                match (symbol, quote) {
                    ('\\', _) => {
                        let kept = symbols.next_if(|next| {
                            matches!(next, '\'' | '"' | '\\') || (*next == ' ' && quote.is_none())
                        });
                        word.push(kept.unwrap_or('\\'));
                    }
                    (' ' | '\t', None) => break,
                    ('"' | '\'', None) => quote = Some(symbol),
                    (_, Some(open)) if symbol == open => quote = None,
                    _ => word.push(symbol),
                }
            }
            if quote.is_some() {
                return Err(Problem::Quotes);
            }
            words.push(word);
        }
        Ok(Self { words: words.into_iter() })
    }

    /// The next word, if there is one.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.words.next()
    }

    /// The next word, which has to be there and may not be empty.
    pub(crate) fn required(&mut self) -> Result<String, Problem> {
        self.next().filter(|word| !word.is_empty()).ok_or(Problem::MissingArgument)
    }

    /// All that are left, none of them empty.
    pub(crate) fn all(&mut self) -> Result<Vec<String>, Problem> {
        let words: Vec<String> = self.words.by_ref().collect();
        if words.iter().any(String::is_empty) {
            return Err(Problem::MissingArgument);
        }
        Ok(words)
    }

    /// All that are left, where one that stands for nothing, or for anything, must stand alone.
    pub(crate) fn all_or(&mut self, alone: &[&str]) -> Result<Vec<String>, Problem> {
        let words = self.all()?;
        if words.len() > 1 {
            let found = words.iter().find(|word| alone.iter().any(|other| word.eq_ignore_ascii_case(other)));
            if let Some(word) = found {
                return Err(Problem::NotAlone(word.clone()));
            }
        }
        Ok(words)
    }

    /// Passes over all that are left.
    pub(crate) fn consume(&mut self) {
        self.words = Vec::new().into_iter();
    }

    /// Nothing may be left.
    pub(crate) fn end(&mut self) -> Result<(), Problem> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(Problem::ExtraArgument(word)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<Vec<String>, Problem> {
        Words::split(text).map(|words| words.words.collect())
    }

    #[test]
    fn a_keyword_is_followed_by_blanks_or_one_equals_sign() {
        for (line, expected) in [
            ("Port 22", Some(("Port", "22"))),
            ("  Port\t22 \r", Some(("Port", "22"))),
            ("Port=22", Some(("Port", "22"))),
            ("Port = 22", Some(("Port", "22"))),
            ("Port == 22", Some(("Port", "= 22"))),
            ("\"Port\" 22", Some(("Port", "22"))),
            ("Port", Some(("Port", ""))),
            ("Port \u{c}", Some(("Port", ""))),
            ("# Port 22", None),
            ("  #x", None),
            ("", None),
            (" \t", None),
        ] {
            let found = keyword_and_value(line).expect("closed quotes");
            let found = found.as_ref().map(|(keyword, value)| (keyword.as_str(), value.as_str()));
            assert_eq!(found, expected, "{line:?}");
        }
        assert_eq!(keyword_and_value("\"Port 22"), Err(Problem::Quotes));
    }

    #[test]
    fn words_end_at_blanks_and_comments_outside_quotes() {
        for (text, expected) in [
            ("a  b\tc", &["a", "b", "c"][..]),
            ("\"a b\" 'c d'", &["a b", "c d"]),
            ("a\" b\"c", &["a bc"]),
            ("a # b", &["a"]),
            ("a#b", &["a#b"]),
            ("\"#a\" b", &["#a", "b"]),
            (r"a\ b \x \\ \'", &["a b", r"\x", r"\", "'"]),
            (r#""a\ b\"""#, &[r#"a\ b""#]),
            ("\"\"", &[""]),
            ("", &[]),
        ] {
            assert_eq!(split(text).expect("closed quotes"), expected, "{text}");
        }
        assert_eq!(split("'a\""), Err(Problem::Quotes));
    }
}
