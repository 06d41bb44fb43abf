//! What the subsystem `sftp` serves.

use konko_filesystem::rooted::filesystem::LocalFilesystem;
use konko_filesystem::rooted::options::{LocalOptions, Root};
use konko_sftp::server::config::ServerConfig;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Local files for clients of SFTP: all that the server's user may see, unless a root is set.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SftpOptions {
    /// Which files there are. The whole system unless set.
    pub root: Root,
    /// What may be done with them. Its start directory counts only if there is a root; else sessions start where
    /// programs do, in the home directory.
    pub files: LocalOptions,
    /// How much of everything, and which requests.
    pub server: ServerConfig,
    /// Whether what is done with files is logged, under the target `konko::sftp`. Off unless set.
    pub log: bool,
}

impl Default for SftpOptions {
    fn default() -> Self {
        Self {
            root: Root::whole_system(),
            files: LocalOptions::default(),
            server: ServerConfig::default(),
            log: false,
        }
    }
}

impl SftpOptions {
    /// The files, for a session whose programs would start in that directory.
    pub(crate) fn open(&self, working_directory: &Path) -> io::Result<LocalFilesystem> {
        let mut files = self.files.clone();
        if self.root == Root::whole_system() {
            files.start_directory = working_directory.as_os_str().as_bytes().to_vec();
        }
        LocalFilesystem::new(&self.root, files)
    }
}
