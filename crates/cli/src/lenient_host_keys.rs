//! `StrictHostKeyChecking=no`: a host key that nothing is known of is added, and one that has changed is a warning.

use crate::notice::tell;
use crate::prompter::short_type;
use konko::client::known_hosts_files::FilesVerdict;
use konko::client::{BoxedFuture, HostKeyVerifier, HostName, KnownHostsFiles};
use konko::transport::keys::public_key::PublicKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Believes every host key but revoked ones. A server whose key has changed gets no password.
#[derive(Debug)]
pub struct LenientHostKeys {
    files: KnownHostsFiles,
    notices: bool,
    passwords_withheld: Arc<AtomicBool>,
}

impl LenientHostKeys {
    /// Over these files. `passwords_withheld` is set when a key has changed.
    pub const fn new(files: KnownHostsFiles, notices: bool, passwords_withheld: Arc<AtomicBool>) -> Self {
        Self { files, notices, passwords_withheld }
    }

    fn judge(&self, name: &HostName, key: &PublicKey, verdict: FilesVerdict) -> Result<(), String> {
        match verdict {
            FilesVerdict::Known => Ok(()),
            FilesVerdict::Changed { file, line, .. } => {
                self.passwords_withheld.store(true, Ordering::Relaxed);
                let place = file.map(|file| format!(" in {}:{line}", file.display())).unwrap_or_default();
                tell(format_args!(
                    "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! It is possible that someone is doing \
                     something nasty. The {} key of {name} is now {}, unlike the one{place}.",
                    short_type(key.key_type()),
                    key.fingerprint()
                ));
                Ok(())
            }
            FilesVerdict::Revoked { file, line } => {
                Err(format!("it is revoked in line {line} of {}", file.display()))
            }
            _ => Err("nothing can be said about it".to_owned()),
        }
    }
}

impl HostKeyVerifier for LenientHostKeys {
    fn key_types(&self, name: &HostName) -> Vec<&'static str> {
        // A file that cannot be read is told when the key is judged.
        self.files.key_types(name).unwrap_or_default()
    }

    fn verify<'a>(&'a self, name: &'a HostName, key: &'a PublicKey) -> BoxedFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let verdict = self.files.lookup(name, key).map_err(|error| error.to_string())?;
            if !matches!(verdict, FilesVerdict::Unknown | FilesVerdict::NewKeyType(_)) {
                return self.judge(name, key, verdict);
            }
            let added = self.files.add(name, key).map_err(|error| error.to_string())?;
            if added == FilesVerdict::Known && self.notices {
                let kind = short_type(key.key_type());
                tell(format_args!(
                    "Warning: Permanently added '{name}' ({kind}) to the list of known hosts."
                ));
            }
            self.judge(name, key, added)
        })
    }
}
