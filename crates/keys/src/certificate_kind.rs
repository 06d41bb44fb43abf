//! The two kinds of certificates (PROTOCOL.certkeys).

/// Whom a certificate speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum CertificateKind {
    /// Users; its principals are their names.
    User = 1,
    /// Hosts; its principals are their names and addresses.
    Host = 2,
}
