//! A line `Name=Value` or `Name Value`, and the words of a value.

use crate::option::error::OptionError;

/// Splits the name from its value, at blanks, one `=`, or both.
pub fn split_name(line: &str) -> (&str, &str) {
    let line = line.trim();
    let end = line.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start();
    (name, rest.strip_prefix('=').unwrap_or(rest).trim_start())
}

/// The words of a value. Words in single or double quotes may hold blanks; within quotes and outside of them a
/// backslash makes a quotation mark, a backslash, or outside of quotes a blank, stand for itself.
pub fn split_words(name: &str, value: &str) -> Result<Vec<String>, OptionError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', _) => {
                let escaped = characters
                    .next_if(|next| matches!(next, '"' | '\'' | '\\') || (*next == ' ' && quote.is_none()));
                word.get_or_insert_default().push(escaped.unwrap_or('\\'));
            }
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            (c, None) if c.is_ascii_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(OptionError::Unterminated(name.to_owned()));
    }
    words.extend(word);
    Ok(words)
}
