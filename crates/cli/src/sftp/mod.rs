//! `konko sftp`.

pub mod words;
pub mod command;
pub mod arguments;
pub mod listing;
pub mod help;
pub mod trouble;
pub mod local_names;
pub mod shell;
mod files;
mod local_commands;
mod transfers;
mod dispatch;
mod completion;
mod line_editor;
pub mod program;

#[cfg(test)]
mod command_tests;
