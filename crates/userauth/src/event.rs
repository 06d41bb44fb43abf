//! What the two machines tell their applications.

use crate::attempt::Attempt;
use crate::question::{PasswordChangeQuestion, PromptQuestion, SignatureQuestion};

/// What a client learns. Texts of the server are not escaped; escape them before showing them.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientAuthEvent {
    /// The user is authenticated, by the method begun last. After the method `none` this means that the server
    /// asked for no proof at all.
    Success,
    /// The request was refused, or was good and is not enough.
    Failure {
        /// The methods that the server would now consider, as it names them.
        methods_that_can_continue: Vec<String>,
        /// Whether the request itself succeeded.
        partial_success: bool,
    },
    /// The application refused to answer a question: the attempt is over and another one may begin.
    Abandoned,
    /// A text for the user (RFC 4252 §5.4). What was not UTF-8 in it is replaced.
    Banner(String),
    /// The server would accept the key that was offered; [`Self::SignatureWanted`] follows by itself.
    KeyAcceptable,
    /// A signature is needed.
    SignatureWanted(SignatureQuestion),
    /// The server asks the user something.
    Prompts(PromptQuestion),
    /// The server tells the user something within keyboard-interactive and asks nothing.
    Info {
        /// A title; may be empty.
        name: String,
        /// The text; may be empty, but not both.
        instruction: String,
    },
    /// The password has expired and a new one is needed.
    PasswordChange(PasswordChangeQuestion),
}

/// What a server is asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerAuthEvent {
    /// A client tries to authenticate and waits for the answer.
    Attempt(Attempt),
}
