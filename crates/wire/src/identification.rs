//! The identification string (RFC 4253 §4.2).

/// The longest identification string, its CR LF included (RFC 4253 §4.2).
pub const MAXIMUM_LEN: usize = 255;

/// What is wrong with an identification string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentificationError {
    /// It does not begin with `SSH-` or lacks a part.
    Malformed,
    /// Another version of the protocol than 2.0 (or 1.99, from a server).
    UnsupportedVersion,
    /// Longer than 255 bytes.
    TooLong,
    /// A NUL or another control character.
    InvalidCharacter,
}

impl std::fmt::Display for IdentificationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is not an SSH identification string",
            Self::UnsupportedVersion => "its protocol version is not 2.0",
            Self::TooLong => "it is longer than 255 bytes",
            Self::InvalidCharacter => "it contains a control character",
        })
    }
}

impl std::error::Error for IdentificationError {}

/// An identification string without its line end: `SSH-2.0-softwareversion comments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identification {
    line: Vec<u8>,
}

impl Identification {
    /// Takes a line without its line end.
    ///
    /// `SSH-1.99-` is taken for 2.0 (RFC 4253 §5.1) where `allow_1_99` says so, that is from a server. An empty
    /// software version is accepted; bytes beyond US-ASCII are, too, since some peers put them into comments.
    pub fn parse(line: &[u8], allow_1_99: bool) -> Result<Self, IdentificationError> {
        if line.len() + 2 > MAXIMUM_LEN {
            return Err(IdentificationError::TooLong);
        }
        let rest = line.strip_prefix(b"SSH-").ok_or(IdentificationError::Malformed)?;
        if line.iter().any(|byte| *byte < 0x20 || *byte == 0x7f) {
            return Err(IdentificationError::InvalidCharacter);
        }
        let dash = rest.iter().position(|byte| *byte == b'-').ok_or(IdentificationError::Malformed)?;
        match &rest[..dash] {
            b"2.0" => {}
            b"1.99" if allow_1_99 => {}
            _ => return Err(IdentificationError::UnsupportedVersion),
        }
        Ok(Self { line: line.to_vec() })
    }

    /// One of our own: `SSH-2.0-` and `software_version`, which must be printable US-ASCII without space or
    /// minus sign (RFC 4253 §4.2), and optional comments.
    pub fn new(software_version: &str, comments: Option<&str>) -> Result<Self, IdentificationError> {
        if software_version.is_empty() {
            return Err(IdentificationError::Malformed);
        }
        if software_version.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'-') {
            return Err(IdentificationError::InvalidCharacter);
        }
        let mut line = format!("SSH-2.0-{software_version}");
        if let Some(comments) = comments {
            if comments.bytes().any(|byte| byte != b' ' && !byte.is_ascii_graphic()) {
                return Err(IdentificationError::InvalidCharacter);
            }
            line.push(' ');
            line.push_str(comments);
        }
        Self::parse(line.as_bytes(), false)
    }

    /// The line without its line end, as it enters the exchange hash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.line
    }

    /// The part after the version: `softwareversion comments`, with what is not UTF-8 replaced.
    pub fn software(&self) -> std::borrow::Cow<'_, str> {
        let mut parts = self.line.splitn(3, |byte| *byte == b'-');
        String::from_utf8_lossy(parts.nth(2).unwrap_or_default())
    }
}

impl std::fmt::Display for Identification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: T04
    #[test]
    fn versions_other_than_2_0_are_refused() {
        for line in [&b"SSH-2.0-OpenSSH_9.2p1 Debian-2"[..], b"SSH-2.0-", b"SSH-2.0-x y-z"] {
            assert!(Identification::parse(line, false).is_ok());
        }
        assert!(Identification::parse(b"SSH-1.99-Cisco", true).is_ok());
        let refused = [
            (&b"ssh-2.0-x"[..], IdentificationError::Malformed),
            (b"SSH-2.0", IdentificationError::Malformed),
            (b"SSH-1.5-x", IdentificationError::UnsupportedVersion),
            (b"SSH-2.1-x", IdentificationError::UnsupportedVersion),
            (b"SSH-20.0-x", IdentificationError::UnsupportedVersion),
            (b"SSH-1.99-x", IdentificationError::UnsupportedVersion),
            (b"SSH-2.0-a\0b", IdentificationError::InvalidCharacter),
        ];
        for (line, error) in refused {
            assert_eq!(Identification::parse(line, false), Err(error), "{line:?}");
        }
        let mut long = b"SSH-2.0-".to_vec();
        long.resize(253, b'x');
        assert!(Identification::parse(&long, false).is_ok());
        long.push(b'x');
        assert_eq!(Identification::parse(&long, false), Err(IdentificationError::TooLong));
    }

    #[test]
    fn our_own_has_no_minus_sign_in_its_software_version() {
        assert!(Identification::new("konko_0.1", None).is_ok());
        assert_eq!(Identification::new("kon-ko", None), Err(IdentificationError::InvalidCharacter));
        let ours = Identification::new("konko_0.1", Some("test")).expect("valid");
        assert_eq!(ours.as_bytes(), b"SSH-2.0-konko_0.1 test");
        assert_eq!(ours.software(), "konko_0.1 test");
    }
}
