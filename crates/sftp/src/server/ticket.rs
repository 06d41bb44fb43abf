//! The claim to an answer. Its type is the type of the answer.

use std::marker::PhantomData;

/// What [`SftpServer::answer`](super::machine::SftpServer::answer) wants back with the answer.
#[derive(Debug)]
#[must_use = "the client waits for the answer"]
pub struct Ticket<A> {
    /// The client's number of the request.
    pub(super) id: u32,
    /// Ours: clients may give one number to several.
    pub(super) serial: u64,
    answer: PhantomData<fn() -> A>,
}

impl<A> Ticket<A> {
    pub(super) const fn new(id: u32, serial: u64) -> Self {
        Self { id, serial, answer: PhantomData }
    }
}
