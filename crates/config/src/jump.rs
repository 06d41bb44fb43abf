//! `ProxyJump`: the hosts on the way.

use crate::number;
use std::fmt;

/// One host on the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct JumpHost {
    /// The user's name there; `None` leaves it to the configuration.
    pub user: Option<String>,
    /// The host, which the configuration may know under that name. May hold tokens.
    pub host: String,
    /// The port; `None` leaves it to the configuration.
    pub port: Option<u16>,
}

impl fmt::Display for JumpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        let numeric =
            self.host.contains(':') || self.host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if numeric {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// The hosts on the way, as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Jumps {
    /// The hosts, the one that is connected to first standing first; the last leads to the destination.
    pub hosts: Vec<JumpHost>,
    /// All but the last as they were written, for the dump.
    before_last: String,
}

impl fmt::Display for Jumps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.before_last.is_empty() {
            write!(f, "{},", self.before_last)?;
        }
        match self.hosts.last() {
            Some(last) => last.fmt(f),
            None => Ok(()),
        }
    }
}

impl Jumps {
    /// Reads a list of hosts; a `#` ends it. `None` if one of them is none.
    pub(crate) fn parse(text: &str, service: &dyn Fn(&str) -> Option<u16>) -> Option<Self> {
        let list = text.split_once('#').map_or(text, |(list, _)| list).trim_end();
        let hosts = list.split(',').map(|host| JumpHost::parse(host, service)).collect::<Option<Vec<_>>>()?;
        let before_last = list.rsplit_once(',').map_or("", |(before, _)| before).to_owned();
        Some(Self { hosts, before_last })
    }
}

impl JumpHost {
    /// `[user@]host[:port]`, or `ssh://` and the same.
    fn parse(text: &str, service: &dyn Fn(&str) -> Option<u16>) -> Option<Self> {
        let decode = |text: &str| percent_decode(text).filter(|text| !text.is_empty());
        if let Some(authority) = text.strip_prefix("ssh://") {
            let authority = authority.strip_suffix('/').unwrap_or(authority);
            let (user, rest) = match authority.split_once('@') {
                // Parameters of the connection may follow the user.
                Some((user, rest)) => (Some(decode(user.split(';').next()?)?), rest),
                None => (None, authority),
            };
            let (host, port) = host_and_port(rest, service)?;
            return is_domain(&host).then_some(Self { user, host, port });
        }
        let (user, rest) = match text.rsplit_once('@') {
            Some(("", _)) => return None,
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, text),
        };
        let (host, port) = host_and_port(rest, service)?;
        Some(Self { user, host, port })
    }
}

/// `host[:port]`, where square brackets may stand around the host.
fn host_and_port(text: &str, service: &dyn Fn(&str) -> Option<u16>) -> Option<(String, Option<u16>)> {
    let (host, after) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => text.split_at(text.find([':', '/']).unwrap_or(text.len())),
    };
    let port = match after.strip_prefix(':') {
        None if after.is_empty() => None,
        None => return None,
        Some("") => None,
        Some(port) => Some(number::port(port).or_else(|| service(port)).filter(|port| *port != 0)?),
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// Letters, digits, dots, hyphens and underscores, beginning with a letter or digit and without two dots in a row;
/// or an address.
pub(crate) fn is_domain(name: &str) -> bool {
    if name.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && name.bytes().all(allowed)
        && !name.contains("..")
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        let all_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let decoded = u8::from_str_radix(digits, 16).ok().filter(|decoded| all_digits && *decoded != 0)?;
        bytes.push(decoded);
        rest = after.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: L18
    #[test]
    fn hosts_on_the_way_are_read() {
        for (text, expected) in [
            ("a", Some("a")),
            ("u@a:22", Some("u@a:22")),
            ("a,u@b:3", Some("a,u@b:3")),
            ("a@b@c", Some("a@b@c")),
            ("ssh://u@a:3", Some("u@a:3")),
            ("ssh://u;p=1@a:3/", Some("u@a:3")),
            ("ssh://u%40x@a", Some("u@x@a")),
            ("[::1]:3", Some("[::1]:3")),
            ("1.2.3.4", Some("[1.2.3.4]")),
            ("a # comment", Some("a")),
            ("a:", Some("a")),
            ("a:0", None),
            ("a:x", None),
            ("@a", None),
            ("a,", None),
            ("", None),
            ("a/b", None),
            ("[::1", None),
            ("ssh://u%00@a", None),
            ("ssh://-a", None),
            ("ssh://a/b", None),
        ] {
            let found = Jumps::parse(text, &|_| None).map(|jumps| jumps.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        let jumps = Jumps::parse("a,u@[::1]:7", &|_| None).expect("two hosts");
        assert_eq!(jumps.hosts.len(), 2);
        assert_eq!((jumps.hosts[1].host.as_str(), jumps.hosts[1].port), ("::1", Some(7)));
    }
}
