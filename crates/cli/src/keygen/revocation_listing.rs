//! What a key revocation list holds, in the words of ssh-keygen(1).

use crate::keygen::error::KeygenError;
use crate::keygen::prompt::visible;
use crate::keygen::time::shown;
use konko::keys::public_key::PublicKey;
use konko::transport::wire::decode::{DecodeError, Reader};
use konko::trust::krl::KeyRevocationList;
use konko::trust::time_zone::TimeZone;

/// More ranges of serial numbers than this nobody wants to read.
const MOST_RANGES: usize = 1 << 22;

// PROTOCOL.krl of OpenSSH: the sections, and the parts of a section of certificates.
const CERTIFICATES: u8 = 1;
const EXPLICIT_KEY: u8 = 2;
const FINGERPRINT_SHA1: u8 = 3;
const FINGERPRINT_SHA256: u8 = 5;
const SERIAL_LIST: u8 = 0x20;
const SERIAL_RANGE: u8 = 0x21;
const SERIAL_BITMAP: u8 = 0x22;
const KEY_ID: u8 = 0x23;

/// Lines for all that the list holds: first keys, then what is revoked of each authority.
///
/// # Errors
///
/// [`KeygenError::Other`] if there are more serial numbers than can be listed.
pub fn lines(list: &KeyRevocationList, zone: &TimeZone) -> Result<String, KeygenError> {
    // Without the marks between the parts of date and time.
    let generated = shown(list.generated, zone).replace(['-', ':'], "");
    let mut text = format!("# KRL version {}\n# Generated at {generated}\n", list.version);
    if !list.comment.is_empty() {
        text.push_str(&format!("# Comment: {}\n", visible(&list.comment)));
    }
    text.push('\n');
    // What is written is what was read, in a fixed order; the list itself only answers questions.
    let encoded = list.encode();
    let mut sections = Sections::default();
    sections.read(&encoded).map_err(|error| KeygenError::Other(format!("the list: {error}")))?;
    for blob in sections.keys {
        if let Ok(key) = PublicKey::decode(blob) {
            text.push_str(&format!("hash: {} # {}\n", key.fingerprint(), key.key_type()));
        }
    }
    for hash in sections.sha256 {
        text.push_str(&format!("hash: SHA256:{}\n", hexadecimal(hash)));
    }
    for hash in sections.sha1 {
        text.push_str(&format!("# hash SHA1:{}\n", hexadecimal(hash)));
    }
    for section in sections.certificates {
        text.push_str(&of_authority(section)?);
    }
    Ok(text)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sections of a list, by their types.
#[derive(Default)]
struct Sections<'a> {
    keys: Vec<&'a [u8]>,
    sha1: Vec<&'a [u8]>,
    sha256: Vec<&'a [u8]>,
    certificates: Vec<&'a [u8]>,
}

impl<'a> Sections<'a> {
    fn read(&mut self, list: &'a [u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(list);
        // Magic and version of the format, version, date and flags; reserved, comment.
        reader.read_array::<36>()?;
        reader.read_string()?;
        reader.read_string()?;
        while !reader.is_empty() {
            let section = reader.read_u8()?;
            let data = reader.read_string()?;
            match section {
                EXPLICIT_KEY => self.keys.extend(strings(data)?),
                FINGERPRINT_SHA1 => self.sha1.extend(strings(data)?),
                FINGERPRINT_SHA256 => self.sha256.extend(strings(data)?),
                CERTIFICATES => self.certificates.push(data),
                _ => {}
            }
        }
        Ok(())
    }
}

fn strings(data: &[u8]) -> Result<Vec<&[u8]>, DecodeError> {
    let mut reader = Reader::new(data);
    let mut strings = Vec::new();
    while !reader.is_empty() {
        strings.push(reader.read_string()?);
    }
    Ok(strings)
}

/// What is revoked of the certificates of one authority, or of any.
fn of_authority(section: &[u8]) -> Result<String, KeygenError> {
    let wrong = |error: DecodeError| KeygenError::Other(format!("the list: {error}"));
    let mut reader = Reader::new(section);
    let mut text = match reader.read_string().map_err(wrong)? {
        b"" => "\n# Wildcard CA\n".to_owned(),
        blob => match PublicKey::decode(blob) {
            Ok(key) => format!("\n# CA key {} {}\n", key.key_type(), key.fingerprint()),
            Err(_) => "\n# CA key of an unknown type\n".to_owned(),
        },
    };
    let mut ranges = Ranges::default();
    let mut key_ids = Vec::new();
    reader.read_string().map_err(wrong)?;
    while !reader.is_empty() {
        let part = reader.read_u8().map_err(wrong)?;
        let data = reader.read_string().map_err(wrong)?;
        let mut data_reader = Reader::new(data);
        match part {
            SERIAL_LIST => {
                while !data_reader.is_empty() {
                    let serial = data_reader.read_u64().map_err(wrong)?;
                    ranges.add(serial, serial)?;
                }
            }
            SERIAL_RANGE => {
                let first = data_reader.read_u64().map_err(wrong)?;
                ranges.add(first, data_reader.read_u64().map_err(wrong)?)?;
            }
            SERIAL_BITMAP => {
                let offset = data_reader.read_u64().map_err(wrong)?;
                let bits = data_reader.read_mpint().map_err(wrong)?;
                ranges.add_bitmap(offset, bits.as_unsigned().unwrap_or_default())?;
            }
            KEY_ID => key_ids.extend(strings(data).map_err(wrong)?),
            _ => {}
        }
    }
    for (first, last) in ranges.joined() {
        let line =
            if first == last { format!("serial: {first}\n") } else { format!("serial: {first}-{last}\n") };
        text.push_str(&line);
    }
    for key_id in key_ids {
        text.push_str(&format!("id: {}\n", visible(&String::from_utf8_lossy(key_id))));
    }
    Ok(text)
}

/// Serial numbers, from the first to the last of each range.
#[derive(Default)]
struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    fn add(&mut self, first: u64, last: u64) -> Result<(), KeygenError> {
        if let Some((_, end)) = self.0.last_mut()
            && end.checked_add(1) == Some(first)
        {
            *end = last;
            return Ok(());
        }
        if self.0.len() == MOST_RANGES {
            return Err(KeygenError::Other("the list has too many serial numbers to show".into()));
        }
        self.0.push((first, last));
        Ok(())
    }

    /// One serial number for each bit that is set; the last bit of the last byte is `offset`.
    fn add_bitmap(&mut self, offset: u64, bytes: &[u8]) -> Result<(), KeygenError> {
        for (place, byte) in (0_u64..).step_by(8).zip(bytes.iter().rev()) {
            for bit in (0..8).filter(|bit| byte >> bit & 1 == 1) {
                // A list whose bitmap leads beyond the last serial number was not read.
                let serial = offset.saturating_add(place + bit);
                self.add(serial, serial)?;
            }
        }
        Ok(())
    }

    /// In order, with those joined that touch.
    fn joined(mut self) -> Vec<(u64, u64)> {
        self.0.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (first, last) in self.0 {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
                _ => joined.push((first, last)),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_come_in_order_whatever_they_are_written_in() {
        let mut ranges = Ranges::default();
        ranges.add(20, 29).expect("room");
        // 2, 3 and 11; the lowest bit is the offset.
        ranges.add_bitmap(2, &[0b10, 0b11]).expect("room");
        ranges.add(4, 4).expect("room");
        ranges.add(u64::MAX, u64::MAX).expect("room");
        ranges.add(25, 30).expect("room");
        assert_eq!(ranges.joined(), [(2, 4), (11, 11), (20, 30), (u64::MAX, u64::MAX)]);
    }

    #[test]
    fn a_list_that_fills_the_memory_is_not_shown() {
        let mut ranges = Ranges(vec![(0, 0); MOST_RANGES]);
        assert!(ranges.add(7, 7).is_err());
    }
}
