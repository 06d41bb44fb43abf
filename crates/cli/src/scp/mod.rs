//! `konko scp`.

pub mod arguments;
pub mod help;
mod places;
mod outcome;
mod upload;
mod download;
mod between;
mod legacy;
mod copier;
pub mod program;
