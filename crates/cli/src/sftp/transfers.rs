//! `get` and `put`.

use crate::notice::tell;
use crate::sftp::command::TransferFlags;
use crate::sftp::local_names::{expand, path_of};
use crate::sftp::shell::{Shell, put};
use crate::sftp::trouble::Trouble;
use crate::sftp::words::Word;
use crate::transfer::crowd;
use konko::client::printable;
use konko::client::sftp::{RemotePath, Sftp, TransferOptions, Transferred};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How the files of one command are transferred.
#[derive(Clone)]
struct Job {
    sftp: Sftp,
    options: TransferOptions,
    recursive: bool,
    is_quiet: bool,
    /// Whether files go into the target, or are to be called so.
    into_directory: bool,
}

impl Shell {
    fn job(&self, flags: &TransferFlags, into_directory: bool) -> Job {
        Job {
            sftp: self.sftp.clone(),
            options: self.options(flags),
            recursive: self.recurses(flags),
            is_quiet: self.is_quiet,
            into_directory,
        }
    }

    /// `get`, `reget`.
    pub(super) async fn get(
        &self,
        flags: &TransferFlags,
        remote: &Word,
        local: Option<&Word>,
    ) -> Result<(), Trouble> {
        let sources = self.expand(remote).await?;
        let target = local.map(path_of);
        let into_directory = target.as_deref().is_none_or(Path::is_dir);
        if sources.len() > 1 && !into_directory {
            return Err(Trouble("several files need a directory to go to".to_owned()));
        }
        let (job, target) = (self.job(flags, into_directory), target.unwrap_or_default());
        let jobs = sources.into_iter().map(|source| job.clone().get(source, target.clone()));
        self.all(jobs, self.recurses(flags)).await
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
        let job = self.job(flags, into_directory);
        let jobs = sources.into_iter().map(|source| job.clone().put(source, target.clone()));
        self.all(jobs, self.recurses(flags)).await
    }

    /// Does all, some at a time; what fails is told in the end.
    async fn all<F>(&self, jobs: impl Iterator<Item = F>, recursive: bool) -> Result<(), Trouble>
    where
        F: Future<Output = Result<(), Trouble>> + Send + 'static,
    {
        let results = crowd::run(jobs, crowd::at_once(self.limit, recursive)).await;
        let results = results.map_err(|failure| Trouble(failure.to_string()))?;
        let failures: Vec<String> =
            results.into_iter().filter_map(|result| result.err().map(|trouble| trouble.0)).collect();
        if failures.is_empty() { Ok(()) } else { Err(Trouble(failures.join("\n"))) }
    }
}

impl Job {
    /// Says what is done, unless little is to be said.
    fn say(
        &self,
        verb: &str,
        from: impl std::fmt::Display,
        to: impl std::fmt::Display,
    ) -> Result<(), Trouble> {
        if self.is_quiet {
            return Ok(());
        }
        let verb = if self.options.resume { "Resuming" } else { verb };
        put(&format!("{verb} {from} to {to}\n"))
    }

    async fn get(mut self, source: RemotePath, target: PathBuf) -> Result<(), Trouble> {
        let target = if self.into_directory {
            let name = source
                .file_name()
                .ok_or_else(|| Trouble(format!("{source} does not say what it is to be called here")))?;
            let target = target.join(OsStr::from_bytes(name));
            // The server may have chosen the name; where a link leads was never asked for.
            if target.is_symlink() {
                return Err(Trouble(format!("{} is a symbolic link, which is not followed", shown(&target))));
            }
            target
        } else {
            target
        };
        let is_directory = self.sftp.metadata(source.clone()).await?.is_dir();
        self.say("Fetching", &source, shown(&target))?;
        if !is_directory {
            // What earlier transfers left is at the name itself if it was not us who left it.
            self.options.atomic = !(self.options.resume && target.exists());
            self.options.keep_partial = true;
            self.sftp.get(source, target, &self.options).await?;
            return Ok(());
        }
        if !self.recursive {
            return Err(Trouble(format!("{source} is a directory; get -R downloads it")));
        }
        complete(&self.sftp.get_tree(source, target, &self.options).await?)
    }

    async fn put(mut self, source: PathBuf, target: RemotePath) -> Result<(), Trouble> {
        let metadata = std::fs::metadata(&source).map_err(|error| Trouble::local(shown(&source), &error))?;
        let target = match source.file_name() {
            Some(name) if self.into_directory => target.join(name.as_bytes()),
            // `.` and `..` say no name: what they hold is meant.
            _ => target,
        };
        self.say("Uploading", shown(&source), &target)?;
        if !metadata.is_dir() {
            self.options.atomic = !(self.options.resume && self.sftp.try_exists(target.clone()).await?);
            self.options.keep_partial = true;
            self.sftp.put(source, target, &self.options).await?;
            return Ok(());
        }
        if !self.recursive {
            return Err(Trouble(format!("{} is a directory; put -R uploads it", shown(&source))));
        }
        complete(&self.sftp.put_tree(source, target, &self.options).await?)
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

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), false)
}
