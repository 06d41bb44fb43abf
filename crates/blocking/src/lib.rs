//! Drives an SSH [`Transport`](konko_transport::Transport) over blocking streams, without a runtime.
//!
//! One thread per connection waits for the stream and the timer: it opens packets, serves key re-exchange and
//! keepalives and wakes whoever waits, even if the application never calls in. The handles, [`Connection`] and
//! [`Channel`], share the machine with it behind one lock. A handle's operation is *lock, try, else wait on the
//! condition variable*; what it brought about is sealed under the lock and sent outside it, by the caller itself.
//!
//! Nobody ever blocks in a write to the network: what the network does not take at once is left to the driver's
//! thread, which goes on reading meanwhile. So every wait has a timeout, and two ends that both write cannot hold
//! each other up. An idle connection wakes nobody.
//!
//! Dropping the last handle of a connection closes it and ends its thread.

pub mod error;
pub mod link;
#[cfg(unix)]
pub mod socket;
pub mod keeping;
pub mod pump;
pub mod shared;
pub mod driver;
pub mod channel;
pub mod jump;
pub mod connection;

#[cfg(all(test, unix))]
mod tests;

pub use channel::{Channel, ChannelReader, ChannelWriter};
pub use connection::Connection;
pub use error::Error;
pub use keeping::keeping;
pub use link::{Link, Readiness, Stream};
pub use pump::Halves;

pub use konko_transport as transport;
