//! An open local file.

use crate::errno::failure;
use crate::rooted::attributes::from_stat;
use crate::rooted::tree::retried;
use bytes::Bytes;
use konko_sftp::message::attributes::Attributes;
use konko_sftp::server::cancellation::Cancellation;
use konko_sftp::server::failure::Failure;
use rustix::fd::OwnedFd;
use rustix::fs::Stat;
use rustix::io::Errno;
use std::io::IoSlice;

/// How many pieces one system call writes, at most.
const PIECES: usize = 512;
/// How much is copied between two looks at whether anybody still waits.
const COPIED_AT_ONCE: u64 = 8 * 1024 * 1024;
/// How much is copied at once through our own memory.
const BUFFER: usize = 256 * 1024;

/// An open file.
#[derive(Debug)]
pub struct LocalFile {
    pub(super) descriptor: OwnedFd,
    pub(super) appends: bool,
}

impl LocalFile {
    pub(super) fn stat(&self) -> Result<Stat, Failure> {
        rustix::fs::fstat(&self.descriptor).map_err(failure)
    }

    pub(super) fn attributes(&self) -> Result<Attributes, Failure> {
        self.stat().map(|stat| from_stat(&stat))
    }

    pub(super) fn size(&self) -> Result<u64, Failure> {
        Ok(u64::try_from(self.stat()?.st_size).unwrap_or(0))
    }

    /// Reads once. No file has anything behind 2^63.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        if i64::try_from(offset).is_err() {
            return Ok(0);
        }
        // A read that would reach behind 2^63 is an error to the system.
        let room = usize::try_from(i64::MAX as u64 - offset).unwrap_or(usize::MAX);
        let n = buffer.len().min(room);
        match retried(|| rustix::io::pread(&self.descriptor, &mut buffer[..n], offset)) {
            Err(Errno::BADF) => Err(Failure::other("File is not open for reading")),
            other => other.map_err(failure),
        }
    }

    /// Writes all.
    pub(super) fn write_at(&self, mut offset: u64, pieces: &[Bytes]) -> Result<(), Failure> {
        for pieces in pieces.chunks(PIECES) {
            let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut slices = slices.as_mut_slice();
            IoSlice::advance_slices(&mut slices, 0);
            while !slices.is_empty() {
                let left: usize = slices.iter().map(|slice| slice.len()).sum();
                let end = offset.checked_add(left as u64).filter(|end| i64::try_from(*end).is_ok());
                if end.is_none() && !self.appends {
                    return Err(failure(Errno::FBIG));
                }
                let n = match self.write_once(offset, slices) {
                    Ok(0) => return Err(Failure::other("Nothing could be written")),
                    Ok(n) => n,
                    Err(Errno::BADF) => return Err(Failure::other("File is not open for writing")),
                    Err(errno) => return Err(failure(errno)),
                };
                offset = offset.saturating_add(n as u64);
                IoSlice::advance_slices(&mut slices, n);
            }
        }
        Ok(())
    }

    fn write_once(&self, offset: u64, slices: &[IoSlice<'_>]) -> rustix::io::Result<usize> {
        if self.appends {
            return retried(|| rustix::io::writev(&self.descriptor, slices));
        }
        match slices {
            [one] => retried(|| rustix::io::pwrite(&self.descriptor, one, offset)),
            many => retried(|| write_vectored(&self.descriptor, many, offset)),
        }
    }

    /// Copies to another file. `length` zero: to the end that this one has now.
    pub(super) fn copy_to(
        &self,
        mut from: u64,
        length: u64,
        target: &Self,
        mut to: u64,
        cancellation: &Cancellation,
    ) -> Result<(), Failure> {
        let size = self.size()?;
        let end = match length {
            0 => size,
            length => from.saturating_add(length),
        };
        self.refuse_overlap(from, end, target, to)?;
        let mut buffer = Vec::new();
        while from < end {
            if cancellation.is_cancelled() {
                return Err(Failure::other("Cancelled"));
            }
            let wanted = (end - from).min(COPIED_AT_ONCE);
            let n = match self.copy_range(from, target, to, wanted as usize) {
                Some(Ok(n)) => n as u64,
                Some(Err(errno)) => return Err(failure(errno)),
                None => {
                    buffer.resize(BUFFER, 0);
                    let room = usize::try_from(wanted).unwrap_or(BUFFER).min(BUFFER);
                    let n = self.read_at(from, &mut buffer[..room])?;
                    target.write_at(to, &[Bytes::copy_from_slice(&buffer[..n])])?;
                    n as u64
                }
            };
            if n == 0 {
                break;
            }
            from += n;
            to = to.saturating_add(n);
        }
        Ok(())
    }

    /// By the system alone. `None` where it cannot.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn copy_range(&self, from: u64, target: &Self, to: u64, n: usize) -> Option<rustix::io::Result<usize>> {
        if target.appends || i64::try_from(to.saturating_add(n as u64)).is_err() {
            return None;
        }
        let copied = retried(|| {
            let (mut from, mut to) = (from, to);
            rustix::fs::copy_file_range(
                &self.descriptor,
                Some(&mut from),
                &target.descriptor,
                Some(&mut to),
                n,
            )
        });
        match copied {
            // Some file systems say that they have copied nothing where there is something; reading will tell.
            Ok(0)
            | Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::BADF | Errno::PERM) => {
                None
            }
            other => Some(other),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const fn copy_range(&self, _: u64, _: &Self, _: u64, _: usize) -> Option<rustix::io::Result<usize>> {
        None
    }

    /// A file that is copied into the very part that is read, or to its own end, would grow without end.
    fn refuse_overlap(&self, from: u64, end: u64, target: &Self, to: u64) -> Result<(), Failure> {
        let (source, other) = (self.stat()?, target.stat()?);
        let same = (source.st_dev, source.st_ino) == (other.st_dev, other.st_ino);
        let to_end = to.saturating_add(end.saturating_sub(from));
        if same && (target.appends || (from < to_end && to < end)) {
            return Err(Failure::other("Source and target overlap"));
        }
        Ok(())
    }
}

#[cfg(not(target_vendor = "apple"))]
fn write_vectored(file: &OwnedFd, slices: &[IoSlice<'_>], offset: u64) -> rustix::io::Result<usize> {
    rustix::io::pwritev(file, slices, offset)
}

#[cfg(target_vendor = "apple")]
fn write_vectored(file: &OwnedFd, slices: &[IoSlice<'_>], offset: u64) -> rustix::io::Result<usize> {
    rustix::io::pwrite(file, &slices[0], offset)
}
