//! What a key in an agent may be used for (RFC 9987 §5.2.7 and OpenSSH's PROTOCOL.agent): the constraints as they
//! travel. Nothing is enforced here.

use crate::error::AddError;
use crate::number::{CONSTRAIN_CONFIRM, CONSTRAIN_EXTENSION, CONSTRAIN_LIFETIME};
use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{put_string, put_u32};
use konko_wire::peer_text::printable_ascii;

/// The extension constraint that limits where a key leads.
pub const RESTRICT_DESTINATION: &str = "restrict-destination-v00@openssh.com";
/// The extension constraint that adds certificates to the keys of a smartcard.
pub const ASSOCIATED_CERTIFICATES: &str = "associated-certs-v00@openssh.com";
/// The extension constraint that names the middleware of a security key.
pub const SECURITY_KEY_PROVIDER: &str = "sk-provider@openssh.com";

/// The most destination constraints of one key.
pub const MAXIMUM_DESTINATIONS: usize = 1024;
/// The most host keys that one end of a destination constraint may name.
const MAXIMUM_HOST_KEYS: usize = 1024;
/// The longest pattern of user names: matching costs the product of the two lengths.
const MAXIMUM_USER: usize = 1024;

/// One condition on the use of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Constraint {
    /// The agent is to forget the key after so many seconds.
    Lifetime {
        /// From the time of adding.
        seconds: u32,
    },
    /// The agent is to ask its user before every signature.
    Confirm,
    /// `restrict-destination-v00@openssh.com`: the key may be used along these hops only.
    RestrictDestination(Vec<DestinationConstraint>),
    /// `associated-certs-v00@openssh.com`: certificates for the keys that a smartcard gives.
    AssociatedCertificates {
        /// Whether the bare keys are left out.
        certificates_only: bool,
        /// The certificates, as they travel.
        certificates: Vec<Vec<u8>>,
    },
    /// `sk-provider@openssh.com`: the library that speaks to the security key.
    SecurityKeyProvider(String),
    /// Another extension. It has no length of its own: nothing can follow it.
    Extension {
        /// Its name.
        name: String,
        /// What it says.
        details: Vec<u8>,
    },
}

/// One hop that a key may be used for: from a host (or from where the agent runs) to a host, as a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DestinationConstraint {
    /// Where the request comes from. No host name and no keys: from where the agent runs. No user name in any case.
    pub from: Hop,
    /// Where it leads: a host name, keys, and perhaps a pattern of user names.
    pub to: Hop,
}

/// One end of a [`DestinationConstraint`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hop {
    /// A pattern of user names, with `*` and `?`; empty for any.
    pub user: String,
    /// The name of the host: for people, and what a host certificate must be for.
    pub host_name: String,
    /// The keys that the host may prove itself with.
    pub host_keys: Vec<HostKeySpecification>,
}

/// A key of a [`Hop`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeySpecification {
    /// The public key, as it travels.
    pub blob: Vec<u8>,
    /// Whether it is the key of an authority that signs host certificates.
    pub is_authority: bool,
}

/// Appends constraints, in their order.
pub(crate) fn encode_all(constraints: &[Constraint], out: &mut Vec<u8>) {
    constraints.iter().for_each(|constraint| constraint.encode(out));
}

/// Reads constraints up to the end.
///
/// # Errors
///
/// A constraint of unknown number has an unknown length; what stands behind it would be misread. The same
/// constraint twice is refused: it says two things.
pub(crate) fn decode_all(reader: &mut Reader<'_>) -> Result<Vec<Constraint>, AddError> {
    let mut constraints: Vec<Constraint> = Vec::new();
    while !reader.is_empty() {
        let constraint = Constraint::decode(reader)?;
        let same = |other: &Constraint| other.name() == constraint.name();
        if constraints.iter().any(same) {
            return Err(AddError::InvalidConstraint("the same constraint twice"));
        }
        constraints.push(constraint);
    }
    Ok(constraints)
}

impl Constraint {
    /// The name of the constraint, as errors say it.
    pub fn name(&self) -> &str {
        match self {
            Self::Lifetime { .. } => "SSH_AGENT_CONSTRAIN_LIFETIME",
            Self::Confirm => "SSH_AGENT_CONSTRAIN_CONFIRM",
            Self::RestrictDestination(_) => RESTRICT_DESTINATION,
            Self::AssociatedCertificates { .. } => ASSOCIATED_CERTIFICATES,
            Self::SecurityKeyProvider(_) => SECURITY_KEY_PROVIDER,
            Self::Extension { name, .. } => name,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let name = match self {
            Self::Lifetime { seconds } => {
                out.push(CONSTRAIN_LIFETIME);
                return put_u32(out, *seconds);
            }
            Self::Confirm => return out.push(CONSTRAIN_CONFIRM),
            extension => extension.name(),
        };
        out.push(CONSTRAIN_EXTENSION);
        put_string(out, name.as_bytes());
        match self {
            Self::Lifetime { .. } | Self::Confirm => {}
            Self::RestrictDestination(destinations) => {
                let mut all = Vec::new();
                for destination in destinations {
                    put_string(&mut all, &destination.to_bytes());
                }
                put_string(out, &all);
            }
            Self::AssociatedCertificates { certificates_only, certificates } => {
                out.push(u8::from(*certificates_only));
                let mut all = Vec::new();
                certificates.iter().for_each(|certificate| put_string(&mut all, certificate));
                put_string(out, &all);
            }
            Self::SecurityKeyProvider(provider) => put_string(out, provider.as_bytes()),
            Self::Extension { details, .. } => out.extend_from_slice(details),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, AddError> {
        match reader.read_u8()? {
            CONSTRAIN_LIFETIME => Ok(Self::Lifetime { seconds: reader.read_u32()? }),
            CONSTRAIN_CONFIRM => Ok(Self::Confirm),
            CONSTRAIN_EXTENSION => Self::decode_extension(reader),
            number => Err(AddError::UnsupportedConstraint(format!("number {number}"))),
        }
    }

    fn decode_extension(reader: &mut Reader<'_>) -> Result<Self, AddError> {
        let name = reader.read_str()?;
        match name {
            RESTRICT_DESTINATION => {
                let mut all = Reader::new(reader.read_string()?);
                let mut destinations = Vec::new();
                while !all.is_empty() {
                    if destinations.len() == MAXIMUM_DESTINATIONS {
                        return Err(AddError::InvalidConstraint("more than 1024 destinations"));
                    }
                    destinations.push(DestinationConstraint::decode(all.read_string()?)?);
                }
                Ok(Self::RestrictDestination(destinations))
            }
            ASSOCIATED_CERTIFICATES => {
                let certificates_only = reader.read_bool()?;
                let mut all = Reader::new(reader.read_string()?);
                let mut certificates = Vec::new();
                while !all.is_empty() {
                    certificates.push(all.read_string()?.to_vec());
                }
                Ok(Self::AssociatedCertificates { certificates_only, certificates })
            }
            SECURITY_KEY_PROVIDER => Ok(Self::SecurityKeyProvider(reader.read_str()?.to_owned())),
            name => Ok(Self::Extension {
                name: printable_ascii(name.as_bytes()),
                details: reader.rest().to_vec(),
            }),
        }
    }
}

impl DestinationConstraint {
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, &self.from.to_bytes());
        put_string(&mut out, &self.to.to_bytes());
        put_string(&mut out, b"");
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, AddError> {
        let mut reader = Reader::new(bytes);
        let from = Hop::decode(reader.read_string()?)?;
        let to = Hop::decode(reader.read_string()?)?;
        if !reader.read_string()?.is_empty() {
            return Err(AddError::UnsupportedConstraint("in a reserved field of a destination".into()));
        }
        reader.finish()?;
        let destination = Self { from, to };
        destination.check()?;
        Ok(destination)
    }

    /// PROTOCOL.agent: "the agent will ensure that the 'from_username' field is empty, and that 'to_hostname' and
    /// 'to_hostkeys' have been supplied (empty 'from_hostname' and 'from_hostkeys' are valid and signify the
    /// initial hop from the host running ssh-agent)".
    pub(crate) fn check(&self) -> Result<(), AddError> {
        let invalid = |what| Err(AddError::InvalidConstraint(what));
        if !self.from.user.is_empty() {
            return invalid("a user name where a destination begins");
        }
        if self.from.host_name.is_empty() != self.from.host_keys.is_empty() {
            return invalid("a beginning of a destination with only one of host name and keys");
        }
        if self.to.host_name.is_empty() || self.to.host_keys.is_empty() {
            return invalid("an end of a destination without host name or keys");
        }
        if self.to.user.len() > MAXIMUM_USER {
            return invalid("a pattern of user names of more than 1024 bytes");
        }
        Ok(())
    }
}

impl Hop {
    /// Whether it names no host: where the agent runs.
    pub fn is_origin(&self) -> bool {
        self.host_name.is_empty() && self.host_keys.is_empty()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, self.user.as_bytes());
        put_string(&mut out, self.host_name.as_bytes());
        put_string(&mut out, b"");
        for key in &self.host_keys {
            put_string(&mut out, &key.blob);
            out.push(u8::from(key.is_authority));
        }
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, AddError> {
        let mut reader = Reader::new(bytes);
        let user = reader.read_str()?.to_owned();
        let host_name = reader.read_str()?.to_owned();
        if !reader.read_string()?.is_empty() {
            return Err(AddError::UnsupportedConstraint("in a reserved field of a destination".into()));
        }
        let mut host_keys = Vec::new();
        while !reader.is_empty() {
            if host_keys.len() == MAXIMUM_HOST_KEYS {
                return Err(AddError::Malformed(DecodeError::TooMany));
            }
            let blob = reader.read_string()?.to_vec();
            host_keys.push(HostKeySpecification { blob, is_authority: reader.read_bool()? });
        }
        Ok(Self { user, host_name, host_keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(user: &str, host_name: &str, keys: &[(&[u8], bool)]) -> Hop {
        let host_keys = keys.iter().map(|(blob, is_authority)| HostKeySpecification {
            blob: blob.to_vec(),
            is_authority: *is_authority,
        });
        Hop { user: user.into(), host_name: host_name.into(), host_keys: host_keys.collect() }
    }

    fn every_kind() -> Vec<Constraint> {
        let to = hop("g*", "b.example", &[(b"key", false), (b"authority", true)]);
        vec![
            Constraint::Lifetime { seconds: 3600 },
            Constraint::Confirm,
            Constraint::RestrictDestination(vec![
                DestinationConstraint { from: Hop::default(), to: to.clone() },
                DestinationConstraint { from: hop("", "a.example", &[(b"key", false)]), to },
            ]),
            Constraint::AssociatedCertificates {
                certificates_only: true,
                certificates: vec![b"one".into(), b"two".into()],
            },
            Constraint::SecurityKeyProvider("internal".into()),
            Constraint::Extension { name: "x@example".into(), details: b"anything".into() },
        ]
    }

    #[test]
    fn every_kind_comes_back() {
        let mut bytes = Vec::new();
        encode_all(&every_kind(), &mut bytes);
        assert_eq!(decode_all(&mut Reader::new(&bytes)), Ok(every_kind()));
    }

    /// RFC 9987 §5.2.7.1, §5.2.7.2 and PROTOCOL.agent §2, byte by byte.
    #[test]
    fn the_layout_is_the_one_of_the_documents() {
        let mut bytes = Vec::new();
        encode_all(&[Constraint::Lifetime { seconds: 258 }, Constraint::Confirm], &mut bytes);
        assert_eq!(bytes, [1, 0, 0, 1, 2, 2]);
        let to = hop("u", "h", &[(b"K", true)]);
        let one = Constraint::RestrictDestination(vec![DestinationConstraint { from: Hop::default(), to }]);
        bytes.clear();
        encode_all(&[one], &mut bytes);
        let name = RESTRICT_DESTINATION.as_bytes();
        assert_eq!(&bytes[..5], [255, 0, 0, 0, name.len() as u8]);
        assert_eq!(&bytes[5..5 + name.len()], name);
        let rest = &bytes[5 + name.len()..];
        let expected = b"\0\0\0\x30\0\0\0\x2c\
            \0\0\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0\
            \0\0\0\x14\0\0\0\x01u\0\0\0\x01h\0\0\0\0\0\0\0\x01K\x01\
            \0\0\0\0";
        assert_eq!(rest, expected);
    }

    /// covers: E03
    #[test]
    fn what_is_cut_off_at_any_byte_is_malformed() {
        let kinds = every_kind();
        for constraint in &kinds[..kinds.len() - 1] {
            let mut bytes = Vec::new();
            encode_all(std::slice::from_ref(constraint), &mut bytes);
            for length in 1..bytes.len() {
                assert!(
                    decode_all(&mut Reader::new(&bytes[..length])).is_err(),
                    "{constraint:?} at {length}"
                );
            }
        }
    }

    /// covers: E03
    #[test]
    fn unknown_numbers_and_repetitions_are_refused() {
        let decode = |bytes: &[u8]| decode_all(&mut Reader::new(bytes));
        assert_eq!(decode(&[3, 0, 0, 0, 1]), Err(AddError::UnsupportedConstraint("number 3".into())));
        assert_eq!(decode(&[0]), Err(AddError::UnsupportedConstraint("number 0".into())));
        assert_eq!(decode(&[2, 2]), Err(AddError::InvalidConstraint("the same constraint twice")));
        let mut twice = Vec::new();
        encode_all(&[every_kind()[2].clone(), every_kind()[2].clone()], &mut twice);
        assert_eq!(decode(&twice), Err(AddError::InvalidConstraint("the same constraint twice")));
    }

    /// covers: E06
    #[test]
    fn incomplete_hops_are_refused() {
        let full = hop("", "h", &[(b"K", false)]);
        let origin = Hop::default();
        for (from, to) in [
            (hop("u", "h", &[(b"K", false)]), full.clone()),
            (hop("", "h", &[]), full.clone()),
            (hop("", "", &[(b"K", false)]), full.clone()),
            (origin.clone(), hop("", "h", &[])),
            (origin.clone(), hop("", "", &[(b"K", false)])),
            (origin.clone(), origin.clone()),
            (origin, hop(&"a".repeat(1025), "h", &[(b"K", false)])),
        ] {
            let constraint = Constraint::RestrictDestination(vec![DestinationConstraint { from, to }]);
            let mut bytes = Vec::new();
            encode_all(std::slice::from_ref(&constraint), &mut bytes);
            let result = decode_all(&mut Reader::new(&bytes));
            assert!(matches!(result, Err(AddError::InvalidConstraint(_))), "{constraint:?}");
        }
    }
}
