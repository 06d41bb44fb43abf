//! `~` and percent signs in the names of files, as in TOKENS of ssh_config(5).

use crate::exit::Failure;
use std::path::PathBuf;

/// What tokens stand for.
#[derive(Debug)]
pub struct Tokens<'a> {
    /// `%h`: the host that is connected to.
    pub host: &'a str,
    /// `%n`: the host as the command line named it.
    pub original_host: &'a str,
    /// `%k`: the name under which host keys are looked up.
    pub host_key_alias: &'a str,
    /// `%p`: the port.
    pub port: u16,
    /// `%r`: the user there.
    pub remote_user: &'a str,
    /// `%u`: the user here.
    pub local_user: &'a str,
    /// `%d`, and `~`.
    pub home: Option<PathBuf>,
}

impl Tokens<'_> {
    /// The file that `text` names.
    ///
    /// # Errors
    ///
    /// For a token that is not known, `~` of another user, or a home directory that is not known.
    pub fn path(&self, text: &str) -> Result<PathBuf, Failure> {
        let home = || {
            let home = self.home.clone().filter(|home| !home.as_os_str().is_empty());
            home.ok_or_else(|| Failure::Other(format!("{text}: the home directory is not known")))
        };
        let (beginning, rest) = match text.strip_prefix('~') {
            None => (None, text),
            Some("") => return home(),
            Some(rest) => match rest.strip_prefix('/') {
                Some(rest) => (Some(home()?), rest),
                None => {
                    return Err(Failure::Other(format!("{text}: the home of another user is not supported")));
                }
            },
        };
        let mut expanded = String::new();
        let mut characters = rest.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                expanded.push(character);
                continue;
            }
            match characters.next() {
                Some('%') => expanded.push('%'),
                Some('d') => expanded.push_str(&home()?.to_string_lossy()),
                Some('h') => expanded.push_str(self.host),
                Some('i') => expanded.push_str(&rustix::process::getuid().as_raw().to_string()),
                Some('k') => expanded.push_str(self.host_key_alias),
                Some('n') => expanded.push_str(self.original_host),
                Some('p') => expanded.push_str(&self.port.to_string()),
                Some('r') => expanded.push_str(self.remote_user),
                Some('u') => expanded.push_str(self.local_user),
                Some(other) => {
                    return Err(Failure::Other(format!("{text}: the token %{other} is not supported")));
                }
                None => return Err(Failure::Other(format!("{text}: a percent sign stands alone"))),
            }
        }
        Ok(match beginning {
            Some(home) => home.join(expanded),
            None => PathBuf::from(expanded),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_replaced() {
        let tokens = Tokens {
            host: "h.example",
            original_host: "h",
            host_key_alias: "alias",
            port: 2222,
            remote_user: "r",
            local_user: "u",
            home: Some(PathBuf::from("/h/u")),
        };
        for (text, expected) in [
            ("/etc/x", Some("/etc/x")),
            ("relative", Some("relative")),
            ("~/.ssh/id", Some("/h/u/.ssh/id")),
            ("~", Some("/h/u")),
            ("%d/k", Some("/h/u/k")),
            ("/%h/%n/%k/%p/%r/%u/%%", Some("/h.example/h/alias/2222/r/u/%")),
            ("a~b", Some("a~b")),
            ("~other/x", None),
            ("/%Z", None),
            ("/%", None),
        ] {
            assert_eq!(tokens.path(text).ok(), expected.map(PathBuf::from), "{text}");
        }
        let homeless = Tokens { home: None, ..tokens };
        assert!(homeless.path("~/x").is_err());
        assert!(homeless.path("/x").is_ok());
    }
}
