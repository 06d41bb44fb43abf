//! What is wrong with an option.

/// What is wrong with an option. Names are as the user wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// There is no such option.
    #[error("unknown option: {0}")]
    Unknown(String),
    /// OpenSSH has it.
    #[error("option not supported yet: {0}")]
    Unsupported(String),
    /// OpenSSH has this value of it.
    #[error("{name}: value not supported yet: {value}")]
    UnsupportedValue {
        /// The option.
        name: String,
        /// Its value.
        value: String,
    },
    /// Nothing follows the name.
    #[error("{0}: missing value")]
    MissingValue(String),
    /// The value is not one of this option.
    #[error("{name}: \"{value}\" is not {expected}")]
    Invalid {
        /// The option.
        name: String,
        /// Its value.
        value: String,
        /// What would be one, with its article.
        expected: &'static str,
    },
    /// More follows than the option takes.
    #[error("{name}: \"{extra}\" is too much")]
    TooMuch {
        /// The option.
        name: String,
        /// The first word that is too much.
        extra: String,
    },
    /// A quotation mark is open.
    #[error("{0}: unterminated quotation")]
    Unterminated(String),
    /// An algorithm that does not exist.
    #[error("{name}: {reason}")]
    Algorithms {
        /// The option.
        name: &'static str,
        /// What is wrong with its list.
        reason: konko::transport::packet::ListError,
    },
}
