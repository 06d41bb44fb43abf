//! Which copies are to be made, and how.

use crate::exit::Failure;
use crate::notice::tell;
use crate::progress::display::Display;
use crate::scp::arguments::ScpArguments;
use crate::scp::between::{Between, copy_directly};
use crate::scp::download::{Download, sources};
use crate::scp::legacy;
use crate::scp::places::{Places, expanded};
use crate::scp::upload::Upload;
use crate::transfer::crowd;
use crate::transfer::location::{Location, Remote};
use crate::transfer::options::options;
use konko::client::sftp::{DiskSync, Error, TransferOptions};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Makes all copies of a command line.
#[derive(Debug)]
pub(super) struct Copier<'a> {
    arguments: &'a ScpArguments,
    places: Places,
    display: Display,
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

impl<'a> Copier<'a> {
    pub(super) fn new(arguments: &'a ScpArguments) -> Self {
        let display = Display::new(!arguments.ssh.is_quiet);
        Self { arguments, places: Places::default(), display }
    }

    /// Makes them; whether all succeeded. What fails is told, and the others are made.
    pub(super) async fn run(&mut self, target: &Location) -> Result<bool, Failure> {
        let is_several = self.arguments.sources.len() > 1;
        let mut all_good = true;
        if let (Location::Remote(to), Some(from), false) =
            (target, self.local_sources(), self.arguments.legacy)
        {
            let copied = self.put_all(from, to, is_several).await;
            self.places.close().await;
            return match copied {
                Ok(()) => Ok(true),
                Err(failure @ Failure::Client { .. }) => Err(failure),
                Err(failure) => {
                    tell(format_args!("konko: {failure}"));
                    Ok(false)
                }
            };
        }
        for source in &self.arguments.sources {
            let copied = match (source, target) {
                (Location::Local(from), Location::Local(to)) => self.here(from, to, is_several).await,
                (Location::Local(from), Location::Remote(to)) => self.there(from, to, is_several).await,
                (Location::Remote(from), Location::Local(to)) => self.back(from, to, is_several).await,
                (Location::Remote(from), Location::Remote(to)) => self.across(from, to, is_several).await,
            };
            match copied {
                Ok(()) => {}
                // Without a connection the others fail, too.
                Err(failure @ Failure::Client { .. }) => return Err(failure),
                Err(failure) => {
                    tell(format_args!("konko: {failure}"));
                    all_good = false;
                }
            }
        }
        self.places.close().await;
        Ok(all_good)
    }

    /// What is copied, if all of it is here.
    fn local_sources(&self) -> Option<Vec<PathBuf>> {
        let local = |source: &Location| match source {
            Location::Local(bytes) => Some(path(bytes)),
            Location::Remote(_) => None,
        };
        self.arguments.sources.iter().map(local).collect()
    }

    fn options(&self) -> TransferOptions {
        let tell = |error: &Error| tell(format_args!("konko: {error}"));
        let mut options = options(self.arguments.preserve, self.arguments.limit, &self.display, tell);
        options.sync = DiskSync::Never;
        options
    }

    /// Both are here: the system's own program does it.
    async fn here(&self, from: &[u8], to: &[u8], is_several: bool) -> Result<(), Failure> {
        if is_several && !path(to).is_dir() {
            return Err(not_a_directory(&path(to)));
        }
        let mut command = tokio::process::Command::new("cp");
        if self.arguments.recursive {
            command.arg("-r");
        }
        if self.arguments.preserve {
            command.arg("-p");
        }
        let status = command.arg("--").arg(path(from)).arg(path(to)).status().await;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::Other(format!("cp: {status}"))),
            Err(error) => Err(Failure::local("cp", error)),
        }
    }

    async fn there(&mut self, from: &[u8], to: &Remote, is_several: bool) -> Result<(), Failure> {
        if self.arguments.legacy {
            let client = self.places.client(self.arguments, to).await?;
            let from = vec![path(from)];
            return legacy::upload(&client, self.arguments, &self.display, from, &to.path, is_several).await;
        }
        self.put_all(vec![path(from)], to, is_several).await
    }

    /// Uploads over SFTP, some files at a time.
    async fn put_all(&mut self, from: Vec<PathBuf>, to: &Remote, is_several: bool) -> Result<(), Failure> {
        let sftp = self.places.sftp(self.arguments, to).await?;
        let target = expanded(&sftp, &to.path).await?;
        let into_directory = sftp.metadata(target.clone()).await.is_ok_and(|found| found.is_dir());
        let recursive = self.arguments.recursive;
        if !into_directory && (is_several || to.path.ends_with(b"/") && !recursive) {
            return Err(Failure::Other(format!("{target}: it is not a directory")));
        }
        let upload = Upload { sftp, target, into_directory, recursive, options: self.options() };
        self.all(from.into_iter().map(|source| upload.clone().run(source))).await
    }

    /// Makes copies, some at a time. What fails is told, the last failure by the caller.
    async fn all<F>(&self, jobs: impl Iterator<Item = F>) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let results =
            crowd::run(jobs, crowd::at_once(self.arguments.limit, self.arguments.recursive)).await?;
        let mut failures = results.into_iter().filter_map(Result::err);
        let Some(mut last) = failures.next() else { return Ok(()) };
        for failure in failures {
            tell(format_args!("konko: {}", std::mem::replace(&mut last, failure)));
        }
        Err(last)
    }

    async fn back(&mut self, from: &Remote, to: &[u8], is_several: bool) -> Result<(), Failure> {
        let target = path(to);
        if !target.is_dir() && (is_several || to.ends_with(b"/") && !self.arguments.recursive) {
            return Err(not_a_directory(&target));
        }
        if self.arguments.legacy {
            let client = self.places.client(self.arguments, from).await?;
            return legacy::download(&client, self.arguments, &self.display, &from.path, &target).await;
        }
        let sftp = self.places.sftp(self.arguments, from).await?;
        let found = sources(&sftp, &expanded(&sftp, &from.path).await?).await?;
        if found.len() > 1 && !target.is_dir() {
            return Err(not_a_directory(&target));
        }
        let recursive = self.arguments.recursive;
        let download = Download { sftp, target, recursive, options: self.options() };
        self.all(found.into_iter().map(|source| download.clone().run(source))).await
    }

    async fn across(&mut self, from: &Remote, to: &Remote, is_several: bool) -> Result<(), Failure> {
        if self.arguments.remote_to_remote {
            if to.port.is_some() {
                return Err(Failure::Other("-R cannot say a port to the first computer".to_owned()));
            }
            let origin = self.places.client(self.arguments, from).await?;
            return copy_directly(&origin, self.arguments, &from.path, &to.destination, &to.path).await;
        }
        if self.arguments.legacy {
            let origin = self.places.client(self.arguments, from).await?;
            let other = self.places.client(self.arguments, to).await?;
            let paths = (&from.path[..], &to.path[..]);
            return legacy::relay((&origin, &other), self.arguments, &self.display, paths).await;
        }
        let source = self.places.sftp(self.arguments, from).await?;
        let target = self.places.sftp(self.arguments, to).await?;
        let path = expanded(&target, &to.path).await?;
        let into_directory = target.metadata(path.clone()).await.is_ok_and(|found| found.is_dir());
        let found = sources(&source, &expanded(&source, &from.path).await?).await?;
        if !into_directory && (is_several || found.len() > 1) {
            return Err(Failure::Other(format!("{path}: it is not a directory")));
        }
        let options = self.options();
        let between = Between { from: &source, to: &target, arguments: self.arguments, options: &options };
        for source in found {
            between.copy(&source, &path, into_directory).await?;
        }
        Ok(())
    }
}

fn not_a_directory(path: &Path) -> Failure {
    Failure::Other(format!("{}: it is not a directory", path.display()))
}
