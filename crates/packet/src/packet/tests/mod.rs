//! Two sides in memory, and peers that misbehave.

mod pair;
mod handshake;
mod rekey;
mod order;
mod hostile;
mod negotiation;
mod compression;
mod time;
