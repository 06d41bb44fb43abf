//! Several things under way at once, in one task.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Futures that are all under way.
pub(crate) struct Jobs<'a, T> {
    jobs: Vec<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
    /// Where to look first, so that all have their turn.
    turn: usize,
}

impl<'a, T> Jobs<'a, T> {
    pub(crate) const fn new() -> Self {
        Self { jobs: Vec::new(), turn: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(crate) fn push(&mut self, job: impl Future<Output = T> + Send + 'a) {
        self.jobs.push(Box::pin(job));
    }

    /// The result of one that is done; `None` if there is none at all. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<T> {
        poll_fn(|cx| {
            if self.jobs.is_empty() {
                return Poll::Ready(None);
            }
            for offset in 0..self.jobs.len() {
                let index = (self.turn + offset) % self.jobs.len();
                if let Poll::Ready(result) = self.jobs[index].as_mut().poll(cx) {
                    drop(self.jobs.swap_remove(index));
                    self.turn = index;
                    return Poll::Ready(Some(result));
                }
            }
            Poll::Pending
        })
        .await
    }
}
