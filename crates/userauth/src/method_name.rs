//! The names of the methods that are implemented (RFC 4250 §4.8, RFC 4256).

/// A method by which a server can let users prove themselves.
///
/// "none" is not among them: RFC 4252 §5.2: "It MUST NOT be listed as supported by the server."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MethodName {
    /// `publickey` (RFC 4252 §7).
    PublicKey,
    /// `password` (RFC 4252 §8).
    Password,
    /// `keyboard-interactive` (RFC 4256).
    KeyboardInteractive,
    /// `hostbased` (RFC 4252 §9).
    HostBased,
}

impl MethodName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::PublicKey, Self::Password, Self::KeyboardInteractive, Self::HostBased];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PublicKey => "publickey",
            Self::Password => "password",
            Self::KeyboardInteractive => "keyboard-interactive",
            Self::HostBased => "hostbased",
        }
    }

    /// The method of that name. Names are compared byte for byte.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str().as_bytes() == name)
    }
}

impl std::fmt::Display for MethodName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
