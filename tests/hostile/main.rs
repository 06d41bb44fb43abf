//! Connections of the library against a peer that misbehaves on purpose: the rows of the gauntlet, and every message in
//! every state.

mod peer;
mod smoke;
mod state_table;
mod transport_rows;
mod negotiation_rows;
mod key_exchange_rows;
mod authentication_rows;
mod channel_rows;
mod rekey_rows;
mod scp_rows;
mod remaining_rows;
