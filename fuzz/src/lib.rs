//! What the fuzz targets share: rows that protect nothing, so that a fuzzer gets past cryptography; configured
//! ends of a connection; and the rules that every machine keeps, whatever it is fed.
//!
//! The rows stand here and not in the library, so that no build of the library knows them.

pub mod choices;
pub mod repeatable_random;
pub mod null_rows;
pub mod payloads;
pub mod rules;
pub mod endpoints;
pub mod application;
