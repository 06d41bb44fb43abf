//! Forwarded connections (RFC 4254 §7; OpenSSH PROTOCOL 2.4): where they come from, where they go, and the bytes
//! in between. Whether they may is the handler's business.

pub(crate) mod socket_path;
pub(crate) mod splice;
pub(crate) mod connect;
pub(crate) mod bind_address;
pub(crate) mod listeners;
