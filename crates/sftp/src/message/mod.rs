//! Every packet of the SSH File Transfer Protocol, version 3, with the extensions of OpenSSH and two older ones:
//! one struct each, both encoded and decoded, for both roles.
//!
//! Decoding borrows and is exact. Lengths, types and request ids are put around the fields by
//! [`packet`]; only INIT and VERSION, which have no id, are whole packets of their own.

pub mod number;
pub mod packet;
#[macro_use]
mod messages;
pub mod attributes;
pub mod initialization;
pub mod request;
pub mod reply;
pub mod extension;
#[cfg(test)]
mod tests;
