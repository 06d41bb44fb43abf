//! Tells how far a file has come.

use crate::scp::options::ScpOptions;
use crate::scp::pace::Pace;
use crate::scp::report::ScpProgress;

/// One file that is transferred: who is told of it, and how fast it may go.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    options: &'a ScpOptions,
    name: Vec<u8>,
    transferred: u64,
    size: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(options: &'a ScpOptions, name: &[u8], size: u64) -> Self {
        let meter = Self { options, name: name.to_vec(), transferred: 0, size };
        meter.tell(false);
        meter
    }

    pub(crate) fn pass(&mut self, bytes: u64, pace: &mut Pace) {
        self.transferred += bytes;
        self.tell(false);
        pace.pass(bytes);
    }

    fn tell(&self, is_finished: bool) {
        if let Some(progress) = &self.options.progress {
            progress(&ScpProgress {
                name: &self.name,
                transferred: self.transferred,
                size: self.size,
                is_finished,
            });
        }
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        self.tell(true);
    }
}
