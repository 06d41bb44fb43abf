//! Where a key may forward to and from: `permitopen` and `permitlisten` (sshd(8)).

use konko_pattern::wildcard;

/// The longest host name.
const LONGEST_HOST: usize = 1025;

/// A port, or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortPattern {
    /// `*`
    Any,
    /// This one.
    Only(u16),
}

impl PortPattern {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let port = if digits { text.parse().ok()? } else { return None };
        (port != 0).then_some(Self::Only(port))
    }

    /// Whether it is this port.
    pub fn matches(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == port,
        }
    }
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ForwardPermission {
    /// The host: an exact name for `permitopen` (`*` is any), a pattern for `permitlisten`.
    pub host: String,
    /// The port.
    pub port: PortPattern,
}

impl ForwardPermission {
    /// Reads `host:port` or `[host]:port` of `permitopen`.
    pub fn parse_open(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once("]:")?,
            // An address of IPv6 must stand in brackets: where would its port begin?
            None => text.split_once(':')?,
        };
        if host.is_empty() || host.len() > LONGEST_HOST {
            return None;
        }
        Some(Self { host: host.to_owned(), port: PortPattern::parse(port)? })
    }

    /// Reads `[host:]port` of `permitlisten`; without a host any is meant.
    pub fn parse_listen(text: &str) -> Option<Self> {
        if text.contains(':') {
            return Self::parse_open(text);
        }
        Some(Self { host: "*".to_owned(), port: PortPattern::parse(text)? })
    }

    /// Whether a connection to this host and port may be opened. The host is compared as it was asked for; no name
    /// is looked up.
    pub fn allows_open(&self, host: &str, port: u16) -> bool {
        (self.host == "*" || self.host == host) && self.port.matches(port)
    }

    /// Whether this address and port may be listened at. The host is a pattern.
    pub fn allows_listen(&self, host: &str, port: u16) -> bool {
        wildcard::matches(self.host.as_bytes(), host.as_bytes()) && self.port.matches(port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: L10
    #[test]
    fn hosts_and_ports() {
        let open = |text: &str| ForwardPermission::parse_open(text);
        assert!(open("a:80").expect("one").allows_open("a", 80));
        assert!(!open("a:80").expect("one").allows_open("a", 81));
        assert!(!open("a*:80").expect("one").allows_open("ab", 80));
        assert!(open("*:80").expect("one").allows_open("anything", 80));
        assert!(open("a:*").expect("one").allows_open("a", 65535));
        assert!(open("[2001:db8::1]:22").expect("one").allows_open("2001:db8::1", 22));
        let bad = [
            "",
            "a",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:4294967297",
            "a:22x",
            "a:-1",
            "a: 22",
            "[a]",
            "[a]22",
            "[a:22",
            "[]:22",
            "2001:db8::1:22",
            "80",
            "a:80:81",
        ];
        for text in bad {
            assert_eq!(open(text), None, "{text}");
        }
        let listen = |text: &str| ForwardPermission::parse_listen(text).expect(text);
        assert!(listen("8080").allows_listen("", 8080) && listen("8080").allows_listen("::1", 8080));
        assert!(listen("*").allows_listen("x", 1));
        assert!(listen("local*:80").allows_listen("localhost", 80));
        assert!(!listen("localhost:80").allows_listen("", 80));
        assert_eq!(ForwardPermission::parse_listen("x"), None);
        assert_eq!(ForwardPermission::parse_listen("0"), None);
    }
}
