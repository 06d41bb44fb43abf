//! What the configuration is read from, and asked of: the caller's files, environment, shell and resolver.

use std::io;
use std::net::IpAddr;

/// What is known of this computer and of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// The user's name, `%u`.
    pub user: String,
    /// The user's number, `%i`.
    pub uid: u32,
    /// The user's home directory, `%d` and `~`.
    pub home: Option<String>,
    /// The name of this computer with its domain, `%l`; `%L` is the part before the first dot.
    pub host_name: String,
    /// What this program calls itself, for `Match version`.
    pub version: String,
}

/// A host that the resolver knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The name that the asked one is an alias of (CNAME), without a dot at the end. `None` where it is no alias.
    pub canonical_name: Option<String>,
}

fn unavailable(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("{what} is not available here"))
}

/// Where files, and answers, come from. Only [`read`](Self::read) has to be given: what a configuration needs of
/// the others and does not get is an error that says so.
pub trait Source {
    /// The first `limit` bytes of a file, or all if there are fewer; `None` where there is no such file. With
    /// `private`, a file that does not belong to the user or the superuser, or that others can write, is an error.
    ///
    /// Directories are errors. With `private` so are devices and pipes, so that nothing is waited for; a file that
    /// the user names may be a pipe.
    ///
    /// # Errors
    ///
    /// Why the file cannot be had.
    fn read(&mut self, path: &str, limit: usize, private: bool) -> io::Result<Option<Vec<u8>>>;

    /// The paths that match a pattern of glob(7), sorted; none is no error. A `~` is taken care of already.
    ///
    /// # Errors
    ///
    /// Why the directory cannot be listed.
    fn glob(&mut self, pattern: &str) -> io::Result<Vec<String>> {
        let _ = pattern;
        Err(unavailable("Include"))
    }

    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// The home directory of a user, for `~user`.
    fn home_of(&self, user: &str) -> Option<String> {
        let _ = user;
        None
    }

    /// The port of a service of TCP, as services(5) has it.
    fn service(&self, name: &str) -> Option<u16> {
        let _ = name;
        None
    }

    /// Runs a command by the user's shell, without input and output, and tells whether it succeeds: `Match exec`.
    ///
    /// # Errors
    ///
    /// It could not be run, or did not exit by itself.
    fn succeeds(&mut self, command: &str) -> io::Result<bool> {
        let _ = command;
        Err(unavailable("Match exec"))
    }

    /// The addresses of the network interfaces that are up: `Match localnetwork`.
    ///
    /// # Errors
    ///
    /// Why they are not known.
    fn addresses(&mut self) -> io::Result<Vec<IpAddr>> {
        Err(unavailable("Match localnetwork"))
    }

    /// Whether [`look_up`](Self::look_up) tells what a name is an alias of. Where it does not, a configuration that
    /// would follow aliases is an error.
    fn tells_aliases(&self) -> bool {
        true
    }

    /// Looks a host up: `CanonicalizeHostname`. A dot at the end of the name says that nothing may be appended.
    /// `None` where there is no such host.
    ///
    /// # Errors
    ///
    /// It cannot be looked up at all.
    fn look_up(&mut self, name: &str) -> io::Result<Option<Found>> {
        let _ = name;
        Err(unavailable("CanonicalizeHostname"))
    }
}
