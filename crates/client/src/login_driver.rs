//! Logging in over a connection: does what the decisions of `login` say, and asks whom they need.

use crate::credential::Credential;
use crate::error::{Error, Phase};
use crate::handshake::{Handshake, closed, exchange_keys};
use crate::key_holder::{Holder, find_keys, sign_off_thread};
use crate::key_plan::describe;
use crate::key_source::open_host_key;
use crate::known_hosts_files::HostName;
use crate::login::{Login, Outcome, Shape, Step};
use crate::login_report::LoginReport;
use crate::options::{AddKeysToAgent, ClientOptions};
use crate::secret::Secret;
use crate::signer::{AddedKey, AgentBinding};
use konko_transport::keys::identity::Identity;
use konko_transport::keys::private_key::PrivateKey;
use konko_transport::keys::public_key::PublicKey;
use konko_transport::userauth::{
    ClientAuthEvent, Method, PasswordChangeQuestion, PromptQuestion, SignatureQuestion,
};
use konko_transport::{Client, ClientEvent};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The most bytes of secrets in one message: with them it fits into a packet that every server takes.
const MAXIMUM_SECRET_LEN: usize = 16 * 1024;
/// What is said of more.
const TOO_LONG: &str = "it is longer than 16 KiB";

/// Logs in over one connection.
#[derive(Debug)]
pub(crate) struct LoginDriver<'a, C> {
    connection: &'a C,
    options: &'a ClientOptions,
    host: &'a str,
    /// Who signs for the found keys, in their order.
    holders: Vec<Holder>,
    /// The keys of this host, with the places of their credentials.
    host_keys: Vec<(usize, Arc<PrivateKey>)>,
    banners: Vec<String>,
}

/// Exchanges the first keys and logs in.
pub(crate) async fn establish(
    connection: &impl Handshake,
    name: &HostName,
    host: &str,
    options: &ClientOptions,
) -> Result<(PublicKey, LoggedIn), Error> {
    let host_key = exchange_keys(connection, name, options).await?;
    let logged_in = LoginDriver::new(connection, options, host).run().await?;
    Ok((host_key, logged_in))
}

/// What came of a login: everything that was tried, and the banners of the server, not escaped.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    pub(crate) report: LoginReport,
    pub(crate) banners: Vec<String>,
}

impl<'a, C: Handshake> LoginDriver<'a, C> {
    pub(crate) fn new(connection: &'a C, options: &'a ClientOptions, host: &'a str) -> Self {
        Self { connection, options, host, holders: Vec::new(), host_keys: Vec::new(), banners: Vec::new() }
    }

    /// Tries the credentials until one, or a chain of them, lets the user in.
    pub(crate) async fn run(mut self) -> Result<LoggedIn, Error> {
        let shapes = self.options.credentials.iter().map(|c| (shape(c), c.describe())).collect();
        let mut login = Login::new(&self.options.user, self.options.login_policy(), shapes);
        loop {
            let names =
                self.connection.with(|transport, _| transport.server_sig_algs().map(<[String]>::to_vec));
            login.set_server_sig_algs(names.as_deref());
            let step = login.next();
            let outcome = match self.take(&step, &mut login).await {
                Ok(Some(outcome)) => outcome,
                Ok(None) if step == Step::GiveUp => {
                    return Err(Error::Authentication(Box::new(login.into_report(true))));
                }
                Ok(None) => continue,
                Err(error) => return Err(error.with_report(login.into_report(false))),
            };
            let done = outcome == Outcome::Success;
            login.outcome(outcome);
            if done {
                return Ok(LoggedIn { report: login.into_report(false), banners: self.banners });
            }
        }
    }

    /// Takes one step; `None` where nothing was sent.
    async fn take(&mut self, step: &Step, login: &mut Login) -> Result<Option<Outcome>, Error> {
        match step {
            Step::GiveUp => Ok(None),
            Step::FindKeys => {
                self.bind_agents().await;
                let session_id =
                    self.connection.with(|transport, _| transport.session_id().map(<[u8]>::to_vec));
                let keys = find_keys(&self.options.credentials, &session_id.unwrap_or_default()).await;
                self.holders = keys.holders;
                login.keys_found(&keys.found, keys.unusable);
                Ok(None)
            }
            Step::LoadKey { candidate, credential } => {
                self.load_key(*candidate, *credential, login).await;
                Ok(None)
            }
            Step::Probe => self.attempt(Method::None, Proving::Nothing).await.map(Some),
            Step::TryKey { candidate, algorithm, query_first } => {
                let planned = login.key(*candidate);
                let Some((identity, signer)) =
                    planned.and_then(|key| Some((key.identity.clone()?, key.signer)))
                else {
                    return Ok(Some(Outcome::Abandoned("the key is not loaded".to_owned())));
                };
                let query_first = *query_first;
                let method = match identity {
                    Identity::Key(key) => Method::PublicKey { key, algorithm, query_first },
                    Identity::Certificate(certificate) => {
                        Method::Certificate { certificate, algorithm, query_first }
                    }
                };
                self.attempt(method, Proving::Key(signer)).await.map(Some)
            }
            Step::TryHostBased { credential, algorithm, .. } => {
                let (Some(Credential::HostBased(host)), Some(key)) =
                    (self.options.credentials.get(*credential), self.host_key(*credential))
                else {
                    return Ok(Some(Outcome::Abandoned("the key of this host is not loaded".to_owned())));
                };
                let method = Method::HostBased {
                    key: key.public_key().clone().into(),
                    algorithm,
                    client_host_name: host.client_host_name.clone(),
                    client_user_name: host.client_user_name.clone(),
                };
                self.attempt(method, Proving::Host(*credential)).await.map(Some)
            }
            Step::TryPassword { credential, attempt } => match self.password(*credential, *attempt).await {
                Some(password) if password.expose().len() > MAXIMUM_SECRET_LEN => {
                    Ok(Some(Outcome::Abandoned(TOO_LONG.to_owned())))
                }
                Some(password) => {
                    let method = Method::Password(password.to_zeroizing());
                    self.attempt(method, Proving::Credential(*credential)).await.map(Some)
                }
                None => Ok(Some(Outcome::Abandoned("nobody gave the password".to_owned()))),
            },
            Step::TryDialogue { credential, .. } => {
                let method = Method::KeyboardInteractive { submethods: String::new() };
                self.attempt(method, Proving::Credential(*credential)).await.map(Some)
            }
        }
    }

    /// Tells agents for which connection they are going to sign.
    async fn bind_agents(&self) {
        let binding = self.connection.with(|transport, _| {
            Some(AgentBinding {
                host_key: transport.first_host_key()?.to_vec(),
                session_id: transport.session_id()?.to_vec(),
                signature: transport.first_host_signature()?.to_vec(),
            })
        });
        let Some(binding) = binding else { return };
        for credential in &self.options.credentials {
            if let Credential::Agent(agent) = credential
                && let Err(error) = agent.bind(binding.clone()).await
            {
                tracing::debug!(%error, "an agent is not bound to the connection");
            }
        }
    }

    /// Opens a key that only its passphrase brings to light, or the key of this host.
    async fn load_key(&mut self, candidate: usize, credential: usize, login: &mut Login) {
        if let Some(Credential::HostBased(host)) = self.options.credentials.get(credential) {
            match open_host_key(&host.key_file).await {
                Ok(key) => {
                    let identity = Identity::from(key.public_key().clone());
                    let words = self.options.credentials[credential].describe();
                    let description = format!(
                        "{words} by {}",
                        describe(Some(&identity), &host.key_file.display().to_string())
                    );
                    self.host_keys.push((credential, key));
                    login.key_loaded(candidate, identity, description);
                }
                Err(error) => login.unusable(candidate, error.to_string()),
            }
            return;
        }
        let signer = login.key(candidate).map(|key| key.signer);
        let source = match signer.and_then(|signer| self.holders.get_mut(signer)) {
            Some(Holder::File { source, .. }) => source,
            _ => return login.unusable(candidate, "it is not a key".to_owned()),
        };
        match source.unlock().await {
            Ok(key) => {
                let identity = Identity::from(key.public_key().clone());
                let origin = self.options.credentials.get(credential).map(Credential::describe);
                let description = describe(Some(&identity), &origin.unwrap_or_default());
                login.key_loaded(candidate, identity, description);
            }
            Err(error) => login.unusable(candidate, error.to_string()),
        }
    }

    async fn password(&self, index: usize, attempt: u32) -> Option<Secret> {
        match self.options.credentials.get(index)? {
            Credential::Password(password) => Some(password.clone()),
            Credential::PasswordPrompt(prompter) => {
                prompter.password(&self.options.user, self.host, attempt).await
            }
            _ => None,
        }
    }

    /// Sends one request and answers what the server asks, until the outcome is there.
    async fn attempt(&mut self, method: Method, proving: Proving) -> Result<Outcome, Error> {
        let user = &self.options.user;
        if let Err(error) = self.connection.with(|transport, now| transport.authenticate(user, method, now)) {
            return match self.connection.ended(Phase::Authentication) {
                Some(error) => Err(error),
                // Not sent: for example a password that does not fit into a packet.
                None => Ok(Outcome::Abandoned(error.to_string())),
            };
        }
        let mut given_up = String::new();
        loop {
            match self.next_event().await? {
                ClientAuthEvent::Success => return Ok(Outcome::Success),
                ClientAuthEvent::Failure { methods_that_can_continue, partial_success } => {
                    return Ok(Outcome::Failure { methods: methods_that_can_continue, partial_success });
                }
                ClientAuthEvent::Abandoned => return Ok(Outcome::Abandoned(given_up)),
                ClientAuthEvent::SignatureWanted(question) => {
                    if let Err(why) = self.sign(question, proving).await? {
                        given_up = why;
                    }
                }
                ClientAuthEvent::Prompts(question) => {
                    if let Err(why) = self.answer(question, proving).await? {
                        given_up = why;
                    }
                }
                ClientAuthEvent::PasswordChange(question) => {
                    if let Err(why) = self.change_password(question, proving).await? {
                        given_up = why;
                    }
                }
                ClientAuthEvent::Info { name, instruction } => {
                    if let Some(Credential::KeyboardInteractive(prompter)) = self.credential(proving) {
                        prompter.prompts(&name, &instruction, &[]).await;
                    }
                }
                event => tracing::debug!(?event, "nothing to do"),
            }
        }
    }

    fn credential(&self, proving: Proving) -> Option<&'a Credential> {
        match proving {
            Proving::Credential(index) => self.options.credentials.get(index),
            Proving::Nothing | Proving::Key(_) | Proving::Host(_) => None,
        }
    }

    fn host_key(&self, credential: usize) -> Option<&Arc<PrivateKey>> {
        self.host_keys.iter().find(|(place, _)| *place == credential).map(|(_, key)| key)
    }

    /// The next event of authentication; banners are kept and shown on the way.
    async fn next_event(&mut self) -> Result<ClientAuthEvent, Error> {
        loop {
            match self.connection.next_event().await {
                Some(ClientEvent::Auth(ClientAuthEvent::Banner(text))) => {
                    if let Some(prompter) = &self.options.prompter {
                        prompter.banner(&text).await;
                    }
                    self.banners.push(text);
                }
                Some(ClientEvent::Auth(event)) => return Ok(event),
                Some(event) => tracing::trace!(?event, "not one of authentication"),
                None => return Err(closed(self.connection, Phase::Authentication)),
            }
        }
    }

    /// The outer error is the connection's, the inner one says why the credential is given up.
    async fn sign(
        &mut self,
        question: SignatureQuestion,
        proving: Proving,
    ) -> Result<Result<(), String>, Error> {
        let signed = match proving {
            Proving::Key(signer) => match self.holders.get_mut(signer) {
                Some(holder) => {
                    let signed = holder.sign(&question).await;
                    if signed.is_ok()
                        && let Some((key, path)) = holder.opened_file()
                    {
                        self.add_to_agent(key, &path).await;
                    }
                    signed
                }
                None => Err("there is nobody to sign".to_owned()),
            },
            Proving::Host(credential) => match self.host_key(credential) {
                Some(key) => sign_off_thread(Arc::clone(key), &question).await,
                None => Err("the key of this host is not loaded".to_owned()),
            },
            Proving::Nothing | Proving::Credential(_) => Err("there is nobody to sign".to_owned()),
        };
        match signed {
            Ok(signature) => {
                self.tell(|transport, now| transport.provide_signature(question, signature, now))?;
                Ok(Ok(()))
            }
            Err(why) => {
                self.tell(|transport, _| transport.refuse_signature(question))?;
                Ok(Err(why))
            }
        }
    }

    /// Gives the key of a file to an agent that has not got it, if that is wanted. A login does not fail because of it.
    async fn add_to_agent(&self, key: Arc<PrivateKey>, path: &Path) {
        let Some(AddKeysToAgent { agent, lifetime, confirm, ask }) = &self.options.add_keys_to_agent else {
            return;
        };
        let listed = match agent.identities().await {
            Ok(listed) => listed,
            Err(error) => return tracing::debug!(%error, "a key is not added to the agent"),
        };
        let is_it =
            |identity: &Identity| matches!(identity, Identity::Key(other) if other == key.public_key());
        if listed.iter().any(|listed| is_it(&listed.identity)) {
            return;
        }
        let comment = match key.comment() {
            "" => path.display().to_string(),
            comment => comment.to_owned(),
        };
        if *ask {
            let Some(prompter) = &self.options.prompter else { return };
            if !prompter.add_key_to_agent(path, &comment).await {
                return tracing::debug!(path = %path.display(), "a key is not added to the agent: it was declined");
            }
        }
        let added = AddedKey { key, comment, lifetime: *lifetime, confirm: *confirm };
        if let Err(error) = agent.add(added).await {
            tracing::debug!(%error, "a key is not added to the agent");
        }
    }

    async fn answer(
        &mut self,
        question: PromptQuestion,
        proving: Proving,
    ) -> Result<Result<(), String>, Error> {
        let answers = match self.credential(proving) {
            Some(Credential::Password(password)) if question.prompts.len() == 1 => {
                Ok(vec![password.to_zeroizing()])
            }
            Some(Credential::Password(_)) => {
                Err("the server asks more than one thing, and a password answers one".to_owned())
            }
            Some(Credential::KeyboardInteractive(prompter)) => {
                match prompter.prompts(&question.name, &question.instruction, &question.prompts).await {
                    Some(answers) if answers.len() == question.prompts.len() => {
                        Ok(answers.iter().map(Secret::to_zeroizing).collect::<Vec<Zeroizing<String>>>())
                    }
                    Some(_) => Err("not every prompt was answered".to_owned()),
                    None => Err("nobody answered the prompts".to_owned()),
                }
            }
            _ => Err("the server asks, and there is nobody to answer".to_owned()),
        };
        let fitting = |answers: &Vec<Zeroizing<String>>| {
            answers.iter().map(|answer| answer.len()).sum::<usize>() <= MAXIMUM_SECRET_LEN
        };
        match answers
            .and_then(|answers| if fitting(&answers) { Ok(answers) } else { Err(TOO_LONG.to_owned()) })
        {
            Ok(answers) => {
                self.tell(|transport, now| transport.answer_prompts(question, answers, now))?;
                Ok(Ok(()))
            }
            Err(why) => {
                self.tell(|transport, _| transport.refuse_prompts(question))?;
                Ok(Err(why))
            }
        }
    }

    async fn change_password(
        &mut self,
        question: PasswordChangeQuestion,
        proving: Proving,
    ) -> Result<Result<(), String>, Error> {
        let prompter = match self.credential(proving) {
            Some(Credential::PasswordPrompt(prompter)) => Some(prompter),
            _ => self.options.prompter.as_ref(),
        };
        let passwords = match prompter {
            Some(prompter) => prompter.change_password(&self.options.user, &question.prompt).await,
            None => None,
        };
        match passwords {
            Some((old, new)) if old.expose().len() + new.expose().len() > MAXIMUM_SECRET_LEN => {
                self.tell(|transport, _| transport.refuse_password_change(question))?;
                Ok(Err(TOO_LONG.to_owned()))
            }
            Some((old, new)) => {
                self.tell(|transport, now| {
                    transport.change_password(question, old.to_zeroizing(), new.to_zeroizing(), now)
                })?;
                Ok(Ok(()))
            }
            None => {
                self.tell(|transport, _| transport.refuse_password_change(question))?;
                Ok(Err("the password has expired, and nobody gave a new one".to_owned()))
            }
        }
    }

    fn tell(
        &self,
        command: impl FnOnce(
            &mut konko_transport::Transport<Client>,
            std::time::Instant,
        ) -> Result<(), konko_transport::Error>,
    ) -> Result<(), Error> {
        self.connection.with(command).map_err(|error| {
            let ended = self.connection.ended(Phase::Authentication);
            ended.unwrap_or_else(|| Error::of_transport(error, Phase::Authentication))
        })
    }
}

/// What an attempt is made with.
#[derive(Debug, Clone, Copy)]
enum Proving {
    Nothing,
    /// A credential of this place.
    Credential(usize),
    /// A key, for which this holder signs.
    Key(usize),
    /// The key of this host, of a credential of this place.
    Host(usize),
}

const fn shape(credential: &Credential) -> Shape {
    match credential {
        Credential::None => Shape::None,
        Credential::Password(_) => Shape::Password,
        Credential::PasswordPrompt(_) => Shape::PasswordPrompt,
        Credential::PrivateKey(_)
        | Credential::KeyFile(_)
        | Credential::Signer(_)
        | Credential::Agent(_)
        | Credential::CertificateFile(_) => Shape::Key,
        Credential::KeyboardInteractive(_) => Shape::KeyboardInteractive,
        Credential::HostBased(_) => Shape::HostBased,
    }
}
