//! What is wrong with a configuration, and where.

use crate::origin::Origin;
use std::fmt;

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing follows the keyword, or an empty word.
    #[error("a value is missing")]
    MissingArgument,
    /// More follows than the keyword takes.
    #[error("\"{0}\" is too much; put a value with blanks in double quotes")]
    ExtraArgument(String),
    /// A quotation mark is open at the end of the line.
    #[error("a quotation mark is not closed")]
    Quotes,
    /// A line is not UTF-8. Comments may be anything.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// A line has a byte of value 0.
    #[error("the line has a byte of value 0")]
    Nul,
    /// A line is longer than 8192 bytes.
    #[error("the line is longer than 8192 bytes")]
    LineTooLong,
    /// A file is larger than 1 MiB.
    #[error("the file is larger than 1 MiB")]
    FileTooLong,
    /// More than 1024 files, or 16 MiB, are included.
    #[error("too many files are included")]
    TooManyFiles,
    /// Files include each other deeper than 16 levels.
    #[error("files include each other deeper than 16 levels; does one include itself?")]
    TooDeep,
    /// There is no such keyword.
    #[error("there is no such keyword; IgnoreUnknown lets it pass")]
    UnknownKeyword,
    /// `Host`, `Match` and `Include` stand in files only.
    #[error("it can stand in a file only")]
    OnlyInFiles,
    /// The value is not one of this keyword.
    #[error("\"{value}\" is not {expected}")]
    Invalid {
        /// The value.
        value: String,
        /// What would be one, with its article.
        expected: &'static str,
    },
    /// `none`, or `any`, stands beside other values.
    #[error("\"{0}\" must stand alone")]
    NotAlone(String),
    /// There are more values than are taken.
    #[error("there are more than {0}")]
    TooMany(usize),
    /// An algorithm that does not exist here.
    #[error("there is no algorithm \"{0}\"")]
    UnknownAlgorithm(String),
    /// Nothing is left of a list of algorithms.
    #[error("\"{0}\" leaves no algorithm")]
    NoAlgorithm(String),
    /// A criterion of `Match` that does not exist.
    #[error("there is no criterion \"{0}\"")]
    UnknownCriterion(String),
    /// Nothing follows a criterion of `Match`.
    #[error("nothing follows the criterion \"{0}\"")]
    MissingCriterion(String),
    /// `Match` without a criterion.
    #[error("a criterion is missing; \"all\" matches always")]
    NoCriterion,
    /// `Match all` with other criteria.
    #[error("\"all\" must stand alone, or after \"canonical\" or \"final\"")]
    AllNotAlone,
    /// A file, or another source, could not be read.
    #[error("{what}: {reason}")]
    Source {
        /// What was wanted.
        what: String,
        /// Why it could not be had.
        reason: String,
    },
    /// A token that this keyword does not take.
    #[error("%{0} is no token of this keyword; %% stands for a percent sign")]
    UnknownToken(char),
    /// A percent sign at the end.
    #[error("a percent sign at the end; %% stands for one")]
    LonePercent,
    /// A variable of the environment that is not set.
    #[error("the environment has no variable {0}")]
    MissingVariable(String),
    /// `${` without a name and `}`, or `$` and what cannot be a name.
    #[error("\"{0}\" names no variable of the environment")]
    BadVariable(String),
    /// `~user` of a user that does not exist.
    #[error("the home directory of {0} is not known")]
    NoHome(String),
    /// What a token stands for could be taken by a shell for more than a word.
    #[error("%{token} is {value:?}, which is not put into a command")]
    UnsafeToken {
        /// The letter of the token.
        token: char,
        /// What it stands for.
        value: String,
    },
    /// Two values exclude each other.
    #[error("{0}")]
    Conflict(&'static str),
    /// The host is in none of the `CanonicalDomains`, and `CanonicalizeFallbackLocal` is `no`.
    #[error("the host {0} is in none of the CanonicalDomains")]
    NotCanonical(String),
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The file and line, or the option of the command line.
    pub origin: Origin,
    /// The keyword of the line, as it is written; empty for a line or file without one.
    pub keyword: String,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default => {}
            origin => write!(f, "{origin}: ")?,
        }
        if !self.keyword.is_empty() {
            write!(f, "{}: ", self.keyword)?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for ConfigError {}

/// Everything that is wrong, in the order in which it was found; never empty. After 100 errors no more are
/// looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// `None` where nothing is wrong.
    pub(crate) fn of(errors: Vec<ConfigError>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Something that does not stop anything, but that a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// Where.
    pub origin: Origin,
    /// What: a keyword that is deprecated, ignored or of another time.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.text)
    }
}
