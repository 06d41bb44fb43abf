//! Whole files at once.

use crate::sftp::client::Sftp;
use crate::sftp::error::Error;
use crate::sftp::open_options::OpenOptions;
use crate::sftp::remote_path::RemotePath;

impl Sftp {
    /// Reads a whole file into memory.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn read(&self, path: impl Into<RemotePath>) -> Result<Vec<u8>, Error> {
        let file = self.open(path).await?;
        let bytes = file.read_to_end_at(0).await?;
        // Nothing that a CLOSE could say changes what was read; it is sent when the file is dropped.
        Ok(bytes)
    }

    /// Writes a whole file; it is created, or replaced if it is there, where it stands.
    ///
    /// # Errors
    ///
    /// What the server refused; a part may then be written.
    pub async fn write(&self, path: impl Into<RemotePath>, data: impl AsRef<[u8]>) -> Result<(), Error> {
        let options = OpenOptions::new().write(true).create(true).truncate(true).clone();
        let file = self.open_with(path, &options).await?;
        file.write_at(0, data.as_ref()).await?;
        file.close().await
    }
}
