//! Our client and our server with every real SSH program there is on this machine. A program that is not installed
//! makes its tests say SKIP, or fail with `KONKO_REQUIRE_PEERS=1`.

mod table;
mod transcript;
mod user;
mod runtime;
mod our_client;
mod our_server;
mod to_openssh;
mod from_openssh;
mod others;
mod keys;
mod certificates;
mod login;
mod scp;
mod agent;
mod sftp_client;
mod sftp_servers;
mod sftp_server;
