//! Receipts for requests that wait for their answer.

use crate::error::AgentError;
use crate::identity::AgentIdentity;
use std::marker::PhantomData;

/// The receipt for a request whose answer is a `T`; [`AgentClient::take`](crate::client::AgentClient::take) gives
/// the answer for it.
pub struct Ticket<T> {
    pub(crate) id: u64,
    answer: PhantomData<fn() -> T>,
}

impl<T> Ticket<T> {
    pub(crate) const fn new(id: u64) -> Self {
        Self { id, answer: PhantomData }
    }
}

impl<T> std::fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket({})", self.id)
    }
}

/// The answer to a request that asks for nothing but to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done;

/// A whole signature blob: `string algorithm ‖ string value`, for a security key with flags and counter behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(pub Vec<u8>);

/// What an extension answers; empty where it has nothing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionAnswer(pub Vec<u8>);

/// An answer of any kind.
#[derive(Debug)]
pub enum AnyAnswer {
    /// It is carried out.
    Done(Done),
    /// The keys.
    Identities(Vec<AgentIdentity>),
    /// The signature.
    Signature(Signature),
    /// The extension's.
    Extension(ExtensionAnswer),
}

/// The types that a [`Ticket`] can be for.
pub trait Answer: Sized {
    /// The answer, if it is of this type; the machine sees to it that it is.
    fn from_any(any: AnyAnswer) -> Option<Self>;
}

macro_rules! answer {
    ($($type:ty => $variant:ident),*) => {$(
        impl Answer for $type {
            fn from_any(any: AnyAnswer) -> Option<Self> {
                match any {
                    AnyAnswer::$variant(answer) => Some(answer),
                    _ => None,
                }
            }
        }
    )*};
}

answer! { Done => Done, Vec<AgentIdentity> => Identities, Signature => Signature, ExtensionAnswer => Extension }

/// What has come for a ticket.
pub(crate) type Outcome = Result<AnyAnswer, AgentError>;
