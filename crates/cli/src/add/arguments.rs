//! The command line of `konko add`, that of ssh-add(1).

use crate::agent::lifetime;
use std::path::PathBuf;

/// Give private keys to the agent, take them back, list them.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct AddArguments {
    /// Have every use of the keys confirmed, by an askpass program
    #[arg(short = 'c')]
    pub confirm: bool,
    /// Remove all keys
    #[arg(short = 'D', conflicts_with = "remove")]
    pub remove_all: bool,
    /// Remove keys, named by their public or private files
    #[arg(short = 'd')]
    pub remove: bool,
    /// Hash for fingerprints: sha256 or md5
    #[arg(short = 'E', value_name = "HASH", value_parser = ["sha256", "md5"], default_value = "sha256")]
    pub fingerprint_hash: String,
    /// Remove the keys of a PKCS#11 library
    #[arg(short = 'e', value_name = "PKCS11", conflicts_with = "add_provider")]
    pub remove_provider: Option<String>,
    /// Look up the host keys of destinations here, in place of the usual known_hosts files
    #[arg(short = 'H', value_name = "FILE")]
    pub host_key_files: Vec<PathBuf>,
    /// Let the keys be used for this destination only: `[USER@]HOST`, or `HOST>[USER@]HOST` from another host on
    #[arg(short = 'h', value_name = "DESTINATION")]
    pub destinations: Vec<String>,
    /// Not supported: load the resident keys of a FIDO authenticator
    #[arg(short = 'K')]
    pub resident_keys: bool,
    /// Plain keys only, without the certificates beside them
    #[arg(short = 'k')]
    pub keys_only: bool,
    /// List public keys
    #[arg(short = 'L', conflicts_with = "list_fingerprints")]
    pub list_keys: bool,
    /// List fingerprints
    #[arg(short = 'l')]
    pub list_fingerprints: bool,
    /// Say nothing of what succeeds
    #[arg(short = 'q')]
    pub quiet: bool,
    /// The library that the agent is to use for the keys of a FIDO authenticator
    #[arg(short = 'S', value_name = "PROVIDER")]
    pub security_key_provider: Option<String>,
    /// Add the keys of a PKCS#11 library
    #[arg(short = 's', value_name = "PKCS11")]
    pub add_provider: Option<String>,
    /// Try whether the agent signs with the private halves of these public keys
    #[arg(short = 'T')]
    pub test: bool,
    /// Let the agent forget the keys after this time: seconds, or like 1h30m
    #[arg(short = 't', value_name = "LIFE", value_parser = lifetime::parse)]
    pub lifetime: Option<u32>,
    /// Tell more; up to three times
    #[arg(short = 'v', action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Unlock the agent
    #[arg(short = 'X', conflicts_with = "lock")]
    pub unlock: bool,
    /// Lock the agent with a password
    #[arg(short = 'x')]
    pub lock: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    pub help: Option<bool>,
    /// Key files; without any, the usual ones in ~/.ssh
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}
