//! What goes wrong on purpose.

/// Faults of a file system in memory. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Faults {
    /// Nothing can be changed.
    pub read_only: bool,
    /// How many bytes can still be written before there is no space left: the write that reaches it writes what
    /// fits and fails.
    pub space: Option<u64>,
    /// No read gives more bytes than this.
    pub maximum_read: Option<usize>,
    /// Reads fail that reach this offset.
    pub fail_read_at: Option<u64>,
    /// To wait for the disk fails.
    pub fail_sync: bool,
    /// To close a file fails.
    pub fail_close: bool,
}
