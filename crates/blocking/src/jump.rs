//! A connection on a channel of another connection: the way through a jump host. No thread and no buffer stands in
//! between.

use crate::channel::{Channel, Held};
use crate::link::{Link, Readiness, Stream};
use konko_transport::ChannelMut;
use konko_transport::channel::{Progress, Stream as ChannelStream};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A channel's data as a stream.
struct Jump {
    channel: Channel,
    woken: AtomicBool,
}

impl Jump {
    fn held(&self) -> &Held {
        self.channel.held()
    }

    /// One try, without waiting.
    fn attempt(
        &self,
        mut operation: impl FnMut(&mut ChannelMut<'_>, &mut bool) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let result = self.held().wait(None, |channel, ended| {
            Some(match channel {
                Some((mut channel, slot)) => match operation(&mut channel, &mut slot.writable) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => match ended {
                        Some(error) => Err(error.clone().into()),
                        None => Err(error),
                    },
                    // The outer connection was cut: so is this one.
                    Ok(0) if channel.state().is_cut() => match ended {
                        Some(error) => Err(error.clone().into()),
                        None => Ok(0),
                    },
                    result => result,
                },
                None => Err(io::ErrorKind::NotConnected.into()),
            })
        });
        result.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }
}

impl Link for Jump {
    fn wait(&self, wanted: Readiness, until: Option<Instant>) -> io::Result<Readiness> {
        let found = self.held().wait(until, |channel, ended| {
            let woken = self.woken.swap(false, Ordering::AcqRel);
            let ready = match channel {
                Some((mut channel, slot)) if ended.is_none() => Readiness {
                    readable: wanted.readable
                        && channel.read(ChannelStream::Data, &mut []) != Progress::Blocked,
                    writable: wanted.writable && slot.writable,
                },
                _ => wanted,
            };
            (woken || ready != Readiness::default()).then_some(ready)
        });
        Ok(found.unwrap_or_default())
    }

    fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.held().announce();
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.attempt(|channel, _| match channel.read(ChannelStream::Data, buffer) {
            Progress::Moved(n) => Ok(n),
            Progress::Ended => Ok(0),
            Progress::Blocked => Err(io::ErrorKind::WouldBlock.into()),
        })
    }

    fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        self.attempt(|channel, writable| match channel.write(ChannelStream::Data, data) {
            Progress::Moved(n) => Ok(n),
            Progress::Ended => Err(io::ErrorKind::BrokenPipe.into()),
            Progress::Blocked => {
                *writable = false;
                Err(io::ErrorKind::WouldBlock.into())
            }
        })
    }

    fn shutdown_write(&self) {
        if let Err(error) = self.channel.send_eof() {
            tracing::debug!(%error, "no EOF on the channel of a jump");
        }
    }

    fn close(&self) {
        self.channel.close();
    }
}

impl Stream for Channel {
    /// The connection runs on the channel's data. Other handles of the channel must leave that alone.
    fn into_link(self) -> io::Result<Arc<dyn Link>> {
        Ok(Arc::new(Jump { channel: self, woken: AtomicBool::new(false) }))
    }
}
