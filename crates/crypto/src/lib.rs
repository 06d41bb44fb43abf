//! The algorithms of SSH as rows of tables: packet ciphers, MACs, key agreements, hashes and key derivation.
//!
//! A row is everything about one algorithm: its name on the wire, its sizes and its constructors. The public
//! lists [`cipher::CIPHERS`], [`mac::MACS`] and [`kex::KEX_ALGORITHMS`] are the documentation, the negotiation
//! table and the test matrix at once. Who sends what and when is not here: that is `konko-packet`.

#[cfg(test)]
mod vectors;
pub mod random;
pub mod injected_random;
pub mod processor;
pub mod hash;
pub mod protection;
pub mod mac;
pub mod cipher;
pub mod compose;
pub mod kex;
pub mod derive;
