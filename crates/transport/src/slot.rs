//! What a driver keeps for the handles of one channel, and how a channel's events change it. How handles wait is
//! the driver's.

use crate::replies::Replies;
use konko_channel::error::ChannelError;
use konko_channel::event::{ChannelEvent, MAXIMUM_UNPOLLED_REQUEST_BYTES, MAXIMUM_UNPOLLED_REQUESTS};
use konko_wire::number::OpenFailureReason;
use std::collections::VecDeque;

/// How far the opening of a channel has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// The peer has not answered yet.
    Pending,
    /// It is open, or was.
    Opened,
    /// The peer refused.
    Failed {
        /// Its reason.
        reason: OpenFailureReason,
        /// In the peer's words; escape them before showing them.
        description: String,
    },
}

/// What is kept for the handles of one channel.
#[derive(Debug)]
pub struct Slot {
    /// How far its opening has come.
    pub opening: Opening,
    /// Replies to channel requests.
    pub replies: Replies<bool>,
    /// Whether a writer that was told to wait may try again.
    pub writable: bool,
    /// Whether nothing more will happen on it.
    pub closed: bool,
    events: VecDeque<ChannelEvent>,
    requests: usize,
    request_bytes: usize,
}

impl Slot {
    /// Nothing has happened yet.
    pub fn new(opening: Opening) -> Self {
        Self {
            opening,
            replies: Replies::default(),
            writable: true,
            closed: false,
            events: VecDeque::new(),
            requests: 0,
            request_bytes: 0,
        }
    }

    /// Takes one event of the channel. `lost`: the connection has ended already, so that what comes now was made
    /// up in place of what will never come.
    ///
    /// # Errors
    ///
    /// Where the peer asks more than anybody looks at.
    pub fn deliver(&mut self, event: ChannelEvent, lost: bool) -> Result<(), ChannelError> {
        match event {
            ChannelEvent::Readable(_) => return Ok(()),
            ChannelEvent::Writable => self.writable = true,
            ChannelEvent::Opened => self.opening = Opening::Opened,
            ChannelEvent::OpenFailed { reason, description } => {
                if !lost {
                    self.opening = Opening::Failed { reason, description };
                }
                self.closed = true;
            }
            // Whoever waits for a reply is told of the lost connection instead.
            ChannelEvent::RequestReply { success: false, .. } if lost => {}
            ChannelEvent::RequestReply { id, success } => {
                if let Some(success) = self.replies.come(id, success) {
                    self.events.push_back(ChannelEvent::RequestReply { id, success });
                }
            }
            ChannelEvent::Eof => {
                self.events.push_back(ChannelEvent::Eof);
            }
            ChannelEvent::Closed => {
                self.closed = true;
                self.events.push_back(ChannelEvent::Closed);
            }
            ChannelEvent::Request(question) => {
                if self.requests >= MAXIMUM_UNPOLLED_REQUESTS
                    || self.request_bytes > MAXIMUM_UNPOLLED_REQUEST_BYTES
                {
                    return Err(ChannelError::LimitExceeded("requests that nobody has looked at"));
                }
                self.requests += 1;
                self.request_bytes += question.body().len();
                self.events.push_back(ChannelEvent::Request(question));
            }
            event => self.events.push_back(event),
        }
        Ok(())
    }

    /// The next event for the application.
    pub fn next_event(&mut self) -> Option<ChannelEvent> {
        let event = self.events.pop_front()?;
        if let ChannelEvent::Request(question) = &event {
            self.requests -= 1;
            self.request_bytes -= question.body().len();
        }
        Some(event)
    }
}
