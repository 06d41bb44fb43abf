//! Percent signs, `~` and `${…}` in values.

use crate::error::Problem;
use sha1::{Digest, Sha1};

/// The value of a variable of the environment.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the letters behind percent signs stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    values: Vec<(char, String)>,
}

impl Tokens {
    /// Those of these letters.
    pub(crate) fn new(values: impl IntoIterator<Item = (char, String)>) -> Self {
        Self { values: values.into_iter().collect() }
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, token: char, value: impl Into<String>) -> Self {
        self.values.retain(|(other, _)| *other != token);
        self.values.push((token, value.into()));
        self
    }

    /// What the letter stands for.
    pub fn get(&self, token: char) -> Option<&str> {
        self.values.iter().find(|(other, _)| *other == token).map(|(_, value)| value.as_str())
    }

    /// Only those of these letters.
    pub(crate) fn only(&self, letters: &str) -> Self {
        Self { values: self.values.iter().filter(|(letter, _)| letters.contains(*letter)).cloned().collect() }
    }

    /// `text` with every token replaced, once; and with variables, where they are given.
    ///
    /// # Errors
    ///
    /// A token or variable that there is not.
    pub(crate) fn expand(&self, text: &str, variables: Option<Variables<'_>>) -> Result<String, Problem> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['%', '$']) {
            let (before, found) = rest.split_at(at);
            expanded.push_str(before);
            if let (Some(named), Some(variables)) = (found.strip_prefix("${"), variables) {
                let bad = || Problem::BadVariable(found.to_owned());
                let (name, after) = named.split_once('}').ok_or_else(bad)?;
                let value = if name.is_empty() { None } else { Some(variables(name)) };
                let value = value.ok_or_else(bad)?;
                expanded.push_str(&value.ok_or_else(|| Problem::MissingVariable(name.to_owned()))?);
                rest = after;
                continue;
            }
            let mut symbols = found.chars();
            if symbols.next() == Some('%') {
                match symbols.next().ok_or(Problem::LonePercent)? {
                    '%' => expanded.push('%'),
                    letter => expanded.push_str(self.get(letter).ok_or(Problem::UnknownToken(letter))?),
                }
            } else {
                expanded.push('$');
            }
            rest = symbols.as_str();
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// `expand` for a command that a shell reads: what tokens of names stand for may hold nothing
    /// that a shell takes for more than a part of a word, nor begin an option of the command.
    ///
    /// # Errors
    ///
    /// [`Problem::UnsafeToken`], and those of `expand`.
    ///
    /// covers: L01
    pub fn expand_command(&self, text: &str) -> Result<String, Problem> {
        for (token, value) in &self.values {
            // Directories and fingerprints come from this computer, or have no such bytes.
            let named_by_others = "hnrkjH".contains(*token);
            if named_by_others && uses(text, *token) && !is_safe_word(value) {
                return Err(Problem::UnsafeToken { token: *token, value: value.clone() });
            }
        }
        self.expand(text, None)
    }
}

/// Whether the token stands in the text.
fn uses(text: &str, token: char) -> bool {
    let mut symbols = text.chars();
    while let Some(symbol) = symbols.next() {
        if symbol == '%' && symbols.next() == Some(token) {
            return true;
        }
    }
    false
}

/// No byte that a shell gives a meaning, no control character, no hyphen at the beginning.
pub(crate) fn is_safe_word(text: &str) -> bool {
    let unsafe_symbol = |symbol: char| {
        symbol.is_control() || symbol.is_whitespace() || "'`\"$\\;&<>|(){}[]*?!#~".contains(symbol)
    };
    !text.starts_with('-') && !text.contains(unsafe_symbol)
}

/// `${…}` alone replaced.
pub(crate) fn expand_variables(text: &str, variables: Variables<'_>) -> Result<String, Problem> {
    // A percent sign stands for itself here.
    let escaped = text.replace('%', "%%");
    Tokens::default().expand(&escaped, Some(variables))
}

/// `text` with `~` or `~user` at its beginning replaced by that user's home directory.
pub(crate) fn expand_tilde(
    text: &str,
    home: Option<&str>,
    home_of: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Problem> {
    let Some(rest) = text.strip_prefix('~') else { return Ok(text.to_owned()) };
    let (user, path) = rest.split_once('/').map_or((rest, None), |(user, path)| (user, Some(path)));
    let directory = if user.is_empty() { home.map(str::to_owned) } else { home_of(user) };
    let who = if user.is_empty() { "the user" } else { user };
    let directory = directory.ok_or_else(|| Problem::NoHome(who.to_owned()))?;
    Ok(match path {
        None => directory,
        Some(path) => format!("{}/{path}", directory.trim_end_matches('/')),
    })
}

/// `%C`: SHA-1 of this computer, the host, the port and the user there, in hexadecimal.
pub(crate) fn connection_hash(local_host: &str, host: &str, port: u16, user: &str) -> String {
    let mut hash = Sha1::new();
    for part in [local_host, host, &port.to_string(), user] {
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::new([('h', "host".to_owned()), ('r', "%h".to_owned())])
    }

    /// covers: L17
    #[test]
    fn tokens_are_replaced_once() {
        let variables = |name: &str| (name == "V").then(|| "${V}%h".to_owned());
        for (text, expected) in [
            ("a%hb", Ok("ahostb".to_owned())),
            ("%%h", Ok("%h".to_owned())),
            ("%r", Ok("%h".to_owned())),
            ("%x", Err(Problem::UnknownToken('x'))),
            ("%é", Err(Problem::UnknownToken('é'))),
            ("a%", Err(Problem::LonePercent)),
            ("${V}", Ok("${V}%h".to_owned())),
            ("$V", Ok("$V".to_owned())),
            ("${W}", Err(Problem::MissingVariable("W".to_owned()))),
            ("${W", Err(Problem::BadVariable("${W".to_owned()))),
            ("${}", Err(Problem::BadVariable("${}".to_owned()))),
        ] {
            assert_eq!(tokens().expand(text, Some(&variables)), expected, "{text}");
        }
        assert_eq!(tokens().expand("${V}", None), Ok("${V}".to_owned()));
        assert_eq!(expand_variables("%h${V}%", &variables), Ok("%h${V}%h%".to_owned()));
    }

    /// covers: L01
    #[test]
    fn names_that_a_shell_would_read_are_not_put_into_commands() {
        for byte in 0..0x80_u8 {
            let safe = byte.is_ascii_alphanumeric() || b"@_.:,+=%/^-".contains(&byte);
            let name = format!("a{}", char::from(byte));
            let expanded = tokens().with('h', name.as_str()).expand_command("nc %h");
            assert_eq!(expanded.is_ok(), safe, "{byte:#x}");
        }
        assert!(tokens().with('h', "-x").expand_command("nc %h").is_err());
        // What is not used cannot hurt, and "%%h" is no use.
        assert!(tokens().with('h', "-x").expand_command("nc %%h").is_ok());
    }

    #[test]
    fn the_home_directory_stands_for_a_tilde() {
        let home_of = |user: &str| (user == "you").then(|| "/home/you".to_owned());
        let expand = |text| expand_tilde(text, Some("/home/me"), &home_of);
        assert_eq!(expand("~"), Ok("/home/me".to_owned()));
        assert_eq!(expand("~/a"), Ok("/home/me/a".to_owned()));
        assert_eq!(expand("~you/a"), Ok("/home/you/a".to_owned()));
        assert_eq!(expand("a~"), Ok("a~".to_owned()));
        assert_eq!(expand("~nobody/a"), Err(Problem::NoHome("nobody".to_owned())));
    }

    #[test]
    fn the_hash_of_a_connection_is_that_of_its_parts_in_a_row() {
        // printf 'lh22u' | sha1sum
        assert_eq!(connection_hash("l", "h", 22, "u"), hash_of("lh22u"));
        assert_eq!(hash_of("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    fn hash_of(text: &str) -> String {
        Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
