//! Our client with OpenSSH's server.

mod algorithms;
mod authentication;
mod sessions;
mod forwarding;
mod endurance;
