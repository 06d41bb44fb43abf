//! Values that are one of a few words.

/// A value that is one of a few words.
pub trait Choice: Sized + Copy + 'static {
    /// What the words are, with an article.
    const EXPECTED: &'static str;
    /// The words, in lower case, and what each means. Words are compared without regard to case.
    const WORDS: &'static [(&'static str, Self)];

    /// The value that `text` names.
    fn parse(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, choice)| *choice)
    }
}

impl Choice for bool {
    const EXPECTED: &'static str = "\"yes\" or \"no\"";
    const WORDS: &'static [(&'static str, Self)] =
        &[("yes", true), ("true", true), ("no", false), ("false", false)];
}

/// What to do about a host key that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrictHostKeyChecking {
    /// Refuse it.
    Yes,
    /// Accept and remember it; a changed key does not end the connection either.
    Off,
    /// Accept and remember it; refuse a changed one.
    AcceptNew,
    /// Ask.
    Ask,
}

impl Choice for StrictHostKeyChecking {
    const EXPECTED: &'static str = "\"yes\", \"no\", \"off\", \"accept-new\" or \"ask\"";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("yes", Self::Yes),
        ("true", Self::Yes),
        ("no", Self::Off),
        ("false", Self::Off),
        ("off", Self::Off),
        ("accept-new", Self::AcceptNew),
        ("ask", Self::Ask),
    ];
}

/// Which addresses of a host to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// All.
    Any,
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
}

impl Choice for AddressFamily {
    const EXPECTED: &'static str = "\"any\", \"inet\" or \"inet6\"";
    const WORDS: &'static [(&'static str, Self)] =
        &[("any", Self::Any), ("inet", Self::Inet), ("inet6", Self::Inet6)];
}

/// Whether to ask for a terminal at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestTty {
    /// Never.
    No,
    /// If there is one at this end.
    Yes,
    /// In any case.
    Force,
    /// For a shell, if there is one at this end.
    Auto,
}

impl Choice for RequestTty {
    const EXPECTED: &'static str = "\"yes\", \"no\", \"force\" or \"auto\"";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("yes", Self::Yes),
        ("true", Self::Yes),
        ("no", Self::No),
        ("false", Self::No),
        ("force", Self::Force),
        ("auto", Self::Auto),
    ];
}

/// What is run at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionType {
    /// Nothing: no session is opened.
    None,
    /// The subsystem that the command names.
    Subsystem,
    /// The command, or a shell without one.
    Default,
}

impl Choice for SessionType {
    const EXPECTED: &'static str = "\"none\", \"subsystem\" or \"default\"";
    const WORDS: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("subsystem", Self::Subsystem), ("default", Self::Default)];
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Quiet,
    /// What ends the program.
    Fatal,
    /// Errors.
    Error,
    /// What a user should know.
    Info,
    /// A little more.
    Verbose,
    /// The course of the connection.
    Debug1,
    /// In detail.
    Debug2,
    /// Every message.
    Debug3,
}

impl LogLevel {
    /// One more `-v`.
    pub fn louder(self) -> Self {
        match self {
            Self::Debug1 => Self::Debug2,
            Self::Debug2 | Self::Debug3 => Self::Debug3,
            _ => Self::Debug1,
        }
    }
}

impl Choice for LogLevel {
    const EXPECTED: &'static str =
        "one of QUIET, FATAL, ERROR, INFO, VERBOSE, DEBUG, DEBUG1, DEBUG2 and DEBUG3";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("quiet", Self::Quiet),
        ("fatal", Self::Fatal),
        ("error", Self::Error),
        ("info", Self::Info),
        ("verbose", Self::Verbose),
        ("debug", Self::Debug1),
        ("debug1", Self::Debug1),
        ("debug2", Self::Debug2),
        ("debug3", Self::Debug3),
    ];
}
