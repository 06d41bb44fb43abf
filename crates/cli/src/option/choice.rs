//! Values that are one of a few words.

pub use konko::client::config::LogLevel;

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
