//! What is kept for the handles of one channel.

use crate::replies::Replies;
use konko_transport::channel::ChannelEvent;
use konko_transport::channel::error::ChannelError;
use konko_transport::channel::event::{MAXIMUM_UNPOLLED_REQUEST_BYTES, MAXIMUM_UNPOLLED_REQUESTS};
use konko_transport::wire::number::OpenFailureReason;
use std::collections::VecDeque;

/// How far the opening of a channel has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opening {
    Pending,
    Opened,
    Failed { reason: OpenFailureReason, description: String },
}

/// The waiting side of one channel.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) opening: Opening,
    pub(crate) replies: Replies<bool>,
    /// Whether the peer said that its data is complete, or closed the channel, before the connection ended.
    pub(crate) complete: bool,
    /// Whether a writer that was told to wait may try again.
    pub(crate) writable: bool,
    pub(crate) closed: bool,
    events: VecDeque<ChannelEvent>,
    requests: usize,
    request_bytes: usize,
}

impl Slot {
    pub(crate) fn new(opening: Opening) -> Self {
        Self {
            opening,
            replies: Replies::default(),
            complete: false,
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
    pub(crate) fn deliver(&mut self, event: ChannelEvent, lost: bool) -> Result<(), ChannelError> {
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
                self.complete = true;
                self.events.push_back(ChannelEvent::Eof);
            }
            ChannelEvent::Closed => {
                self.complete |= !lost;
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
    pub(crate) fn next_event(&mut self) -> Option<ChannelEvent> {
        let event = self.events.pop_front()?;
        if let ChannelEvent::Request(question) = &event {
            self.requests -= 1;
            self.request_bytes -= question.body().len();
        }
        Some(event)
    }
}
