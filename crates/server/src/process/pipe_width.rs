//! How much a pipe between us and a program holds.

/// What the system is asked to let the pipe of a program that says or is told much hold, in bytes. It is no fault if it
/// does not: a user may have only so much of it.
const WIDE_PIPE: usize = 1024 * 1024;

/// Lets a pipe hold more than pipes do, so that its two ends take turns less often.
#[cfg(target_os = "linux")]
pub(super) fn widen(pipe: &impl std::os::fd::AsFd) {
    if let Err(error) = rustix::pipe::fcntl_setpipe_size(pipe, WIDE_PIPE) {
        tracing::debug!(%error, "a pipe stays as small as it is");
    }
}

/// Other systems do not let us.
#[cfg(not(target_os = "linux"))]
pub(super) fn widen<P>(_pipe: &P) {
    let _ = WIDE_PIPE;
}
