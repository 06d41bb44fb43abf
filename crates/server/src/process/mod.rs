//! Sessions that run programs of the operating system, for the user that runs the server.

pub(crate) mod account;
pub(crate) mod environment;
pub(crate) mod signal;
pub(crate) mod terminal_modes;
pub(crate) mod pty;
pub(crate) mod controlling_terminal;
pub(crate) mod group;
pub(crate) mod pipe_width;
pub(crate) mod output_pump;
pub(crate) mod run;
pub(crate) mod agent_socket;
pub(crate) mod session;
