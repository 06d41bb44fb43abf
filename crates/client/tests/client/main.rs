//! The client against a server in this process, which does as it is told.

mod scripted_server;
mod command;
mod cancellation;
mod login;
mod sftp;
mod handshake;
mod forward;
mod agent;
mod blocking;
