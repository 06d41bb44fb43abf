//! The environment of a program: what the client may set, and what is set in any case.

use crate::peer::PeerInfo;
use crate::process::account::Account;
use konko_pattern::wildcard::matches_exactly;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Where programs are looked for.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/games";
/// The same for the superuser.
const SUPERUSER_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables that a client may set: patterns of names, in which `*` stands for any run of characters and `?` for
/// any one. Upper and lower case differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentPatterns {
    patterns: Vec<String>,
}

impl Default for EnvironmentPatterns {
    /// `LANG`, `LC_*` and `TERM`.
    fn default() -> Self {
        Self { patterns: ["LANG", "LC_*", "TERM"].map(str::to_owned).to_vec() }
    }
}

impl EnvironmentPatterns {
    /// Nothing may be set.
    pub const fn none() -> Self {
        Self { patterns: Vec::new() }
    }

    /// Allows what the pattern matches, too.
    pub fn allow(&mut self, pattern: impl Into<String>) {
        self.patterns.push(pattern.into());
    }

    /// Whether a variable may be set.
    pub fn allows(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| matches_exactly(pattern.as_bytes(), name.as_bytes()))
    }
}

/// The variables of a program; a later one of the same name counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    variables: Vec<(OsString, OsString)>,
}

impl Environment {
    pub(crate) fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.variables.push((name.into(), value.into()));
    }

    pub(crate) fn set_bytes(&mut self, name: &str, value: &[u8]) {
        self.set(name, OsStr::from_bytes(value));
    }

    pub(crate) fn into_variables(self) -> Vec<(OsString, OsString)> {
        self.variables
    }

    /// Sets what every session has. After this the client's variables cannot stand for these.
    pub(crate) fn set_login(&mut self, account: &Account, shell: &OsStr, peer: &PeerInfo) {
        self.set("HOME", account.home.as_os_str());
        self.set("USER", &account.name);
        self.set("LOGNAME", &account.name);
        self.set("SHELL", shell);
        let superuser = rustix::process::getuid().is_root();
        self.set("PATH", if superuser { SUPERUSER_PATH } else { PATH });
        if let Some(zone) = std::env::var_os("TZ") {
            self.set("TZ", zone);
        }
        let (client, client_port) = endpoint(peer.address);
        let (server, server_port) = endpoint(peer.local_address);
        self.set("SSH_CLIENT", format!("{client} {client_port} {server_port}"));
        self.set("SSH_CONNECTION", format!("{client} {client_port} {server} {server_port}"));
    }
}

/// An address and a port as OpenSSH writes them where there are none.
fn endpoint(address: Option<std::net::SocketAddr>) -> (String, u16) {
    match address {
        Some(address) => (address.ip().to_string(), address.port()),
        None => ("UNKNOWN".to_owned(), 65535),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: H13
    #[test]
    fn only_allowed_names_pass() {
        let mut patterns = EnvironmentPatterns::default();
        for (name, allowed) in [
            ("LANG", true),
            ("LC_ALL", true),
            ("LC_", true),
            ("TERM", true),
            ("LANGUAGE", false),
            ("LD_PRELOAD", false),
            ("PATH", false),
            ("lang", false),
            ("X", false),
        ] {
            assert_eq!(patterns.allows(name), allowed, "{name}");
        }
        patterns.allow("X");
        assert!(patterns.allows("X") && !patterns.allows("XX"));
        assert!(!EnvironmentPatterns::none().allows("LANG"));
        patterns.allow("GIT_*_NAME");
        patterns.allow("Y?");
        assert!(patterns.allows("GIT_AUTHOR_NAME") && !patterns.allows("GIT_AUTHOR_EMAIL"));
        assert!(patterns.allows("YZ") && !patterns.allows("Y") && !patterns.allows("GIT_*"));
    }
}
