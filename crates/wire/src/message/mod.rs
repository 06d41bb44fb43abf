//! Every message, one row each, and the typed bodies of requests and opens.

pub mod transport;
pub mod kex;
pub mod userauth;
pub mod channel;
pub mod global;
