//! The runtime that all tests of this program share.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::table::Failure;

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a tokio runtime")
});

/// The runtime.
pub fn runtime() -> &'static Runtime {
    &RUNTIME
}

/// Runs `future` to its end on this thread; gives it up when it hangs.
pub fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    RUNTIME.block_on(async {
        tokio::time::timeout(PATIENCE, future)
            .await
            .unwrap_or_else(|_| Err(format!("no end in {PATIENCE:?}").into()))
    })
}

/// As [`block_on`], for a whole test.
///
/// # Panics
/// When the future fails.
pub fn run_test(future: impl Future<Output = Result<(), Failure>>) {
    if let Err(failure) = block_on(future) {
        panic!("{failure}");
    }
}
