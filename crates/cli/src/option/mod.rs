//! The options of ssh_config(5), as `-o` gives them.

pub mod error;
pub mod words;
pub mod time;
pub mod size;
pub mod choice;
pub mod keyword;
pub mod settings;
pub mod algorithms;

#[cfg(test)]
mod tests;
