//! Message authentication codes.

pub mod table;
pub mod hmac;
pub mod umac;
pub mod registry;

pub use registry::MACS;
pub use table::{MAX_TAG_LEN, MacAlgorithm, MacContext};
