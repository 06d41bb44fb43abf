//! Replies in the order of their requests (RFC 4254 §4, §5.4), both ways: those we wait for and those we owe.
//! What a reply carries is the caller's business.

use crate::error::ChannelError;
use crate::identifier::RequestId;
use std::collections::VecDeque;

/// The replies we wait for.
#[derive(Debug)]
pub struct AwaitedReplies {
    next: u64,
    waiting: VecDeque<RequestId>,
    maximum: usize,
}

impl AwaitedReplies {
    /// At most `maximum` may be awaited at once.
    pub const fn new(maximum: usize) -> Self {
        Self { next: 0, waiting: VecDeque::new(), maximum }
    }

    /// A request is being sent.
    pub fn expect(&mut self) -> Result<RequestId, ChannelError> {
        if self.waiting.len() >= self.maximum {
            return Err(ChannelError::LimitExceeded("requests that wait for the peer's reply"));
        }
        let id = RequestId::new(self.next);
        self.next += 1;
        self.waiting.push_back(id);
        Ok(id)
    }

    /// Gives back the memory that holds nothing.
    pub fn give_back(&mut self) {
        self.waiting.shrink_to_fit();
    }

    /// A reply has come. `None`: nobody asked. Also drains what will never be replied to.
    pub fn arrived(&mut self) -> Option<RequestId> {
        self.waiting.pop_front()
    }
}

/// The replies we owe. They are sent in the order asked, even if they are given in another.
#[derive(Debug)]
pub struct OwedReplies<A> {
    /// The sequence number of the first in the queue.
    first: u64,
    answers: VecDeque<Option<A>>,
}

impl<A> OwedReplies<A> {
    /// Nothing is owed.
    pub const fn new() -> Self {
        Self { first: 0, answers: VecDeque::new() }
    }

    /// Gives back the memory that holds nothing.
    pub fn give_back(&mut self) {
        self.answers.shrink_to_fit();
    }

    /// How many are owed.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// A request was received; returns its sequence number.
    pub fn asked(&mut self) -> u64 {
        self.answers.push_back(None);
        self.first + (self.answers.len() as u64 - 1)
    }

    /// The answer to the request of that number. Numbers that are not open are left alone.
    pub fn answer(&mut self, sequence: u64, answer: A) {
        let index = sequence.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(slot) = index.and_then(|index| self.answers.get_mut(index)) {
            slot.get_or_insert(answer);
        }
    }

    /// The next answer that may be sent.
    pub fn ready(&mut self) -> Option<A> {
        self.answers.front()?.as_ref()?;
        self.first += 1;
        self.answers.pop_front().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: H20
    #[test]
    fn answers_leave_in_the_order_asked() {
        let mut owed = OwedReplies::new();
        let numbers = [owed.asked(), owed.asked(), owed.asked()];
        owed.answer(numbers[1], 'b');
        assert_eq!(owed.ready(), None);
        owed.answer(numbers[0], 'a');
        assert_eq!((owed.ready(), owed.ready(), owed.ready()), (Some('a'), Some('b'), None));
        owed.answer(numbers[0], 'x');
        owed.answer(numbers[2], 'c');
        assert_eq!((owed.ready(), owed.ready(), owed.len()), (Some('c'), None, 0));
    }
}
