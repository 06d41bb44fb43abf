//! `AddKeysToAgent`: the key that let the user in is given to the agent.

use crate::agent::connection::AgentConnection;
use crate::agent::error::Error as AgentError;
use crate::agent::source::AgentSource;
use crate::boxed_future::BoxedFuture;
use crate::configured::attendant::{Attendance, Attendant};
use crate::configured::credentials::agent_of;
use crate::known_hosts_files::KnownHostsFiles;
use crate::login_report::{AttemptResult, LoginReport};
use crate::off_thread::off_thread;
use crate::prompter::{Prompt, Prompter};
use crate::secret::Secret;
use konko_agent::{AddIdentity, AgentKey, Constraint};
use konko_config::{AddKeysToAgent, Resolved};
use konko_transport::keys::fingerprint::Fingerprint;
use konko_transport::keys::key_file::Permissions;
use konko_transport::keys::private_key::PrivateKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Asks somebody else, and keeps the passphrases in mind until the connection is made.
struct Remembering {
    inner: Arc<dyn Prompter>,
    passphrases: Arc<Passphrases>,
}

/// The last answer for each key file.
#[derive(Default)]
pub(crate) struct Passphrases(Mutex<Vec<(PathBuf, Secret)>>);

impl Passphrases {
    fn get(&self, path: &Path) -> Option<Secret> {
        let passphrases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passphrases.iter().rev().find(|(other, _)| other == path).map(|(_, passphrase)| passphrase.clone())
    }
}

impl Prompter for Remembering {
    fn password<'a>(&'a self, user: &'a str, host: &'a str, attempt: u32) -> BoxedFuture<'a, Option<Secret>> {
        self.inner.password(user, host, attempt)
    }

    fn passphrase<'a>(&'a self, path: &'a Path, attempt: u32) -> BoxedFuture<'a, Option<Secret>> {
        Box::pin(async move {
            let passphrase = self.inner.passphrase(path, attempt).await?;
            let mut passphrases = self.passphrases.0.lock().unwrap_or_else(PoisonError::into_inner);
            passphrases.push((path.to_owned(), passphrase.clone()));
            Some(passphrase)
        })
    }

    fn prompts<'a>(
        &'a self,
        name: &'a str,
        instruction: &'a str,
        prompts: &'a [Prompt],
    ) -> BoxedFuture<'a, Option<Vec<Secret>>> {
        self.inner.prompts(name, instruction, prompts)
    }

    fn change_password<'a>(
        &'a self,
        user: &'a str,
        message: &'a str,
    ) -> BoxedFuture<'a, Option<(Secret, Secret)>> {
        self.inner.change_password(user, message)
    }

    fn banner<'a>(&'a self, text: &'a str) -> BoxedFuture<'a, ()> {
        self.inner.banner(text)
    }
}

/// Whoever attends, with a memory for passphrases.
pub(crate) struct RememberingAttendant<'a> {
    pub(crate) inner: &'a dyn Attendant,
    pub(crate) passphrases: Arc<Passphrases>,
}

impl Attendant for RememberingAttendant<'_> {
    fn attend(&self, config: &Resolved, files: KnownHostsFiles) -> Attendance {
        let mut attendance = self.inner.attend(config, files);
        if config.add_keys_to_agent() != AddKeysToAgent::No {
            let passphrases = Arc::clone(&self.passphrases);
            let remember = |inner| Arc::new(Remembering { inner, passphrases }) as Arc<dyn Prompter>;
            attendance.prompter = attendance.prompter.map(remember);
        }
        attendance
    }
}

/// The key by which the user was let in, or that was one of several proofs.
fn accepted_keys(report: &LoginReport) -> Vec<Fingerprint> {
    let accepted =
        |result: &AttemptResult| matches!(result, AttemptResult::Accepted | AttemptResult::AcceptedPartially);
    let attempts = report.attempts.iter().filter(|attempt| accepted(&attempt.result));
    attempts
        .filter(|attempt| attempt.method == "publickey")
        .filter_map(|attempt| attempt.fingerprint)
        .collect()
}

/// Gives the keys by which the user was let in to the agent, if the configuration asks for it and the agent does not
/// have them. What cannot be done is told to the log: the user is in all the same.
pub(crate) async fn add_keys(
    config: &Resolved,
    report: &LoginReport,
    passphrases: &Passphrases,
    prompter: Option<&Arc<dyn Prompter>>,
) {
    let constraints = match config.add_keys_to_agent() {
        AddKeysToAgent::Yes { seconds } => lifetime(seconds),
        AddKeysToAgent::Confirm { seconds } => [vec![Constraint::Confirm], lifetime(seconds)].concat(),
        AddKeysToAgent::Ask => Vec::new(),
        _ => return,
    };
    let accepted = accepted_keys(report);
    let Some(source) = agent_of(config).filter(|_| !accepted.is_empty()) else { return };
    for named in config.identity_files() {
        let Ok(path) = &named.path else { continue };
        let path = PathBuf::from(path);
        let passphrase = passphrases.get(&path);
        let Some(key) = load(path.clone(), passphrase).await else { continue };
        if !accepted.contains(&key.public_key().fingerprint()) {
            continue;
        }
        if config.add_keys_to_agent() == AddKeysToAgent::Ask && !agrees(&path, prompter).await {
            continue;
        }
        match add(&source, key, &path, &constraints).await {
            Ok(true) => tracing::debug!("The key {} is added to {source}.", path.display()),
            Ok(false) => {}
            Err(error) => tracing::debug!("The key {} is not added to {source}: {error}.", path.display()),
        }
    }
}

fn lifetime(seconds: u32) -> Vec<Constraint> {
    if seconds == 0 { Vec::new() } else { vec![Constraint::Lifetime { seconds }] }
}

/// The key of a file, if it is one and the passphrase fits.
async fn load(path: PathBuf, passphrase: Option<Secret>) -> Option<PrivateKey> {
    let loaded = off_thread(move || {
        let passphrase = passphrase.as_ref().map(|passphrase| passphrase.expose().as_bytes());
        PrivateKey::load(&path, passphrase, Permissions::Check)
    });
    loaded.await.ok()?.ok()
}

async fn agrees(path: &Path, prompter: Option<&Arc<dyn Prompter>>) -> bool {
    let Some(prompter) = prompter else { return false };
    let text = format!("Add the key {} to the agent (yes/no)? ", path.display());
    let prompts = [Prompt { text, echo: true }];
    let answers = prompter.prompts("", "", &prompts).await.unwrap_or_default();
    answers.first().is_some_and(|answer| answer.expose().trim().eq_ignore_ascii_case("yes"))
}

/// Whether the key was added: one that the agent has already is left as it is.
async fn add(
    source: &AgentSource,
    key: PrivateKey,
    path: &Path,
    constraints: &[Constraint],
) -> Result<bool, AgentError> {
    let agent: AgentConnection = source.connect().await?;
    let blob = key.public_key().blob().to_vec();
    if agent.identities().await?.iter().any(|identity| identity.blob == blob) {
        return Ok(false);
    }
    let comment =
        if key.comment().is_empty() { path.display().to_string() } else { key.comment().to_owned() };
    let mut identity = AddIdentity::new(AgentKey::new(key), &comment);
    identity.constraints = constraints.to_vec();
    agent.add(&identity).await?;
    Ok(true)
}
