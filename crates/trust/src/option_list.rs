//! Lists of options before a key: `name` or `name="value"`, separated by commas, where `\"` stands for a quote inside
//! the value. Files of authorized keys, of principals and of allowed signers have them alike.

/// An option: its name in lower case and, after `=`, the value without its quotes.
pub(crate) type RawOption = (String, Option<String>);

/// Where the options end: at the first blank outside quotes. Nothing where a quote stays open.
pub(crate) fn end_of_options(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut previous = '\0';
    for (at, c) in text.char_indices() {
        match c {
            '"' if previous != '\\' => quoted = !quoted,
            ' ' | '\t' if !quoted => return Some(at),
            _ => {}
        }
        previous = c;
    }
    (!quoted).then_some(text.len())
}

/// Takes options apart. Nothing where they are malformed: a value without quotes, quotes that stay open, an empty
/// name, a comma too much.
pub(crate) fn split_options(text: &str) -> Option<Vec<RawOption>> {
    let mut options = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        let (name, tail) = rest.split_at_checked(end)?;
        if name.is_empty() {
            return None;
        }
        let (value, tail) = match tail.strip_prefix("=\"") {
            Some(quoted) => take_value(quoted).map(|(value, tail)| (Some(value), tail))?,
            None => (None, tail),
        };
        options.push((name.to_ascii_lowercase(), value));
        if tail.is_empty() {
            return Some(options);
        }
        rest = tail.strip_prefix(',')?;
    }
}

/// The value up to its closing quote, and what follows that.
fn take_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' if characters.as_str().starts_with('"') => {
                characters.next();
                value.push('"');
            }
            c => value.push(c),
        }
    }
}
