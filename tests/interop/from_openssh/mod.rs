//! OpenSSH's clients with our server.

mod algorithms;
mod authentication;
mod sessions;
mod forwarding;
mod scanners;
