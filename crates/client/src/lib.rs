//! SshClient: connect, verify, log in, run commands, forward; async and blocking.
