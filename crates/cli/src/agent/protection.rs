//! Other processes of the same user shall not read the keys from this one's memory, nor a crash write them to disk.

use rustix::process::{Resource, Rlimit};
use std::io;

/// Forbids core dumps and, where the system can, being looked into by a debugger.
pub(crate) fn protect() -> io::Result<()> {
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
