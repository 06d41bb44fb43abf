//! What the RFCs say an implementation must do, one function for each sentence that shows from outside.

#[path = "../hostile/peer/mod.rs"]
#[allow(dead_code)]
mod peer;

mod rfc4253_packets;
mod rfc4253_keys;
mod rfc4252;
mod rfc4254;
mod rfc8308;
mod in_process;
mod smallest_limits;
mod user_names;
mod search_paths;
mod source;
mod secrets;
