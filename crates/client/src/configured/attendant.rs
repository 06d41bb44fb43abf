//! Who answers while a connection is made.

use crate::host_keys::HostKeyPolicy;
use crate::known_hosts_files::KnownHostsFiles;
use crate::prompter::Prompter;
use konko_config::{Resolved, StrictHostKeyChecking};
use std::sync::Arc;

/// Who answers for one host.
#[derive(Clone)]
pub struct Attendance {
    /// Is asked for passwords, passphrases and answers, unless `BatchMode` is `yes`, and shown banners.
    pub prompter: Option<Arc<dyn Prompter>>,
    /// Which host keys are believed.
    pub host_keys: HostKeyPolicy,
}

impl std::fmt::Debug for Attendance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attendance").field("host_keys", &self.host_keys).finish_non_exhaustive()
    }
}

/// Answers for every host on the way.
pub trait Attendant: Send + Sync {
    /// Who answers for the host of this configuration. `files` are its known_hosts files, and
    /// [`strict_host_key_checking`](Resolved::strict_host_key_checking) says how strictly they are to be taken.
    fn attend(&self, config: &Resolved, files: KnownHostsFiles) -> Attendance;
}

/// Nobody answers. What would be asked is refused; with `StrictHostKeyChecking` `no`, as with `accept-new`, hosts that
/// are not known are believed, and those whose keys have changed are not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unattended;

impl Attendant for Unattended {
    fn attend(&self, config: &Resolved, files: KnownHostsFiles) -> Attendance {
        let host_keys = match config.strict_host_key_checking() {
            StrictHostKeyChecking::Yes | StrictHostKeyChecking::Ask => HostKeyPolicy::Strict(files),
            StrictHostKeyChecking::AcceptNew | StrictHostKeyChecking::No => HostKeyPolicy::AcceptNew(files),
        };
        Attendance { prompter: None, host_keys }
    }
}
