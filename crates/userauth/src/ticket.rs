//! What ties a question to the state it was asked in, so that a late or foreign answer is told apart.

use std::sync::Arc;

/// The identity of one question of one connection.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    session_id: Arc<[u8]>,
    generation: u64,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket({})", self.generation)
    }
}

/// Issues tickets, and knows the session identifier that makes those of two connections differ.
pub(crate) struct Tickets {
    session_id: Arc<[u8]>,
    issued: u64,
}

impl Tickets {
    /// For a connection whose session identifier is not known yet.
    pub(crate) fn new() -> Self {
        Self { session_id: Arc::from([].as_slice()), issued: 0 }
    }

    /// Fixes the session identifier.
    pub(crate) fn set_session_id(&mut self, id: &[u8]) {
        self.session_id = Arc::from(id);
    }

    /// The session identifier; empty while it is not known.
    pub(crate) fn session_id(&self) -> &[u8] {
        &self.session_id
    }

    /// A ticket that equals no earlier one.
    pub(crate) fn issue(&mut self) -> Ticket {
        self.issued += 1;
        Ticket { session_id: Arc::clone(&self.session_id), generation: self.issued }
    }
}
