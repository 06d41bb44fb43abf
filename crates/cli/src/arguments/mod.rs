//! The command line of `konko ssh`.

pub mod error;
pub mod destination;
pub mod ssh_arguments;

#[cfg(test)]
mod tests;
