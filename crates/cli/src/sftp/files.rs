//! Commands about files of the server.

use crate::local_time::time_zone;
use crate::sftp::command::{ListFlags, TransferFlags};
use crate::sftp::listing::{Clock, Item, disk_free, lines, shown, sort};
use crate::sftp::shell::{Shell, now, put, width};
use crate::sftp::trouble::Trouble;
use crate::sftp::words::Word;
use konko::client::sftp::{Attributes, Metadata, Owner, RemotePath};
use std::collections::BTreeSet;

impl Shell {
    /// `cd`.
    pub(super) async fn change_directory(&mut self, path: Option<&Word>) -> Result<(), Trouble> {
        let path = match path {
            Some(word) => self.single(word).await?,
            None => RemotePath::from("."),
        };
        let canonical = self.sftp.canonicalize(path.clone()).await?;
        if !self.sftp.metadata(canonical.clone()).await?.is_dir() {
            return Err(Trouble(format!("{path}: not a directory")));
        }
        self.directory = canonical;
        Ok(())
    }

    /// The one file that a word names.
    async fn single(&self, word: &Word) -> Result<RemotePath, Trouble> {
        let mut found = self.expand(word).await?.into_iter();
        match (found.next(), found.next()) {
            (Some(path), None) => Ok(path),
            _ => Err(Trouble(format!("{}: more than one file matches", RemotePath::from(word.plain())))),
        }
    }

    /// Does something to every file that a word names; the first failure is told in the end.
    async fn each<'s, F>(&'s self, word: &Word, act: impl Fn(RemotePath) -> F) -> Result<(), Trouble>
    where
        F: Future<Output = Result<(), Trouble>> + 's,
    {
        let mut failures = Vec::new();
        for path in self.expand(word).await? {
            if let Err(trouble) = act(path).await {
                failures.push(trouble.0);
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(Trouble(failures.join("\n"))) }
    }

    /// `chmod`.
    pub(super) async fn change_mode(&self, no_follow: bool, mode: u32, path: &Word) -> Result<(), Trouble> {
        self.each(path, |path| async move {
            self.say(format_args!("Changing mode on {path}"))?;
            let attributes = Attributes::with_permissions(mode);
            self.set(no_follow, path, attributes).await
        })
        .await
    }

    async fn set(&self, no_follow: bool, path: RemotePath, attributes: Attributes) -> Result<(), Trouble> {
        if no_follow {
            Ok(self.sftp.set_symlink_attributes(path, attributes).await?)
        } else {
            Ok(self.sftp.set_attributes(path, attributes).await?)
        }
    }

    /// `chown` and `chgrp`: one number is changed, the other stays.
    pub(super) async fn change_owner(
        &self,
        no_follow: bool,
        uid: Option<u32>,
        gid: Option<u32>,
        path: &Word,
    ) -> Result<(), Trouble> {
        self.each(path, |path| async move {
            let what = if uid.is_some() { "owner" } else { "group" };
            self.say(format_args!("Changing {what} on {path}"))?;
            let found = if no_follow {
                self.sftp.symlink_metadata(path.clone()).await?
            } else {
                self.sftp.metadata(path.clone()).await?
            };
            let owner = uid.or(found.uid).zip(gid.or(found.gid));
            let (uid, gid) =
                owner.ok_or_else(|| Trouble(format!("{path}: the server does not say whose it is")))?;
            let attributes = Attributes { owner: Some(Owner { uid, gid }), ..Attributes::default() };
            self.set(no_follow, path, attributes).await
        })
        .await
    }

    /// `copy`.
    pub(super) async fn copy(&self, from: &Word, to: &Word) -> Result<(), Trouble> {
        let (from, mut to) = (self.single(from).await?, self.path(to));
        if let (Some(name), Ok(target)) = (from.file_name(), self.sftp.metadata(to.clone()).await)
            && target.is_dir()
        {
            to = to.join(name);
        }
        self.say(format_args!("Copying {from} to {to}"))?;
        self.sftp.copy(from, to, &self.options(&TransferFlags::default())).await?;
        Ok(())
    }

    /// `df`.
    pub(super) async fn disk_free(
        &self,
        human: bool,
        inodes: bool,
        path: Option<&Word>,
    ) -> Result<(), Trouble> {
        let path = path.map_or_else(|| self.directory.clone(), |word| self.path(word));
        let room = self.sftp.statvfs(path).await?;
        put(&disk_free(&room, human, inodes))
    }

    /// `ln`, `symlink`.
    pub(super) async fn link(&self, symbolic: bool, from: &Word, to: &Word) -> Result<(), Trouble> {
        if symbolic {
            // What a symbolic link says begins where the link is.
            return Ok(self.sftp.symlink(from.plain(), self.path(to)).await?);
        }
        Ok(self.sftp.hard_link(self.path(from), self.path(to)).await?)
    }

    /// `mkdir`.
    pub(super) async fn make_directory(&self, path: &Word) -> Result<(), Trouble> {
        Ok(self.sftp.create_dir(self.path(path)).await?)
    }

    /// `rename`.
    pub(super) async fn rename(&self, legacy: bool, from: &Word, to: &Word) -> Result<(), Trouble> {
        let (from, to) = (self.path(from), self.path(to));
        if legacy {
            Ok(self.sftp.rename_exclusive(from, to).await?)
        } else {
            Ok(self.sftp.rename(from, to).await?)
        }
    }

    /// `rm`.
    pub(super) async fn remove(&self, path: &Word) -> Result<(), Trouble> {
        self.each(path, |path| async move {
            self.say(format_args!("Removing {path}"))?;
            Ok(self.sftp.remove_file(path).await?)
        })
        .await
    }

    /// `rmdir`.
    pub(super) async fn remove_directory(&self, path: &Word) -> Result<(), Trouble> {
        Ok(self.sftp.remove_dir(self.path(path)).await?)
    }

    /// `ls`.
    pub(super) async fn list(&self, flags: &ListFlags, path: Option<&Word>) -> Result<(), Trouble> {
        let Some(word) = path else {
            let items = self.items(&self.directory, b"", flags).await?;
            return show(items, flags);
        };
        let found = self.expand(word).await?;
        if let [single] = found.as_slice()
            && self.sftp.metadata(single.clone()).await.is_ok_and(|found| found.is_dir())
        {
            let prefix = match word.is_pattern() {
                true => self.relative(single),
                false => word.plain(),
            };
            let items = self.items(single, &prefix, flags).await?;
            return show(items, flags);
        }
        let mut items = Vec::with_capacity(found.len());
        for path in found {
            // What a link leads to, as in sftp(1); or itself, if that is nothing.
            let metadata = match self.sftp.metadata(path.clone()).await {
                Ok(metadata) => metadata,
                Err(_) => self.sftp.symlink_metadata(path.clone()).await?,
            };
            let mut name = self.relative(&path);
            if metadata.is_dir() {
                name.push(b'/');
            }
            items.push(Item { name, metadata, long_name: Vec::new() });
        }
        if flags.long && !flags.numeric {
            self.name_owners(&mut items).await;
        }
        show(items, flags)
    }

    /// Asks for the names of owners that are known by number only. A server that does not tell them is no trouble.
    async fn name_owners(&self, items: &mut [Item]) {
        let unnamed = |item: &Item| item.metadata.user.is_none() && item.long_name.is_empty();
        let numbers = |number: fn(&Item) -> Option<u32>| {
            let numbers = items.iter().filter(|item| unnamed(item)).filter_map(number);
            numbers.collect::<BTreeSet<u32>>().into_iter().collect::<Vec<u32>>()
        };
        let (uids, gids) = (numbers(|item| item.metadata.uid), numbers(|item| item.metadata.gid));
        if uids.is_empty() {
            return;
        }
        let Ok(names) = self.sftp.users_and_groups(&uids, &gids).await else { return };
        let name = |numbers: &[u32], names: &[Vec<u8>], number: Option<u32>| {
            let at = numbers.binary_search(&number?).ok()?;
            names.get(at).filter(|name| !name.is_empty()).cloned()
        };
        for item in items.iter_mut().filter(|item| unnamed(item)) {
            let Metadata { uid, gid, .. } = item.metadata;
            item.metadata.user = name(&uids, &names.users, uid);
            item.metadata.group = name(&gids, &names.groups, gid);
        }
    }

    /// A path as it is shown: below the directory that we are in, without that.
    fn relative(&self, path: &RemotePath) -> Vec<u8> {
        let base = self.directory.as_bytes();
        match path.as_bytes().strip_prefix(base) {
            Some(rest) if base.ends_with(b"/") && !rest.is_empty() => rest.to_vec(),
            Some([b'/', rest @ ..]) if !rest.is_empty() => rest.to_vec(),
            _ => path.as_bytes().to_vec(),
        }
    }

    async fn items(
        &self,
        directory: &RemotePath,
        prefix: &[u8],
        flags: &ListFlags,
    ) -> Result<Vec<Item>, Trouble> {
        let mut listing = self.sftp.read_dir(directory.clone()).await?.with_dots();
        let mut items = Vec::new();
        while let Some(entry) = listing.next_entry().await? {
            if entry.file_name().starts_with(b".") && !flags.all {
                continue;
            }
            let mut name = prefix.to_vec();
            if !name.is_empty() && !name.ends_with(b"/") {
                name.push(b'/');
            }
            name.extend_from_slice(entry.file_name());
            let (metadata, long_name) = (entry.metadata().clone(), entry.long_name().to_vec());
            // The server's line has no sizes in units.
            let long_name = if flags.human { Vec::new() } else { long_name };
            items.push(Item { name, metadata, long_name });
        }
        if flags.long && !flags.numeric {
            self.name_owners(&mut items).await;
        }
        Ok(items)
    }

    /// `pwd`.
    pub(super) fn working_directory(&self) -> Result<(), Trouble> {
        put(&format!("Remote working directory: {}\n", shown(self.directory.as_bytes())))
    }

    /// `version`.
    pub(super) fn version(&self) -> Result<(), Trouble> {
        put(&format!("SFTP protocol version {}\n", self.sftp.version()))
    }
}

fn show(mut items: Vec<Item>, flags: &ListFlags) -> Result<(), Trouble> {
    sort(&mut items, flags);
    put(&lines(&items, flags, width(), &Clock { now: now(), zone: time_zone() }))
}
