//! What is wrong with an option.

/// What is wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// An algorithm that does not exist.
    #[error("{name}: {reason}")]
    Algorithms {
        /// The option.
        name: &'static str,
        /// What is wrong with its list.
        reason: konko::transport::packet::ListError,
    },
}
