//! What to do when accepting a connection fails.

use rustix::io::Errno;
use std::io;
use std::time::Duration;

/// How long to wait after the system had no room.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits where the system has no room for another connection, so that trying again does not keep it busy. Other
/// errors belong to the one connection that is lost, and the next may be accepted at once.
pub(crate) async fn pause_after(error: &io::Error) {
    let no_room = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    if Errno::from_io_error(error).is_some_and(|errno| no_room.contains(&errno)) {
        tracing::warn!(%error, "cannot accept connections for now");
        tokio::time::sleep(PAUSE).await;
    }
}
