//! Agents: our client with `ssh-agent`, `ssh-add` with our agent, logins and forwarding with both.

mod running;
mod keys;
mod forwarding;
