//! Values that several commands take in the same words.

pub mod error;
pub mod choice;
pub mod rekey_limit;
