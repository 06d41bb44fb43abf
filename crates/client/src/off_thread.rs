//! Work that takes long and waits for nothing: reading files, deriving keys, signing.

use std::io;

/// Does the work where it holds up no other connection. Without a tokio runtime the thread is the caller's own,
/// and there is nobody to hold up.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await.map_err(io::Error::other),
        Err(_) => Ok(work()),
    }
}
