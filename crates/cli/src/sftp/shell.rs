//! A session of sftp: where it is, and how it transfers.

use crate::notice::tell;
use crate::progress::display::Display;
use crate::sftp::command::TransferFlags;
use crate::sftp::trouble::Trouble;
use crate::sftp::words::Word;
use crate::transfer::options::options;
use konko::client::sftp::{DiskSync, GlobOptions, RemotePath, Sftp, TransferOptions};
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// The width of a terminal that does not say.
const USUAL_WIDTH: usize = 80;

/// A session.
#[derive(Debug)]
pub struct Shell {
    /// The server's files.
    pub sftp: Sftp,
    /// The remote directory that relative paths begin in.
    pub directory: RemotePath,
    /// Whether progress is shown.
    pub shows_progress: bool,
    /// Whether little is said.
    pub is_quiet: bool,
    /// What flags of the command line hold for every transfer.
    pub transfer: TransferFlags,
    /// The most bytes a second.
    pub limit: Option<u64>,
}

impl Shell {
    /// A session that begins in the server's starting directory.
    ///
    /// # Errors
    ///
    /// [`Trouble`] if the server does not say which that is.
    pub async fn new(sftp: Sftp) -> Result<Self, Trouble> {
        let directory = sftp.canonicalize(".").await?;
        let (shows_progress, is_quiet, limit) = (true, false, None);
        Ok(Self { sftp, directory, shows_progress, is_quiet, transfer: TransferFlags::default(), limit })
    }

    /// The remote path that a word names.
    pub fn path(&self, word: &Word) -> RemotePath {
        self.directory.join(word.plain())
    }

    /// The remote files that a word names, sorted; a word that is no pattern names one, whether it is there or not.
    ///
    /// # Errors
    ///
    /// [`Trouble`] if nothing matches.
    pub async fn expand(&self, word: &Word) -> Result<Vec<RemotePath>, Trouble> {
        if !word.is_pattern() {
            return Ok(vec![self.path(word)]);
        }
        let pattern = if word.pattern().starts_with(b"/") {
            word.pattern().to_vec()
        } else {
            let mut pattern = Word::literal(self.directory.as_bytes()).pattern().to_vec();
            pattern.push(b'/');
            pattern.extend_from_slice(word.pattern());
            pattern
        };
        let found = self.sftp.glob(pattern, &GlobOptions::default()).await?;
        if found.is_empty() {
            return Err(Trouble(format!("{}: no file matches", RemotePath::from(word.plain()))));
        }
        Ok(found)
    }

    /// How files are transferred with these flags besides those of the command line.
    pub fn options(&self, flags: &TransferFlags) -> TransferOptions {
        let display = Display::new(self.shows_progress && !self.is_quiet);
        let preserve = flags.preserve || self.transfer.preserve;
        let mut options = options(preserve, self.limit, &display, |error| tell(error));
        options.sync = if flags.sync || self.transfer.sync { DiskSync::Always } else { DiskSync::Never };
        options.resume = self.resumes(flags);
        options
    }

    /// Whether what is there already is gone on with.
    pub const fn resumes(&self, flags: &TransferFlags) -> bool {
        flags.resume || self.transfer.resume
    }

    /// Whether directories are transferred.
    pub const fn recurses(&self, flags: &TransferFlags) -> bool {
        flags.recursive || self.transfer.recursive
    }

    /// Says what is done, unless little is to be said.
    pub fn say(&self, line: std::fmt::Arguments<'_>) -> Result<(), Trouble> {
        if self.is_quiet { Ok(()) } else { put(&format!("{line}\n")) }
    }
}

/// Writes to standard output, at once.
///
/// # Errors
///
/// [`Trouble`] if nobody reads it.
pub fn put(text: &str) -> Result<(), Trouble> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Trouble::local("standard output", &error))
}

/// The width of the terminal.
pub fn width() -> usize {
    match rustix::termios::tcgetwinsize(rustix::stdio::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => USUAL_WIDTH,
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
