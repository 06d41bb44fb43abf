//! Whom to connect to: `user@host`, `ssh://user@host:port`, and `host:port` of `-W`.

use crate::arguments::error::ArgumentError;

/// A destination as the command line names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The user, if named.
    pub user: Option<String>,
    /// The host's name or address, without brackets.
    pub host: String,
    /// The port, if named.
    pub port: Option<u16>,
}

/// Names that a shell would take for more than a name are refused, as they may end up in a command line (of a proxy
/// or of `RemoteCommand`).
fn is_valid_host(host: &str) -> bool {
    !host.is_empty()
        && !host.starts_with('-')
        && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "'`\"$\\;&<>|(){},".contains(c))
}

fn is_valid_user(user: &str) -> bool {
    !user.is_empty()
        && !user.starts_with('-')
        && !user.ends_with('\\')
        && !user.contains(|c: char| c.is_control() || "'`\";&<>|(){}".contains(c))
}

/// `host:port`, `[host]:port`, and either without a port. A host with several colons is an IPv6 address.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after {
            "" => Some((host, None)),
            after => Some((host, Some(after.strip_prefix(':')?))),
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Some((text, None)),
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

/// The bytes that `%` and two digits stand for.
fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let digits = rest.get(..2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = digit(digits[0])? * 16 + digit(digits[1])?;
        if byte == 0 {
            return None;
        }
        decoded.push(byte);
        rest = &rest[2..];
    }
    String::from_utf8(decoded).ok()
}

impl Destination {
    /// What `text` names.
    pub fn parse(text: &str) -> Result<Self, ArgumentError> {
        let parsed = match text.get(..6) {
            Some(scheme) if scheme.eq_ignore_ascii_case("ssh://") => Self::parse_uri(&text[6..]),
            _ => Self::parse_plain(text),
        };
        parsed
            .filter(|parsed| is_valid_host(&parsed.host) && parsed.user.as_deref().is_none_or(is_valid_user))
            .ok_or_else(|| ArgumentError::BadDestination(text.to_owned()))
    }

    /// The user may hold an `@`, the host may not.
    fn parse_plain(text: &str) -> Option<Self> {
        Some(match text.rsplit_once('@') {
            Some((user, host)) => Self { user: Some(user.to_owned()), host: host.to_owned(), port: None },
            None => Self { user: None, host: text.to_owned(), port: None },
        })
    }

    /// What follows `ssh://`.
    fn parse_uri(text: &str) -> Option<Self> {
        let authority = text.strip_suffix('/').unwrap_or(text);
        if authority.contains('/') {
            return None;
        }
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => {
                // Parameters of the connection may follow the user.
                let user = user.split_once(';').map_or(user, |(user, _)| user);
                (Some(percent_decode(user)?), host)
            }
            None => (None, authority),
        };
        let (host, port) = split_port(host)?;
        let port = match port {
            Some(port) => Some(parse_port(port)?),
            None => None,
        };
        Some(Self { user, host: percent_decode(host)?, port })
    }
}

/// The host and port that `-W` names.
pub fn parse_forward(text: &str) -> Option<(String, u16)> {
    let (host, port) = split_port(text)?;
    let port = parse_port(port?)?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// A port from 1 to 65535.
fn parse_port(text: &str) -> Option<u16> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| all_digits && *port != 0)
}
