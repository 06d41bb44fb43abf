//! `konko keyscan`: the host keys of servers, without logging in, as ssh-keyscan(1) does it.

mod arguments;
mod target;
mod scan;
mod report;
mod run;

pub use arguments::KeyscanArguments;
pub use run::run;
