//! An open local directory, read entry by entry: however large it is, only what one answer holds is in memory.

use crate::accounts::Accounts;
use crate::errno::failure;
use crate::rooted::attributes::from_stat;
use konko_sftp::server::failure::Failure;
use konko_sftp::server::filesystem::Entry;
use konko_sftp::server::long_name::LongName;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir};
use std::ffi::CStr;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// An open directory.
#[derive(Debug)]
pub struct LocalDirectory {
    reading: Mutex<Dir>,
    /// Whether it is the one that is served as `/`, so that its `..` is itself.
    is_root: bool,
}

impl LocalDirectory {
    pub(super) fn new(descriptor: OwnedFd, is_root: bool) -> Result<Self, Failure> {
        let reading = Dir::new(descriptor).map_err(failure)?;
        Ok(Self { reading: Mutex::new(reading), is_root })
    }

    /// The next entries, `.` and `..` among them.
    pub(super) fn read(&self, limit: usize, accounts: &Accounts) -> Result<Vec<Entry>, Failure> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let mut entries = Vec::new();
        while entries.len() < limit {
            let Some(next) = reading.read() else { break };
            let next = next.map_err(failure)?;
            let descriptor = reading.fd().map_err(failure)?;
            let name = next.file_name();
            let looked_up = if self.is_root && name == c".." { c"." } else { name };
            let stat = match rustix::fs::statat(descriptor, looked_up, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                // It has been removed meanwhile.
                Err(_) => continue,
            };
            entries.push(entry(name, &stat, accounts, now));
        }
        Ok(entries)
    }
}

// The count of links is not of the same type on all systems.
#[allow(clippy::unnecessary_cast)]
fn entry(name: &CStr, stat: &rustix::fs::Stat, accounts: &Accounts, now: u64) -> Entry {
    let attributes = from_stat(stat);
    let long_name = LongName {
        name: name.to_bytes(),
        attributes: &attributes,
        links: stat.st_nlink as u64,
        user: accounts.user(stat.st_uid),
        group: accounts.group(stat.st_gid),
        now,
    }
    .to_vec();
    Entry { name: name.to_bytes().to_vec(), long_name, attributes }
}
