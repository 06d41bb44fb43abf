//! A file that is being written.

use crate::local_tree::attributes::{Attributes, LocalMetadata, PERMISSION_BITS};
use crate::local_tree::directory::LocalDirectory;
use crate::local_tree::error::LocalTreeError;
use crate::local_tree::name::MAXIMUM_NAME_LEN;
use rustix::fs::{AtFlags, Mode};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// The end of a name that a file has while only a part of it is there.
const PARTIAL: &[u8] = b".konko-part";

/// Where the kept part of `name` is: `.name.konko-part`, in the same directory. Of a name that is too long for that,
/// the middle gives way to a number made of the whole.
pub fn partial_name(name: &[u8]) -> Vec<u8> {
    surrounded(name, PARTIAL)
}

fn surrounded(name: &[u8], end: &[u8]) -> Vec<u8> {
    if name.len() + 1 + end.len() <= MAXIMUM_NAME_LEN {
        return [b".", name, end].concat();
    }
    // FNV-1a: the same in every run.
    let number = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let number = format!("~{number:016x}");
    let kept = MAXIMUM_NAME_LEN.saturating_sub(1 + number.len() + end.len()).min(name.len());
    [b".", &name[..kept], number.as_bytes(), end].concat()
}

/// A name that nothing else has, in all likelihood.
pub(crate) fn temporary_name(name: &[u8]) -> Vec<u8> {
    let number = RandomState::new().hash_one(name);
    surrounded(name, format!(".{number:016x}.konko-new").as_bytes())
}

/// A file that is being written. Dropped without [`commit`](Self::commit), it is as if it had never been begun, or
/// its part is kept to be resumed.
#[derive(Debug)]
pub struct NewFile {
    pub(crate) file: Arc<File>,
    pub(crate) directory: LocalDirectory,
    pub(crate) name: Vec<u8>,
    /// The name that it has now, if that is another one.
    pub(crate) temporary: Option<Vec<u8>>,
    /// The mode that it must be given in the end, if it has another one.
    pub(crate) pending_mode: Option<u32>,
    pub(crate) resumed_len: u64,
    pub(crate) keep_partial: bool,
    pub(crate) sync: bool,
    pub(crate) committed: bool,
}

impl NewFile {
    /// The file, open for writing, and for reading if it is new, replaced or resumed. Any thread may write to it.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// How many bytes are there from an earlier transfer: 0 unless resuming was asked for. Whether they are right
    /// is the caller's to find out; [`File::set_len`] drops them.
    pub fn resumed_len(&self) -> u64 {
        self.resumed_len
    }

    /// What it is called in its directory.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its path in the end, for messages.
    pub fn path(&self) -> std::path::PathBuf {
        self.directory.path_of(&self.name)
    }

    /// Keeps what has been written, to be resumed, even if it is not committed.
    pub fn keep_partial(&mut self) {
        self.keep_partial = true;
    }

    /// Ends writing: sets the attributes, waits for the disk if that was asked for, and gives the file its name.
    ///
    /// # Errors
    ///
    /// [`LocalTreeError::Io`] if any of that fails; what stood at the name before is then still there.
    pub fn commit(mut self, attributes: &Attributes) -> Result<(), LocalTreeError> {
        let path = self.path();
        let failed = |operation| move |error| LocalTreeError::io(operation, &path, error);
        if let Some(mode) = attributes.masked_mode().or(self.pending_mode) {
            let mode = Mode::from_raw_mode(mode);
            rustix::fs::fchmod(&*self.file, mode)
                .map_err(|error| failed.clone()("cannot set the mode of")(error.into()))?;
        }
        // After the last write and chmod, either of which may change times.
        attributes.set_times_of(&self.file).map_err(failed.clone()("cannot set the times of"))?;
        if self.sync {
            self.file.sync_all().map_err(failed.clone()("cannot write to the disk"))?;
        }
        if let Some(temporary) = &self.temporary {
            let directory = self.directory.descriptor();
            rustix::fs::renameat(directory, temporary.as_slice(), directory, self.name.as_slice())
                .map_err(|error| failed.clone()("cannot rename the new file to")(error.into()))?;
        }
        self.committed = true;
        if self.sync { self.directory.sync() } else { Ok(()) }
    }

    /// Whether the name still stands for the file that is written.
    fn is_still(&self, name: &[u8]) -> bool {
        let standing = rustix::fs::statat(self.directory.descriptor(), name, AtFlags::SYMLINK_NOFOLLOW);
        let (Ok(standing), Ok(own)) = (standing, rustix::fs::fstat(&*self.file)) else { return false };
        LocalMetadata::from_stat(&standing).identity == LocalMetadata::from_stat(&own).identity
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        self.directory.release(&self.name);
        let Some(temporary) = self.temporary.take() else { return };
        let partial = partial_name(&self.name);
        if !self.is_still(&temporary) {
            return;
        }
        let directory = self.directory.descriptor();
        // Nobody is there to be told if this fails; a file that nobody needs stays.
        if !self.keep_partial {
            let _ = rustix::fs::unlinkat(directory, temporary.as_slice(), AtFlags::empty());
        } else if temporary != partial {
            let _ = rustix::fs::renameat(directory, temporary.as_slice(), directory, partial.as_slice());
        }
    }
}

/// The permission bits of an open file.
pub(crate) fn permissions_of(file: &File) -> std::io::Result<u32> {
    let stat = rustix::fs::fstat(file)?;
    Ok(LocalMetadata::from_stat(&stat).mode & PERMISSION_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_names_fit_and_differ() {
        assert_eq!(partial_name(b"a"), b".a.konko-part");
        let (one, two) = ([b'x'; 255], [&[b'x'; 254][..], b"y"].concat());
        assert_eq!(partial_name(&one).len(), MAXIMUM_NAME_LEN);
        assert_ne!(partial_name(&one), partial_name(&two));
        assert_eq!(partial_name(&one), partial_name(&one));
        assert!(temporary_name(&one).len() <= MAXIMUM_NAME_LEN);
    }
}
