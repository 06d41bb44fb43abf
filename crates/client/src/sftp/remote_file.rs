//! A remote file that is being written: under another name until it is whole, or where it stands.

use crate::sftp::client::Sftp;
use crate::sftp::error::Error;
use crate::sftp::file::File;
use crate::sftp::meter::Meter;
use crate::sftp::open_options::OpenOptions;
use crate::sftp::remote_path::RemotePath;
use crate::sftp::transfer_options::TransferOptions;
use konko_filesystem::local_tree::{LocalMetadata, partial_name};
use konko_sftp::client::SftpClient;
use konko_sftp::error::Error as SftpError;
use konko_sftp::message::attributes::{Attributes, Times};
use konko_sftp::message::extension::{Fsync, PosixRename};
use konko_sftp::message::request::{Fsetstat, Remove, Rename};
use konko_sftp::metadata::{FileType, Metadata};
use konko_sftp::ticket::{Lane, Ticket};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A name that nothing else has, in all likelihood.
fn temporary_name(name: &[u8]) -> Vec<u8> {
    let number = RandomState::new().hash_one(name);
    let kept = &name[..name.len().min(200)];
    [b".", kept, format!(".{number:016x}.konko-new").as_bytes()].concat()
}

/// A remote file that is being written. Dropped before it is finished, what was written under another name is
/// removed, or kept to be resumed.
pub(crate) struct RemoteFile {
    sftp: Sftp,
    /// Where it is to be in the end.
    pub(crate) target: RemotePath,
    /// The name that it has until then.
    temporary: Option<RemotePath>,
    /// What it replaces.
    pub(crate) replaced: Option<Metadata>,
    keep_partial: bool,
    /// How much is there from an earlier transfer, to be looked at before it is gone on with.
    pub(crate) resumable: u64,
}

impl RemoteFile {
    /// Begins the file `target`. `replaces` is what is there, if anybody looked.
    pub(crate) async fn begin(
        sftp: &Sftp,
        target: RemotePath,
        replaced: Option<Metadata>,
        mode: u32,
        options: &TransferOptions,
    ) -> Result<(Self, File), Error> {
        // What is no regular file is written where it stands.
        let in_place = replaced
            .as_ref()
            .is_some_and(|metadata| !matches!(metadata.file_type, FileType::Regular | FileType::Unknown));
        let name = target.file_name().filter(|_| options.atomic && !in_place);
        let mut file = Self {
            sftp: sftp.clone(),
            temporary: None,
            replaced,
            keep_partial: options.keep_partial,
            resumable: 0,
            target: target.clone(),
        };
        let sibling = |name: Vec<u8>| match target.parent() {
            Some(parent) => parent.join(name),
            // A name that begins with a dot needs nothing before it.
            None => RemotePath::from(name),
        };
        let partial = name.map(|name| sibling(partial_name(name)));
        if options.resume {
            let path = partial.as_ref().unwrap_or(&file.target);
            // To be compared with the source it must be readable.
            let opened = sftp.open_with(path, OpenOptions::new().read(true).write(true)).await;
            match opened {
                Ok(opened) => {
                    file.resumable = opened.metadata().await?.len();
                    file.temporary = partial;
                    return Ok((file, opened));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let mut open = OpenOptions::new();
        open.write(true).mode(mode & 0o777);
        match name {
            Some(name) => {
                let path = if options.keep_partial || options.resume {
                    // A part that is there and was not to be resumed gives way.
                    open.create(true).truncate(true).read(options.resume);
                    partial.unwrap_or_else(|| file.target.clone())
                } else {
                    open.create_new(true);
                    sibling(temporary_name(name))
                };
                let opened = sftp.open_with(&path, &open).await?;
                file.temporary = Some(path);
                Ok((file, opened))
            }
            None => {
                open.create(true).truncate(true);
                let opened = sftp.open_with(&file.target, &open).await?;
                Ok((file, opened))
            }
        }
    }

    /// Asks for what is to be preserved, and for the server's disk if that is wanted.
    #[allow(clippy::too_many_arguments, reason = "what a finished file is given")]
    pub(crate) fn last_requests(
        &self,
        client: &mut SftpClient,
        now: Instant,
        lane: Lane,
        handle: &[u8],
        local: &LocalMetadata,
        options: &TransferOptions,
        sync: bool,
    ) -> Result<Vec<Ticket<()>>, SftpError> {
        let mut tickets = Vec::new();
        let attributes = self.attributes(local, options);
        if attributes != Attributes::default() {
            tickets.push(client.request(now, lane, &Fsetstat { handle, attributes })?);
        }
        if sync && client.offers(Fsync::NAME) {
            tickets.push(client.request(now, lane, &Fsync { handle })?);
        }
        Ok(tickets)
    }

    /// Ends writing: sets what is to be preserved, waits for the server's disk if that is asked for, closes the file
    /// and gives it its name.
    pub(crate) async fn finish(
        self,
        file: File,
        local: &LocalMetadata,
        options: &TransferOptions,
        sync: bool,
        meter: &Meter,
    ) -> Result<(), Error> {
        let session = file.session();
        let lane = session.lane();
        let handle = file.handle().bytes();
        let tickets = session
            .with(|client, now| self.last_requests(client, now, lane.lane(), handle, local, options, sync))?;
        for ticket in tickets {
            let done = session.wait(lane.lane(), |client, _| client.reply(&ticket)).await;
            done.map_err(|error| Error::Sftp(error.at(self.target.as_bytes())))?;
            meter.step();
        }
        drop(lane);
        file.close().await?;
        meter.step();
        self.give_name(meter).await
    }

    /// Renames over what is there. Servers that cannot do that at once are given the chance to do it in two steps.
    pub(crate) async fn give_name(mut self, meter: &Meter) -> Result<(), Error> {
        let Some(temporary) = self.temporary.clone() else { return Ok(()) };
        let renamed = self.sftp.rename(&temporary, &self.target).await;
        let at_once = self.sftp.offers(PosixRename::NAME) || self.sftp.version() >= 5;
        match renamed {
            Err(Error::Sftp(error)) if !at_once && error.status().is_some() => {
                // What is there has to go first; a target that cannot be removed is no reason to give up before the
                // rename itself fails.
                let _ = self.sftp.remove_file(&self.target).await;
                let rename = Rename { old_path: temporary.wire(), new_path: self.target.wire() };
                self.sftp.call(&self.target, rename).await?;
            }
            renamed => renamed?,
        }
        self.temporary = None;
        meter.step();
        Ok(())
    }

    fn attributes(&self, local: &LocalMetadata, options: &TransferOptions) -> Attributes {
        let seconds = |time: SystemTime| {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
        };
        let times =
            Times { accessed: seconds(local.times.accessed), modified: seconds(local.times.modified) };
        let permissions = if options.preserve_permissions {
            Some(options.permissions(local.mode))
        } else {
            // What is replaced keeps its permissions.
            let replaced = self.replaced.as_ref().filter(|_| self.temporary.is_some());
            replaced.and_then(|replaced| replaced.permissions).map(|mode| mode & 0o777)
        };
        Attributes { permissions, times: options.preserve_times.then_some(times), ..Attributes::default() }
    }
}

impl Drop for RemoteFile {
    fn drop(&mut self) {
        let Some(temporary) = self.temporary.take().filter(|_| !self.keep_partial) else { return };
        let session = &self.sftp.session;
        session.with(|client, now| client.send_and_forget(now, &Remove { filename: temporary.wire() }));
        session.kick();
    }
}
