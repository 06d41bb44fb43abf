//! Whether what an earlier transfer left is the beginning of the source.

use crate::sftp::background::Background;
use crate::sftp::error::Error;
use crate::sftp::file::File;
use konko_sftp::error::Error as SftpError;
use konko_sftp::message::extension::CheckFileHandle;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// How much of the beginning and of the end is compared where the server makes no hashes.
const BEGINNING: u64 = 64 * 1024;
const END: u64 = 1024 * 1024;
/// What this side can hash, preferred first.
const ALGORITHMS: &[u8] = b"sha256,sha512,sha384";

/// Whether the first `length` bytes of both files are the same, as far as that can be told without transferring them:
/// by a hash where the server makes one, otherwise by their beginning and their end.
pub(crate) async fn same_beginning(
    remote: &File,
    local: &Arc<std::fs::File>,
    path: &Path,
    length: u64,
) -> Result<bool, Error> {
    if length == 0 {
        return Ok(true);
    }
    if remote.session().with(|client, _| client.offers(CheckFileHandle::NAME)) {
        let request = CheckFileHandle {
            handle: remote.handle().bytes(),
            hash_algorithms: ALGORITHMS,
            start_offset: 0,
            length,
            block_size: 0,
        };
        match remote.session().call(&request).await {
            Ok(hash) => {
                let (local, algorithm) = (Arc::clone(local), hash.algorithm);
                let ours = Background::start(move || hash_of(&local, &algorithm, length)).await;
                if let Some(ours) = ours.and_then(|hash| hash).map_err(|error| Error::local(path, error))? {
                    return Ok(ours == hash.hashes);
                }
            }
            // It may not hash files that are open for writing only, or not so much of one.
            Err(SftpError::Status(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for (offset, length) in [(0, length.min(BEGINNING)), (length.saturating_sub(END), length.min(END))] {
        let theirs = remote.read_at(offset, length as usize).await?;
        let local = Arc::clone(local);
        let ours = Background::start(move || {
            let mut ours = vec![0; length as usize];
            local.read_exact_at(&mut ours, offset).map(|()| ours)
        });
        let ours = ours.await.and_then(|ours| ours).map_err(|error| Error::local(path, error))?;
        if ours != theirs {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `None` for an algorithm that is not known here.
fn hash_of(file: &std::fs::File, algorithm: &[u8], length: u64) -> io::Result<Option<Vec<u8>>> {
    match algorithm {
        b"sha256" => digest::<Sha256>(file, length).map(Some),
        b"sha384" => digest::<Sha384>(file, length).map(Some),
        b"sha512" => digest::<Sha512>(file, length).map(Some),
        _ => Ok(None),
    }
}

fn digest<D: Digest>(mut file: &std::fs::File, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut rest = file.take(length);
    let (mut digest, mut buffer) = (D::new(), vec![0; 256 * 1024]);
    loop {
        match rest.read(&mut buffer)? {
            0 => return Ok(digest.finalize().to_vec()),
            n => digest.update(&buffer[..n]),
        }
    }
}
