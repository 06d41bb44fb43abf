//! Downloading a small file into memory: once it is open, all that it holds and its CLOSE are asked for at once, so
//! that its handle is free for the next file without waiting for the answers.

use crate::sftp::client::Sftp;
use crate::sftp::error::Error;
use crate::sftp::file::File;
use crate::sftp::meter::Meter;
use bytes::Bytes;
use konko_sftp::download::Until;
use konko_sftp::error::Error as SftpError;
use konko_sftp::message::number::StatusCode;
use konko_sftp::message::request::Read;

/// The content of `file`, which said that it has `size` bytes, in pieces. No more than that is read of a file of
/// another size than 0; those of `/proc` say 0 whatever they hold.
pub(crate) async fn get_small(
    sftp: &Sftp,
    file: File,
    size: u64,
    meter: &Meter,
) -> Result<Vec<Bytes>, Error> {
    let path = file.path().clone();
    let mut file_meter = meter.file(&path, Some(size), 0);
    if let Some(pieces) = read_whole(file, size).await? {
        file_meter.pass(pieces.iter().map(|piece| piece.len() as u64).sum());
        return Ok(pieces);
    }
    // The server answered in another way than most do: once more, and with patience.
    let file = sftp.open(&path).await?;
    let until = if size == 0 { Until::End(Some(0)) } else { Until::Offset(size) };
    let (mut pieces, mut got) = (Vec::new(), 0);
    file.read_pieces(0, until, |piece| {
        got += piece.len() as u64;
        file_meter.pass(piece.len() as u64);
        pieces.extend(piece.into_chunks());
    })
    .await?;
    if got < size {
        return Err(Error::Shrunk { path, expected: size, got });
    }
    Ok(pieces)
}

/// Reads and closes `file` in one round trip; `None` if that did not bring all of it.
async fn read_whole(file: File, size: u64) -> Result<Option<Vec<Bytes>>, Error> {
    let session = file.session();
    let lane = session.lane();
    let Some(handle) = file.handle().get() else { return Ok(None) };
    let reads = session.with(|client, now| {
        let longest = u64::from(client.limits().read_length.max(1));
        let (mut reads, mut offset) = (Vec::new(), 0);
        loop {
            // Of an empty file the end is to be seen.
            let length = if size == 0 { longest } else { longest.min(size - offset) } as u32;
            let read = Read { handle: handle.as_bytes(), offset, length };
            reads.push((client.request(now, lane.lane(), &read)?, length));
            offset += u64::from(length);
            if offset >= size {
                break;
            }
        }
        // Nothing that a CLOSE could say changes what was read.
        client.abandon(now, handle);
        Ok::<_, SftpError>(reads)
    })?;
    file.handle().closed();
    let (mut pieces, mut whole) = (Vec::new(), true);
    for (ticket, length) in reads {
        match session.wait(lane.lane(), |client, _| client.reply(&ticket)).await {
            Ok(piece) => {
                whole &= size > 0 && piece.len() == length as usize;
                pieces.extend(piece.into_chunks());
            }
            Err(error) if error.status() == Some(StatusCode::EOF) => whole &= size == 0,
            Err(error) if error.status().is_some() => whole = false,
            Err(error) => return Err(Error::Sftp(error.at(file.path().as_bytes()))),
        }
    }
    Ok(whole.then_some(pieces))
}
