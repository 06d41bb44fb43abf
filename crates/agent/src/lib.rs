//! The SSH agent protocol (RFC 9987): a client machine, and an agent.
//!
//! [`AgentClient`] asks, [`Agent`] answers out of a [`Keyring`]; both are byte machines without a socket, a clock or
//! a thread. Requests and answers are bounded to 256 KiB and are wiped where they may hold secrets. A key that an
//! agent lists is kept as it came, whatever type it is of. Destination constraints and session bindings are those
//! of OpenSSH's PROTOCOL.agent.

pub mod error;
pub mod number;
mod buffer;
pub mod moment;
pub mod constraint;
pub mod signed_data;
pub mod identity;
pub mod agent_key;
pub mod session_bind;
pub mod request;
pub mod reply;
pub mod ticket;
pub mod client;
pub mod binding;
mod lock;
pub mod question;
pub mod keyring;
mod serving;
pub mod agent;

pub use agent::{Agent, Handled};
pub use agent_key::AgentKey;
pub use client::{AgentClient, extension_names};
pub use constraint::{Constraint, DestinationConstraint, Hop, HostKeySpecification};
pub use error::{AddError, AgentError};
pub use identity::AgentIdentity;
pub use keyring::{Asking, Keyring, KeyringConfig};
pub use moment::Moment;
pub use question::{QuestionReason, SignQuestion};
pub use request::AddIdentity;
pub use session_bind::{SESSION_BIND, SessionBind};
pub use signed_data::{LoginRequest, SignedData};
pub use ticket::{Done, ExtensionAnswer, Signature, Ticket};

pub use konko_keys as keys;
pub use konko_sansio as sansio;
