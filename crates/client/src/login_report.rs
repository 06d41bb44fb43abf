//! What was tried to log in, and what came of it.

use konko_transport::keys::fingerprint::Fingerprint;

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptResult {
    /// The user is authenticated.
    Accepted,
    /// The attempt succeeded and the server wants more.
    AcceptedPartially,
    /// The server refused it.
    Refused,
    /// The server refused it and does not offer the method at this point.
    NotOffered,
    /// The connection ended before the server answered.
    Unanswered,
    /// It was not tried: the server does not offer the method.
    MethodNotOffered,
    /// It was not tried: the server takes no signature algorithm of this key that we may use.
    NoCommonSignatureAlgorithm,
    /// It was not tried: it is a key of an agent, and only keys that are named may be used (`IdentitiesOnly`).
    NotNamed,
    /// It was not tried, or not to the end: this is why (no such file, wrong passphrase, nobody answered).
    Unusable(String),
}

impl std::fmt::Display for AttemptResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::AcceptedPartially => f.write_str("accepted, and the server wants more"),
            Self::Refused => f.write_str("refused"),
            Self::NotOffered => f.write_str("refused; the server does not offer this method"),
            Self::Unanswered => f.write_str("not answered; the connection ended"),
            Self::MethodNotOffered => f.write_str("not tried; the server does not offer this method"),
            Self::NoCommonSignatureAlgorithm => f.write_str(
                "not tried; the server takes no signature algorithm of this key that is enabled here",
            ),
            Self::NotNamed => f.write_str("not tried; only keys that are named may be used"),
            Self::Unusable(why) => write!(f, "not usable: {why}"),
        }
    }
}

/// One attempt to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptReport {
    /// The method: `none`, `publickey`, `password`, `keyboard-interactive` or `hostbased`.
    pub method: &'static str,
    /// Which credential and where it is from, in words without secrets.
    pub credential: String,
    /// The fingerprint of the key, or of the certified key, of an attempt with one that is known.
    pub fingerprint: Option<Fingerprint>,
    /// The signature algorithm, of an attempt with a key.
    pub algorithm: Option<&'static str>,
    /// What came of it.
    pub result: AttemptResult,
    /// The methods that the server would consider after it, where it answered with a refusal or a partial success;
    /// escape them before showing them.
    pub methods_that_can_continue: Option<Vec<String>>,
}

impl std::fmt::Display for AttemptReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.method)?;
        if !self.credential.is_empty() {
            write!(f, " with {}", self.credential)?;
        }
        if let Some(algorithm) = self.algorithm {
            write!(f, " ({algorithm})")?;
        }
        write!(f, ": {}", self.result)?;
        match &self.methods_that_can_continue {
            Some(methods) if self.result == AttemptResult::AcceptedPartially => {
                write!(f, " ({})", crate::printable::printable(&methods.join(","), false))
            }
            _ => Ok(()),
        }
    }
}

/// Everything that was tried to log in, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginReport {
    /// The user name.
    pub user: String,
    /// What was tried.
    pub attempts: Vec<AttemptReport>,
    /// The methods that the server would still consider, as it named them last; escape them before showing them.
    pub methods_that_can_continue: Vec<String>,
}

impl LoginReport {
    /// Whether the server let the user in without any proof (the method `none`). Whatever asks for a password
    /// after that is not this library.
    pub fn is_without_proof(&self) -> bool {
        let mut accepted = self.attempts.iter().filter(|attempt| {
            matches!(attempt.result, AttemptResult::Accepted | AttemptResult::AcceptedPartially)
        });
        accepted.next().is_some_and(|attempt| attempt.method == "none") && accepted.next().is_none()
    }
}

impl std::fmt::Display for LoginReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let methods = crate::printable::printable(&self.methods_that_can_continue.join(","), false);
        write!(f, "user \"{}\"", crate::printable::printable(&self.user, false))?;
        if !methods.is_empty() {
            write!(f, ", methods that the server offers: {methods}")?;
        }
        if self.attempts.is_empty() {
            f.write_str("; nothing was tried")?;
        }
        for attempt in &self.attempts {
            write!(f, "\n  {attempt}")?;
        }
        Ok(())
    }
}
