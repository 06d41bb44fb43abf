//! What a client offers and accepts.

/// What a client offers and accepts. Every field has a default that suits ordinary servers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The highest version to offer, 3 to 6. Default: 3, which nearly every server speaks. Offer 6 to servers that
    /// speak only later ones; the server chooses.
    pub maximum_version: u32,
    /// The longest packet to accept, in bytes without its length field. Default: 256 KiB.
    pub maximum_packet_length: u32,
    /// The most bytes that READs and WRITEs have under way at once, of all transfers together. Default: 64 MiB.
    /// A long link needs its bandwidth times its round-trip time; on short ones about 2 MiB are used.
    pub maximum_in_flight: usize,
    /// The most READs or WRITEs that one transfer has under way. Default: 2,048.
    pub maximum_requests: usize,
    /// The most entries of one directory. Default: 10,000,000.
    pub maximum_entries: u64,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            maximum_version: 3,
            maximum_packet_length: 256 * 1024,
            maximum_in_flight: 64 << 20,
            maximum_requests: 2048,
            maximum_entries: 10_000_000,
        }
    }
}
