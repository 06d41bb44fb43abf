//! Logging in with certificates, with agents that hold many keys, bound to a host key, and by the word of a host.

mod setup;
mod to_openssh;
mod agents;
mod gate;
mod to_our_server;
