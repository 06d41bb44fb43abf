//! How far files have come, shown on a terminal.

pub mod meter;
pub mod display;
