//! What a client offers and accepts.

use crate::limits::LARGEST;

/// What a client offers and accepts. Every field has a default that suits ordinary servers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The highest version to offer, 3 to 6. Default: 3, which nearly every server speaks. Offer 6 to servers that
    /// speak only later ones; the server chooses.
    pub maximum_version: u32,
    /// The longest packet to accept, in bytes without its length field. Default: 256 KiB.
    pub maximum_packet_length: u32,
    /// The most bytes that READs and WRITEs have under way at once, of all transfers together. Default: 128 MiB.
    /// A long link needs its bandwidth times its round-trip time; on short ones about 2 MiB are used. Of what READs
    /// bring, no more than this is ever held for whoever is slow to take it; WRITEs that were sent are not held.
    pub maximum_in_flight: usize,
    /// The most READs or WRITEs that one transfer has under way. Default: 4,096, which are 128 MiB where a server takes
    /// no more than 32 KiB at a time.
    pub maximum_requests: usize,
    /// The most bytes of one READ or WRITE, where the server takes no fewer. Default: 255 KiB, more than which is never
    /// asked for.
    pub maximum_request_length: u32,
    /// The most entries of one directory. Default: 10,000,000.
    pub maximum_entries: u64,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            maximum_version: 3,
            maximum_packet_length: 256 * 1024,
            maximum_in_flight: 128 << 20,
            maximum_requests: 4096,
            maximum_request_length: LARGEST,
            maximum_entries: 10_000_000,
        }
    }
}
