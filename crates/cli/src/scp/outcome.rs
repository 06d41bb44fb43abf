//! What became of a tree.

use crate::exit::Failure;
use crate::notice::tell;
use konko::client::sftp::Transferred;
use std::fmt::Display;

/// Says what was left out. What failed was told before.
pub(super) fn complete(what: impl Display, done: &Transferred) -> Result<(), Failure> {
    if done.skipped > 0 {
        tell(format_args!("{what}: {} special files or links were left out", done.skipped));
    }
    match done.failed {
        0 => Ok(()),
        failed => Err(Failure::Other(format!("{what}: {failed} files or directories were not copied"))),
    }
}
