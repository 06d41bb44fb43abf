//! The two windows of a channel (RFC 4254 §5.2), each its own type because they obey different owners. Nothing is
//! sent here: the receive window says which adjustment is due, the channel sends it.

/// The peer sent more than it was allowed, beyond the tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowExceeded;

/// The peer's adjustments exceed 2^32-1 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowOverflow;

/// Windows of at least this size are refilled in quarters, smaller ones in halves.
const LARGE_WINDOW: u32 = 128 * 1024;
/// The largest step in which a window is refilled: enough that adjustments are rare, small enough that the peer
/// hears of room before it needs it.
const MAXIMUM_STEP: u32 = 512 * 1024;
/// Peers have been seen to overrun by a little; OpenSSH forgives a tenth, and so do we.
const TOLERANCE_DIVISOR: u32 = 10;

/// What we let the peer send.
///
/// Credit moves only on consumption, so that unread data is bounded by the window. The window grows to the limit that
/// it is given, when half of a window's worth has been consumed and the application keeps up.
#[derive(Debug, Clone)]
pub struct ReceiveWindow {
    /// What `granted + unread` is brought up to.
    target: u32,
    /// What the peer may still send.
    granted: u32,
    /// What it has sent and nobody has consumed.
    unread: u32,
    /// What it has sent beyond its grants, ever.
    overrun: u32,
    /// What has been consumed since the target last grew.
    since_growth: u32,
}

impl ReceiveWindow {
    /// A window of `initial` bytes, granted in the message that opens or confirms the channel.
    pub const fn new(initial: u32) -> Self {
        Self { target: initial, granted: initial, unread: 0, overrun: 0, since_growth: 0 }
    }

    /// What the window is kept at, in bytes.
    pub const fn target(&self) -> u32 {
        self.target
    }

    /// Counts `len` bytes from the peer.
    pub fn receive(&mut self, len: u32) -> Result<(), WindowExceeded> {
        let excess = len.saturating_sub(self.granted);
        let overrun = self.overrun.checked_add(excess).ok_or(WindowExceeded)?;
        if overrun > self.target / TOLERANCE_DIVISOR {
            return Err(WindowExceeded);
        }
        self.unread = self.unread.checked_add(len).ok_or(WindowExceeded)?;
        self.granted = self.granted.saturating_sub(len);
        self.overrun = overrun;
        Ok(())
    }

    /// Counts `len` bytes as consumed; returns the adjustment that is now due. The window grows to `limit` at
    /// most.
    pub fn consume(&mut self, len: u32, limit: u32) -> Option<u32> {
        self.unread = self.unread.saturating_sub(len);
        self.since_growth = self.since_growth.saturating_add(len);
        let application_keeps_up = self.unread <= self.target / 4;
        if self.since_growth >= self.target / 2 && application_keeps_up && self.target < limit {
            self.target = limit;
            self.since_growth = 0;
        }
        let due = self.target.saturating_sub(self.granted.saturating_add(self.unread));
        if due < self.step() {
            return None;
        }
        self.granted += due;
        Some(due)
    }

    fn step(&self) -> u32 {
        if self.target < LARGE_WINDOW {
            (self.target / 2).max(1)
        } else {
            (self.target / 4).min(MAXIMUM_STEP)
        }
    }
}

/// What the peer lets us send.
#[derive(Debug, Clone)]
pub struct SendWindow {
    credit: u32,
    maximum_packet_size: u32,
}

impl SendWindow {
    /// The most data put into one packet whatever the peer allows: RFC 4253 §6.1 obliges nobody to take more.
    const MAXIMUM_DATA: u32 = 32 * 1024;

    /// The window of a channel whose open is not confirmed: nothing may be sent.
    pub const fn closed() -> Self {
        Self { credit: 0, maximum_packet_size: 0 }
    }

    /// The window the peer stated. `None` if no packet could ever carry anything.
    pub fn new(initial_window_size: u32, maximum_packet_size: u32) -> Option<Self> {
        (maximum_packet_size > 0).then(|| Self {
            credit: initial_window_size,
            maximum_packet_size: maximum_packet_size.min(Self::MAXIMUM_DATA),
        })
    }

    /// How many bytes the next packet may carry.
    pub fn sendable(&self) -> usize {
        self.credit.min(self.maximum_packet_size) as usize
    }

    /// What may be sent in all, in bytes.
    pub const fn credit(&self) -> u32 {
        self.credit
    }

    /// Counts `len` bytes as sent; at most [`sendable`](Self::sendable).
    pub fn spend(&mut self, len: usize) {
        self.credit = self.credit.saturating_sub(u32::try_from(len).unwrap_or(u32::MAX));
    }

    /// Counts an adjustment by the peer.
    pub fn adjust(&mut self, len: u32) -> Result<(), WindowOverflow> {
        // RFC 4254 §5.2: "The window MUST NOT be increased above 2^32 - 1 bytes."
        self.credit = self.credit.checked_add(len).ok_or(WindowOverflow)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// covers: H02
    #[test]
    fn an_adjustment_beyond_the_range_is_an_error_and_changes_nothing() {
        let mut window = SendWindow::new(u32::MAX, 1).expect("a window");
        assert_eq!(window.adjust(1), Err(WindowOverflow));
        assert_eq!(window.credit(), u32::MAX);
        assert_eq!(window.adjust(0), Ok(()));
    }

    /// covers: H01
    #[test]
    fn packets_obey_the_peer_and_ourselves() {
        assert!(SendWindow::new(10, 0).is_none());
        assert_eq!(SendWindow::new(10, 1).map(|w| w.sendable()), Some(1));
        assert_eq!(SendWindow::new(1 << 20, u32::MAX).map(|w| w.sendable()), Some(32 * 1024));
    }

    /// covers: H03
    #[test]
    fn a_tenth_of_overrun_is_forgiven_once() {
        let mut window = ReceiveWindow::new(1000);
        assert_eq!(window.receive(1100), Ok(()));
        assert_eq!(window.receive(1), Err(WindowExceeded));
        // The debt stays: what was overrun is not granted again, nor forgiven again.
        assert_eq!(window.consume(1100, 1000), Some(1000));
        assert_eq!(window.receive(1001), Err(WindowExceeded));
    }

    #[test]
    fn credit_moves_only_on_consumption() {
        let mut window = ReceiveWindow::new(1000);
        window.receive(1000).expect("within");
        assert_eq!(window.consume(499, 1000), None);
        assert_eq!(window.consume(1, 1000), Some(500));
    }

    #[test]
    fn the_window_grows_while_the_application_keeps_up_and_not_otherwise() {
        let mut window = ReceiveWindow::new(1 << 20);
        for _ in 0..32 {
            window.receive(1 << 15).expect("within");
            window.consume(1 << 15, 1 << 23);
        }
        assert_eq!(window.target(), 1 << 23);
        let mut slow = ReceiveWindow::new(1 << 20);
        slow.receive(1 << 20).expect("within");
        for _ in 0..64 {
            if let Some(due) = slow.consume(1 << 14, 1 << 23) {
                slow.receive(due).expect("within");
            }
        }
        assert_eq!(slow.target(), 1 << 20);
    }

    proptest! {
        /// A peer that keeps to its credit is never accused, is never stuck once all is read, and never makes us
        /// hold more than the limit.
        #[test]
        fn an_honest_peer_always_gets_on(
            initial in 1u32..5_000_000,
            limit in 1u32..20_000_000,
            steps in prop::collection::vec((any::<u32>(), any::<u32>()), 1..200),
        ) {
            let mut ours = ReceiveWindow::new(initial);
            let mut theirs = SendWindow::new(initial, 32 * 1024).expect("a window");
            for (send, read) in steps {
                let send = send.min(theirs.sendable() as u32);
                theirs.spend(send as usize);
                prop_assert_eq!(ours.receive(send), Ok(()));
                prop_assert!(ours.unread <= initial.max(limit));
                if let Some(due) = ours.consume(read.min(ours.unread), limit) {
                    prop_assert_eq!(theirs.adjust(due), Ok(()));
                }
                prop_assert!(theirs.credit().saturating_add(ours.unread) <= ours.target());
            }
            if let Some(due) = ours.consume(ours.unread, limit) {
                theirs.adjust(due).expect("in range");
            }
            prop_assert!(theirs.credit() > 0);
            prop_assert!(ours.target() <= initial.max(limit));
        }
    }
}
