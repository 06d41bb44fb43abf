//! Copies between two other computers, through this one.

use crate::exit::Failure;
use crate::scp::arguments::ScpArguments;
use konko::client::SshClient;
use konko::client::scp::quote_word;
use konko::client::sftp::{Error, Metadata, RemotePath, Sftp, TransferOptions, WalkOptions};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Where to, and how.
pub(super) struct Between<'a> {
    pub(super) from: &'a Sftp,
    pub(super) to: &'a Sftp,
    pub(super) arguments: &'a ScpArguments,
    pub(super) options: &'a TransferOptions,
}

fn failed(error: impl Into<Error>) -> Failure {
    Failure::Other(error.into().to_string())
}

impl Between<'_> {
    /// Copies one file or directory to a target, into it if it is a directory.
    pub(super) async fn copy(
        &self,
        source: &RemotePath,
        target: &RemotePath,
        into_directory: bool,
    ) -> Result<(), Failure> {
        let metadata = self.from.metadata(source.clone()).await.map_err(failed)?;
        let target = match source.file_name() {
            Some(name) if into_directory => target.join(name),
            Some(_) => target.clone(),
            None if source.as_bytes() == b"." => target.clone(),
            None => {
                return Err(Failure::Other(format!("{source} does not say what it is to be called there")));
            }
        };
        if !metadata.is_dir() {
            return self.file(source, &target).await;
        }
        if !self.arguments.recursive {
            return Err(Failure::Other(format!("{source}: it is a directory; -r copies it")));
        }
        self.tree(source, &target, metadata).await
    }

    async fn tree(
        &self,
        source: &RemotePath,
        target: &RemotePath,
        metadata: Metadata,
    ) -> Result<(), Failure> {
        self.directory(target).await?;
        let mut directories = vec![(target.clone(), metadata)];
        let mut walk = self.from.walk(source.clone(), WalkOptions::default()).await.map_err(failed)?;
        while let Some(entry) = walk.next_entry().await.map_err(failed)? {
            let path = entry.path();
            let below = path.as_bytes().strip_prefix(source.as_bytes()).unwrap_or_default();
            let start = below.iter().position(|byte| *byte != b'/').unwrap_or(below.len());
            let target = target.join(&below[start..]);
            let metadata = self.from.metadata(path.clone()).await.map_err(failed)?;
            if metadata.is_file() {
                self.file(&path, &target).await?;
            } else if entry.metadata().is_dir() {
                self.directory(&target).await?;
                directories.push((target, metadata));
            } else {
                crate::notice::tell(format_args!("{path}: it is left out: no file or directory"));
            }
        }
        // From the inside out: what is written into a directory changes its time.
        for (directory, metadata) in directories.into_iter().rev() {
            self.preserve(&directory, &metadata).await?;
        }
        Ok(())
    }

    async fn directory(&self, path: &RemotePath) -> Result<(), Failure> {
        match self.to.metadata(path.clone()).await {
            Ok(found) if found.is_dir() => Ok(()),
            _ => self.to.create_dir(path.clone()).await.map_err(failed),
        }
    }

    async fn preserve(&self, path: &RemotePath, metadata: &Metadata) -> Result<(), Failure> {
        if !self.arguments.preserve {
            return Ok(());
        }
        if let (Some(accessed), Some(modified)) = (metadata.accessed, metadata.modified) {
            let seconds = |seconds: i64| u32::try_from(seconds.max(0)).unwrap_or(u32::MAX);
            let (accessed, modified) = (seconds(accessed.seconds), seconds(modified.seconds));
            self.to.set_times(path.clone(), accessed, modified).await.map_err(failed)?;
        }
        if let Some(mode) = metadata.permissions {
            self.to.set_permissions(path.clone(), mode & 0o777).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn file(&self, source: &RemotePath, target: &RemotePath) -> Result<(), Failure> {
        let copied = self.from.copy_to(source.clone(), self.to, target.clone(), self.options).await;
        copied.map(|_| ()).map_err(failed)
    }
}

/// `-R`: lets the first computer copy to the second. What its scp says is shown.
pub(super) async fn copy_directly(
    origin: &SshClient,
    arguments: &ScpArguments,
    source: &[u8],
    target: &str,
    path: &[u8],
) -> Result<(), Failure> {
    let mut line = b"scp".to_vec();
    for (flag, is_set) in
        [(" -r", arguments.recursive), (" -p", arguments.preserve), (" -q", arguments.ssh.is_quiet)]
    {
        if is_set {
            line.extend_from_slice(flag.as_bytes());
        }
    }
    line.extend_from_slice(b" -- ");
    quote_word(if source.is_empty() { b"." } else { source }, &mut line);
    line.push(b' ');
    quote_word(&[target.as_bytes(), b":", path].concat(), &mut line);
    let output = origin.command(line).output().await;
    let output = output.map_err(|error| Failure::Other(error.to_string()))?;
    for text in [&output.stdout, &output.stderr] {
        if !text.is_empty() {
            let text = konko::client::printable(&OsStr::from_bytes(text).to_string_lossy(), true);
            crate::notice::tell(text.trim_end());
        }
    }
    match output.status.is_success() {
        true => Ok(()),
        false => Err(Failure::Other(format!("the first computer's scp failed: {}", output.status))),
    }
}
