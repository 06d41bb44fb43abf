//! Files over SFTP with russh-sftp, the server's end: what clients of the benchmarks ask for, of the file system as it is.

use russh_sftp::protocol::{
    Attrs, Data, File as Entry, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode,
};
use russh_sftp::server::Handler;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

/// How many names one answer holds.
const NAMES: usize = 100;

/// One session.
#[derive(Default)]
pub struct Files {
    next: u64,
    files: HashMap<String, File>,
    /// What is left to list of each open folder.
    folders: HashMap<String, Vec<Entry>>,
}

impl Files {
    fn handle(&mut self) -> String {
        self.next += 1;
        self.next.to_string()
    }

    fn file(&self, handle: &str) -> Result<&File, StatusCode> {
        self.files.get(handle).ok_or(StatusCode::Failure)
    }
}

fn code(error: io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NoSuchFile,
        io::ErrorKind::PermissionDenied => StatusCode::PermissionDenied,
        _ => StatusCode::Failure,
    }
}

fn ok(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: String::new(), language_tag: String::new() }
}

impl Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn open(
        &mut self,
        id: u32,
        filename: String,
        pflags: OpenFlags,
        _: FileAttributes,
    ) -> Result<Handle, StatusCode> {
        let mut options = File::options();
        options.read(pflags.contains(OpenFlags::READ)).write(pflags.contains(OpenFlags::WRITE));
        options.create(pflags.contains(OpenFlags::CREATE)).truncate(pflags.contains(OpenFlags::TRUNCATE));
        let file = options.open(filename).map_err(code)?;
        let handle = self.handle();
        self.files.insert(handle.clone(), file);
        Ok(Handle { id, handle })
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, StatusCode> {
        let known = self.files.remove(&handle).is_some() || self.folders.remove(&handle).is_some();
        if known { Ok(ok(id)) } else { Err(StatusCode::Failure) }
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, StatusCode> {
        let mut data = vec![0; len.min(256 * 1024) as usize];
        let read = self.file(&handle)?.read_at(&mut data, offset).map_err(code)?;
        if read == 0 {
            return Err(StatusCode::Eof);
        }
        data.truncate(read);
        Ok(Data { id, data })
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        data: Vec<u8>,
    ) -> Result<Status, StatusCode> {
        self.file(&handle)?.write_all_at(&data, offset).map_err(code)?;
        Ok(ok(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: (&fs::symlink_metadata(path).map_err(code)?).into() })
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: (&fs::metadata(path).map_err(code)?).into() })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: (&self.file(&handle)?.metadata().map_err(code)?).into() })
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(code)? {
            let entry = entry.map_err(code)?;
            let attributes = FileAttributes::from(&entry.metadata().map_err(code)?);
            entries.push(Entry::new(entry.file_name().to_string_lossy(), attributes));
        }
        let handle = self.handle();
        self.folders.insert(handle.clone(), entries);
        Ok(Handle { id, handle })
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, StatusCode> {
        let entries = self.folders.get_mut(&handle).ok_or(StatusCode::Failure)?;
        if entries.is_empty() {
            return Err(StatusCode::Eof);
        }
        let files = entries.split_off(entries.len().saturating_sub(NAMES));
        Ok(Name { id, files })
    }

    async fn mkdir(&mut self, id: u32, path: String, _: FileAttributes) -> Result<Status, StatusCode> {
        fs::create_dir(path).map_err(code)?;
        Ok(ok(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, StatusCode> {
        // Clients ask for what they are about to make, too.
        let path = fs::canonicalize(&path).map_or(path, |found| found.to_string_lossy().into_owned());
        Ok(Name { id, files: vec![Entry::dummy(path)] })
    }
}
