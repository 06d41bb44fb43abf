//! Every real client of SFTP with our server: list, get, put, rename, chmod, links, trees, resumption.

mod ground;
mod openssh;
mod mounted;
mod others;
