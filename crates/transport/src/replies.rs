//! Replies that somebody waits for.

use konko_channel::identifier::RequestId;

/// What is known of a reply.
#[derive(Debug)]
enum Reply<T> {
    Awaited,
    Come(T),
    /// Nobody wants it any more.
    Abandoned,
}

/// The replies to requests whose senders wait for them. What every driver keeps for its handles.
#[derive(Debug)]
pub struct Replies<T> {
    entries: Vec<(RequestId, Reply<T>)>,
}

impl<T> Default for Replies<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> Replies<T> {
    /// Somebody is going to wait for the reply to `id`.
    pub fn expect(&mut self, id: RequestId) {
        self.entries.push((id, Reply::Awaited));
    }

    /// A reply has come. It is given back if nobody ever waited for it.
    pub fn come(&mut self, id: RequestId, reply: T) -> Option<T> {
        let Some(index) = self.entries.iter().position(|(other, _)| *other == id) else { return Some(reply) };
        match &mut self.entries[index].1 {
            Reply::Abandoned => {
                self.entries.swap_remove(index);
            }
            awaited => *awaited = Reply::Come(reply),
        }
        None
    }

    /// Takes the reply, if it has come.
    pub fn take(&mut self, id: RequestId) -> Option<T> {
        let index =
            self.entries.iter().position(|(other, reply)| *other == id && matches!(reply, Reply::Come(_)))?;
        match self.entries.swap_remove(index).1 {
            Reply::Come(reply) => Some(reply),
            Reply::Awaited | Reply::Abandoned => None,
        }
    }

    /// Nobody waits any more; should the reply come it is dropped.
    pub fn abandon(&mut self, id: RequestId) {
        if let Some(index) = self.entries.iter().position(|(other, _)| *other == id) {
            match &mut self.entries[index].1 {
                Reply::Come(_) => {
                    self.entries.swap_remove(index);
                }
                awaited => *awaited = Reply::Abandoned,
            }
        }
    }
}
