//! What differs between the two ends of a connection: the authentication machine, the events, and four moments.

use crate::dispatch::Role;
use crate::error::Error;
use crate::event::Event;
use konko_packet::extensions::PeerExtensions;
use konko_packet::outbound::Outbound;
use konko_packet::received::{HostKeyQuestion, SignatureQuestion};

/// Keeps [`Side`] to the two ends there are.
pub(crate) mod sealed {
    /// Implemented for the two ends only.
    pub trait Sealed {}
}

/// One of the two ends of a connection.
pub trait Side: sealed::Sealed + Sized + Send + 'static {
    /// What the application is told.
    type Event: From<Event> + Send + std::fmt::Debug;
    /// The authentication protocol and what else only this end has.
    type State: SideState<Event = Self::Event>;
    /// Which end it is.
    const ROLE: Role;

    /// The part of an event that either end may be told, if it is one.
    fn common(event: &Self::Event) -> Option<&Event>;
}

/// What a step of one end asks of the connection.
#[derive(Debug)]
pub enum Outcome<E> {
    /// Nothing.
    Nothing,
    /// The application is told.
    Event(E),
    /// The requested service is running: authentication begins.
    ServiceStarted,
    /// Authentication is complete.
    Authenticated(Option<E>),
}

/// Whether an answer of the peer is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTime {
    /// This end times the whole of authentication instead.
    Elsewhere,
    /// No answer of the peer is due.
    NotDue,
    /// It is due within this time of being asked for.
    Within(std::time::Duration),
}

/// What becomes of a wanted signature.
#[derive(Debug)]
pub enum Signing<E> {
    /// It is made.
    Made(SignatureQuestion, Vec<u8>),
    /// Somebody else makes it.
    Asked(E),
    /// It cannot be made.
    Impossible,
}

/// The part of a connection that only one end has.
pub trait SideState: Send {
    /// What the application is told.
    type Event;

    /// The first keys are in use; `host_key` is the server's as it was sent.
    fn first_keys(&mut self, session_id: &[u8], host_key: &[u8], out: &mut Outbound);
    /// A message of [`Route::Service`](crate::dispatch::Route::Service).
    fn service(&mut self, payload: &[u8], out: &mut Outbound) -> Result<Outcome<Self::Event>, Error>;
    /// A message of [`Route::Auth`](crate::dispatch::Route::Auth).
    fn auth(&mut self, payload: &[u8], out: &mut Outbound) -> Result<Outcome<Self::Event>, Error>;
    /// What else there is to tell, or to serve now that the application has answered; until it is
    /// [`Outcome::Nothing`].
    fn auth_more(&mut self, out: &mut Outbound) -> Result<Outcome<Self::Event>, Error>;
    /// The event that asks about a host key, at the end that is asked.
    fn host_key(&self, question: HostKeyQuestion) -> Option<Self::Event>;
    /// The signature that is wanted, if it can be made at once; else the event that asks for it.
    fn signature(&self, question: SignatureQuestion) -> Signing<Self::Event>;
    /// What the peer says it knows (RFC 8308).
    fn extensions(&mut self, extensions: &PeerExtensions);
    /// Authentication is complete: what only that needed is dropped.
    fn authenticated(&mut self);
    /// How long the peer may take to answer, if an answer is due.
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::Elsewhere
    }
    /// When [`expire`](Self::expire) is due.
    fn due(&self) -> Option<std::time::Instant> {
        None
    }
    /// Does what was put off until now.
    fn expire(&mut self, _now: std::time::Instant, _out: &mut Outbound) -> Result<(), Error> {
        Ok(())
    }
}
