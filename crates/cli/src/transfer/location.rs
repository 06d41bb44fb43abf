//! Where a file is: here, or on another computer.

/// A file as a command line names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// On this computer.
    Local(Vec<u8>),
    /// On another.
    Remote(Remote),
}

/// A file on another computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The destination as ssh(1) takes it: `host`, `user@host`, without brackets.
    pub destination: String,
    /// The port, where a URI names one.
    pub port: Option<u16>,
    /// The path there; empty for the home directory.
    pub path: Vec<u8>,
}

/// What is wrong with a name of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// The host is missing, or not UTF-8.
    #[error("\"{0}\" names no host")]
    NoHost(String),
    /// A URI that is none.
    #[error("\"{0}\" is not a URI of the form {1}://[user@]host[:port][/path]")]
    BadUri(String, &'static str),
}

impl Location {
    /// Reads `path`, `[user@]host:path`, `[user@][address]:path`, or `scheme://[user@]host[:port][/path]`.
    ///
    /// As in OpenSSH, a colon makes a remote name, unless it is the first character or a slash stands before it.
    ///
    /// # Errors
    ///
    /// [`LocationError`] for a URI that is none, or a remote name without a host.
    pub fn parse(argument: &[u8], scheme: &'static str) -> Result<Self, LocationError> {
        let shown = || String::from_utf8_lossy(argument).into_owned();
        let start = [scheme.as_bytes(), b"://"].concat();
        if argument.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(&start)) {
            let rest = &argument[start.len()..];
            let parsed = std::str::from_utf8(rest).ok().and_then(parse_uri);
            return parsed.map(Self::Remote).ok_or_else(|| LocationError::BadUri(shown(), scheme));
        }
        let Some(colon) = colon(argument) else { return Ok(Self::Local(argument.to_vec())) };
        let host = std::str::from_utf8(&argument[..colon]).ok().and_then(without_brackets);
        let destination =
            host.filter(|host| !host.is_empty()).ok_or_else(|| LocationError::NoHost(shown()))?;
        Ok(Self::Remote(Remote { destination, port: None, path: argument[colon + 1..].to_vec() }))
    }
}

/// Where the colon stands that ends a host, if there is one.
fn colon(argument: &[u8]) -> Option<usize> {
    if argument.first() == Some(&b':') {
        return None;
    }
    let mut within_brackets = false;
    for (index, byte) in argument.iter().enumerate() {
        match byte {
            b'[' if index == 0 || argument[index - 1] == b'@' => within_brackets = true,
            b']' if within_brackets && argument.get(index + 1) == Some(&b':') => return Some(index + 1),
            b']' => within_brackets = false,
            b':' if !within_brackets => return Some(index),
            b'/' => return None,
            _ => {}
        }
    }
    None
}

/// `user@[address]` as `user@address`.
fn without_brackets(destination: &str) -> Option<String> {
    let (user, host) = match destination.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, destination),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return None;
    }
    Some(match user {
        Some(user) => format!("{user}@{host}"),
        None => host.to_owned(),
    })
}

/// What follows the scheme. A path is that below the home directory; a second slash begins an absolute one.
fn parse_uri(rest: &str) -> Option<Remote> {
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (rest, ""),
    };
    let (user, host) = match authority.rsplit_once('@') {
        // Parameters of the draft on URIs of SSH come after a semicolon, and are passed over.
        Some((user, host)) => (Some(user.split(';').next().unwrap_or(user)), host),
        None => (None, authority),
    };
    let (host, port) = if let Some(rest) = host.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        (host, after.strip_prefix(':').or(if after.is_empty() { None } else { Some("x") }))
    } else {
        match host.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host, None),
        }
    };
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port != 0)?),
        None => None,
    };
    let host = String::from_utf8(percent_decode(host.as_bytes())?).ok()?;
    if host.is_empty() {
        return None;
    }
    let destination = match user {
        Some(user) => format!("{}@{host}", String::from_utf8(percent_decode(user.as_bytes())?).ok()?),
        None => host,
    };
    Some(Remote { destination, port, path: percent_decode(path.as_bytes())? })
}

fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        let byte = u8::from_str_radix(digits, 16).ok().filter(|byte| *byte != 0)?;
        decoded.push(byte);
        rest = &rest[2..];
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Option<(String, Option<u16>, String)> {
        match Location::parse(text.as_bytes(), "scp") {
            Ok(Location::Remote(Remote { destination, port, path })) => {
                Some((destination, port, String::from_utf8(path).unwrap()))
            }
            _ => None,
        }
    }

    #[test]
    fn a_colon_makes_a_remote_name() {
        for (text, destination, path) in [
            ("host:", "host", ""),
            ("host:a b", "host", "a b"),
            ("me@host:/x:y", "me@host", "/x:y"),
            ("me@[::1]:x", "me@::1", "x"),
            ("[::1]:x", "::1", "x"),
            ("a@b@host:~/x", "a@b@host", "~/x"),
            ("host:a@b:c", "host", "a@b:c"),
        ] {
            assert_eq!(remote(text), Some((destination.to_owned(), None, path.to_owned())), "{text}");
        }
        for text in ["file", "./a:b", "/a:b", ":a", "a/b:c", "[x", ""] {
            assert_eq!(
                Location::parse(text.as_bytes(), "scp"),
                Ok(Location::Local(text.as_bytes().to_vec())),
                "{text}"
            );
        }
        assert!(Location::parse(b"me@:x", "scp").is_err());
        assert!(Location::parse(b"[]:x", "scp").is_err());
        assert!(Location::parse(b"\xff:x", "scp").is_err());
    }

    #[test]
    fn a_uri_names_host_port_and_path() {
        for (text, destination, port, path) in [
            ("scp://host", "host", None, ""),
            ("scp://me@host:2222/a%20b", "me@host", Some(2222), "a b"),
            ("SCP://[::1]:22//abs", "::1", Some(22), "/abs"),
            ("scp://me;x=y@host/", "me@host", None, ""),
            ("scp://m%40e@host/p", "m@e@host", None, "p"),
        ] {
            assert_eq!(remote(text), Some((destination.to_owned(), port, path.to_owned())), "{text}");
        }
        for text in [
            "scp://",
            "scp://host:0/x",
            "scp://host:x/",
            "scp:///x",
            "scp://h/%zz",
            "scp://h/%00",
            "scp://[::1]x/",
        ] {
            assert!(
                matches!(Location::parse(text.as_bytes(), "scp"), Err(LocationError::BadUri(..))),
                "{text}"
            );
        }
    }
}
