//! What a remote command left behind.

use crate::exit_status::ExitStatus;

/// What a remote command left behind.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output, byte for byte.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error, byte for byte. Empty with a pseudo-terminal, which has one output.
    pub stderr: Vec<u8>,
}

impl Output {
    /// What is there before anything has come.
    pub(crate) const fn empty() -> Self {
        Self { status: ExitStatus::NotReported, stdout: Vec::new(), stderr: Vec::new() }
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The contents may be secret, and large.
        f.debug_struct("Output")
            .field("status", &self.status)
            .field("stdout", &format_args!("{} bytes", self.stdout.len()))
            .field("stderr", &format_args!("{} bytes", self.stderr.len()))
            .finish()
    }
}
