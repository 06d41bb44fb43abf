//! Where to connect to: a host and a port, as people write them.

/// The port of SSH (RFC 4253 §4.1).
pub const DEFAULT_PORT: u16 = 22;

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no host in it.
    #[error("the host is empty; write host, host:port or [IPv6]:port")]
    EmptyHost,
    /// What follows the colon is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    InvalidPort,
    /// An opening bracket without a closing one, text after it that is not a port, or no IPv6 address within.
    #[error("square brackets must hold an IPv6 address, and only a port may follow them: [IPv6]:port")]
    InvalidBrackets,
    /// A blank, a control character, an `@` or a slash, which no host name has.
    #[error("the host contains a character that no host name has")]
    InvalidCharacter,
    /// More than one colon, and no IPv6 address.
    #[error("there is more than one colon, and it is not an IPv6 address")]
    TooManyColons,
}

/// A host name or IP address, and a port if one was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    host: String,
    port: Option<u16>,
}

impl Address {
    /// Of a host as it is, name or IP address, without brackets.
    ///
    /// # Errors
    ///
    /// [`AddressError::EmptyHost`] and [`AddressError::InvalidCharacter`].
    pub fn new(host: impl Into<String>, port: Option<u16>) -> Result<Self, AddressError> {
        let host = host.into();
        if host.is_empty() {
            return Err(AddressError::EmptyHost);
        }
        // Such a name could be mistaken for something else in known_hosts, in a log or on a command line.
        if host.starts_with('-')
            || host.chars().any(|c| c.is_control() || c.is_whitespace() || ",*?!|@#\"'/\\[]".contains(c))
        {
            return Err(AddressError::InvalidCharacter);
        }
        if port == Some(0) {
            return Err(AddressError::InvalidPort);
        }
        Ok(Self { host, port })
    }

    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if one was given.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    /// Reads `host`, `host:port`, `[IPv6]`, `[IPv6]:port` or a bare IPv6 address, which has no port.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or(AddressError::InvalidBrackets)?;
            if !is_ipv6(host) {
                return Err(AddressError::InvalidBrackets);
            }
            let port = match after.strip_prefix(':') {
                Some(port) => Some(parse_port(port)?),
                None if after.is_empty() => None,
                None => return Err(AddressError::InvalidBrackets),
            };
            return Self::new(host, port);
        }
        match text.split_once(':') {
            None => Self::new(text, None),
            Some((_, rest)) if rest.contains(':') => {
                if is_ipv6(text) {
                    Self::new(text, None)
                } else {
                    Err(AddressError::TooManyColons)
                }
            }
            Some((host, port)) => Self::new(host, Some(parse_port(port)?)),
        }
    }
}

impl TryFrom<&str> for Address {
    type Error = AddressError;

    fn try_from(text: &str) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    // The standard library would take "+22", too.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AddressError::InvalidPort);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(AddressError::InvalidPort),
        Ok(port) => Ok(port),
    }
}

/// Whether it is an IPv6 address, possibly with a zone such as `%eth0`.
fn is_ipv6(text: &str) -> bool {
    let address =
        text.split_once('%').map_or(text, |(address, zone)| if zone.is_empty() { "" } else { address });
    address.parse::<std::net::Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, host, port) in [
            ("example.org", "example.org", None),
            ("example.org:2222", "example.org", Some(2222)),
            ("192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1:65535", "192.0.2.1", Some(65535)),
            ("::1", "::1", None),
            ("2001:db8::22", "2001:db8::22", None),
            ("fe80::1%eth0", "fe80::1%eth0", None),
            ("[::1]", "::1", None),
            ("[::1]:2222", "::1", Some(2222)),
            ("[fe80::1%2]:22", "fe80::1%2", Some(22)),
            ("host_with_underscore", "host_with_underscore", None),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!((address.host(), address.port()), (host, port), "{text}");
        }
    }

    #[test]
    fn what_is_no_address() {
        for (text, error) in [
            ("", AddressError::EmptyHost),
            (":22", AddressError::EmptyHost),
            ("host:", AddressError::InvalidPort),
            ("host:0", AddressError::InvalidPort),
            ("host:65536", AddressError::InvalidPort),
            ("host:+22", AddressError::InvalidPort),
            ("host:ssh", AddressError::InvalidPort),
            ("[::1", AddressError::InvalidBrackets),
            ("[::1]2222", AddressError::InvalidBrackets),
            ("[host]:22", AddressError::InvalidBrackets),
            ("[]:22", AddressError::InvalidBrackets),
            ("a:b:c", AddressError::TooManyColons),
            ("::1%", AddressError::TooManyColons),
            ("-oProxyCommand=x", AddressError::InvalidCharacter),
            ("a b", AddressError::InvalidCharacter),
            ("user@host", AddressError::InvalidCharacter),
            ("a\nb", AddressError::InvalidCharacter),
            ("a,b", AddressError::InvalidCharacter),
            ("*", AddressError::InvalidCharacter),
            ("|1|x", AddressError::InvalidCharacter),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for text in ["example.org", "example.org:2222", "::1", "[::1]:2222"] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), text);
        }
    }
}
