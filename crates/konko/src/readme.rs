//! The examples of the README, compiled.

/// The README.
#[doc = include_str!("../../../README.md")]
pub struct Readme;
