//! Whole connections between two of our own ends, over a simulated link with virtual time: random pieces, windows,
//! re-exchanges of keys and cuts, all from seeds. What is checked are invariants, not outcomes: what is received is
//! what was sent, nothing waits for ever, and an end is an error at both ends.

mod random;
mod endpoints;
mod wire;
mod flow;
mod party;
mod world;

mod login;
mod transfer;
mod re_exchange;
mod unread;
mod far;
mod cut;
mod silence;
mod damage;
mod closing;
mod log;
