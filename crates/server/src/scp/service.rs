//! Who serves `scp` where programs of the system are run.

use crate::program::{Program, StartRequest};
use crate::scp::program::{ScpServerOptions, scp_program};
use crate::sftp::options::SftpOptions;
use konko_scp::ScpCommand;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// Where login shells usually look for programs.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// Who serves `scp` where programs of the system are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ScpService {
    /// The system's own `scp`, run by the user's shell; where the system has none, this process.
    #[default]
    Fallback,
    /// The system's own `scp`, or nobody.
    System,
    /// This process, for every command line that needs no shell.
    InProcess,
}

impl ScpService {
    /// The program that serves this request in this process, from the files that SFTP serves, or all there are;
    /// `None` where the shell is to run it.
    pub(crate) fn program(
        self,
        request: &StartRequest,
        working_directory: &Path,
        files: Option<&SftpOptions>,
    ) -> Option<Program> {
        let StartRequest::Exec(command) = request else { return None };
        if self == Self::System || (self == Self::Fallback && system_has_scp()) {
            return None;
        }
        // A command that only a shell understands is left to it.
        let command = ScpCommand::parse(command).ok().flatten()?;
        let whole_system = SftpOptions::default();
        let filesystem = files.unwrap_or(&whole_system).open(working_directory).ok()?;
        Some(scp_program(command, Arc::new(filesystem), ScpServerOptions::default()))
    }
}

/// Whether a login shell is likely to find an `scp`.
fn system_has_scp() -> bool {
    let own = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&own).chain(std::env::split_paths(USUAL_PATH)).any(|folder| {
        let found = std::fs::metadata(folder.join("scp"));
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}
