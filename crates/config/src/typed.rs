//! Values with a type of their own.

/// `AddressFamily`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// IPv4 and IPv6.
    Any,
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
}

/// `StrictHostKeyChecking`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrictHostKeyChecking {
    /// Only hosts whose keys are known are believed.
    Yes,
    /// The user is asked about hosts that are not known.
    Ask,
    /// Hosts that are not known are believed, and remembered.
    AcceptNew,
    /// All hosts are believed; those whose keys have changed only for what does no harm.
    No,
}

/// `RequestTTY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestTty {
    /// For a shell, if there is a terminal here.
    Auto,
    /// If there is a terminal here.
    Yes,
    /// Never.
    No,
    /// Always.
    Force,
}

/// `SessionType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionType {
    /// A command or a shell.
    Default,
    /// A subsystem, named by the command.
    Subsystem,
    /// No session.
    None,
}

/// `PubkeyAuthentication`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PubkeyAuthentication {
    /// Not at all.
    No,
    /// As the server can.
    Yes,
    /// Without naming the host's key.
    Unbound,
    /// With the host's key named in what is signed, where the server knows how.
    HostBound,
}

/// A choice between yes, no and asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YesNoAsk {
    /// Yes.
    Yes,
    /// No.
    No,
    /// The user is asked.
    Ask,
}

/// `LogLevel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is described in ssh_config(5) under its name")]
pub enum LogLevel {
    Quiet,
    Fatal,
    Error,
    Info,
    Verbose,
    Debug1,
    Debug2,
    Debug3,
}

/// `AddKeysToAgent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddKeysToAgent {
    /// Not at all.
    No,
    /// After this many seconds the agent forgets it; 0 is never.
    Yes {
        /// How many seconds.
        seconds: u32,
    },
    /// After the user was asked.
    Ask,
    /// As [`Yes`](Self::Yes), and the agent asks the user whenever the key is used.
    Confirm {
        /// How many seconds.
        seconds: u32,
    },
}

/// Where the agent is: `IdentityAgent`, or what `ForwardAgent` names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AgentPath {
    /// Where the variable `SSH_AUTH_SOCK` says.
    Usual,
    /// Nowhere.
    None,
    /// Where this variable says.
    Variable(String),
    /// This socket.
    Socket(String),
}

impl AgentPath {
    pub(crate) fn of(text: Option<&str>) -> Self {
        match text {
            None | Some("SSH_AUTH_SOCK") => Self::Usual,
            Some("none") => Self::None,
            Some(text) => match text.strip_prefix('$') {
                Some(name) => Self::Variable(name.to_owned()),
                None => Self::Socket(text.to_owned()),
            },
        }
    }
}
