//! The keys that may log in, by a file in the manner of OpenSSH's authorized_keys, and what a line takes away.

use crate::log_text::LogText;
use konko_transport::keys::public_key::PublicKey;
use konko_trust::authorized_keys::{AuthorizedKey, AuthorizedKeys};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes.
const MAXIMUM_FILE_LEN: u64 = 4 * 1024 * 1024;

/// What a line of authorized_keys takes away from who logs in with its key (sshd(8)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restrictions {
    /// What runs in place of whatever is asked for.
    pub forced_command: Option<String>,
    /// What is set of the environment besides.
    pub environment: Vec<(String, String)>,
    /// No terminal.
    pub no_pty: bool,
    /// No forwarding of ports or Unix sockets.
    pub no_port_forwarding: bool,
}

/// Why a line does not let its key in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotEnforced(String);

impl Restrictions {
    /// What the options of a line say. A line with an option that cannot be enforced lets nobody in.
    pub(crate) fn of(line: &AuthorizedKey) -> Result<Self, NotEnforced> {
        let mut restrictions = Self::default();
        for (name, value) in &line.options {
            match (name.as_str(), value) {
                ("command", Some(command)) => restrictions.forced_command = Some(command.clone()),
                ("environment", Some(variable)) => {
                    let (name, value) =
                        variable.split_once('=').ok_or_else(|| NotEnforced("environment".to_owned()))?;
                    restrictions.environment.push((name.to_owned(), value.to_owned()));
                }
                ("restrict", None) => {
                    restrictions.no_pty = true;
                    restrictions.no_port_forwarding = true;
                }
                ("no-pty", None) => restrictions.no_pty = true,
                ("pty", None) => restrictions.no_pty = false,
                ("no-port-forwarding", None) => restrictions.no_port_forwarding = true,
                ("port-forwarding", None) => restrictions.no_port_forwarding = false,
                // What they forbid or allow is never there: agents, X11 and ~/.ssh/rc.
                ("no-agent-forwarding" | "no-x11-forwarding" | "no-user-rc", None)
                | ("agent-forwarding" | "x11-forwarding" | "user-rc", None) => {}
                _ => return Err(NotEnforced(name.clone())),
            }
        }
        Ok(restrictions)
    }
}

/// A file in the manner of OpenSSH's authorized_keys. It is read anew for each key that is offered.
#[derive(Debug, Clone)]
pub struct AuthorizedKeysFile {
    path: PathBuf,
}

impl AuthorizedKeysFile {
    /// The file at `path`; it need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Looks for a line that lets `key` in, and says what it takes away.
    ///
    /// A file that others may write to, or that belongs to neither the superuser nor the user of this process, lets
    /// nobody in; nor does a line with an option that is not enforced here (`from`, `expiry-time`, `permitopen`,
    /// `permitlisten`, `principals`, `tunnel`, `cert-authority` and whatever is not known).
    pub fn check(&self, key: &PublicKey) -> Option<Restrictions> {
        let contents = match read(&self.path) {
            Ok(contents) => contents,
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(target: "konko::serve", %path, %error, "authorized keys cannot be used");
                return None;
            }
        };
        AuthorizedKeys::parse(&contents).find_all(key).find_map(|line| match Restrictions::of(line) {
            Ok(restrictions) => Some(restrictions),
            Err(NotEnforced(option)) => {
                tracing::warn!(
                    target: "konko::serve",
                    path = %self.path.display(),
                    line = line.line,
                    option = %LogText(option.as_bytes()),
                    "a key is not let in: its option cannot be enforced"
                );
                None
            }
        })
    }
}

/// Reads the file, unless somebody else could have written it.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::getuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to somebody else"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others than its owner may write to it"));
    }
    if metadata.len() > MAXIMUM_FILE_LEN {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut contents = Vec::new();
    file.take(MAXIMUM_FILE_LEN).read_to_end(&mut contents)?;
    Ok(contents)
}

#[cfg(test)]
mod tests;
