//! `konko keygen`: keys, certificates, revocation lists, signatures and known hosts on disk, as ssh-keygen(1) does
//! it.

mod error;
mod arguments;
mod prompt;
mod context;
mod time;
mod fingerprint;
mod generate;
mod host_keys;
mod change;
mod convert;
mod hosts;
mod agent_signer;
mod certify;
mod certificate_listing;
mod revocation_listing;
mod revocation;
mod signature;
mod help;
mod run;

pub use run::run;
