//! `get` and `put`.

use crate::notice::tell;
use crate::sftp::command::TransferFlags;
use crate::sftp::local_names::{expand, path_of};
use crate::sftp::shell::Shell;
use crate::sftp::trouble::Trouble;
use crate::sftp::words::Word;
use konko::client::printable;
use konko::client::sftp::{RemotePath, TransferOptions, Transferred};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

impl Shell {
    /// `get`, `reget`.
    pub(super) async fn get(
        &self,
        flags: &TransferFlags,
        remote: &Word,
        local: Option<&Word>,
    ) -> Result<(), Trouble> {
        let sources = self.expand(remote).await?;
        let target = local.map(path_of);
        let into_directory = target.as_deref().is_some_and(Path::is_dir);
        if sources.len() > 1 && !into_directory && target.is_some() {
            return Err(Trouble("several files need a directory to go to".to_owned()));
        }
        let mut failures = Vec::new();
        for source in sources {
            if let Err(trouble) = self.get_one(flags, &source, target.as_deref(), into_directory).await {
                failures.push(trouble.0);
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(Trouble(failures.join("\n"))) }
    }

    async fn get_one(
        &self,
        flags: &TransferFlags,
        source: &RemotePath,
        target: Option<&Path>,
        into_directory: bool,
    ) -> Result<(), Trouble> {
        let target = match target {
            Some(target) if !into_directory => target.to_owned(),
            folder => {
                let name = source
                    .file_name()
                    .ok_or_else(|| Trouble(format!("{source} does not say what it is to be called here")))?;
                folder.unwrap_or(Path::new("")).join(OsStr::from_bytes(name))
            }
        };
        let is_directory = self.sftp.metadata(source.clone()).await?.is_dir();
        let mut options = self.options(flags);
        self.say(format_args!("{} {source} to {}", doing(&options, "Fetching"), shown(&target)))?;
        if !is_directory {
            // What earlier transfers left is at the name itself if it was not us who left it.
            options.atomic = !(options.resume && target.exists());
            options.keep_partial = true;
            self.sftp.get(source.clone(), target, &options).await?;
            return Ok(());
        }
        if !self.recurses(flags) {
            return Err(Trouble(format!("{source} is a directory; get -R downloads it")));
        }
        let done = self.sftp.get_tree(source.clone(), target, &options).await?;
        complete(&done)
    }

    /// `put`, `reput`.
    pub(super) async fn put(
        &self,
        flags: &TransferFlags,
        local: &Word,
        remote: Option<&Word>,
    ) -> Result<(), Trouble> {
        let sources = expand(local)?;
        let target = remote.map(|word| self.path(word));
        let into_directory = match &target {
            Some(target) => self.sftp.metadata(target.clone()).await.is_ok_and(|found| found.is_dir()),
            None => true,
        };
        if sources.len() > 1 && !into_directory {
            return Err(Trouble("several files need a directory to go to".to_owned()));
        }
        let target = target.unwrap_or_else(|| self.directory.clone());
        let mut failures = Vec::new();
        for source in sources {
            if let Err(trouble) = self.put_one(flags, &source, &target, into_directory).await {
                failures.push(trouble.0);
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(Trouble(failures.join("\n"))) }
    }

    async fn put_one(
        &self,
        flags: &TransferFlags,
        source: &PathBuf,
        target: &RemotePath,
        into_directory: bool,
    ) -> Result<(), Trouble> {
        let metadata = std::fs::metadata(source).map_err(|error| Trouble::local(shown(source), &error))?;
        let target = match source.file_name() {
            Some(name) if into_directory => target.join(name.as_bytes()),
            // `.` and `..` say no name: what they hold is meant.
            _ => target.clone(),
        };
        let mut options = self.options(flags);
        self.say(format_args!("{} {} to {target}", doing(&options, "Uploading"), shown(source)))?;
        if metadata.is_dir() {
            if !self.recurses(flags) {
                let shown = shown(source);
                return Err(Trouble(format!("{shown} is a directory; put -R uploads it")));
            }
            let done = self.sftp.put_tree(source, target, &options).await?;
            return complete(&done);
        }
        options.atomic = !(options.resume && self.sftp.try_exists(target.clone()).await?);
        options.keep_partial = true;
        self.sftp.put(source, target, &options).await?;
        Ok(())
    }
}

/// What failed within a tree was told.
fn complete(done: &Transferred) -> Result<(), Trouble> {
    if done.skipped > 0 {
        tell(format_args!("{} special files or links were left out", done.skipped));
    }
    match done.failed {
        0 => Ok(()),
        1 => Err(Trouble("one file or directory was not transferred".to_owned())),
        failed => Err(Trouble(format!("{failed} files or directories were not transferred"))),
    }
}

const fn doing(options: &TransferOptions, verb: &'static str) -> &'static str {
    if options.resume { "Resuming" } else { verb }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), false)
}
