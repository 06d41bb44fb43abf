//! The program as a user meets it: `konko ssh`, `konko serve` and `konko demo`, and OpenSSH's client.

mod support;
mod demo;
mod exec;
mod streams;
mod forward;
mod config;
mod proxy;
mod authentication;
mod host_key;
mod serve;
mod terminal;
mod leave;
mod openssh;
mod agent;
mod certificates;
mod keygen;
mod keyscan;
mod sftp_server;
mod files;
mod files_openssh;
mod listing_openssh;
mod files_terminal;
