//! Those who wait for one thing.

use std::task::{Context, Waker};

/// One wait among others, so that it can be forgotten when its future is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaiterKey(u64);

/// The wakers of those who wait for one thing. All are woken when it comes, so that none that is dropped after it was
/// woken takes another one's turn away.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    entries: Vec<(Option<WaiterKey>, Waker)>,
    last_key: u64,
}

impl Waiters {
    /// A task waits that may poll again or not: one entry a task.
    pub(crate) fn wait(&mut self, cx: &Context<'_>) {
        if !self.entries.iter().any(|(key, waker)| key.is_none() && waker.will_wake(cx.waker())) {
            self.entries.push((None, cx.waker().clone()));
        }
    }

    /// A future waits that says when it does no more: one entry a future, whose key it keeps.
    pub(crate) fn wait_as(&mut self, key: &mut Option<WaiterKey>, cx: &Context<'_>) {
        let key = *key.get_or_insert_with(|| {
            self.last_key += 1;
            WaiterKey(self.last_key)
        });
        match self.entries.iter_mut().find(|(other, _)| *other == Some(key)) {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => self.entries.push((Some(key), cx.waker().clone())),
        }
    }

    /// A future waits no more.
    pub(crate) fn forget(&mut self, key: WaiterKey) {
        self.entries.retain(|(other, _)| *other != Some(key));
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// It has come.
    pub(crate) fn wake(&mut self) {
        for (_, waker) in self.entries.drain(..) {
            waker.wake();
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
