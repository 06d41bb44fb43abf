//! Two sides in memory, and peers that misbehave.

mod pair;
mod handshake;
mod host_certificates;
mod rekey;
mod order;
mod hostile;
mod negotiation;
mod compression;
mod time;
