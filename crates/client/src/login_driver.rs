//! Logging in over a connection: does what the decisions of `login` say, and asks whom they need.

use crate::credential::Credential;
use crate::error::{Error, Phase};
use crate::handshake::{Handshake, closed, exchange_keys};
use crate::key_source::{KeySource, KeySourceError};
use crate::known_hosts_files::HostName;
use crate::login::{Login, Outcome, Shape, Step};
use crate::login_report::LoginReport;
use crate::off_thread::off_thread;
use crate::options::ClientOptions;
use crate::secret::Secret;
use konko_transport::keys::private_key::PrivateKey;
use konko_transport::keys::public_key::PublicKey;
use konko_transport::userauth::{
    ClientAuthEvent, Method, PasswordChangeQuestion, PromptQuestion, SignatureQuestion,
};
use konko_transport::{Client, ClientEvent};
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
    /// The loaded keys, by the place of their credential.
    keys: Vec<Option<KeySource>>,
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
        let keys = options.credentials.iter().map(|_| None).collect();
        Self { connection, options, host, keys, banners: Vec::new() }
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
            Step::LoadKey(credential) => {
                self.load_key(*credential, login).await;
                Ok(None)
            }
            Step::Probe => self.attempt(Method::None, None).await.map(Some),
            Step::TryKey { credential, algorithm, query_first } => {
                let Some(Some(source)) = self.keys.get(*credential) else {
                    return Ok(Some(Outcome::Abandoned("the key is not loaded".to_owned())));
                };
                let key = source.public_key().clone();
                let method = Method::PublicKey { key, algorithm, query_first: *query_first };
                self.attempt(method, Some(*credential)).await.map(Some)
            }
            Step::TryPassword { credential, attempt } => match self.password(*credential, *attempt).await {
                Some(password) if password.expose().len() > MAXIMUM_SECRET_LEN => {
                    Ok(Some(Outcome::Abandoned(TOO_LONG.to_owned())))
                }
                Some(password) => {
                    let method = Method::Password(password.to_zeroizing());
                    self.attempt(method, Some(*credential)).await.map(Some)
                }
                None => Ok(Some(Outcome::Abandoned("nobody gave the password".to_owned()))),
            },
            Step::TryDialogue { credential, .. } => {
                let method = Method::KeyboardInteractive { submethods: String::new() };
                self.attempt(method, Some(*credential)).await.map(Some)
            }
        }
    }

    async fn load_key(&mut self, index: usize, login: &mut Login) {
        let loaded = match self.options.credentials.get(index) {
            Some(Credential::PrivateKey(key)) => Ok(KeySource::Ready(Arc::clone(key))),
            Some(Credential::KeyFile(file)) => match KeySource::open(file).await {
                Err(KeySourceError::Missing(_)) if file.optional => return login.unusable(index, None),
                result => result,
            },
            _ => return login.unusable(index, Some("it is not a key".to_owned())),
        };
        match loaded {
            Ok(source) => {
                let key = source.public_key();
                let mut description = format!("the {} key {}", key.key_type(), key.fingerprint());
                if let Some(Credential::KeyFile(file)) = self.options.credentials.get(index) {
                    description = format!("{description} from {}", file.path.display());
                }
                login.key_loaded(index, key.key_type(), source.is_ready(), description);
                if let Some(slot) = self.keys.get_mut(index) {
                    *slot = Some(source);
                }
            }
            Err(error) => login.unusable(index, Some(error.to_string())),
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
    async fn attempt(&mut self, method: Method, credential: Option<usize>) -> Result<Outcome, Error> {
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
                    if let Err(why) = self.sign(question, credential).await? {
                        given_up = why;
                    }
                }
                ClientAuthEvent::Prompts(question) => {
                    if let Err(why) = self.answer(question, credential).await? {
                        given_up = why;
                    }
                }
                ClientAuthEvent::PasswordChange(question) => {
                    if let Err(why) = self.change_password(question, credential).await? {
                        given_up = why;
                    }
                }
                ClientAuthEvent::Info { name, instruction } => {
                    if let Some(Credential::KeyboardInteractive(prompter)) = self.credential(credential) {
                        prompter.prompts(&name, &instruction, &[]).await;
                    }
                }
                event => tracing::debug!(?event, "nothing to do"),
            }
        }
    }

    fn credential(&self, index: Option<usize>) -> Option<&'a Credential> {
        self.options.credentials.get(index?)
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
        credential: Option<usize>,
    ) -> Result<Result<(), String>, Error> {
        let source = credential.and_then(|index| self.keys.get_mut(index)).and_then(Option::as_mut);
        let signed = match source {
            Some(source) => match source.unlock().await {
                Ok(key) => sign_off_thread(key, &question).await,
                Err(error) => Err(error.to_string()),
            },
            None => Err("the key is not loaded".to_owned()),
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

    async fn answer(
        &mut self,
        question: PromptQuestion,
        credential: Option<usize>,
    ) -> Result<Result<(), String>, Error> {
        let answers = match self.credential(credential) {
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
        credential: Option<usize>,
    ) -> Result<Result<(), String>, Error> {
        let prompter = match self.credential(credential) {
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

fn shape(credential: &Credential) -> Shape {
    match credential {
        Credential::None => Shape::None,
        Credential::Password(_) => Shape::Password,
        Credential::PasswordPrompt(_) => Shape::PasswordPrompt,
        Credential::PrivateKey(_) | Credential::KeyFile(_) => Shape::Key,
        Credential::KeyboardInteractive(_) => Shape::KeyboardInteractive,
    }
}

/// An RSA signature takes milliseconds, which other connections of this thread should not wait for.
async fn sign_off_thread(key: Arc<PrivateKey>, question: &SignatureQuestion) -> Result<Vec<u8>, String> {
    let (algorithm, data) = (question.algorithm, question.data.clone());
    match off_thread(move || key.sign(algorithm, &data)).await {
        Ok(signed) => signed.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
