//! Those who wait for one thing.

use std::task::{Context, Waker};

/// One wait among others, so that it can be forgotten when its future is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaiterKey(u64);

/// One who waits.
#[derive(Debug)]
struct Entry {
    key: Option<WaiterKey>,
    waker: Waker,
}

/// The wakers of those who wait for one thing. All are woken when it comes, so that none that is dropped after it was
/// woken takes another one's turn away.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// Mostly there is one, who needs no memory of its own.
    first: Option<Entry>,
    others: Vec<Entry>,
    last_key: u64,
}

impl Waiters {
    /// A task waits that may poll again or not: one entry a task.
    pub(crate) fn wait(&mut self, cx: &Context<'_>) {
        if !self.entries().any(|entry| entry.key.is_none() && entry.waker.will_wake(cx.waker())) {
            self.enter(Entry { key: None, waker: cx.waker().clone() });
        }
    }

    /// A future waits that says when it does no more: one entry a future, whose key it keeps.
    pub(crate) fn wait_as(&mut self, key: &mut Option<WaiterKey>, cx: &Context<'_>) {
        let key = *key.get_or_insert_with(|| {
            self.last_key += 1;
            WaiterKey(self.last_key)
        });
        let mut entries = self.first.iter_mut().chain(&mut self.others);
        match entries.find(|entry| entry.key == Some(key)) {
            Some(entry) => entry.waker.clone_from(cx.waker()),
            None => self.enter(Entry { key: Some(key), waker: cx.waker().clone() }),
        }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.first.iter().chain(&self.others)
    }

    fn enter(&mut self, entry: Entry) {
        if self.first.is_none() {
            self.first = Some(entry);
        } else {
            self.others.push(entry);
        }
    }

    /// A future waits no more.
    pub(crate) fn forget(&mut self, key: WaiterKey) {
        self.first.take_if(|entry| entry.key == Some(key));
        self.others.retain(|entry| entry.key != Some(key));
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && self.others.is_empty()
    }

    /// It has come.
    pub(crate) fn wake(&mut self) {
        for entry in self.first.take().into_iter().chain(self.others.drain(..)) {
            entry.waker.wake();
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries().count()
    }
}
