//! The vectors of `vectors/` that no crate runs by itself: the messages on the wire, both ways.

mod fields;
mod wire_messages;
mod lists_of_messages;
