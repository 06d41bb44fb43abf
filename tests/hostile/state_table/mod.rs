//! Every message number in every state, in three forms: the whole table `vectors/state_table.tsv`, both receivers.
//!
//! A sub-state says how far a connection has come; what it makes of the table's `L?` and `D/L` is written beside it.

mod table;
mod walk;
mod server;
mod client;
