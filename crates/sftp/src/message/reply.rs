//! The replies of version 3 (draft-ietf-secsh-filexfer-02 §7). Each struct holds the fields behind the request id.

use konko_wire::decode::{Decode, DecodeError, Reader, Rest};
use konko_wire::encode::{Encode, put_string, put_u32};

use crate::message::attributes::Attributes;
use crate::message::number::{PacketType, StatusCode};

/// The longest handle (§6.2): "The length of the handle string MUST NOT exceed 256 data bytes."
pub const MAXIMUM_HANDLE: usize = 256;

messages! {
    /// A file or directory was opened (§7).
    Handle<'a> = HANDLE {
        /// To be given back as it is; at most [`MAXIMUM_HANDLE`] bytes.
        handle: &'a [u8],
    }
    /// Bytes of a file (§7).
    Data<'a> = DATA {
        /// At most as many as were asked for.
        data: &'a [u8],
    }
    /// Attributes (§7).
    Attrs = ATTRS {
        /// What is known.
        attributes: Attributes,
    }
    /// The answer to a request of an extension (§8).
    ExtendedReply<'a> = EXTENDED_REPLY {
        /// As the extension says.
        fields: Rest<'a>,
    }
}

/// How a request ended (§7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status<'a> {
    /// How.
    pub code: StatusCode,
    /// In words, from the peer: escape them before showing them.
    pub message: &'a [u8],
    /// RFC 1766 language tag of the message.
    pub language_tag: &'a [u8],
}

impl<'a> Status<'a> {
    /// The type of the packet.
    pub const TYPE: PacketType = PacketType::STATUS;

    /// Decodes the fields. Message and language tag may be missing, as they were in versions before 3 and still
    /// are with some servers, and data of a code's own may follow them, as in version 6.
    pub fn decode(fields: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(fields);
        let code = StatusCode(reader.read_u32()?);
        let message = if reader.is_empty() { &[][..] } else { reader.read_string()? };
        let language_tag = if reader.is_empty() { &[][..] } else { reader.read_string()? };
        Ok(Self { code, message, language_tag })
    }
}

impl Encode for Status<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.code.encode(out);
        put_string(out, self.message);
        put_string(out, self.language_tag);
    }
}

/// One name of a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameEntry<'a> {
    /// Relative to the directory, or the path that was asked for.
    pub filename: &'a [u8],
    /// As a line of `ls -l`, for people; its form is not fixed.
    pub longname: &'a [u8],
    /// What is known.
    pub attributes: Attributes,
}

impl<'a> Decode<'a> for NameEntry<'a> {
    fn decode_from(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            filename: reader.read_string()?,
            longname: reader.read_string()?,
            attributes: Attributes::decode_from(reader)?,
        })
    }
}

impl Encode for NameEntry<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, self.filename);
        put_string(out, self.longname);
        self.attributes.encode(out);
    }
}

/// Names and their attributes (§7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name<'a> {
    /// In the server's order.
    pub entries: Vec<NameEntry<'a>>,
}

impl<'a> Name<'a> {
    /// The type of the packet.
    pub const TYPE: PacketType = PacketType::NAME;
    /// What an entry takes at least: two empty strings and flags.
    const SMALLEST_ENTRY: usize = 12;

    /// Decodes the fields and nothing after them. The count is believed only as far as the bytes go.
    pub fn decode(fields: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(fields);
        let count = reader.read_u32()? as usize;
        if count > reader.remaining() / Self::SMALLEST_ENTRY {
            return Err(DecodeError::Truncated);
        }
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(NameEntry::decode_from(&mut reader)?);
        }
        reader.finish()?;
        Ok(Self { entries })
    }
}

impl Encode for Name<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.entries.len() as u32);
        for entry in &self.entries {
            entry.encode(out);
        }
    }
}
