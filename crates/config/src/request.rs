//! What is asked of a configuration.

/// Which files are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Files {
    /// The user's, `~/.ssh/config`, and after it the system's, `/etc/ssh/ssh_config`; neither need be there.
    #[default]
    Usual,
    /// This one, which has to be there.
    Only(String),
    /// None.
    None,
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The host, as it is named.
    pub host: String,
    /// Which files are read.
    pub files: Files,
    /// The command to run there, for `Match command` and `Match sessiontype`.
    pub command: Option<String>,
    /// Whether standard input and output are forwarded (`-W`), so that other forwardings are left out.
    pub forwards_stdio: bool,
}

impl Request {
    /// For a host, from the usual files.
    pub fn new(host: impl Into<String>) -> Self {
        Self { host: host.into(), ..Self::default() }
    }

    /// From these files.
    #[must_use]
    pub fn with_files(mut self, files: Files) -> Self {
        self.files = files;
        self
    }

    /// To run this command.
    #[must_use]
    pub fn with_command(mut self, command: Option<String>) -> Self {
        self.command = command;
        self
    }

    /// To forward standard input and output.
    #[must_use]
    pub const fn with_stdio_forwarding(mut self, forwards: bool) -> Self {
        self.forwards_stdio = forwards;
        self
    }
}
