//! The command line of `konko agent`.

use crate::agent::lifetime;
use std::ffi::OsString;
use std::path::PathBuf;

/// Hold private keys for ssh, sign with them, and print how shells find this.
#[derive(Debug, clap::Args)]
pub struct AgentArguments {
    /// Listen on this Unix socket, in place of one in a new directory
    #[arg(short = 'a', value_name = "PATH")]
    pub bind_address: Option<PathBuf>,
    /// Print commands for the C shell; the default if SHELL ends in csh
    #[arg(short = 'c', conflicts_with = "bourne_shell")]
    pub c_shell: bool,
    /// Print commands for the Bourne shell; the default otherwise
    #[arg(short = 's')]
    pub bourne_shell: bool,
    /// Stay in the foreground
    #[arg(short = 'D')]
    pub foreground: bool,
    /// Stay in the foreground and tell what happens
    #[arg(short = 'd')]
    pub debug: bool,
    /// Hash for the fingerprints in questions: sha256 or md5
    #[arg(short = 'E', value_name = "HASH", value_parser = ["sha256", "md5"], default_value = "sha256")]
    pub fingerprint_hash: String,
    /// End the agent whose process is SSH_AGENT_PID
    #[arg(short = 'k')]
    pub kill: bool,
    /// Options of ssh-agent for PKCS#11 and FIDO; none has a meaning here, and all are refused
    #[arg(short = 'O', value_name = "OPTION")]
    pub options: Vec<String>,
    /// How long keys are kept that are added without a lifetime: seconds, or like 1h30m
    #[arg(short = 't', value_name = "LIFE", value_parser = lifetime::parse)]
    pub lifetime: Option<u32>,
    /// In the second process of one that goes to the background
    #[arg(long, hide = true)]
    pub detached: bool,
    /// Run this with the agent in its environment, and end with it
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<OsString>,
}

impl AgentArguments {
    /// Whether commands are printed for the C shell.
    pub fn is_c_shell(&self) -> bool {
        let of_environment =
            || std::env::var_os("SHELL").is_some_and(|shell| shell.as_encoded_bytes().ends_with(b"csh"));
        self.c_shell || (!self.bourne_shell && of_environment())
    }
}
