//! Bytes to be moved: long, different from each other everywhere, and the same in every run.

use std::fs;
use std::path::{Path, PathBuf};

use konko_tests::Seed;
use tempfile::TempDir;

/// One million bytes.
pub const MEGABYTE: usize = 1_000_000;

/// Two texts in files that any user may read, for commands that write one to each of their outputs.
#[derive(Debug)]
pub struct Transcript {
    /// What goes to standard output.
    pub stdout: Vec<u8>,
    /// What goes to standard error.
    pub stderr: Vec<u8>,
    folder: TempDir,
}

impl Transcript {
    /// Two texts of so many bytes each.
    pub fn new(stdout: usize, stderr: usize) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = TempDir::new().expect("a folder for what is to be moved");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("an open folder");
        let transcript =
            Self { stdout: Seed::new(1).bytes(stdout), stderr: Seed::new(2).bytes(stderr), folder };
        fs::write(transcript.path("stdout"), &transcript.stdout).expect("a file of what is to be moved");
        fs::write(transcript.path("stderr"), &transcript.stderr).expect("a file of what is to be moved");
        transcript
    }

    /// A command that writes both at the same time and ends with the status 7.
    pub fn command(&self) -> String {
        let (stdout, stderr) = (self.path("stdout"), self.path("stderr"));
        format!("cat {} & cat {} >&2; wait; exit 7", stdout.display(), stderr.display())
    }

    /// A file with what goes to standard output.
    pub fn stdout_file(&self) -> PathBuf {
        self.path("stdout")
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Says where two texts differ, instead of showing them.
pub fn same(what: &str, expected: &[u8], found: &[u8]) -> Result<(), crate::table::Failure> {
    if expected == found {
        return Ok(());
    }
    let at = expected.iter().zip(found).take_while(|(one, other)| one == other).count();
    let start = String::from_utf8_lossy(&found[..found.len().min(200)]).into_owned();
    let lengths = format!("{} bytes instead of {}", found.len(), expected.len());
    Err(format!("{what}: {lengths}, the first difference at {at}; it begins {start:?}").into())
}
