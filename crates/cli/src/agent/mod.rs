//! `konko agent`: an agent as ssh-agent(1) is one.

pub mod lifetime;
mod arguments;
mod shell_lines;
mod confirm;
mod protection;
mod detached;
mod serving;

pub use arguments::AgentArguments;
pub use serving::run;
