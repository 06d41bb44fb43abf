//! The SSH agent protocol (RFC 9987): a client machine, and an agent.
