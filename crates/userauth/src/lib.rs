//! The authentication protocol of RFC 4252 and 4256, client and server.
//!
//! Two machines without sockets and clocks: [`ClientAuth`] proves who the user is, [`ServerAuth`] judges it. They
//! are given payloads (number byte first) and the session identifier, and write messages to a
//! [`konko_wire::encode::MessageSink`]. Which method a client tries next is policy and lives above; so does the
//! time a refusal takes.

pub mod error;
pub mod method_name;
mod signed_request;
mod ticket;
pub mod question;
pub mod attempt;
pub mod event;
mod offered_key;
mod method;
pub mod client_method;
pub mod client;
pub mod server;
#[cfg(test)]
mod tests;

pub use attempt::{Attempt, AttemptKind};
pub use client::{ClientAuth, ClientAuthConfig};
pub use client_method::Method;
pub use error::AuthError;
pub use event::{ClientAuthEvent, ServerAuthEvent};
pub use method_name::MethodName;
pub use question::{PasswordChangeQuestion, Prompt, PromptQuestion, Prompts, SignatureQuestion};
pub use server::{ServerAuth, ServerAuthConfig};
