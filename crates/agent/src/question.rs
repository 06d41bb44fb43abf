//! What an agent asks the application before it signs.

use crate::signed_data::SignedData;
use konko_keys::Fingerprint;

/// Shall this be signed? Everything in it but the fingerprint comes from elsewhere: escape it before showing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignQuestion {
    /// The public key or certificate.
    pub key_blob: Vec<u8>,
    /// A short name of the bare key, to compare.
    pub fingerprint: Fingerprint,
    /// The key's comment.
    pub comment: String,
    /// What the signature would mean.
    pub data: SignedData,
    /// Whether the request has come from another host by way of a forwarded connection, as far as is known: only
    /// clients that bind their connections say so.
    pub is_forwarded: bool,
    /// Why it is asked.
    pub reason: QuestionReason,
}

/// Why a [`SignQuestion`] is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuestionReason {
    /// The key was added with the constraint that every use be confirmed.
    Constraint,
    /// The keyring's own policy.
    Policy,
}
