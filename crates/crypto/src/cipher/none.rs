//! No protection at all: how packets travel before the first `SSH_MSG_NEWKEYS`.
//!
//! It has no row in the table of ciphers, so it can never be negotiated.

use crate::protection::{Open, Seal, TagMismatch};

/// RFC 4253 §6: the length of a packet is a multiple of "the cipher block size or 8, whichever is larger".
const BLOCK_LEN: usize = 8;
const LENGTH_LEN: usize = 4;

/// Sends packets as they are.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoneSeal;

impl Seal for NoneSeal {
    fn block_len(&self) -> usize {
        BLOCK_LEN
    }

    fn tag_len(&self) -> usize {
        0
    }

    fn aligned_from(&self) -> usize {
        0
    }

    fn seal(&mut self, _sequence_number: u32, _packet: &mut [u8], _tag: &mut [u8]) {}
}

/// Takes packets as they are.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoneOpen;

impl Open for NoneOpen {
    fn block_len(&self) -> usize {
        BLOCK_LEN
    }

    fn tag_len(&self) -> usize {
        0
    }

    fn aligned_from(&self) -> usize {
        0
    }

    fn prefix_len(&self) -> usize {
        LENGTH_LEN
    }

    /// # Panics
    ///
    /// If `prefix` is shorter than `prefix_len`.
    fn open_length(&mut self, _sequence_number: u32, prefix: &mut [u8]) -> u32 {
        u32::from_be_bytes(*prefix.first_chunk().expect("a prefix of four bytes"))
    }

    fn open(&mut self, _sequence_number: u32, _packet: &mut [u8], _tag: &[u8]) -> Result<(), TagMismatch> {
        Ok(())
    }
}
