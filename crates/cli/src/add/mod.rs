//! `konko add`: what ssh-add(1) does, with any agent.

mod arguments;
mod failure;
mod passphrase;
mod destination;
mod identity_file;
mod listing;
mod run;

pub use arguments::AddArguments;
pub use run::run;
