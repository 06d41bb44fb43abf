//! Key exchange and re-exchange (RFC 4253 §7 to §9).
//!
//! `Idle → Proposed → Exchanging → HostKeyPending | SignaturePending → NewKeysSent → Idle`: each state holds what is
//! known by then and is moved into the next; only `machine` knows them all.

mod transcript;
mod client_method;
mod server_method;
mod exchanging;
pub(crate) mod machine;
