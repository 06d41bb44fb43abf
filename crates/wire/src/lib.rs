//! What the SSH RFCs lay out on the wire, and nothing more: the data types of RFC 4251 §5, every message of
//! RFC 4250–4254, 4256, 4419, 5656, 8308, 8731 and OpenSSH's extensions, and the assigned numbers.
//!
//! Decoding borrows and is exact: a message with a byte too few or too many is an error. Encoding appends to a
//! vector and cannot fail. There is no enum of all messages: numbers 30–49 and 60–79 mean different things after
//! different questions, so whoever waits for a message names its type.

pub mod peer_text;
pub mod decode_error;
pub mod mpint;
pub mod name_list;
pub mod decode;
pub mod encode;
pub mod number;
pub mod identification;
pub mod terminal_modes;
#[macro_use]
mod messages;
pub mod message;
