//! Patterns for names: `*`, `?`, `[a-z]`, `[!a-z]` and `\` before what is meant as it is, as the shell knows them.

use crate::sftp::client::Sftp;
use crate::sftp::error::Error;
use crate::sftp::remote_path::RemotePath;
use konko_pattern::glob::{Backslash, Glob, is_special, unescaped};
use std::io;

/// What is looked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GlobOptions {
    /// The most paths that may match; 100,000 by default.
    pub maximum_matches: usize,
    /// The most entries that are looked at; 1,000,000 by default.
    pub maximum_entries: u64,
}

impl Default for GlobOptions {
    fn default() -> Self {
        Self { maximum_matches: 100_000, maximum_entries: 1_000_000 }
    }
}

impl Sftp {
    /// The paths that match `pattern`, sorted. Names that begin with `.` match only where the pattern says the `.`.
    /// A pattern without special characters matches itself, if it is there.
    ///
    /// # Errors
    ///
    /// What the server refused, directories that are missing or may not be read aside; [`Error::TooMany`].
    pub async fn glob(
        &self,
        pattern: impl Into<RemotePath>,
        options: &GlobOptions,
    ) -> Result<Vec<RemotePath>, Error> {
        let pattern = pattern.into().into_bytes();
        let absolute = pattern.first() == Some(&b'/');
        let components: Vec<&[u8]> =
            pattern.split(|byte| *byte == b'/').filter(|component| !component.is_empty()).collect();
        let directory_wanted = pattern.last() == Some(&b'/');
        let mut found = vec![RemotePath::from(if absolute { "/" } else { "" })];
        let mut looked_at = 0;
        for (index, component) in components.iter().enumerate() {
            let last = index + 1 == components.len();
            if !is_special(component) {
                let name = unescaped(component);
                found = found.iter().map(|path| path.join(name.clone())).collect();
                continue;
            }
            let mut next = Vec::new();
            for directory in &found {
                for path in self.matching(directory, component, options, &mut looked_at).await? {
                    // What is to be gone into is a directory, or a link to one.
                    if (last && !directory_wanted) || self.is_directory(&path).await? {
                        next.push(path);
                    }
                    if next.len() > options.maximum_matches {
                        return Err(Error::TooMany { limit: options.maximum_matches as u64 });
                    }
                }
            }
            found = next;
        }
        if components.is_empty() {
            return Ok(found.into_iter().filter(|path| path.is_absolute()).collect());
        }
        // Names after the last pattern were not looked at.
        if components.last().is_some_and(|component| !is_special(component)) {
            let mut there = Vec::new();
            for path in found {
                match self.symlink_metadata(&path).await {
                    Ok(_) => there.push(path),
                    Err(error) if is_no_match(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            found = there;
        }
        found.sort();
        Ok(found)
    }

    async fn matching(
        &self,
        directory: &RemotePath,
        pattern: &[u8],
        options: &GlobOptions,
        looked_at: &mut u64,
    ) -> Result<Vec<RemotePath>, Error> {
        let mut listing = match self.read_dir(directory).await {
            Ok(listing) => listing,
            Err(error) if is_no_match(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let pattern = Glob::new(pattern, Backslash::Escapes);
        let mut found = Vec::new();
        while let Some(entry) = listing.next_entry().await? {
            *looked_at += 1;
            if *looked_at > options.maximum_entries {
                return Err(Error::TooMany { limit: options.maximum_entries });
            }
            if pattern.matches(entry.file_name()) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    async fn is_directory(&self, path: &RemotePath) -> Result<bool, Error> {
        match self.metadata(path).await {
            Ok(metadata) => Ok(metadata.is_dir()),
            Err(error) if is_no_match(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn is_no_match(error: &Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::Other
    )
}
