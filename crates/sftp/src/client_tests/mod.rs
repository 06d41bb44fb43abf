//! The client's machines against a server that follows a script, in memory.

mod scripted_server;
mod session;
mod transfers;
mod far;
mod noise;
