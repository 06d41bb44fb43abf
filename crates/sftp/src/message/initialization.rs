//! The first packet of either side (draft-ietf-secsh-filexfer-02 §4). They have no request id.

use konko_wire::decode::{DecodeError, Reader};
use konko_wire::encode::{Encode, put_string, put_u32};

use crate::message::number::PacketType;
use crate::message::packet::end_packet;

/// The most extension pairs that an INIT or VERSION may carry.
pub const MAXIMUM_EXTENSIONS: usize = 1024;

/// The client's first packet: the highest version that it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init<'a> {
    /// The highest version.
    pub version: u32,
    /// Names and data of extensions; version 3 clients send none, a server ignores what it does not know.
    pub extensions: Vec<(&'a [u8], &'a [u8])>,
}

/// The server's answer: the version that both will speak, and what the server adds to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version<'a> {
    /// The version.
    pub version: u32,
    /// Names and data of extensions, in order.
    pub extensions: Vec<(&'a [u8], &'a [u8])>,
}

macro_rules! initialization {
    ($name:ident, $type:ident) => {
        impl<'a> $name<'a> {
            /// The type of the packet.
            pub const TYPE: PacketType = PacketType::$type;

            /// Decodes the bytes that the length field counted, type included. More than 1,024 extensions are
            /// refused.
            pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
                let mut reader = Reader::new(bytes);
                if reader.read_u8()? != Self::TYPE.0 {
                    return Err(DecodeError::WrongMessage);
                }
                let version = reader.read_u32()?;
                let mut extensions = Vec::new();
                while !reader.is_empty() {
                    if extensions.len() == MAXIMUM_EXTENSIONS {
                        return Err(DecodeError::TooMany);
                    }
                    extensions.push((reader.read_string()?, reader.read_string()?));
                }
                Ok(Self { version, extensions })
            }
        }

        impl Encode for $name<'_> {
            /// Appends the whole packet, length and type included.
            fn encode(&self, out: &mut Vec<u8>) {
                let start = out.len();
                put_u32(out, 0);
                out.push(Self::TYPE.0);
                put_u32(out, self.version);
                for (name, data) in &self.extensions {
                    put_string(out, name);
                    put_string(out, data);
                }
                end_packet(out, start);
            }
        }
    };
}

initialization!(Init, INIT);
initialization!(Version, VERSION);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packets_come_back() {
        let version = Version { version: 3, extensions: vec![(b"limits@openssh.com", b"1"), (b"x", b"")] };
        let bytes = version.to_vec();
        assert_eq!(bytes[..4], (bytes.len() as u32 - 4).to_be_bytes());
        assert_eq!(Version::decode(&bytes[4..]).unwrap(), version);
        let init = Init { version: 6, extensions: Vec::new() };
        assert_eq!(init.to_vec(), [0, 0, 0, 5, 1, 0, 0, 0, 6]);
        assert_eq!(Init::decode(&[1, 0, 0, 0, 6]).unwrap(), init);
        assert_eq!(Init::decode(&[2, 0, 0, 0, 6]), Err(DecodeError::WrongMessage));
    }

    // covers: G05
    #[test]
    fn an_odd_string_or_endless_pairs_are_refused() {
        let mut bytes = vec![2, 0, 0, 0, 3];
        put_string(&mut bytes, b"limits@openssh.com");
        assert_eq!(Version::decode(&bytes), Err(DecodeError::Truncated));
        let mut bytes = vec![2, 0, 0, 0, 3];
        bytes.resize(bytes.len() + 8 * (MAXIMUM_EXTENSIONS + 1), 0);
        assert_eq!(Version::decode(&bytes), Err(DecodeError::TooMany));
    }
}
