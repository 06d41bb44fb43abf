//! Writing a revocation list.

use crate::krl::decode::{FORMAT_VERSION, MAGIC, part, section};
use crate::krl::list::{AuthorityRevocations, KeyRevocationList};
use konko_wire::encode::{Encode, put_mpint, put_string, put_u32};

impl KeyRevocationList {
    /// The list as a file, without a signature.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_u32(&mut out, FORMAT_VERSION);
        let flags = 0_u64;
        for number in [self.version, self.generated, flags] {
            number.encode(&mut out);
        }
        put_string(&mut out, b"");
        put_string(&mut out, self.comment.as_bytes());
        for revocations in &self.authorities {
            put_section(&mut out, section::CERTIFICATES, &certificates(revocations));
        }
        put_strings(&mut out, section::EXPLICIT_KEY, self.keys.iter().map(Vec::as_slice));
        put_strings(&mut out, section::FINGERPRINT_SHA1, self.sha1.iter().map(<[u8; 20]>::as_slice));
        put_strings(&mut out, section::FINGERPRINT_SHA256, self.sha256.iter().map(<[u8; 32]>::as_slice));
        out
    }
}

fn certificates(revocations: &AuthorityRevocations) -> Vec<u8> {
    let mut out = Vec::new();
    put_string(&mut out, revocations.authority.as_deref().unwrap_or_default());
    put_string(&mut out, b"");
    let mut serials = revocations.serials.clone();
    serials.settle();
    let (single, ranges): (Vec<_>, Vec<_>) = serials.ranges().iter().partition(|(first, last)| first == last);
    let mut list = Vec::new();
    for (serial, _) in single {
        serial.encode(&mut list);
    }
    if !list.is_empty() {
        put_section(&mut out, part::SERIAL_LIST, &list);
    }
    for (first, last) in ranges {
        let mut range = first.to_vec();
        last.encode(&mut range);
        put_section(&mut out, part::SERIAL_RANGE, &range);
    }
    for bitmap in serials.bitmaps() {
        let mut bits = bitmap.offset().to_vec();
        put_mpint(&mut bits, bitmap.bytes());
        put_section(&mut out, part::SERIAL_BITMAP, &bits);
    }
    put_strings(&mut out, part::KEY_ID, revocations.key_ids.iter().map(String::as_bytes));
    out
}

fn put_section(out: &mut Vec<u8>, section: u8, data: &[u8]) {
    out.push(section);
    put_string(out, data);
}

fn put_strings<'a>(out: &mut Vec<u8>, section: u8, strings: impl Iterator<Item = &'a [u8]>) {
    let mut data = Vec::new();
    strings.for_each(|string| put_string(&mut data, string));
    if !data.is_empty() {
        put_section(out, section, &data);
    }
}
