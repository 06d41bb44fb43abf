//! The table of MACs.

/// The longest tag of any row of the table, in bytes.
pub const MAX_TAG_LEN: usize = 64;

/// A keyed MAC, ready for one packet after another.
pub trait MacContext: Send {
    /// Computes the MAC of `packet` under `sequence_number` (RFC 4253 §6.4) into `out`, which is `tag_len` long.
    fn compute(&mut self, sequence_number: u32, packet: &[u8], out: &mut [u8]);
}

/// One row: a MAC.
#[derive(Debug)]
pub struct MacAlgorithm {
    /// Its name on the wire.
    pub name: &'static str,
    /// Bytes of key.
    pub key_len: usize,
    /// Bytes of tag on the wire, at most [`MAX_TAG_LEN`].
    pub tag_len: usize,
    /// Encrypt-then-MAC (the `-etm@openssh.com` forms): the length stays in clear and the MAC covers cipher text.
    pub encrypt_then_mac: bool,
    /// Only offered after an explicit opt-in.
    pub legacy: bool,
    /// Keys it. The constructors take keys of exactly `key_len` bytes and panic at another length that the
    /// algorithm cannot use; [`compose`](crate::compose) checks the length first and answers with an error.
    pub start: fn(key: &[u8]) -> Box<dyn MacContext>,
}
