//! What the user is asked while a connection is made.

use crate::notice::tell;
use crate::question::ask;
use konko::client::{
    BoxedFuture, HostKeyAnswer, HostKeyPrompter, HostKeyUpdate, Prompt, Prompter, Secret, UnknownHostKey,
    printable,
};
use konko::transport::keys::fingerprint::Fingerprint;
use konko::transport::keys::identity::Identity;
use konko::transport::keys::randomart::{Digest, randomart};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a question is asked until there is an answer to it.
const MAXIMUM_QUESTIONS: usize = 3;

/// Asks the user for passwords, passphrases and answers.
#[derive(Debug)]
pub struct UserPrompter {
    user: String,
    host: String,
    /// Whether banners are shown.
    banners: bool,
    /// Whether fingerprints are shown by MD5.
    md5: bool,
    /// Set when the server may be an impostor: it gets no password then.
    passwords_withheld: Arc<AtomicBool>,
}

impl UserPrompter {
    /// For this user at this host.
    pub fn new(
        user: &str,
        host: &str,
        banners: bool,
        md5: bool,
        passwords_withheld: Arc<AtomicBool>,
    ) -> Self {
        Self { user: user.to_owned(), host: host.to_owned(), banners, md5, passwords_withheld }
    }

    /// Says so if no password may be given.
    fn withholds(&self, method: &str) -> bool {
        let withheld = self.passwords_withheld.load(Ordering::Relaxed);
        if withheld {
            tell(format_args!("{method} authentication is disabled to avoid man-in-the-middle attacks."));
        }
        withheld
    }
}

impl Prompter for UserPrompter {
    fn password<'a>(&'a self, user: &'a str, host: &'a str, attempt: u32) -> BoxedFuture<'a, Option<Secret>> {
        Box::pin(async move {
            if self.withholds("Password") {
                return None;
            }
            if attempt > 1 {
                tell("Permission denied, please try again.");
            }
            ask(format!("{user}@{host}'s password: "), false).await.map(Secret::from)
        })
    }

    fn passphrase<'a>(&'a self, path: &'a Path, _attempt: u32) -> BoxedFuture<'a, Option<Secret>> {
        Box::pin(async move {
            let answer = ask(format!("Enter passphrase for key '{}': ", path.display()), false).await?;
            // An empty one means that the key is not to be used.
            (!answer.is_empty()).then(|| Secret::from(answer))
        })
    }

    fn prompts<'a>(
        &'a self,
        name: &'a str,
        instruction: &'a str,
        prompts: &'a [Prompt],
    ) -> BoxedFuture<'a, Option<Vec<Secret>>> {
        Box::pin(async move {
            if !prompts.is_empty() && self.withholds("Keyboard-interactive") {
                return None;
            }
            for text in [name, instruction] {
                if !text.is_empty() {
                    tell(printable(text, true).trim_end_matches('\n'));
                }
            }
            let mut answers = Vec::with_capacity(prompts.len());
            for Prompt { text, echo } in prompts {
                let text = format!("({}@{}) {}", self.user, self.host, printable(text, true));
                answers.push(ask(text, *echo).await.map(Secret::from)?);
            }
            Some(answers)
        })
    }

    fn change_password<'a>(
        &'a self,
        user: &'a str,
        message: &'a str,
    ) -> BoxedFuture<'a, Option<(Secret, Secret)>> {
        Box::pin(async move {
            if self.withholds("Password") {
                return None;
            }
            if !message.is_empty() {
                tell(printable(message, true).trim_end_matches('\n'));
            }
            let whose = format!("{user}@{}'s", self.host);
            let old = ask(format!("Enter {whose} old password: "), false).await?;
            loop {
                let new = ask(format!("Enter {whose} new password: "), false).await?;
                if ask(format!("Retype {whose} new password: "), false).await? == new {
                    return Some((Secret::from(old), Secret::from(new)));
                }
                tell("Mismatch; try again, EOF to quit.");
            }
        })
    }

    /// As ssh(1): no answer but the end of the line is yes, too.
    fn add_key_to_agent<'a>(&'a self, path: &'a Path, comment: &'a str) -> BoxedFuture<'a, bool> {
        Box::pin(async move {
            let comment = printable(comment, false);
            let answer = ask(format!("Add key {} ({comment}) to agent? ", path.display()), true).await;
            answer.is_some_and(
                |answer| matches!(answer.trim(), text if text.is_empty() || text.eq_ignore_ascii_case("yes")),
            )
        })
    }

    fn update_host_keys<'a>(&'a self, update: &'a HostKeyUpdate) -> BoxedFuture<'a, bool> {
        Box::pin(async move {
            let mut prompt = format!("The server at '{}' has updated its host keys.\n", update.name);
            for (keys, what) in
                [(&update.learned, "Learned new hostkey"), (&update.removed, "Deprecating obsolete hostkey")]
            {
                for key in keys {
                    let fingerprint = in_words(key.fingerprint(), self.md5);
                    let kind = short_type(key.key_type());
                    prompt.push_str(&format!("{what}: {kind} {fingerprint}\n"));
                }
            }
            for _ in 0..MAXIMUM_QUESTIONS {
                prompt.push_str("Accept updated hostkeys? (yes/no): ");
                let Some(answer) = ask(prompt, true).await else { return false };
                match answer.trim() {
                    text if text.eq_ignore_ascii_case("yes") => return true,
                    text if text.eq_ignore_ascii_case("no") => return false,
                    _ => prompt = "Please enter \"yes\" or \"no\"\n".to_owned(),
                }
            }
            false
        })
    }

    fn banner<'a>(&'a self, text: &'a str) -> BoxedFuture<'a, ()> {
        Box::pin(async move {
            if self.banners {
                tell(printable(text, true).trim_end_matches('\n'));
            }
        })
    }
}

/// Asks the user about unknown host keys.
#[derive(Debug)]
pub struct HostKeyQuestion {
    /// Whether it is said that a key was added.
    pub notices: bool,
    /// Whether a picture of the key is shown.
    pub visual: bool,
    /// Whether fingerprints are shown by MD5.
    pub md5: bool,
}

/// A fingerprint as the user wants to see it.
fn in_words(fingerprint: Fingerprint, md5: bool) -> String {
    if md5 { fingerprint.md5().to_string() } else { fingerprint.to_string() }
}

/// The short name of a key type, for example `ED25519`.
pub fn short_type(key_type: &str) -> &str {
    match key_type {
        "ssh-ed25519" => "ED25519",
        "ssh-rsa" => "RSA",
        "ssh-dss" => "DSA",
        other if other.starts_with("ecdsa-") => "ECDSA",
        other => other,
    }
}

impl HostKeyPrompter for HostKeyQuestion {
    fn ask<'a>(&'a self, question: &'a UnknownHostKey) -> BoxedFuture<'a, HostKeyAnswer> {
        Box::pin(async move {
            let (kind, fingerprint) =
                (short_type(question.key.key_type()), in_words(question.key.fingerprint(), self.md5));
            let mut prompt = format!(
                "The authenticity of host '{}' can't be established.\n{kind} key fingerprint is {fingerprint}.\n",
                question.name
            );
            if self.visual {
                let key = Identity::Key(question.key.clone());
                let digest = if self.md5 { Digest::Md5 } else { Digest::Sha256 };
                prompt.push_str(&format!("{}\n", randomart(&key, digest)));
            }
            for known in &question.known_by {
                let known_kind = short_type(known.key_type());
                prompt.push_str(&format!(
                    "The host is known by its {known_kind} key {}.\n",
                    in_words(known.fingerprint(), self.md5)
                ));
            }
            prompt.push_str("Are you sure you want to continue connecting (yes/no/[fingerprint])? ");
            loop {
                let Some(answer) = ask(prompt, true).await else { return HostKeyAnswer::Refuse };
                let answer = answer.trim();
                if answer.eq_ignore_ascii_case("yes") || answer == fingerprint {
                    if self.notices {
                        tell(format_args!(
                            "Warning: Permanently added '{}' ({kind}) to the list of known hosts.",
                            question.name
                        ));
                    }
                    return HostKeyAnswer::Accept;
                }
                // As in OpenSSH, no answer at all is no.
                if answer.is_empty() || answer.eq_ignore_ascii_case("no") {
                    return HostKeyAnswer::Refuse;
                }
                prompt = "Please type 'yes', 'no' or the fingerprint: ".to_owned();
            }
        })
    }
}
