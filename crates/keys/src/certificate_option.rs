//! Critical options and extensions (PROTOCOL.certkeys, "Critical options" and "Extensions").

use crate::error::CertificateError;
use konko_wire::decode::Reader;
use konko_wire::encode::put_string;

/// More of either kind are not read.
const MOST_OPTIONS: usize = 256;

/// A critical option or an extension, as it stands in the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertificateOption {
    /// Its name.
    pub name: String,
    /// Its data: empty, or a string of its own inside (its length and its bytes) for the options that are known.
    pub data: Vec<u8>,
}

/// A critical option. Whoever does not know one refuses the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CriticalOption<'a> {
    /// `force-command`: this command is run, whatever was asked for.
    ForceCommand(&'a str),
    /// `source-address`: a list of CIDR blocks from which the certificate is good.
    SourceAddress(&'a str),
    /// `verify-required`: the security key must have verified its user.
    VerifyRequired,
    /// One that is not known.
    Unknown {
        /// Its name.
        name: &'a str,
        /// Its data as it stands there.
        data: &'a [u8],
    },
}

/// An extension. Whoever does not know one passes it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extension<'a> {
    /// `no-touch-required`: the security key need not have been touched.
    NoTouchRequired,
    /// `permit-X11-forwarding`.
    PermitX11Forwarding,
    /// `permit-agent-forwarding`.
    PermitAgentForwarding,
    /// `permit-port-forwarding`.
    PermitPortForwarding,
    /// `permit-pty`.
    PermitPty,
    /// `permit-user-rc`.
    PermitUserRc,
    /// One that is not known.
    Unknown {
        /// Its name.
        name: &'a str,
        /// Its data as it stands there.
        data: &'a [u8],
    },
}

/// The string inside the data of an option that has a value.
fn value(data: &[u8]) -> Option<&str> {
    let mut reader = Reader::new(data);
    let value = reader.read_str().ok()?;
    reader.finish().ok()?;
    Some(value)
}

fn with_value(name: &str, value: &str) -> CertificateOption {
    let mut data = Vec::new();
    put_string(&mut data, value.as_bytes());
    CertificateOption { name: name.to_owned(), data }
}

fn flag(name: &str) -> CertificateOption {
    CertificateOption { name: name.to_owned(), data: Vec::new() }
}

impl CertificateOption {
    /// This option read as a critical one.
    ///
    /// # Errors
    ///
    /// [`CertificateError::InvalidOption`] where a known option has data of another shape than its own.
    pub fn as_critical(&self) -> Result<CriticalOption<'_>, CertificateError> {
        let read = match self.name.as_str() {
            "force-command" => value(&self.data).map(CriticalOption::ForceCommand),
            "source-address" => value(&self.data).map(CriticalOption::SourceAddress),
            "verify-required" => self.data.is_empty().then_some(CriticalOption::VerifyRequired),
            name => Some(CriticalOption::Unknown { name, data: &self.data }),
        };
        read.ok_or_else(|| CertificateError::InvalidOption { name: self.name.clone() })
    }

    /// This option read as an extension. What data the known ones have does not matter: OpenSSH ignores it, too.
    pub fn as_extension(&self) -> Extension<'_> {
        match self.name.as_str() {
            "no-touch-required" => Extension::NoTouchRequired,
            "permit-X11-forwarding" => Extension::PermitX11Forwarding,
            "permit-agent-forwarding" => Extension::PermitAgentForwarding,
            "permit-port-forwarding" => Extension::PermitPortForwarding,
            "permit-pty" => Extension::PermitPty,
            "permit-user-rc" => Extension::PermitUserRc,
            name => Extension::Unknown { name, data: &self.data },
        }
    }
}

impl From<CriticalOption<'_>> for CertificateOption {
    fn from(option: CriticalOption<'_>) -> Self {
        match option {
            CriticalOption::ForceCommand(command) => with_value("force-command", command),
            CriticalOption::SourceAddress(list) => with_value("source-address", list),
            CriticalOption::VerifyRequired => flag("verify-required"),
            CriticalOption::Unknown { name, data } => Self { name: name.to_owned(), data: data.to_vec() },
        }
    }
}

impl From<Extension<'_>> for CertificateOption {
    fn from(extension: Extension<'_>) -> Self {
        match extension {
            Extension::NoTouchRequired => flag("no-touch-required"),
            Extension::PermitX11Forwarding => flag("permit-X11-forwarding"),
            Extension::PermitAgentForwarding => flag("permit-agent-forwarding"),
            Extension::PermitPortForwarding => flag("permit-port-forwarding"),
            Extension::PermitPty => flag("permit-pty"),
            Extension::PermitUserRc => flag("permit-user-rc"),
            Extension::Unknown { name, data } => Self { name: name.to_owned(), data: data.to_vec() },
        }
    }
}

/// Reads a list of options. OpenSSH does not insist on their order, so nobody relies on it; a name that stands
/// there twice is refused, since it could mean two things.
pub(crate) fn decode(list: &[u8]) -> Result<Vec<CertificateOption>, CertificateError> {
    let mut reader = Reader::new(list);
    let mut options: Vec<CertificateOption> = Vec::new();
    while !reader.is_empty() {
        let (name, data) = (reader.read_str()?, reader.read_string()?.to_vec());
        // PROTOCOL.certkeys: "Each named option may only appear once in a certificate."
        if options.iter().any(|option| option.name == name) {
            return Err(CertificateError::InvalidOption { name: name.to_owned() });
        }
        if options.len() == MOST_OPTIONS {
            return Err(konko_wire::decode::DecodeError::TooMany.into());
        }
        options.push(CertificateOption { name: name.to_owned(), data });
    }
    Ok(options)
}

/// Writes a list of options. PROTOCOL.certkeys: "These must be lexically ordered by name".
pub(crate) fn encode(options: &[CertificateOption]) -> Vec<u8> {
    let mut sorted: Vec<_> = options.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut list = Vec::new();
    for option in sorted {
        put_string(&mut list, option.name.as_bytes());
        put_string(&mut list, &option.data);
    }
    list
}
