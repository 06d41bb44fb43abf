//! Writing the data types of RFC 4251 §5.

use crate::decode::{Rest, Secret};
use crate::mpint::Mpint;
use crate::name_list::NameList;

/// A value that can be written.
pub trait Encode {
    /// Appends it to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// It alone, in a new vector.
    fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Where a protocol of an upper layer sends its messages: downwards, to whatever protects them.
pub trait MessageSink {
    /// Sends one message. Nothing can fail here: a connection that has ended swallows it.
    fn send<M: Encode + ?Sized>(&mut self, message: &M);

    /// How many bytes of channel data may be sent now. Zero while keys are being exchanged or the output is
    /// full; control messages may be sent all the same.
    fn room(&self) -> usize;
}

/// Appends a uint32.
pub fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a string. What is longer than a string can say (4 GiB) is cut.
pub fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    put_u32(out, len);
    out.extend_from_slice(&bytes[..len as usize]);
}

/// Appends an unsigned integer, given big-endian with or without leading zeros, as an mpint.
pub fn put_mpint(out: &mut Vec<u8>, unsigned_big_endian: &[u8]) {
    Mpint::encode_unsigned(unsigned_big_endian, out);
}

/// Appends a name-list.
pub fn put_name_list(out: &mut Vec<u8>, names: &[&str]) {
    put_string(out, names.join(",").as_bytes());
}

impl Encode for u8 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }
}

impl Encode for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl Encode for u32 {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, *self);
    }
}

impl Encode for u64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
}

impl Encode for &[u8] {
    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, self);
    }
}

impl Encode for &str {
    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, self.as_bytes());
    }
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

impl Encode for Mpint<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, self.as_bytes());
    }
}

impl Encode for NameList<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, self.as_str().as_bytes());
    }
}

impl Encode for Secret<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, self.0);
    }
}

impl Encode for Rest<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}
