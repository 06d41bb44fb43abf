//! Work on the local disk that goes on while the network does.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Work that was begun. Dropped, it goes on to its end, and nobody learns of that.
pub(crate) enum Background<T> {
    Running(JoinHandle<T>),
    Done(Option<T>),
}

impl<T: Send + 'static> Background<T> {
    /// Begins it: on a thread for such work, or, without a tokio runtime, on this one, where nobody else is held up.
    pub(crate) fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => Self::Running(runtime.spawn_blocking(work)),
            Err(_) => Self::Done(Some(work())),
        }
    }
}

impl<T: Unpin> Future for Background<T> {
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        match self.get_mut() {
            Self::Running(handle) => Pin::new(handle).poll(cx).map_err(io::Error::other),
            Self::Done(result) => {
                Poll::Ready(result.take().ok_or_else(|| io::Error::other("the result was taken already")))
            }
        }
    }
}

/// Waits. Without a tokio runtime the thread is the caller's own, and sleeps.
pub(crate) async fn pause(duration: Duration) {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::time::sleep(duration).await,
        Err(_) => std::thread::sleep(duration),
    }
}
