//! What applies to one host.

use crate::error::{Note, Problem};
use crate::forward::Forward;
use crate::jump::JumpHost;
use crate::keyword::Keyword;
use crate::origin::Origin;
use crate::settings::{Setting, Settings};
use crate::token::Tokens;
use crate::typed::{
    AddKeysToAgent, AddressFamily, AgentPath, LogLevel, PubkeyAuthentication, RequestTty, SessionType,
    StrictHostKeyChecking, YesNoAsk,
};
use crate::value::Value;

/// A file that is named, with its tokens, variables and `~` replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedFile {
    /// As it was written.
    pub written: String,
    /// The path, or what is wrong with it.
    pub path: Result<String, Problem>,
    /// Where it was named; [`Origin::Default`] for the usual files, which need not be there.
    pub origin: Origin,
}

/// The lists of algorithms, each name one that the program has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlgorithmLists {
    /// `Ciphers`.
    pub ciphers: Vec<String>,
    /// `MACs`.
    pub macs: Vec<String>,
    /// `KexAlgorithms`.
    pub kex: Vec<String>,
    /// `HostKeyAlgorithms`.
    pub host_key: Vec<String>,
    /// `PubkeyAcceptedAlgorithms`.
    pub pubkey: Vec<String>,
    /// `HostbasedAcceptedAlgorithms`.
    pub hostbased: Vec<String>,
    /// `CASignatureAlgorithms`.
    pub ca_signature: Vec<String>,
}

/// What applies to one host: every keyword has a value, or is known to have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub(crate) host: String,
    pub(crate) host_name: String,
    pub(crate) user: String,
    pub(crate) port: u16,
    pub(crate) settings: Settings,
    pub(crate) algorithms: AlgorithmLists,
    pub(crate) tokens: Tokens,
    pub(crate) identity_files: Vec<NamedFile>,
    pub(crate) certificate_files: Vec<NamedFile>,
    pub(crate) revoked_host_keys: Option<NamedFile>,
    pub(crate) notes: Vec<Note>,
}

impl Resolved {
    /// The host as it was named.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host to connect to: a name in lower case, or an address.
    pub fn host_name(&self) -> &str {
        &self.host_name
    }

    /// The user's name on the server.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What a person may want to know of the files: keywords that are deprecated, or that nobody supports any more.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Every value that a keyword has, and where each comes from: one, or as many as were gathered. Empty where
    /// there is none.
    pub fn settings(&self, keyword: Keyword) -> &[Setting] {
        self.settings.all(keyword)
    }

    /// Where the value of a keyword comes from.
    pub fn origin(&self, keyword: Keyword) -> Origin {
        self.settings.get(keyword).map_or(Origin::Default, |setting| setting.origin.clone())
    }

    /// Whether somebody gave the keyword a value.
    pub fn is_given(&self, keyword: Keyword) -> bool {
        self.settings.get(keyword).is_some_and(|setting| setting.origin != Origin::Default)
    }

    /// Whether a keyword whose values are `yes` and `no` is `yes`; `false` for any other keyword.
    pub fn flag(&self, keyword: Keyword) -> bool {
        self.settings.choice(keyword) == Some("yes")
    }

    /// The value of a keyword that is a number, or 0 for any other keyword.
    pub fn number(&self, keyword: Keyword) -> u32 {
        self.settings.number(keyword).unwrap_or(0)
    }

    /// The value of a keyword that is a time, in seconds; `None` for `none`, and for any other keyword.
    pub fn seconds(&self, keyword: Keyword) -> Option<u32> {
        self.settings.seconds(keyword)
    }

    /// The value of a keyword that is a word, or a line; `None` for `none` where that means that there is none, and
    /// for any other keyword. Tokens are replaced in `ControlPath`, `IdentityAgent`, `RemoteCommand` and the
    /// path of `ForwardAgent`, and in no other.
    pub fn text(&self, keyword: Keyword) -> Option<&str> {
        self.settings.text(keyword)
    }

    /// The value of a keyword that is several words; `None` for any other keyword.
    pub fn words(&self, keyword: Keyword) -> Option<&[String]> {
        self.settings.words(keyword)
    }

    /// `AddressFamily`.
    pub fn address_family(&self) -> AddressFamily {
        match self.settings.choice(Keyword::AddressFamily) {
            Some("inet") => AddressFamily::Inet,
            Some("inet6") => AddressFamily::Inet6,
            _ => AddressFamily::Any,
        }
    }

    /// `StrictHostKeyChecking`.
    pub fn strict_host_key_checking(&self) -> StrictHostKeyChecking {
        match self.settings.choice(Keyword::StrictHostKeyChecking) {
            Some("true") => StrictHostKeyChecking::Yes,
            Some("accept-new") => StrictHostKeyChecking::AcceptNew,
            Some("false") => StrictHostKeyChecking::No,
            _ => StrictHostKeyChecking::Ask,
        }
    }

    /// `RequestTTY`.
    pub fn request_tty(&self) -> RequestTty {
        match self.settings.choice(Keyword::RequestTTY) {
            Some("true") => RequestTty::Yes,
            Some("false") => RequestTty::No,
            Some("force") => RequestTty::Force,
            _ => RequestTty::Auto,
        }
    }

    /// `SessionType`.
    pub fn session_type(&self) -> SessionType {
        match self.settings.choice(Keyword::SessionType) {
            Some("none") => SessionType::None,
            Some("subsystem") => SessionType::Subsystem,
            _ => SessionType::Default,
        }
    }

    /// `PubkeyAuthentication`.
    pub fn pubkey_authentication(&self) -> PubkeyAuthentication {
        match self.settings.choice(Keyword::PubkeyAuthentication) {
            Some("false") => PubkeyAuthentication::No,
            Some("unbound") => PubkeyAuthentication::Unbound,
            Some("host-bound") => PubkeyAuthentication::HostBound,
            _ => PubkeyAuthentication::Yes,
        }
    }

    fn yes_no_ask(&self, keyword: Keyword) -> YesNoAsk {
        match self.settings.choice(keyword) {
            Some("true") => YesNoAsk::Yes,
            Some("ask") => YesNoAsk::Ask,
            _ => YesNoAsk::No,
        }
    }

    /// `UpdateHostKeys`.
    pub fn update_host_keys(&self) -> YesNoAsk {
        self.yes_no_ask(Keyword::UpdateHostKeys)
    }

    /// `VerifyHostKeyDNS`.
    pub fn verify_host_key_dns(&self) -> YesNoAsk {
        self.yes_no_ask(Keyword::VerifyHostKeyDNS)
    }

    /// `LogLevel`.
    pub fn log_level(&self) -> LogLevel {
        match self.settings.choice(Keyword::LogLevel) {
            Some("QUIET") => LogLevel::Quiet,
            Some("FATAL") => LogLevel::Fatal,
            Some("ERROR") => LogLevel::Error,
            Some("VERBOSE") => LogLevel::Verbose,
            Some("DEBUG") => LogLevel::Debug1,
            Some("DEBUG2") => LogLevel::Debug2,
            Some("DEBUG3") => LogLevel::Debug3,
            _ => LogLevel::Info,
        }
    }

    /// `AddKeysToAgent`.
    pub fn add_keys_to_agent(&self) -> AddKeysToAgent {
        match self.settings.get(Keyword::AddKeysToAgent).map(|setting| &setting.value) {
            Some(Value::AgentKeys("true", seconds)) => AddKeysToAgent::Yes { seconds: *seconds },
            Some(Value::AgentKeys("confirm", seconds)) => AddKeysToAgent::Confirm { seconds: *seconds },
            Some(Value::AgentKeys("ask", _)) => AddKeysToAgent::Ask,
            _ => AddKeysToAgent::No,
        }
    }

    /// `IdentityAgent`.
    pub fn identity_agent(&self) -> AgentPath {
        AgentPath::of(self.settings.text(Keyword::IdentityAgent))
    }

    /// `ForwardAgent`: which agent is forwarded, if one is. [`AgentPath::Usual`] is the one of `IdentityAgent`.
    pub fn forward_agent(&self) -> Option<AgentPath> {
        match self.settings.get(Keyword::ForwardAgent).map(|setting| &setting.value) {
            Some(Value::Choice("yes")) => Some(AgentPath::Usual),
            Some(Value::Text(text)) => Some(AgentPath::of(Some(text))),
            _ => None,
        }
    }

    /// `EscapeChar`; `None` is none.
    pub fn escape_char(&self) -> Option<u8> {
        match self.settings.get(Keyword::EscapeChar).map(|setting| &setting.value) {
            Some(Value::EscapeChar(byte)) => *byte,
            _ => None,
        }
    }

    /// `IPQoS`: the byte of the IP header (RFC 2474) for sessions with a terminal, and for others; `None` leaves it
    /// to the operating system.
    pub fn traffic_classes(&self) -> (Option<u8>, Option<u8>) {
        match self.settings.get(Keyword::IPQoS).map(|setting| &setting.value) {
            Some(Value::Quality(interactive, bulk)) => (*interactive, *bulk),
            _ => (None, None),
        }
    }

    /// `RekeyLimit`: after how many bytes, and after how many seconds; `None` is the default of the cipher, and
    /// never.
    pub fn rekey_limit(&self) -> (Option<u64>, Option<u32>) {
        match self.settings.get(Keyword::RekeyLimit).map(|setting| &setting.value) {
            Some(Value::RekeyLimit { bytes, seconds }) => {
                (Some(*bytes).filter(|bytes| *bytes != 0), seconds.filter(|seconds| *seconds != 0))
            }
            _ => (None, None),
        }
    }

    fn forwards(&self, keyword: Keyword) -> impl Iterator<Item = &Forward> {
        self.settings.all(keyword).iter().filter_map(|setting| match &setting.value {
            Value::Forward(forward) => Some(forward),
            _ => None,
        })
    }

    /// `LocalForward`.
    pub fn local_forwards(&self) -> impl Iterator<Item = &Forward> {
        self.forwards(Keyword::LocalForward)
    }

    /// `RemoteForward`.
    pub fn remote_forwards(&self) -> impl Iterator<Item = &Forward> {
        self.forwards(Keyword::RemoteForward)
    }

    /// `DynamicForward`.
    pub fn dynamic_forwards(&self) -> impl Iterator<Item = &Forward> {
        self.forwards(Keyword::DynamicForward)
    }

    /// The lists of algorithms.
    pub fn algorithms(&self) -> &AlgorithmLists {
        &self.algorithms
    }

    /// `HostKeyAlias`, in lower case.
    pub fn host_key_alias(&self) -> Option<&str> {
        self.settings.text(Keyword::HostKeyAlias)
    }

    /// `UserKnownHostsFile`, with tokens, variables and `~` replaced; empty for `none`.
    pub fn user_known_hosts_files(&self) -> &[String] {
        self.settings.words(Keyword::UserKnownHostsFile).unwrap_or_default()
    }

    /// `GlobalKnownHostsFile`; empty for `none`.
    pub fn global_known_hosts_files(&self) -> &[String] {
        self.settings.words(Keyword::GlobalKnownHostsFile).unwrap_or_default()
    }

    /// `IdentityFile`, in order. `none` stands for no file.
    pub fn identity_files(&self) -> &[NamedFile] {
        &self.identity_files
    }

    /// `CertificateFile`, in order.
    pub fn certificate_files(&self) -> &[NamedFile] {
        &self.certificate_files
    }

    /// `RevokedHostKeys`.
    pub fn revoked_host_keys(&self) -> Option<&NamedFile> {
        self.revoked_host_keys.as_ref()
    }

    /// `PreferredAuthentications`: names of methods, the preferred one first; `None` where nobody says.
    pub fn preferred_authentications(&self) -> Option<Vec<&str>> {
        let list = self.settings.text(Keyword::PreferredAuthentications)?;
        Some(list.split(',').filter(|name| !name.is_empty()).collect())
    }

    /// The patterns of the variables to send, `SendEnv`.
    pub fn send_env(&self) -> impl Iterator<Item = &str> {
        self.settings.all(Keyword::SendEnv).iter().filter_map(|setting| match &setting.value {
            Value::Text(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The variables to set, `SetEnv`: names and values.
    pub fn set_env(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings
            .words(Keyword::SetEnv)
            .unwrap_or_default()
            .iter()
            .filter_map(|word| word.split_once('='))
    }

    /// `ProxyJump`, the host that is connected to first standing first, with tokens replaced. Empty where there is
    /// none, or `none`.
    ///
    /// # Errors
    ///
    /// A token that there is not, or whose value could be taken for more than a name.
    pub fn proxy_jump(&self) -> Result<Vec<JumpHost>, Problem> {
        let Some(Value::Jumps(Some(jumps))) = self.settings.get(Keyword::ProxyJump).map(|s| &s.value) else {
            return Ok(Vec::new());
        };
        let tokens = self.tokens.only("hnpr");
        let expand = |jump: &JumpHost| {
            Ok(JumpHost {
                user: jump.user.as_deref().map(|user| tokens.expand_command(user)).transpose()?,
                host: tokens.expand_command(&jump.host)?,
                port: jump.port,
            })
        };
        jumps.hosts.iter().map(expand).collect()
    }

    /// `ProxyCommand`, with tokens replaced, for a shell; `None` where there is none.
    ///
    /// # Errors
    ///
    /// A token that there is not, or whose value a shell could take for more than a word.
    pub fn proxy_command(&self) -> Result<Option<String>, Problem> {
        let command = self.settings.text(Keyword::ProxyCommand);
        command.map(|command| self.tokens.only("hnprk").expand_command(command)).transpose()
    }

    /// `LocalCommand` with tokens replaced, for a shell, if `PermitLocalCommand` permits it.
    ///
    /// # Errors
    ///
    /// A token that there is not, or whose value a shell could take for more than a word.
    pub fn local_command(&self) -> Result<Option<String>, Problem> {
        let command = self.settings.text(Keyword::LocalCommand);
        let command = command.filter(|_| self.flag(Keyword::PermitLocalCommand));
        let tokens = self.tokens.clone().with('T', "NONE");
        command.map(|command| tokens.expand_command(command)).transpose()
    }

    /// The tokens of this connection: `%C %d %h %i %k %L %l %n %p %r %u`. Those of `KnownHostsCommand` (`%f %H %I %K
    /// %t`) are for the caller to add.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }
}
