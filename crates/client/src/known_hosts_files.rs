//! The known_hosts files of a user and of a computer, taken together. What to do about their verdict is not
//! decided here.

use crate::error::Error;
use crate::known_hosts_command::KnownHostsCommand;
use crate::known_hosts_disk as disk;
use crate::sshfp::SharedResolver;
use konko_transport::crypto::random::{SecureRandom, SystemRandom};
use konko_transport::keys::certificate::Certificate;
use konko_transport::keys::identity::Identity;
use konko_transport::keys::public_key::PublicKey;
use konko_transport::keys::signature_algorithm::{CERTIFICATE_ALGORITHMS, SignatureAlgorithm};
use konko_trust::known_hosts::{KnownHosts, SALT_LEN, append_line, line_for};
use konko_trust::known_hosts_edit::{ReplaceError, replace_keys};
use konko_trust::known_hosts_store::{KnownHostsStore, StoreVerdict};
use konko_trust::revoked_keys::RevokedKeys;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

pub use konko_trust::known_hosts_store::{CertificateVerdict, KnownKey, Location, Source};

/// The port that hosts go by without naming it.
const DEFAULT_PORT: u16 = 22;

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
    NewKeyType(Vec<KnownKey>),
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
        /// The line in it, from 1; 0 for a file of revoked keys, which says nothing of lines.
        line: usize,
    },
}

/// What becomes of the host keys that a server tells of once the user is logged in (`UpdateHostKeys`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostKeyUpdates {
    /// Nothing.
    #[default]
    Never,
    /// The files are changed.
    Always,
    /// The [`prompter`](crate::options::ClientOptions::prompter) is asked whether the files may be changed; where there
    /// is none, they are not.
    Ask,
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
    /// A program that prints more lines; none by default.
    pub command: Option<KnownHostsCommand>,
    /// Files of revoked keys: key revocation lists, or one key in a line (`RevokedHostKeys`). If one cannot be read
    /// or is not understood, no host is believed. None by default.
    pub revoked: Vec<PathBuf>,
    /// Under which algorithms authorities of hosts may have signed (`CASignatureAlgorithms`); `None` is all but those
    /// on SHA-1.
    pub authority_algorithms: Option<Vec<&'static SignatureAlgorithm>>,
    /// Looks up fingerprints in the DNS of hosts of which the files know nothing (`VerifyHostKeyDNS`); none by
    /// default. An authenticated answer that matches is believed.
    pub resolver: Option<SharedResolver>,
    /// Whether a server that was recognised by its key may, once the user is logged in, tell its other keys, which
    /// are added after it has proved to own them, and have those that it no longer has removed (`UpdateHostKeys`).
    /// Default: [`HostKeyUpdates::Never`].
    pub update: HostKeyUpdates,
    /// Lines that could not be written, so that this process at least remembers them.
    remembered: Arc<Mutex<String>>,
}

impl Default for KnownHostsFiles {
    fn default() -> Self {
        let ssh =
            std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(".ssh"));
        let user = ssh.map(|ssh| vec![ssh.join("known_hosts"), ssh.join("known_hosts2")]).unwrap_or_default();
        let global = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"].map(PathBuf::from).to_vec();
        Self::of(user, global)
    }
}

impl KnownHostsFiles {
    fn of(user: Vec<PathBuf>, global: Vec<PathBuf>) -> Self {
        Self {
            user,
            global,
            hash_names: false,
            command: None,
            revoked: Vec::new(),
            authority_algorithms: None,
            resolver: None,
            update: HostKeyUpdates::Never,
            remembered: Arc::default(),
        }
    }

    /// One file of the user and nothing else.
    pub fn only(file: impl Into<PathBuf>) -> Self {
        Self::of(vec![file.into()], Vec::new())
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

    /// With a program that prints more lines.
    #[must_use]
    pub fn with_command(mut self, command: KnownHostsCommand) -> Self {
        self.command = Some(command);
        self
    }

    /// With these files of revoked keys.
    #[must_use]
    pub fn with_revoked(mut self, files: Vec<PathBuf>) -> Self {
        self.revoked = files;
        self
    }

    /// With a resolver of fingerprints.
    #[must_use]
    pub fn with_resolver(mut self, resolver: SharedResolver) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// With keys updated by servers that are recognised, or not.
    #[must_use]
    pub const fn with_update(mut self, update: HostKeyUpdates) -> Self {
        self.update = update;
        self
    }

    /// What the files say of `key` for `name`. A host that is not known at its port may be known without one, as
    /// OpenSSH has it.
    ///
    /// # Errors
    ///
    /// [`Error::KnownHosts`] for a file that cannot be read.
    pub fn lookup(&self, name: &HostName, key: &PublicKey) -> Result<FilesVerdict, Error> {
        if let Some(file) = self.revoking_file(&key.clone().into())? {
            return Ok(FilesVerdict::Revoked { file, line: 0 });
        }
        let store = self.read(name, Some(key))?;
        let verdict = store.lookup(&name.host, name.port, key);
        if verdict == StoreVerdict::Unknown && name.port != DEFAULT_PORT {
            let plain = store.lookup(&name.host, DEFAULT_PORT, key);
            if matches!(plain, StoreVerdict::Known { .. } | StoreVerdict::Revoked { .. }) {
                return Ok(FilesVerdict::of(plain));
            }
        }
        Ok(FilesVerdict::of(verdict))
    }

    /// What the files say of a certificate for `name`. The certificate must name the host without its port. Where its
    /// authority is unknown or it is not good, its key may still be known: see [`lookup`](Self::lookup).
    ///
    /// # Errors
    ///
    /// As [`lookup`](Self::lookup).
    pub fn lookup_certificate(
        &self,
        name: &HostName,
        certificate: &Certificate,
    ) -> Result<CertificateVerdict, Error> {
        if let Some(file) = self.revoking_file(&certificate.clone().into())? {
            let at = Location { source: Source::File(file), line: 0 };
            return Ok(CertificateVerdict::Revoked { at });
        }
        let store = self.read(name, Some(certificate.public_key()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let algorithms = self.authority_algorithms.as_deref();
        let at_port =
            |port| store.lookup_certificate((&name.host, port), certificate, &name.host, now, algorithms);
        let verdict = at_port(name.port);
        if verdict == CertificateVerdict::UnknownAuthority && name.port != DEFAULT_PORT {
            return Ok(at_port(DEFAULT_PORT));
        }
        Ok(verdict)
    }

    /// The types of the keys that the host is known by, so that the server can be asked for one of them; before
    /// those all types of certificates, if an authority of the host is known.
    ///
    /// # Errors
    ///
    /// As [`lookup`](Self::lookup).
    pub fn key_types(&self, name: &HostName) -> Result<Vec<&'static str>, Error> {
        let store = self.read(name, None)?;
        let types_at = |port| {
            let mut types = Vec::new();
            if !store.authorities(&name.host, port).is_empty() {
                types.extend(CERTIFICATE_ALGORITHMS.iter().map(|row| row.key_type));
            }
            types.extend(store.known_keys(&name.host, port).iter().map(|known| known.key.key_type()));
            let mut once = Vec::new();
            types.retain(|key_type| {
                let is_new = !once.contains(key_type);
                once.push(*key_type);
                is_new
            });
            types
        };
        let types = types_at(name.port);
        Ok(if types.is_empty() && name.port != DEFAULT_PORT { types_at(DEFAULT_PORT) } else { types })
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
            Some(file) => disk::append(file, |existing| {
                let mut store = KnownHostsStore::new();
                store.push(Source::File(file.clone()), KnownHosts::parse(existing));
                match store.lookup(&name.host, name.port, key) {
                    StoreVerdict::Unknown | StoreVerdict::NewKeyType { .. } => {
                        (Some(append_line(existing, &line)), FilesVerdict::Known)
                    }
                    verdict => (None, FilesVerdict::of(verdict)),
                }
            }),
        };
        match added {
            Ok(verdict) => Ok(verdict),
            Err(error) => {
                tracing::warn!(host = %name, %error, "the host key cannot be added to known_hosts");
                let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
                remembered.push_str(&line);
                remembered.push('\n');
                Ok(FilesVerdict::Known)
            }
        }
    }

    /// The keys by which the user's first file knows this very name, port and all. They are what a server may
    /// [update](Self::update).
    pub(crate) fn updatable_keys(&self, name: &HostName) -> io::Result<Vec<PublicKey>> {
        let Some(file) = self.user.first() else { return Ok(Vec::new()) };
        let known = KnownHosts::parse(&disk::read(file)?);
        let lines = known.lines_for(&name.host, name.port).filter(|line| line.marker().is_none());
        Ok(lines.map(|line| line.key().clone()).collect())
    }

    /// Makes these keys, and no others, those by which the user's first file knows the name.
    pub(crate) fn replace(
        &self,
        name: &HostName,
        keys: &[PublicKey],
    ) -> io::Result<Result<bool, ReplaceError>> {
        let Some(file) = self.user.first() else { return Ok(Ok(false)) };
        disk::replace(file, |existing| {
            let mut system = SystemRandom;
            let random = self.hash_names.then_some(&mut system as &mut dyn SecureRandom);
            let edit = replace_keys(existing, &name.host, name.port, keys, random)?;
            Ok((!edit.changed.is_empty() || edit.added > 0).then_some(edit.bytes))
        })
    }

    /// The file of revoked keys that has this one, or its authority.
    fn revoking_file(&self, identity: &Identity) -> Result<Option<PathBuf>, Error> {
        for path in &self.revoked {
            let failed = |error| Error::KnownHosts { path: path.clone(), error };
            let bytes = disk::read(path).map_err(failed)?;
            let mut revoked = RevokedKeys::new();
            revoked.add(&bytes).map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))?;
            if revoked.check(identity).is_some() {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }

    /// Reads all files, and what the program prints.
    fn read(&self, name: &HostName, key: Option<&PublicKey>) -> Result<KnownHostsStore, Error> {
        let mut store = KnownHostsStore::new();
        for path in self.user.iter().chain(&self.global) {
            match disk::read(path) {
                Ok(bytes) => store.push(Source::File(path.clone()), KnownHosts::parse(&bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::KnownHosts { path: path.clone(), error }),
            }
        }
        if let Some(command) = &self.command {
            let printed = command.run(&name.to_string(), key);
            let printed =
                printed.map_err(|error| Error::KnownHosts { path: command.program.clone(), error })?;
            store.push(Source::Command, KnownHosts::parse(&printed));
        }
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if !remembered.is_empty() {
            store.push(Source::Memory, KnownHosts::parse(remembered.as_bytes()));
        }
        Ok(store)
    }
}

impl FilesVerdict {
    fn of(verdict: StoreVerdict) -> Self {
        match verdict {
            StoreVerdict::Known { .. } => Self::Known,
            StoreVerdict::Unknown => Self::Unknown,
            StoreVerdict::NewKeyType { known } => Self::NewKeyType(known),
            StoreVerdict::Changed { expected, .. } => {
                let (file, line) = expected.first().map_or((None, 0), |known| place(&known.at));
                let expected = expected.into_iter().map(|known| known.key).collect();
                Self::Changed { file, line, expected }
            }
            StoreVerdict::Revoked { at } => {
                let (file, line) = place(&at);
                Self::Revoked { file: file.unwrap_or_default(), line }
            }
            // What a later version of the crate below may add is no reason to trust a key.
            _ => Self::Changed { file: None, line: 0, expected: Vec::new() },
        }
    }
}

/// The file and the line of a place; what a program printed counts as a file of that name.
pub(crate) fn place(at: &Location) -> (Option<PathBuf>, usize) {
    match &at.source {
        Source::File(path) => (Some(path.clone()), at.line),
        Source::Command => (Some(PathBuf::from(at.source.to_string())), at.line),
        _ => (None, at.line),
    }
}

#[cfg(test)]
mod tests;
