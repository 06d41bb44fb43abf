//! What the user can prove themselves with, as the configuration has it.

use crate::agent::location::environment_agents;
use crate::agent::source::AgentSource;
use crate::agent::system_agent::SystemAgent;
use crate::configured::error::Error;
use crate::credential::{Credential, HostBased, KeyFile, Passphrase};
use crate::options::AddKeysToAgent;
use crate::prompter::Prompter;
use konko_config::{AgentPath, Keyword, Origin, PubkeyAuthentication, Resolved};
use konko_transport::userauth::MethodName;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The methods in the order of ssh(1).
const USUAL_METHODS: [MethodName; 4] =
    [MethodName::HostBased, MethodName::PublicKey, MethodName::KeyboardInteractive, MethodName::Password];
/// Methods that ssh(1) has and this client has not. They are passed over.
const OTHER_METHODS: [&str; 2] = ["gssapi-with-mic", "gssapi-keyex"];
/// The keys of this host.
const HOST_KEYS: [&str; 3] =
    ["/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_rsa_key"];

/// Whether a person may be asked.
pub(crate) fn may_ask(config: &Resolved) -> bool {
    !config.flag(Keyword::BatchMode)
}

/// The methods that may be used, in order.
pub(crate) fn methods(config: &Resolved) -> Result<Vec<MethodName>, Error> {
    let mut methods = Vec::new();
    match config.preferred_authentications() {
        None => methods.extend(USUAL_METHODS),
        Some(names) => {
            for name in names {
                match MethodName::by_name(name.as_bytes()) {
                    Some(method) => methods.push(method),
                    None if OTHER_METHODS.contains(&name) => {}
                    None => {
                        return Err(Error::Value {
                            origin: config.origin(Keyword::PreferredAuthentications),
                            keyword: Keyword::PreferredAuthentications,
                            reason: format!("there is no method \"{name}\""),
                        });
                    }
                }
            }
        }
    }
    let asks = may_ask(config) && config.number(Keyword::NumberOfPasswordPrompts) > 0;
    methods.retain(|method| match method {
        MethodName::PublicKey => config.pubkey_authentication() != PubkeyAuthentication::No,
        MethodName::Password => asks && config.flag(Keyword::PasswordAuthentication),
        MethodName::KeyboardInteractive => asks && config.flag(Keyword::KbdInteractiveAuthentication),
        MethodName::HostBased => config.flag(Keyword::HostbasedAuthentication),
        _ => false,
    });
    Ok(methods)
}

/// The agent at that place; `None` where there is none.
fn agent_at(place: &AgentPath) -> Option<AgentSource> {
    match place {
        AgentPath::Usual => environment_agents().ok().map(|_| AgentSource::Environment),
        AgentPath::Variable(name) => match std::env::var_os(name).filter(|path| !path.is_empty()) {
            Some(path) => Some(AgentSource::Path(PathBuf::from(path))),
            None => {
                tracing::debug!("the environment has no variable {name}, which would name the agent.");
                None
            }
        },
        AgentPath::Socket(path) => Some(AgentSource::Path(PathBuf::from(path))),
        _ => None,
    }
}

/// Which agent is given the keys that were opened (`AddKeysToAgent`). Where the user would have to be asked and may not
/// be, none is.
pub(crate) fn keys_added_to(config: &Resolved) -> Option<AddKeysToAgent> {
    let (seconds, confirm, ask) = match config.add_keys_to_agent() {
        konko_config::AddKeysToAgent::Yes { seconds } => (seconds, false, false),
        konko_config::AddKeysToAgent::Confirm { seconds } => (seconds, true, false),
        konko_config::AddKeysToAgent::Ask if may_ask(config) => (0, false, true),
        _ => return None,
    };
    let agent = SystemAgent::new(agent_at(&config.identity_agent())?);
    let mut adding = AddKeysToAgent::new(Arc::new(agent));
    adding.lifetime = (seconds != 0).then(|| Duration::from_secs(seconds.into()));
    adding.confirm = confirm;
    adding.ask = ask;
    Some(adding)
}

/// The agent that keys are taken from (`IdentityAgent`).
pub(crate) fn agent_of(config: &Resolved) -> Option<AgentSource> {
    agent_at(&config.identity_agent())
}

/// The agent that is forwarded (`ForwardAgent`): none if that is not asked for, or there is none.
pub fn agent_to_forward(config: &Resolved) -> Option<AgentSource> {
    match config.forward_agent()? {
        AgentPath::Usual => agent_of(config),
        place => agent_at(&place),
    }
}

/// The files that are named, or those where keys usually are. One whose name cannot be made out is a warning.
fn key_files(config: &Resolved, passphrase: &Passphrase) -> Vec<Credential> {
    let mut files = Vec::new();
    for named in config.identity_files() {
        if named.written.eq_ignore_ascii_case("none") {
            continue;
        }
        match &named.path {
            Ok(path) => {
                let file = KeyFile::new(path).with_passphrase(passphrase.clone()).optional();
                files.push(Credential::KeyFile(file));
            }
            Err(problem) => {
                tracing::warn!("{}: IdentityFile {}: {problem}.", named.origin, named.written);
            }
        }
    }
    files
}

fn certificate_files(config: &Resolved) -> Vec<Credential> {
    let mut files = Vec::new();
    for named in config.certificate_files().iter().filter(|named| named.written != "none") {
        match &named.path {
            Ok(path) => files.push(Credential::CertificateFile(PathBuf::from(path))),
            Err(problem) => {
                tracing::warn!("{}: CertificateFile {}: {problem}.", named.origin, named.written);
            }
        }
    }
    files
}

/// The word of this host by each of its keys that can be read: OpenSSH's helper `ssh-keysign` is not called.
fn host_based(config: &Resolved) -> Vec<Credential> {
    let readable = |path: &&&str| std::fs::File::open(Path::new(path)).is_ok();
    let tokens = config.tokens();
    let host = tokens.get('l').unwrap_or_default();
    let user = tokens.get('u').unwrap_or_default();
    let words: Vec<_> = HOST_KEYS
        .iter()
        .filter(readable)
        .map(|key| Credential::HostBased(HostBased::new(*key, host, user)))
        .collect();
    if words.is_empty() {
        tracing::debug!("HostbasedAuthentication: the keys of this host cannot be read.");
    }
    words
}

/// Everything that the user can prove themselves with by these methods, in order.
pub(crate) fn credentials(
    config: &Resolved,
    methods: &[MethodName],
    prompter: Option<&Arc<dyn Prompter>>,
) -> Vec<Credential> {
    // As ssh(1) does, ask without any proof first: a server may be content with that.
    let mut credentials = vec![Credential::None];
    let prompter = prompter.filter(|_| may_ask(config));
    if methods.contains(&MethodName::HostBased) {
        credentials.extend(host_based(config));
    }
    if methods.contains(&MethodName::PublicKey) {
        let passphrase = prompter.map_or(Passphrase::None, |prompter| Passphrase::Ask(Arc::clone(prompter)));
        let files = key_files(config, &passphrase);
        let agent = agent_of(config);
        let agent = agent.map(|source| Credential::agent(SystemAgent::new(source)));
        credentials.extend(certificate_files(config));
        // Keys that are named come before the agent's others; the usual files come last.
        let named = config.identity_files().first().is_some_and(|file| file.origin != Origin::Default);
        if named {
            credentials.extend(files);
            credentials.extend(agent);
        } else {
            credentials.extend(agent);
            credentials.extend(files);
        }
    }
    if let Some(prompter) = prompter {
        if methods.contains(&MethodName::KeyboardInteractive) {
            credentials.push(Credential::KeyboardInteractive(Arc::clone(prompter)));
        }
        if methods.contains(&MethodName::Password) {
            credentials.push(Credential::PasswordPrompt(Arc::clone(prompter)));
        }
    }
    credentials
}
