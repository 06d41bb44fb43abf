//! A table of cases: all are run, a few at a time, and all failures are reported together.

use std::fmt::{Debug, Display};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What went wrong with a case.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many cases run at once. Dropbear takes five connections at most that have not logged in.
const AT_ONCE: usize = 4;

/// Runs `check` on every case.
///
/// # Panics
/// With the failures of all cases, if there are any, or if there are no cases.
pub fn check_all<T: Sync + Debug>(cases: &[T], check: impl Fn(&T) -> Result<(), Failure> + Sync) {
    assert!(!cases.is_empty(), "a table without cases shows nothing");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(cases.len()) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(failure) = check(case) {
                        failures
                            .lock()
                            .expect("no case panics while it reports")
                            .push(format!("{case:?}: {failure}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no case panics while it reports");
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// An error that says `what`, unless `condition` holds.
pub fn ensure(condition: bool, what: impl Display) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(what.to_string().into()) }
}
