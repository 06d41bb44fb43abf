//! Uploading a small file that is in memory: what can be asked at once is asked at once.

use crate::sftp::error::Error;
use crate::sftp::file::File;
use crate::sftp::meter::Meter;
use crate::sftp::remote_file::RemoteFile;
use crate::sftp::transfer_options::{DiskSync, TransferOptions, Transferred};
use konko_filesystem::local_tree::LocalMetadata;
use konko_sftp::message::request::{Close, Write};

/// A remote file that is open, and what is to be in it.
pub(crate) struct SmallFile {
    pub(crate) remote: RemoteFile,
    pub(crate) file: File,
    pub(crate) content: Vec<u8>,
    pub(crate) metadata: LocalMetadata,
}

/// Writes the content and closes the file in one round trip, and gives it its name in another. The handle is free for
/// the next file as soon as this has been asked for.
pub(crate) async fn put_small(
    small: SmallFile,
    options: &TransferOptions,
    meter: &Meter,
) -> Result<Transferred, Error> {
    let SmallFile { remote, file, content, metadata } = small;
    let target = remote.target.clone();
    let mut file_meter = meter.file(&target, Some(content.len() as u64), 0);
    let session = file.session();
    let lane = session.lane();
    let handle = file.handle().bytes();
    let sync = options.sync == DiskSync::Always;
    let tickets = session.with(|client, now| {
        let longest = (client.limits().write_length as usize).max(1);
        let mut tickets = Vec::new();
        for (index, data) in content.chunks(longest).enumerate() {
            let offset = (index * longest) as u64;
            tickets.push(client.request(now, lane.lane(), &Write { handle, offset, data })?);
        }
        tickets.extend(remote.last_requests(client, now, lane.lane(), handle, &metadata, options, sync)?);
        tickets.push(client.request(now, lane.lane(), &Close { handle })?);
        Ok::<_, konko_sftp::error::Error>(tickets)
    })?;
    file.handle().closed();
    // Every answer is looked at, and the first failure is the error.
    let mut failed = None;
    for ticket in tickets {
        if let Err(error) = session.wait(lane.lane(), |client, _| client.reply(&ticket)).await {
            failed.get_or_insert(error);
        }
    }
    if let Some(error) = failed {
        return Err(Error::Sftp(error.at(target.as_bytes())));
    }
    file_meter.pass(content.len() as u64);
    remote.give_name(meter).await?;
    Ok(Transferred { files: 1, bytes: content.len() as u64, ..Transferred::default() })
}
