//! What a client's machine asks its application. A question is answered once, by value; it is void after that.

use konko_keys::certificate::Certificate;
use konko_keys::public_key::PublicKey;
use konko_keys::signature_algorithm::SignatureAlgorithm;

use crate::ticket::Ticket;

/// Asks for a signature that proves the possession of a private key (RFC 4252 §7).
#[derive(Debug)]
#[must_use = "authentication waits until the question is answered or refused"]
pub struct SignatureQuestion {
    /// The public half of the key that is to sign.
    pub key: PublicKey,
    /// The certificate for that key, if it is one that is offered; a holder of several keys may know the private
    /// half by it.
    pub certificate: Option<Certificate>,
    /// The algorithm to sign with, whose name the signature has to bear; never one of certificates.
    pub algorithm: &'static SignatureAlgorithm,
    /// Exactly what is to be signed.
    pub data: Vec<u8>,
    pub(crate) ticket: Ticket,
}

/// One prompt of keyboard-interactive (RFC 4256 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What to show. Received text is not escaped, and what was not UTF-8 in it is replaced.
    pub text: String,
    /// Whether the answer may be shown while it is typed.
    pub echo: bool,
}

/// What a server asks in one round of keyboard-interactive (RFC 4256 §3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompts {
    /// A title; may be empty.
    pub name: String,
    /// An explanation; may be empty.
    pub instruction: String,
    /// The prompts, at most 100; may be none.
    pub prompts: Vec<Prompt>,
}

/// Asks the user what the server wants to know (RFC 4256 §3.2). It holds at least one prompt.
#[derive(Debug)]
#[must_use = "authentication waits until the question is answered or refused"]
pub struct PromptQuestion {
    /// A title; from the peer, so escape it before showing it.
    pub name: String,
    /// An explanation; from the peer, so escape it before showing it.
    pub instruction: String,
    /// One response is due for each, in order; from the peer, so escape them before showing them.
    pub prompts: Vec<Prompt>,
    pub(crate) ticket: Ticket,
}

/// Asks for a new password, because the server says that the old one has expired (RFC 4252 §8).
#[derive(Debug)]
#[must_use = "authentication waits until the question is answered or refused"]
pub struct PasswordChangeQuestion {
    /// What the server says; from the peer, so escape it before showing it.
    pub prompt: String,
    pub(crate) ticket: Ticket,
}
