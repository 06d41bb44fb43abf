//! Reading a revocation list.

use crate::krl::error::KrlError;
use crate::krl::list::KeyRevocationList;
use crate::krl::serials::Bitmap;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm;
use konko_wire::decode::{DecodeError, Reader};

/// What every list begins with.
pub const MAGIC: [u8; 8] = *b"SSHKRL\n\0";
/// The version of the format.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// A larger list is not read.
const LARGEST_LIST: usize = 64 * 1024 * 1024;

/// The types of sections.
pub(crate) mod section {
    pub(crate) const CERTIFICATES: u8 = 1;
    pub(crate) const EXPLICIT_KEY: u8 = 2;
    pub(crate) const FINGERPRINT_SHA1: u8 = 3;
    pub(crate) const SIGNATURE: u8 = 4;
    pub(crate) const FINGERPRINT_SHA256: u8 = 5;
    pub(crate) const EXTENSION: u8 = 255;
}

/// The types of the parts of a section of certificates.
pub(crate) mod part {
    pub(crate) const SERIAL_LIST: u8 = 0x20;
    pub(crate) const SERIAL_RANGE: u8 = 0x21;
    pub(crate) const SERIAL_BITMAP: u8 = 0x22;
    pub(crate) const KEY_ID: u8 = 0x23;
    pub(crate) const EXTENSION: u8 = 0x39;
}

impl KeyRevocationList {
    /// Reads a list. What it takes of memory is bounded by a small multiple of its size. Where it is signed, every
    /// signature is verified; whether a key that signed is to be believed, nobody asks here.
    ///
    /// # Errors
    ///
    /// [`KrlError`]. A list with a section or a critical extension that is not known is refused as a whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, KrlError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(KrlError::NotAList);
        }
        if bytes.len() > LARGEST_LIST {
            return Err(KrlError::TooLarge);
        }
        let mut reader = Reader::new(bytes);
        reader.read_array::<8>()?;
        let version = reader.read_u32()?;
        if version != FORMAT_VERSION {
            return Err(KrlError::UnsupportedVersion { version });
        }
        let mut list = Self { version: reader.read_u64()?, generated: reader.read_u64()?, ..Self::default() };
        let (_flags, _reserved) = (reader.read_u64()?, reader.read_string()?);
        list.comment = String::from_utf8_lossy(reader.read_string()?).into_owned();
        let mut signed = false;
        while !reader.is_empty() {
            let section = reader.read_u8()?;
            if section == section::SIGNATURE {
                verify_signature(bytes, &mut reader)?;
                signed = true;
                continue;
            }
            // PROTOCOL.krl: signatures stand behind everything that they sign.
            if signed {
                return Err(KrlError::Invalid { what: "a section behind a signature" });
            }
            list.decode_section(section, reader.read_string()?)?;
        }
        list.settle();
        Ok(list)
    }

    fn decode_section(&mut self, section: u8, data: &[u8]) -> Result<(), KrlError> {
        let mut reader = Reader::new(data);
        match section {
            section::CERTIFICATES => self.decode_certificates(&mut reader)?,
            section::EXPLICIT_KEY => {
                while !reader.is_empty() {
                    self.keys.insert(reader.read_string()?.to_vec());
                }
            }
            section::FINGERPRINT_SHA1 => {
                while !reader.is_empty() {
                    self.sha1.insert(hash(&mut reader)?);
                }
            }
            section::FINGERPRINT_SHA256 => {
                while !reader.is_empty() {
                    self.sha256.insert(hash(&mut reader)?);
                }
            }
            section::EXTENSION => extension(&mut reader)?,
            _ => return Err(KrlError::UnsupportedSection { section }),
        }
        reader.finish()?;
        Ok(())
    }

    fn decode_certificates(&mut self, reader: &mut Reader<'_>) -> Result<(), KrlError> {
        let authority = Some(reader.read_string()?).filter(|blob| !blob.is_empty());
        let _reserved = reader.read_string()?;
        let revocations = self.of_authority(authority);
        while !reader.is_empty() {
            let part = reader.read_u8()?;
            let mut data = Reader::new(reader.read_string()?);
            match part {
                part::SERIAL_LIST => {
                    while !data.is_empty() {
                        revocations.serials.add(data.read_u64()?);
                    }
                }
                part::SERIAL_RANGE => revocations.serials.add_range(data.read_u64()?, data.read_u64()?)?,
                part::SERIAL_BITMAP => {
                    let (offset, bits) = (data.read_u64()?, data.read_mpint()?);
                    let negative = KrlError::Invalid { what: "a bitmap that is negative" };
                    let bits = bits.as_unsigned().ok_or(negative)?;
                    revocations.serials.add_bitmap(Bitmap::new(offset, bits)?);
                }
                part::KEY_ID => {
                    while !data.is_empty() {
                        revocations.key_ids.insert(data.read_str()?.to_owned());
                    }
                }
                part::EXTENSION => extension(&mut data)?,
                section => return Err(KrlError::UnsupportedSection { section }),
            }
            data.finish()?;
        }
        Ok(())
    }
}

fn hash<const N: usize>(reader: &mut Reader<'_>) -> Result<[u8; N], KrlError> {
    let hash = reader.read_string()?;
    hash.try_into().map_err(|_| KrlError::Invalid { what: "a hash of another length" })
}

/// An extension that is not known can be passed over unless it says otherwise.
fn extension(reader: &mut Reader<'_>) -> Result<(), KrlError> {
    let name = String::from_utf8_lossy(reader.read_string()?).escape_debug().to_string();
    let (is_critical, _contents) = (reader.read_bool()?, reader.read_string()?);
    if is_critical { Err(KrlError::CriticalExtension { name }) } else { Ok(()) }
}

/// A signature covers everything from the beginning of the list to the key that signed, including that.
fn verify_signature(bytes: &[u8], reader: &mut Reader<'_>) -> Result<(), KrlError> {
    let key = PublicKey::decode(reader.read_string()?).map_err(KrlError::SignatureKey)?;
    let end = bytes.len().saturating_sub(reader.remaining());
    let message = bytes.get(..end).ok_or(DecodeError::Truncated)?;
    let signature = reader.read_string()?;
    let name = Reader::new(signature).read_str()?;
    let algorithm = signature_algorithm::by_name(name).filter(|algorithm| !algorithm.legacy);
    let algorithm = algorithm.ok_or(KrlError::Invalid { what: "a signature under an unknown algorithm" })?;
    key.verify(algorithm, message, signature)?;
    Ok(())
}
