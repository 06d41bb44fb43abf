//! How much the server takes at once (OpenSSH PROTOCOL 4.8), and what is asked for where it does not say.

use crate::message::extension::LimitsReply;

/// What every server has to take (draft-ietf-secsh-filexfer-02 §3): "All servers SHOULD support packets of at least
/// 34000 bytes", of which 32 KiB are data.
const EVERYBODYS: u32 = 32 * 1024;
/// The most that is asked for at once: what OpenSSH's server answers at most.
pub(crate) const LARGEST: u32 = 255 * 1024;
/// What a WRITE has besides its data, generously.
const OVERHEAD: u64 = 1024;

/// How much the server takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most bytes of a READ, at most 255 KiB.
    pub read_length: u32,
    /// The most bytes of a WRITE, at most 255 KiB.
    pub write_length: u32,
    /// The most handles open at once; `None` where the server does not say.
    pub open_handles: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { read_length: EVERYBODYS, write_length: EVERYBODYS, open_handles: None }
    }
}

impl From<&LimitsReply> for Limits {
    /// Zero means that the server has no such limit or does not know it.
    fn from(reply: &LimitsReply) -> Self {
        let packet = match reply.max_packet_length {
            0 => u64::MAX,
            length => length.saturating_sub(OVERHEAD).max(1),
        };
        let length = |said: u64| {
            let said = if said == 0 { u64::from(EVERYBODYS) } else { said };
            u32::try_from(said.min(packet)).unwrap_or(LARGEST).min(LARGEST)
        };
        Self {
            read_length: length(reply.max_read_length),
            write_length: length(reply.max_write_length),
            open_handles: Some(reply.max_open_handles).filter(|handles| *handles != 0),
        }
    }
}

impl Limits {
    /// The same, with requests of no more than so many bytes, and of one at least.
    #[must_use]
    pub(crate) fn at_most(self, request_length: u32) -> Self {
        let longest = request_length.max(1);
        Self {
            read_length: self.read_length.min(longest),
            write_length: self.write_length.min(longest),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: G07
    #[test]
    fn limits_of_any_kind_leave_something_to_ask_for() {
        let limits = |packet, read, write| {
            let (max_packet_length, max_read_length, max_write_length) = (packet, read, write);
            Limits::from(&LimitsReply {
                max_packet_length,
                max_read_length,
                max_write_length,
                max_open_handles: 1,
            })
        };
        let openssh = limits(256 * 1024, 255 * 1024, 255 * 1024);
        assert_eq!((openssh.read_length, openssh.write_length), (LARGEST, LARGEST));
        let none = limits(0, 0, 0);
        assert_eq!((none.read_length, none.write_length), (EVERYBODYS, EVERYBODYS));
        let huge = limits(u64::MAX, u64::MAX, u64::MAX);
        assert_eq!((huge.read_length, huge.write_length), (LARGEST, LARGEST));
        let tiny = limits(1, u64::MAX, 7);
        assert_eq!((tiny.read_length, tiny.write_length), (1, 1));
        let chosen = huge.at_most(1000);
        assert_eq!((chosen.read_length, chosen.write_length), (1000, 1000));
        assert_eq!(huge.at_most(0).read_length, 1);
        assert_eq!(tiny.open_handles, Some(1));
    }
}
