//! How a file is opened.

use crate::sftp::error::Error;
use konko_sftp::message::attributes::Attributes;
use konko_sftp::message::number::OpenFlags;

/// How a file is opened, in the words of [`std::fs::OpenOptions`].
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    mode: Option<u32>,
}

impl OpenOptions {
    /// Nothing is chosen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// For reading.
    pub const fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// For writing.
    pub const fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// For writing, always at the end.
    pub const fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// What is there is removed first.
    pub const fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// The file is created if it is not there.
    pub const fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// The file is created, and must not be there: what is at its name, a symbolic link included, is an error.
    pub const fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// The permissions of a file that is created, from which the server takes its umask. Unless they are said the
    /// server decides, usually 0666.
    pub const fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    pub(crate) const fn is_append(&self) -> bool {
        self.append
    }

    /// The flags on the wire.
    pub(crate) fn flags(&self) -> Result<OpenFlags, Error> {
        let writes = self.write || self.append;
        if !(self.read || writes) {
            return Err(Error::Options("a file is opened for reading, writing or appending"));
        }
        if !writes && (self.truncate || self.create || self.create_new) {
            return Err(Error::Options("a file is created or truncated only when it is opened for writing"));
        }
        if self.append && self.truncate && !self.create_new {
            return Err(Error::Options("a file is not both truncated and appended to"));
        }
        let mut flags = OpenFlags::default();
        for (chosen, flag) in [
            (self.read, OpenFlags::READ),
            (writes, OpenFlags::WRITE),
            (self.append, OpenFlags::APPEND),
            (self.truncate && !self.create_new, OpenFlags::TRUNC),
            (self.create || self.create_new, OpenFlags::CREAT),
            (self.create_new, OpenFlags::EXCL),
        ] {
            if chosen {
                flags = flags | flag;
            }
        }
        Ok(flags)
    }

    pub(crate) fn attributes(&self) -> Attributes {
        Attributes { permissions: self.mode, ..Attributes::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_those_of_the_standard_library() {
        let flags = |options: &mut OpenOptions| options.flags().ok();
        assert_eq!(flags(&mut OpenOptions::new()), None);
        assert_eq!(flags(OpenOptions::new().read(true).truncate(true)), None);
        assert_eq!(flags(OpenOptions::new().append(true).truncate(true)), None);
        assert_eq!(flags(OpenOptions::new().read(true)), Some(OpenFlags(1)));
        assert_eq!(flags(OpenOptions::new().write(true).create(true).truncate(true)), Some(OpenFlags(0x1a)));
        assert_eq!(flags(OpenOptions::new().append(true).create(true)), Some(OpenFlags(0x0e)));
        assert_eq!(
            flags(OpenOptions::new().write(true).create_new(true).truncate(true)),
            Some(OpenFlags(0x2a))
        );
    }
}
