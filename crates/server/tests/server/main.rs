//! A server in this process, spoken to by our own client and by OpenSSH's.

#![allow(clippy::unwrap_used)]

mod support;
mod authentication;
mod session;
mod process;
mod forward;
mod sftp;
mod admission;
mod faults;
mod openssh;
