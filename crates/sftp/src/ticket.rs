//! What one holds for a request that is under way: the ticket's type is the answer's type.

use std::marker::PhantomData;

/// A request that was sent. It is given back to [`SftpClient::reply`](crate::client::SftpClient::reply) until the
/// answer is there, or to [`SftpClient::forget`](crate::client::SftpClient::forget).
#[must_use = "a ticket that is neither asked for nor forgotten keeps its answer for ever"]
pub struct Ticket<T> {
    id: u32,
    reply: PhantomData<fn() -> T>,
}

impl<T> Ticket<T> {
    pub(crate) const fn new(id: u32) -> Self {
        Self { id, reply: PhantomData }
    }

    /// The request id on the wire.
    pub const fn id(&self) -> u32 {
        self.id
    }
}

impl<T> std::fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket({})", self.id)
    }
}

/// Where answers arrive: of a caller's one request, or of all requests of a transfer. A lane says when something
/// has arrived for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}
