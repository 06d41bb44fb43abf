//! Agents (RFC 9987): to use one, to forward one, and to be one.
//!
//! [`SystemAgent`] is the user's agent as a credential; [`AgentConnection`] manages its keys. [`LocalAgent`] is an
//! agent in this process, which [`AgentListener`] offers to other programs. Forwarding is asked for with
//! [`Command::forward_agent`](crate::Command::forward_agent).

pub mod error;
pub(crate) mod location;
pub mod connection;
pub mod local_agent;
#[cfg(unix)]
pub mod listener;
pub mod source;
pub mod system_agent;
pub(crate) mod relay;
pub(crate) mod forwarding;

pub use connection::{AgentConnection, DEFAULT_REPLY_TIMEOUT};
pub use error::Error;
#[cfg(unix)]
pub use listener::AgentListener;
pub use local_agent::{LocalAgent, SignConfirmer};
pub use location::{AGENT_VARIABLE, environment_agents};
pub use source::AgentSource;
pub use system_agent::SystemAgent;

pub use konko_agent as protocol;
