//! Which function does which command.

use crate::sftp::command::Command;
use crate::sftp::help;
use crate::sftp::local_commands;
use crate::sftp::shell::{Shell, put};
use crate::sftp::trouble::Trouble;

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// There may be.
    Continue,
    /// The user wants no more.
    Quit,
}

impl Shell {
    /// Runs a command.
    pub(super) async fn run(&mut self, command: Command) -> Result<Next, Trouble> {
        match command {
            Command::Quit => return Ok(Next::Quit),
            Command::ChangeDirectory(path) => self.change_directory(path.as_ref()).await?,
            Command::ChangeGroup { no_follow, gid, path } => {
                self.change_owner(no_follow, None, Some(gid), &path).await?;
            }
            Command::ChangeMode { no_follow, mode, path } => {
                self.change_mode(no_follow, mode, &path).await?;
            }
            Command::ChangeOwner { no_follow, uid, path } => {
                self.change_owner(no_follow, Some(uid), None, &path).await?;
            }
            Command::Copy { from, to } => self.copy(&from, &to).await?,
            Command::DiskFree { human, inodes, path } => {
                self.disk_free(human, inodes, path.as_ref()).await?;
            }
            Command::Get { flags, remote, local } => self.get(&flags, &remote, local.as_ref()).await?,
            Command::Help => put(&help::commands())?,
            Command::LocalChangeDirectory(path) => local_commands::change_directory(path.as_ref())?,
            Command::LocalList(rest) => local_commands::run(Some(format!("ls {rest}"))).await?,
            Command::LocalMakeDirectory(path) => local_commands::make_directory(&path)?,
            Command::Link { symbolic, from, to } => self.link(symbolic, &from, &to).await?,
            Command::LocalWorkingDirectory => local_commands::working_directory()?,
            Command::List { flags, path } => self.list(&flags, path.as_ref()).await?,
            Command::LocalUmask(mask) => local_commands::umask(self, mask)?,
            Command::MakeDirectory(path) => self.make_directory(&path).await?,
            Command::Progress => {
                self.shows_progress = !self.shows_progress;
                let state = if self.shows_progress { "enabled" } else { "disabled" };
                self.say(format_args!("Progress meter {state}"))?;
            }
            Command::Put { flags, local, remote } => self.put(&flags, &local, remote.as_ref()).await?,
            Command::WorkingDirectory => self.working_directory()?,
            Command::Rename { legacy, from, to } => self.rename(legacy, &from, &to).await?,
            Command::Remove(path) => self.remove(&path).await?,
            Command::RemoveDirectory(path) => self.remove_directory(&path).await?,
            Command::Shell(line) => local_commands::run(line).await?,
            Command::Version => self.version()?,
        }
        Ok(Next::Continue)
    }
}
