//! How files are transferred over SFTP, and shown while they are.

use crate::progress::display::{Display, Step};
use konko::client::sftp::{Error, TransferOptions};
use std::sync::Arc;

/// Transfers that preserve modes and times or do not, take no more than so many bytes a second, and are shown. What
/// fails within a tree goes to `tell`, and the rest is transferred.
pub fn options(
    preserve: bool,
    maximum_rate: Option<u64>,
    display: &Display,
    tell: fn(&Error),
) -> TransferOptions {
    let mut options = TransferOptions::new();
    (options.preserve_times, options.preserve_permissions) = (preserve, preserve);
    options.maximum_rate = maximum_rate;
    options.on_error = Some(Arc::new(move |_, error| tell(error)));
    if display.shows() {
        let display = display.clone();
        options.progress = Some(Arc::new(move |progress| {
            display.step(&Step {
                name: progress.path.as_bytes(),
                size: progress.size,
                transferred: progress.transferred,
                is_finished: progress.is_finished,
            });
        }));
    }
    options
}
