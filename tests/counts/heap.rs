//! What code takes from the heap of its own thread.

use allocation_counter::{AllocationInfo, measure, opt_out};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// What was taken from the heap, and given back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heap {
    /// How often something was taken.
    pub allocations: u64,
    /// How many bytes were taken in all.
    pub taken: u64,
    /// How many bytes are held: taken and not given back.
    pub held: i64,
    /// The most bytes held at once.
    pub peak: i64,
}

impl Heap {
    fn add(&mut self, info: AllocationInfo) {
        self.allocations += info.count_total;
        self.taken += info.bytes_total;
        self.peak = self.peak.max(self.held + info.bytes_max as i64);
        self.held += info.bytes_current;
    }

    /// Adds what `code` takes and gives back.
    pub fn charge<R>(&mut self, code: impl FnOnce() -> R) -> R {
        let mut result = None;
        let info = measure(|| result = Some(code()));
        self.add(info);
        result.expect("the code has run")
    }
}

/// The heap of one end, where both ends share a thread: what runs for it is charged to it.
#[derive(Debug, Clone, Default)]
pub struct Account(Arc<Mutex<Heap>>);

impl Account {
    /// What was charged so far.
    pub fn heap(&self) -> Heap {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Charges what `code` takes and gives back.
    pub fn charge<R>(&self, code: impl FnOnce() -> R) -> R {
        let mut result = None;
        let info = measure(|| result = Some(code()));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(info);
        result.expect("the code has run")
    }

    /// Charges every poll of `future`, but not the memory of the future itself.
    pub fn charged<F: Future>(&self, future: F) -> Charged<F> {
        Charged { account: self.clone(), future: Box::pin(future) }
    }
}

/// A future whose polls are charged.
#[derive(Debug)]
pub struct Charged<F> {
    account: Account,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Charged<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { account, future } = &mut *self;
        account.charge(|| future.as_mut().poll(cx))
    }
}

/// What `code` takes and gives back counts nowhere.
pub fn uncounted<R>(code: impl FnOnce() -> R) -> R {
    let mut result = None;
    opt_out(|| result = Some(code()));
    result.expect("the code has run")
}

#[test]
fn what_is_taken_is_counted_and_what_is_given_back_is_not_held() {
    let mut heap = Heap::default();
    let kept = heap.charge(|| {
        drop(std::hint::black_box(vec![0u8; 3000]));
        std::hint::black_box(vec![0u8; 1000])
    });
    assert_eq!(heap, Heap { allocations: 2, taken: 4000, held: 1000, peak: 3000 });
    heap.charge(|| drop(std::hint::black_box(vec![0u8; 2500])));
    assert_eq!(heap, Heap { allocations: 3, taken: 6500, held: 1000, peak: 3500 });
    heap.charge(|| drop(kept));
    heap.charge(|| uncounted(|| drop(std::hint::black_box(vec![0u8; 2500]))));
    assert_eq!(heap, Heap { allocations: 3, taken: 6500, held: 0, peak: 3500 });
}
