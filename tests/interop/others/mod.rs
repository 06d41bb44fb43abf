//! Our client and our server with the other implementations: Dropbear, tinyssh, PuTTY, paramiko, asyncssh, libssh.

mod dropbear;
mod tinyssh;
mod putty;
mod python;
mod libssh;
