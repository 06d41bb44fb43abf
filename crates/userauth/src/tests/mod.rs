//! The two machines against each other, and each against a peer that breaks the rules.

mod connection;
mod dialogue;
mod client_rules;
mod server_rules;
mod server_limits;
mod host_bound;
mod host_based;
mod security_keys;
mod certificates;
