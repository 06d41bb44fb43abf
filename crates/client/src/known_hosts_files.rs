//! The known_hosts files of a user and of a computer, taken together. What to do about their verdict is not
//! decided here.

use crate::error::Error;
use konko_transport::crypto::random::{SecureRandom, SystemRandom};
use konko_transport::keys::public_key::PublicKey;
use konko_trust::known_hosts::{HostKeyVerdict, KnownHosts, SALT_LEN, append_line, line_for};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A larger file is not read, in bytes.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// The name under which a host's keys are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// A name or an IP address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl HostName {
    /// Of a host at a port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl std::fmt::Display for HostName {
    /// As known_hosts writes it: the port is left out if it is 22.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            22 => f.write_str(&self.host),
            port => write!(f, "[{}]:{port}", self.host),
        }
    }
}

/// What all files together say of a key that a host showed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilesVerdict {
    /// The host is known by this key.
    Known,
    /// Nothing is known of the host.
    Unknown,
    /// The host is known by keys of other types only: these.
    NewKeyType(Vec<PublicKey>),
    /// The host is known by another key of the same type.
    Changed {
        /// The file that says so first; `None` for what this process learnt and could not write down.
        file: Option<PathBuf>,
        /// The line in it, from 1.
        line: usize,
        /// The keys of that type that are known.
        expected: Vec<PublicKey>,
    },
    /// The key is marked as revoked.
    Revoked {
        /// The file that says so.
        file: PathBuf,
        /// The line in it, from 1.
        line: usize,
    },
}

/// The known_hosts files of a user and of a computer. A file that does not exist says nothing; one that cannot be
/// read is an error. They are read anew for each connection, so that what another program adds counts at once.
///
/// Clones share what was learnt and could not be written down.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KnownHostsFiles {
    /// The user's files. New keys are added to the first. Default: `~/.ssh/known_hosts`, `~/.ssh/known_hosts2`.
    pub user: Vec<PathBuf>,
    /// The computer's files, never written. Default: `/etc/ssh/ssh_known_hosts`, `/etc/ssh/ssh_known_hosts2`.
    pub global: Vec<PathBuf>,
    /// Whether the names of hosts are hashed when they are added, so that the file does not tell where its
    /// reader has been. Default: `false`, as in OpenSSH.
    pub hash_names: bool,
    /// Lines that could not be written, so that this process at least remembers them.
    remembered: Arc<Mutex<String>>,
}

impl Default for KnownHostsFiles {
    fn default() -> Self {
        let ssh =
            std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(".ssh"));
        let user = ssh.map(|ssh| vec![ssh.join("known_hosts"), ssh.join("known_hosts2")]).unwrap_or_default();
        let global = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"].map(PathBuf::from).to_vec();
        Self { user, global, hash_names: false, remembered: Arc::default() }
    }
}

impl KnownHostsFiles {
    /// One file of the user and nothing else.
    pub fn only(file: impl Into<PathBuf>) -> Self {
        Self { user: vec![file.into()], global: Vec::new(), hash_names: false, remembered: Arc::default() }
    }

    /// With these files of the user.
    #[must_use]
    pub fn with_user(mut self, files: Vec<PathBuf>) -> Self {
        self.user = files;
        self
    }

    /// With these files of the computer.
    #[must_use]
    pub fn with_global(mut self, files: Vec<PathBuf>) -> Self {
        self.global = files;
        self
    }

    /// With names hashed when they are added, or not.
    #[must_use]
    pub const fn with_hash_names(mut self, hash_names: bool) -> Self {
        self.hash_names = hash_names;
        self
    }

    /// What the files say of `key` for `name`. A host that is not known at its port may be known without one, as
    /// OpenSSH has it.
    ///
    /// # Errors
    ///
    /// [`Error::KnownHosts`] for a file that cannot be read.
    pub fn lookup(&self, name: &HostName, key: &PublicKey) -> Result<FilesVerdict, Error> {
        let files = self.read()?;
        let verdict = lookup_in(&files, name, key);
        if verdict == FilesVerdict::Unknown && name.port != 22 {
            let plain = lookup_in(&files, &HostName::new(name.host.as_str(), 22), key);
            if matches!(plain, FilesVerdict::Known | FilesVerdict::Revoked { .. }) {
                return Ok(plain);
            }
        }
        Ok(verdict)
    }

    /// The types of the keys that the host is known by, so that the server can be asked for one of them.
    ///
    /// # Errors
    ///
    /// As [`lookup`](Self::lookup).
    pub fn key_types(&self, name: &HostName) -> Result<Vec<&'static str>, Error> {
        let files = self.read()?;
        let types_at = |port| {
            let mut types = Vec::new();
            for key_type in files.iter().flat_map(|(_, hosts)| hosts.key_types(&name.host, port)) {
                if !types.contains(&key_type) {
                    types.push(key_type);
                }
            }
            types
        };
        let types = types_at(name.port);
        Ok(if types.is_empty() && name.port != 22 { types_at(22) } else { types })
    }

    /// Adds the key to the user's first file, under a lock; the file and its directory are created where they do
    /// not exist, for the user alone. Nothing is added twice. Where it cannot be written, this process remembers
    /// the key, and the reason is logged.
    ///
    /// # Errors
    ///
    /// As [`lookup`](Self::lookup). `Ok` with another verdict than [`FilesVerdict::Known`] says that another
    /// program has in the meantime added something that does not agree: nothing was added then.
    pub fn add(&self, name: &HostName, key: &PublicKey) -> Result<FilesVerdict, Error> {
        let salt = self.hash_names.then(|| {
            let mut salt = [0; SALT_LEN];
            SystemRandom.fill(&mut salt);
            salt
        });
        let line = line_for(&name.host, name.port, key, salt.as_ref())
            .map_err(|_| Error::Options("the host name cannot stand in known_hosts"))?;
        let added = match self.user.first() {
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no file is configured")),
            Some(file) => append(file, name, key, &line),
        };
        match added {
            Ok(verdict) => Ok(verdict.in_file(self.user.first())),
            Err(error) => {
                tracing::warn!(host = %name, %error, "the host key cannot be added to known_hosts");
                let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
                remembered.push_str(&line);
                remembered.push('\n');
                Ok(FilesVerdict::Known)
            }
        }
    }

    fn read(&self) -> Result<Vec<(Option<PathBuf>, KnownHosts)>, Error> {
        let mut files = Vec::new();
        for path in self.user.iter().chain(&self.global) {
            match File::open(path).and_then(|file| read_to_end(&file)) {
                Ok(bytes) => files.push((Some(path.clone()), KnownHosts::parse(&bytes))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::KnownHosts { path: path.clone(), error }),
            }
        }
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if !remembered.is_empty() {
            files.push((None, KnownHosts::parse(remembered.as_bytes())));
        }
        Ok(files)
    }
}

impl FilesVerdict {
    fn in_file(self, path: Option<&PathBuf>) -> Self {
        match (self, path) {
            (Self::Changed { line, expected, .. }, path) => {
                Self::Changed { file: path.cloned(), line, expected }
            }
            (Self::Revoked { line, .. }, Some(path)) => Self::Revoked { file: path.clone(), line },
            (verdict, _) => verdict,
        }
    }

    fn of(verdict: HostKeyVerdict) -> Self {
        match verdict {
            HostKeyVerdict::Known { .. } => Self::Known,
            HostKeyVerdict::NewKeyType { known } => Self::NewKeyType(known),
            HostKeyVerdict::Changed { line, expected } => Self::Changed { file: None, line, expected },
            HostKeyVerdict::Revoked { line } => Self::Revoked { file: PathBuf::new(), line },
            HostKeyVerdict::Unknown => Self::Unknown,
            // What a later version of the crate below may add is no reason to trust a key.
            _ => Self::Changed { file: None, line: 0, expected: Vec::new() },
        }
    }
}

/// A revocation anywhere counts before all else, then a file that knows the key, then one that knows another.
fn lookup_in(files: &[(Option<PathBuf>, KnownHosts)], name: &HostName, key: &PublicKey) -> FilesVerdict {
    let mut overall = FilesVerdict::Unknown;
    for (path, hosts) in files {
        let verdict = FilesVerdict::of(hosts.lookup(&name.host, name.port, key)).in_file(path.as_ref());
        overall = match (overall, verdict) {
            (_, revoked @ FilesVerdict::Revoked { .. }) => return revoked,
            (known @ FilesVerdict::Known, _) | (_, known @ FilesVerdict::Known) => known,
            (changed @ FilesVerdict::Changed { .. }, _) | (_, changed @ FilesVerdict::Changed { .. }) => {
                changed
            }
            (FilesVerdict::NewKeyType(mut all), FilesVerdict::NewKeyType(more)) => {
                all.extend(more);
                FilesVerdict::NewKeyType(all)
            }
            (other @ FilesVerdict::NewKeyType(_), FilesVerdict::Unknown)
            | (FilesVerdict::Unknown, other @ FilesVerdict::NewKeyType(_)) => other,
            (FilesVerdict::Unknown, FilesVerdict::Unknown) => FilesVerdict::Unknown,
            (revoked @ FilesVerdict::Revoked { .. }, _) => revoked,
        };
    }
    overall
}

fn append(path: &Path, name: &HostName, key: &PublicKey, line: &str) -> io::Result<FilesVerdict> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        create_directory(directory)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // Held until the file is closed; another process that adds a key waits here.
    file.lock()?;
    let existing = read_to_end(&file)?;
    let verdict = FilesVerdict::of(KnownHosts::parse(&existing).lookup(&name.host, name.port, key));
    if matches!(verdict, FilesVerdict::Unknown | FilesVerdict::NewKeyType(_)) {
        // One write in append mode, so that a program that takes no lock cannot come in between either.
        file.write_all(&append_line(&existing, line))?;
        return Ok(FilesVerdict::Known);
    }
    Ok(verdict)
}

fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn read_to_end(mut file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Read::by_ref(&mut file).take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
