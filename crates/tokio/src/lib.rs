//! Drives an SSH [`Transport`](konko_transport::Transport) over any tokio stream.
//!
//! One future per connection, the [`Driver`], owns the waiting: it reads what arrives, writes what is pending,
//! keeps the timer and wakes whoever waits. The handles, [`Connection`] and [`Channel`], share the machine with
//! it behind one lock that is never held across an await; an operation is *lock, try, else leave a waker*. No
//! queue and no task switch stands between a channel's bytes and the socket.
//!
//! Dropping the last handle of a connection closes it. Dropping the future of an operation cancels nothing that
//! was already sent; each operation says what that means for it.

pub mod error;
mod quiet;
pub mod waiters;
pub mod slot;
pub mod shared;
pub mod driver;
pub mod held;
pub mod channel;
pub mod connection;

#[cfg(test)]
mod tests;

pub use channel::{Channel, ChannelReader, ChannelWriter};
pub use connection::Connection;
pub use driver::Driver;
pub use error::Error;

pub use konko_transport as transport;
